package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Bounds on configuration, so that no document makes the compiler or the probes run away (S-10).
const (
	MaxDepth     = 16  // of a steering tree
	MaxChildren  = 64  // of one branch
	MaxEndpoints = 256 // of a pool: the variants of one distribution
	MaxWeight    = 1_000_000
	MaxRecords   = 32   // of a type that an endpoint carries
	MaxBranches  = 4096 // of a steering tree, its templates put in
	MaxAnswers   = 64   // endpoints in one answer
	MaxMatches   = 4096 // entries of one match
)

func jsonOf(v any) string {
	b, _ := json.Marshal(v) // plain structs always encode
	return string(b)
}

// Validate checks a document by itself: each object, and that what one names
// is there. All mistakes come at once, by JSON pointer.
func (c *Config) Validate() error {
	var p Problems
	regions := index(&p, "/regions", c.Regions, func(r Region) string { return r.Name }, CheckLabel)
	monitors := index(&p, "/monitors", c.Monitors, func(m Monitor) string { return m.Name }, CheckLabel)
	pools := index(&p, "/pools", c.Pools, func(o Pool) string { return o.Name }, CheckLabel)
	index(&p, "/safetyRules", c.SafetyRules, func(r SafetyRule) string { return r.Name }, CheckLabel)
	for i := range c.Regions {
		c.Regions[i].validate(fmt.Sprintf("/regions/%d", i), &p)
	}
	index(&p, "/providers", c.Providers, func(o Provider) string { return o.Name }, CheckLabel)
	for i := range c.Providers {
		c.Providers[i].validate(fmt.Sprintf("/providers/%d", i), c.Regions, &p)
	}
	for i := range c.Monitors {
		c.Monitors[i].validate(fmt.Sprintf("/monitors/%d", i), &p)
	}
	for i := range c.Pools {
		c.Pools[i].validate(fmt.Sprintf("/pools/%d", i), regions, monitors, c.Regions, &p)
	}
	c.targetRates(monitors, &p)
	owners := map[Name]string{}
	trees := newTrees(c, pools, &p)
	for i := range c.Services {
		at := fmt.Sprintf("/services/%d", i)
		s := &c.Services[i]
		trees.service(at, s)
		trees.aliasAlone(at, s)
		for _, n := range s.Owners() {
			if other, ok := owners[n]; ok {
				p.Add(at, "%s is steered twice: by %s and by service %s", n, other, s.ID())
			}
			owners[n] = "service " + s.ID()
		}
	}
	if n := len(c.SafetyRules); n > MaxSafetyRules {
		p.Add("/safetyRules", "there are %d safety rules; %d are the most", n, MaxSafetyRules)
	}
	for i := range c.SafetyRules {
		c.SafetyRules[i].validate(fmt.Sprintf("/safetyRules/%d", i), c, owners, &p)
	}
	index(&p, "/places", c.Places, func(o PlaceOverride) string { return o.ID() }, func(string) error { return nil })
	for i := range c.Places {
		c.Places[i].validate(fmt.Sprintf("/places/%d", i), &p)
	}
	index(&p, "/notifications", c.Notifications, func(r Receiver) string { return r.Name }, CheckLabel)
	if n := len(c.Notifications); n > MaxReceivers {
		p.Add("/notifications", "there are %d receivers; %d are the most", n, MaxReceivers)
	}
	index(&p, "/reviewRules", c.ReviewRules, func(r ReviewRule) string { return r.Name }, CheckLabel)
	if n := len(c.ReviewRules); n > MaxReviewRules {
		p.Add("/reviewRules", "there are %d review rules; %d are the most", n, MaxReviewRules)
	}
	for i := range c.ReviewRules {
		c.ReviewRules[i].validate(&p, fmt.Sprintf("/reviewRules/%d", i))
	}
	for i := range c.Notifications {
		c.Notifications[i].validate(fmt.Sprintf("/notifications/%d", i), regions, owners, &p)
	}
	c.validateDrills(&p)
	return p.Err("the configuration is not valid")
}

func index[T any](p *Problems, at string, list []T, name func(T) string, check func(string) error) map[string]int {
	m := map[string]int{}
	for i, v := range list {
		n := name(v)
		if err := check(n); err != nil {
			p.Add(fmt.Sprintf("%s/%d/name", at, i), "%v", err)
		} else if j, ok := m[n]; ok {
			p.Add(fmt.Sprintf("%s/%d/name", at, i), "%q is the name of %s/%d already", n, at, j)
		}
		m[n] = i
	}
	return m
}

// CheckLabel says what is wrong with an object's name: 1 to 63 letters,
// digits, dots, dashes and underscores, the first a letter or digit.
func CheckLabel(s string) error {
	if s == "" {
		return fmt.Errorf("a name is missing")
	}
	if len(s) > 63 {
		return fmt.Errorf("name %q has %d characters; 63 is the most", s, len(s))
	}
	for i, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		case i > 0 && strings.ContainsRune(".-_", r):
		default:
			return fmt.Errorf("name %q has %q in it; letters, digits, dots, dashes and underscores may be, the first a letter or digit", s, r)
		}
	}
	return nil
}

func (r *Region) validate(at string, p *Problems) {
	r.Place.validate(at+"/place", p)
	r.Capacity.validate(at+"/capacity", p)
	r.DownWhen.validate(at+"/downWhen", p)
	if r.Provider != "" {
		if err := CheckLabel(r.Provider); err != nil {
			p.Add(at+"/provider", "%v", err)
		}
	}
	if r.Continent != "" && !slices.Contains(continents, r.Continent) {
		p.Add(at+"/continent", "%q is not a continent; %s are", r.Continent, strings.Join(continents, ", "))
	}
	for i, az := range r.AZs {
		if err := CheckLabel(az); err != nil {
			p.Add(fmt.Sprintf("%s/azs/%d", at, i), "%v", err)
		} else if slices.Contains(r.AZs[:i], az) {
			p.Add(fmt.Sprintf("%s/azs/%d", at, i), "availability zone %q is listed twice", az)
		}
	}
}

func between(p *Problems, at, what string, v, low, high Duration) {
	if v < low || v > high {
		p.Add(at, "%s of %v is not within %v to %v", what, v, low, high)
	}
}

func (m *Monitor) validate(at string, p *Problems) {
	m.validateKind(at, p)
	between(p, at+"/holdDown", "a hold-down", m.HoldDown, 0, Duration(24*time.Hour))
	between(p, at+"/ramp", "a ramp", m.Ramp, 0, Duration(24*time.Hour))
	if m.Resume != "" && m.Resume != Manual && m.Resume != "auto" {
		p.Add(at+"/resume", "resume %q is not known; auto and manual are", m.Resume)
	}
	if m.Signal != nil {
		m.validateSignal(at, p)
	} else {
		m.validateProbes(at, p)
	}
}

// validateProbes checks when, where and by whom is probed.
func (m *Monitor) validateProbes(at string, p *Problems) {
	d := m.WithDefaults()
	between(p, at+"/interval", "an interval", d.Interval, Duration(200*time.Millisecond), Duration(time.Hour))
	between(p, at+"/timeout", "a timeout", d.Timeout, Duration(10*time.Millisecond), Duration(time.Minute))
	if d.Timeout > d.Interval {
		p.Add(at+"/timeout", "the timeout of %v is longer than the interval of %v", d.Timeout, d.Interval)
	}
	if d.Fall < 1 || d.Fall > 100 {
		p.Add(at+"/fall", "a fall of %d is not within 1 to 100", m.Fall)
	}
	if d.Rise < 1 || d.Rise > 100 {
		p.Add(at+"/rise", "a rise of %d is not within 1 to 100", m.Rise)
	}
	d.Quorum.validate(at+"/quorum", p)
	d.Vantages.validate(at+"/vantages", p)
	if m.Target != nil && m.Target.Port != 0 {
		port(p, at+"/target/port", m.Target.Port)
	}
}

func port(p *Problems, at string, n int) {
	if n < 1 || n > 65535 {
		p.Add(at, "port %d is not within 1 to 65535", n)
	}
}
