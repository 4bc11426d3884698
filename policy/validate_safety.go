package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

func (r *SafetyRule) validate(at string, c *Config, owners map[Name]string, p *Problems) {
	if r.Service != "" && owners[r.Service] == "" {
		p.Add(at+"/service", "there is no service %s", r.Service)
	}
	if r.AtLeast == nil && r.AtMost == nil && len(r.NeverTogether) == 0 && r.Gate == "" && r.MinBetween == 0 && len(r.Freeze) == 0 {
		p.Add(at+"/atLeast", "a safety rule says what must stay, as in atLeast: {regions: 1}, or what may not happen: atMost, neverTogether, gate, minBetween or freeze")
	}
	r.validateAtLeast(at, p)
	if a := r.AtMost; a != nil {
		if a.Drained < 1 {
			p.Add(at+"/atMost/drained", "%d drained at once is not 1 or more; to let nothing be drained, use a gate", a.Drained)
		}
		if a.Of != "" {
			oneOf(p, at+"/atMost/of", "of", a.Of, "region", "provider", "az", "pool")
		}
	}
	if n := len(r.NeverTogether); n == 1 {
		p.Add(at+"/neverTogether", "it takes two or more targets to be drained together")
	}
	c.targets(at+"/neverTogether", r.NeverTogether, p)
	c.targets(at+"/targets", r.Targets, p)
	if len(r.Targets) > 0 && r.Gate == "" && r.MinBetween == 0 && len(r.Freeze) == 0 {
		p.Add(at+"/targets", "targets say which controls gate, minBetween and freeze are about, and the rule has none of them")
	}
	if r.Gate != "" {
		if err := CheckLabel(r.Gate); err != nil {
			p.Add(at+"/gate", "%v", err)
		}
	} else if r.TwoPeople {
		p.Add(at+"/twoPeople", "twoPeople is about who throws the switch, and the rule has no gate")
	}
	if r.MinBetween != 0 {
		between(p, at+"/minBetween", "a time between changes", r.MinBetween, Duration(time.Second), MaxMinBetween)
	}
	for i := range r.Freeze {
		r.Freeze[i].validate(fmt.Sprintf("%s/freeze/%d", at, i), p)
	}
	r.validateAppliesTo(at, p)
}

func (r *SafetyRule) validateAtLeast(at string, p *Problems) {
	a := r.AtLeast
	if r.Overall && (a == nil || r.Service != "") {
		p.Add(at+"/overall", "overall has atLeast count what all services have together: it goes with atLeast, and without service")
	}
	if a == nil {
		return
	}
	if a.Regions < 0 {
		p.Add(at+"/atLeast/regions", "%d regions are not 1 or more", a.Regions)
	}
	if a.Providers < 0 {
		p.Add(at+"/atLeast/providers", "%d providers are not 1 or more", a.Providers)
	}
	if a.Capacity != 0 {
		a.Capacity.validate(at+"/atLeast/capacity", "a share of the capacity", p)
	}
	if *a == (AtLeast{}) {
		p.Add(at+"/atLeast", "a safety rule says what must stay: atLeast: {regions: 1} or more, providers, or capacity: 50%%")
	}
}

func (r *SafetyRule) validateAppliesTo(at string, p *Problems) {
	for i, who := range r.AppliesTo {
		pointer := fmt.Sprintf("%s/appliesTo/%d", at, i)
		switch {
		case who != ForOperator && who != ForDrill && who != ForAutomation:
			p.Add(pointer, "%q is not known; operator, drill and automation are", who)
		case slices.Contains(r.AppliesTo[:i], who):
			p.Add(pointer, "%q is there twice", who)
		case who != ForAutomation:
		case r.AtLeast == nil:
			p.Add(pointer, "automation is bound by atLeast alone: it says what lastResort serves when too little is left. What health takes out waits for no switch and no window; make this a rule for operator and drill")
		case r.Overall:
			p.Add(pointer, "automation is bound for each service by itself, not overall: each has a lastResort of its own")
		case r.AtMost != nil || len(r.NeverTogether) > 0 || r.Gate != "" || r.MinBetween != 0 || len(r.Freeze) > 0:
			p.Add(pointer, "automation is bound by atLeast alone, and this rule asks for more: make two rules of it")
		}
	}
}

func (f Freeze) validate(at string, p *Problems) {
	from, daily := timeOfDay(f.From)
	to, daily2 := timeOfDay(f.To)
	begin, errFrom := time.Parse(time.RFC3339, f.From)
	end, errTo := time.Parse(time.RFC3339, f.To)
	const forms = "write a moment (2026-11-27T00:00:00Z), or a time of day in UTC (22:00)"
	switch {
	case !daily && errFrom != nil:
		p.Add(at+"/from", "%q is no time; %s", f.From, forms)
	case !daily2 && errTo != nil:
		p.Add(at+"/to", "%q is no time; %s", f.To, forms)
	case daily != daily2:
		p.Add(at+"/to", "%s and %s: both are moments, or both are times of day", f.From, f.To)
	case daily && (from == to || from == 24*time.Hour):
		p.Add(at+"/to", "from %s to %s is no window; a whole day is from 00:00 to 24:00", f.From, f.To)
	case !daily && !end.After(begin):
		p.Add(at+"/to", "%s is not after %s", f.To, f.From)
	}
	if !daily && len(f.Days) > 0 {
		p.Add(at+"/days", "days go with times of day, and %s is a moment", f.From)
	}
	for i, d := range f.Days {
		if !slices.Contains(weekdays, d) {
			p.Add(fmt.Sprintf("%s/days/%d", at, i), "%q is no day; mon, tue, wed, thu, fri, sat and sun are", d)
		} else if slices.Contains(f.Days[:i], d) {
			p.Add(fmt.Sprintf("%s/days/%d", at, i), "%q is there twice", d)
		}
	}
}

// targets refuses targets that no endpoint of the document is in.
func (c *Config) targets(at string, list []string, p *Problems) {
	for i, id := range list {
		pointer := fmt.Sprintf("%s/%d", at, i)
		t, err := ParseTarget(id)
		switch {
		case err != nil:
			p.Add(pointer, "%v", err)
		case slices.Contains(list[:i], id):
			p.Add(pointer, "%s is there twice", id)
		case !c.has(t):
			p.Add(pointer, "there is no endpoint in %s", strings.TrimSpace(id))
		}
	}
}

// has says whether an endpoint of the document is in a target.
func (c *Config) has(t Target) bool {
	regions := make(map[string]*Region, len(c.Regions))
	for i := range c.Regions {
		regions[c.Regions[i].Name] = &c.Regions[i]
	}
	for i := range c.Pools {
		pool := &c.Pools[i]
		for j := range pool.Endpoints {
			if e := &pool.Endpoints[j]; t.Covers(regions[e.RegionOr(pool)], pool, e) {
				return true
			}
		}
	}
	return false
}
