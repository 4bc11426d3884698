package migrate

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/zonefile"
)

// Route53Files are what the AWS command line lists; all but Records may be nil.
type Route53Files struct {
	Records, HealthChecks, CIDRBlocks []byte
	RecordsName, ChecksName, CIDRName string
}

// recordSet is a ResourceRecordSet.
type recordSet struct {
	Name, Type, SetIdentifier, Region, Failover, HealthCheckId string
	TTL                                                        uint32
	Weight                                                     *int
	MultiValueAnswer                                           bool
	GeoLocation                                                *struct{ ContinentCode, CountryCode, SubdivisionCode string }
	GeoProximityLocation                                       *struct {
		AWSRegion, LocalZoneGroup string
		Bias                      int
		Coordinates               *struct{ Latitude, Longitude string }
	}
	CidrRoutingConfig *struct{ CollectionId, LocationName string }
	ResourceRecords   []struct{ Value string }
	AliasTarget       *struct {
		DNSName              string
		EvaluateTargetHealth bool
	}
	TrafficPolicyInstanceId string

	at    place
	owner policy.Name
}

// steered says whether the set is one of several that are chosen among.
func (r *recordSet) steered() bool { return r.SetIdentifier != "" }

// forService says whether the set has no place in a zone.
func (r *recordSet) forService() bool { return r.steered() || r.AliasTarget != nil }

// types are those that can be steered.
var types = []string{"A", "AAAA", "CNAME", "MX", "TXT", "SRV", "HTTPS", "SVCB"}

// route53 is the state of one translation.
type route53 struct {
	*builder
	sets   map[policy.Name][]*recordSet
	checks map[string]*healthCheck
	cidrs  map[string][]string // blocks by location
	given  Route53Files
	done   map[policy.Name]*tree53
	way    []policy.Name
}

// tree53 is what a name is steered by, or nil in done when that failed.
type tree53 struct {
	steer   policy.Steering
	answers int
	ttl     uint32
}

// Route53 translates the record sets of a hosted zone.
func Route53(f Route53Files) (*Result, error) {
	r := &route53{builder: &builder{}, sets: map[policy.Name][]*recordSet{}, given: f, done: map[policy.Name]*tree53{}}
	list, err := elements[recordSet](f.Records, f.RecordsName, "ResourceRecordSets", func(s *recordSet, at place) { s.at = at })
	if err != nil {
		return nil, err
	}
	if err := r.readChecks(); err != nil {
		return nil, err
	}
	var order []policy.Name
	for i := range list {
		s := &list[i]
		if s.owner, err = parseName53(s.Name); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", s.at.file, s.at.line, err)
		}
		if s.TrafficPolicyInstanceId != "" {
			r.left(s.at, "%s is made by a traffic policy; its record sets are translated, the policy is not", s.owner)
		}
		if r.sets[s.owner] == nil {
			order = append(order, s.owner)
		}
		r.sets[s.owner] = append(r.sets[s.owner], s)
	}
	r.plain(list)
	for _, n := range order {
		i := slices.IndexFunc(r.sets[n], (*recordSet).forService)
		if i < 0 {
			continue
		}
		if t := r.tree(n); t != nil {
			ttl := policy.Seconds(cmp.Or(t.ttl, policy.DefaultTTL))
			first := r.sets[n][i]
			r.service(first.at, policy.Service{Name: n, TTL: r.ttl(first.at, ttl, ttl), Steer: t.steer, Answers: t.answers})
		}
	}
	return r.finish()
}

// elements reads the elements of the list that a JSON object has under a key, with their lines.
func elements[T any](text []byte, file, key string, put func(*T, place)) ([]T, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	fail := func(err error) ([]T, error) {
		return nil, fmt.Errorf("%s:%d: %w", file, 1+bytes.Count(text[:d.InputOffset()], []byte("\n")), err)
	}
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("%s: a JSON object with %q is needed, as the aws command prints it", file, key)
	}
	var list []T
	found := false
	for d.More() {
		k, err := d.Token()
		if err != nil {
			return fail(err)
		}
		if k != key {
			if err := d.Decode(new(json.RawMessage)); err != nil {
				return fail(err)
			}
			continue
		}
		if t, err := d.Token(); err != nil || t != json.Delim('[') {
			return fail(fmt.Errorf("%s is not a list", key))
		}
		for found = true; d.More(); {
			skip := len(text[d.InputOffset():]) - len(bytes.TrimLeft(text[d.InputOffset():], " \t\r\n,"))
			at := place{file, 1 + bytes.Count(text[:int(d.InputOffset())+skip], []byte("\n"))}
			var v T
			if err := d.Decode(&v); err != nil {
				return nil, fmt.Errorf("%s:%d: in what begins here: %w", file, at.line, err)
			}
			put(&v, at)
			list = append(list, v)
		}
		if _, err := d.Token(); err != nil {
			return fail(err)
		}
	}
	if _, err := d.Token(); err != nil {
		return fail(err)
	}
	if !found {
		return nil, fmt.Errorf("%s: there is no list %q in it; is it what the aws command prints?", file, key)
	}
	return list, nil
}

// plain makes the zone of the records that are not steered.
func (r *route53) plain(list []recordSet) {
	i := slices.IndexFunc(list, func(s recordSet) bool { return s.Type == "SOA" })
	if i < 0 {
		r.left(place{file: r.given.RecordsName}, "there is no SOA record, so the zone is not written; list all record sets of the hosted zone")
		return
	}
	zone := policy.NewZone(list[i].owner)
	for _, s := range list {
		if s.forService() {
			continue
		}
		if err := addRecords(zone, s.owner, s.Type, s.TTL, values(&s)); err != nil {
			r.left(s.at, "%s %s: %v", s.owner, s.Type, err)
		}
	}
	r.addZone(place{file: r.given.RecordsName}, zone)
}

var octal = regexp.MustCompile(`\\[0-3][0-7]{2}`)

// parseName53 reads a name whose escapes are octal, where those of master files are decimal.
func parseName53(text string) (policy.Name, error) {
	return policy.ParseName(octal.ReplaceAllStringFunc(text, func(e string) string {
		n, _ := strconv.ParseUint(e[1:], 8, 8) // three octal digits up to 377 always are one
		return fmt.Sprintf(`\%03d`, n)
	}))
}

// addRecords puts records into a zone by their text.
func addRecords(zone *policy.Zone, owner policy.Name, typ string, ttl uint32, data []string) error {
	t, err := zonefile.ParseType(typ)
	if err == nil {
		err = zonefile.Storable(t)
	}
	if err != nil {
		return err
	}
	set := policy.RRset{Type: t, TTL: ttl}
	for _, text := range data {
		rdata, err := zonefile.ParseRData(t, text, policy.Root)
		if err != nil {
			return err
		}
		set.Data = append(set.Data, rdata)
	}
	slices.SortFunc(set.Data, bytes.Compare)
	set.Data = slices.CompactFunc(set.Data, bytes.Equal)
	return zone.Set(owner, set)
}

// addZone takes a zone in, whose mistakes are noted: it is written all the same, to be repaired.
func (b *builder) addZone(at place, zone *policy.Zone) {
	mistakes, _ := zonefile.Check(zone)
	for _, p := range mistakes {
		b.left(at, "zone %s must be repaired before it can be imported: %s", zone.Name, p.Message)
	}
	b.zones = append(b.zones, zone)
}

func values(s *recordSet) (list []string) {
	for _, v := range s.ResourceRecords {
		list = append(list, v.Value)
	}
	return list
}

// tree is what a name is steered by: of each type a tree, merged. nil: it cannot be translated, which has been said.
func (r *route53) tree(n policy.Name) *tree53 {
	if t, ok := r.done[n]; ok {
		return t
	}
	if i := slices.Index(r.way, n); i >= 0 {
		r.left(r.sets[n][0].at, "%s is an alias that leads back to itself", n)
		return nil
	}
	r.way = append(r.way, n)
	defer func() { r.way = r.way[:len(r.way)-1] }()
	var whole *tree53
	for _, typ := range types {
		group := r.group(n, typ)
		if len(group) == 0 {
			continue
		}
		t := r.ofType(n, typ, group)
		switch {
		case t == nil:
		case whole == nil:
			whole = t
		default:
			if err := r.merge(&whole.steer, &t.steer); err != nil {
				r.left(group[0].at, "the %s records of %s are steered otherwise than those before them, and a name has one tree: %v", typ, n, err)
				continue
			}
			if t.ttl != 0 && whole.ttl != 0 && t.ttl != whole.ttl {
				r.note(group[0].at, "%s: TTLs of %d and %d s become the smaller", n, whole.ttl, t.ttl)
			}
			whole.ttl = min(cmp.Or(whole.ttl, t.ttl), cmp.Or(t.ttl, whole.ttl))
			whole.answers = max(whole.answers, t.answers)
		}
	}
	for _, s := range r.sets[n] {
		if s.forService() && !slices.Contains(types, s.Type) {
			r.left(s.at, "%s: %s records cannot be steered", n, s.Type)
		}
	}
	r.done[n] = whole
	return whole
}

// group is the sets of a name and type that make its tree: what is steered, and
// where nothing is, as at the target of an alias, the plain addresses.
func (r *route53) group(n policy.Name, typ string) (list []*recordSet) {
	plain := !slices.ContainsFunc(r.sets[n], (*recordSet).forService) && slices.Contains([]string{"A", "AAAA", "CNAME"}, typ)
	for _, s := range r.sets[n] {
		if s.Type == typ && (plain || s.forService()) {
			list = append(list, s)
		}
	}
	return list
}

// together is one pool of the endpoints of several that are checked alike, and a branch over the pools otherwise.
func (r *route53) together(n policy.Name, branches []policy.Branch) policy.Steering {
	pool := policy.Pool{Name: n.String()}
	for i, b := range branches {
		p := r.findPool(b.Pool)
		if b.Pool == "" || i > 0 && p.Monitor != pool.Monitor || len(pool.Endpoints) == policy.MaxEndpoints {
			return policy.Steering{Weighted: branches}
		}
		pool.Monitor = p.Monitor
		pool.Endpoints = append(pool.Endpoints, p.Endpoints...)
	}
	return inPool(r.pool(pool))
}

// ofType is the tree of the sets of one name and type.
func (r *route53) ofType(n policy.Name, typ string, group []*recordSet) *tree53 {
	t := &tree53{}
	var branches []policy.Branch
	var from []*recordSet
	for _, s := range group {
		child, answers, ok := r.leaf(s)
		if !ok {
			continue
		}
		if s.TTL != 0 {
			t.ttl = min(cmp.Or(t.ttl, s.TTL), s.TTL)
		}
		t.answers = max(t.answers, answers)
		branches = append(branches, policy.Branch{Steering: child})
		from = append(from, s)
	}
	if len(branches) == 0 {
		r.left(group[0].at, "%s %s: no record set of it can be translated", n, typ)
		return nil
	}
	first := from[0]
	switch {
	case !first.steered():
		t.steer = branches[0].Steering
	case first.Weight != nil:
		for i := range branches {
			branches[i].Weight = from[i].Weight
		}
		t.steer = policy.Steering{Weighted: branches}
	case first.Failover != "":
		t.steer = primaryFirst(branches, from)
	case first.Region != "":
		t.steer = r.latency(branches, from)
	case first.GeoLocation != nil:
		t.steer = r.location(branches, from)
	case first.GeoProximityLocation != nil:
		t.steer = r.proximity(branches, from)
	case first.CidrRoutingConfig != nil:
		t.steer = r.cidr(branches, from)
	case first.MultiValueAnswer:
		t.steer, t.answers = r.together(n, branches), 8
	default:
		r.left(first.at, "%s %s: there is nothing like its routing policy here", n, typ)
		return nil
	}
	if len(branches) == 1 && (first.Weight != nil || first.Failover != "") {
		t.steer = branches[0].Steering
	}
	if kind, children := t.steer.Kind(); kind == "geo" && len(children) == 0 {
		r.left(first.at, "%s %s: no location of it can be translated", n, typ)
		return nil
	}
	return t
}

func primaryFirst(branches []policy.Branch, from []*recordSet) policy.Steering {
	s := policy.Steering{Failover: []policy.Branch{}}
	for _, role := range []string{"PRIMARY", "SECONDARY"} {
		for i, f := range from {
			if f.Failover == role {
				s.Failover = append(s.Failover, branches[i])
			}
		}
	}
	return s
}

func number(text string) (float64, bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	return f, err == nil
}
