package snapshot

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/geo"
	"github.com/meridian-gtm/meridian/policy/steer"
	"github.com/meridian-gtm/meridian/policy/zonefile"
)

// ExplainQuery asks what a client would be answered, and why.
type ExplainQuery struct {
	Name   policy.Name
	Type   uint16
	Client netip.Prefix // a whole address, or as much of it as EDNS Client Subnet tells
	// Assume changes the world for this question: "down:TARGET", "up:TARGET"
	// or "drain:TARGET", where TARGET is as in a control ("region/us-east").
	Assume []string
}

// Explanation is the answer to an ExplainQuery.
type Explanation struct {
	Name   policy.Name `json:"name"`
	Type   string      `json:"type"`
	Client string      `json:"client"`
	// Result is "answer", "nodata", "static" (records of the zone, not steered),
	// "nxdomain" or "refused" (no zone here holds the name).
	Result       string          `json:"result"`
	Zone         policy.Name     `json:"zone,omitempty"`
	Service      string          `json:"service,omitempty"`
	Place        *ExplainedPlace `json:"place,omitempty"`
	Distribution []Share         `json:"distribution"`
	TTL          uint32          `json:"ttl"`
	Scope        uint8           `json:"scope"`
	Tier         string          `json:"tier,omitempty"`
	Branches     []steer.Step    `json:"branches,omitempty"`
	Distances    []Leg           `json:"distances,omitempty"`
	Endpoints    []Standing      `json:"endpoints,omitempty"`
	Reasons      []string        `json:"reasons"`
	Assumed      []string        `json:"assumed,omitempty"`
	Index        uint64          `json:"index"`
	Position     policy.Position `json:"position"`
}

// ExplainedPlace is where the client is taken to be, and on whose word.
type ExplainedPlace struct {
	Country   string  `json:"country,omitempty"`
	Continent string  `json:"continent,omitempty"`
	City      string  `json:"city,omitempty"`
	Lat       float64 `json:"lat"`
	Lon       float64 `json:"lon"`
	Located   bool    `json:"located"`
	Source    string  `json:"source"`
}

// Share is one answer of a distribution.
type Share struct {
	Answers     []string `json:"answers"`
	Probability float64  `json:"probability"`
	Endpoint    string   `json:"endpoint,omitempty"`
	Region      string   `json:"region,omitempty"`
}

// Leg is the distance from the client to a child of a nearest branch.
type Leg struct {
	Branch string  `json:"branch"`
	Km     float64 `json:"km"`
	Biased float64 `json:"biased"` // as the branch's bias makes it look
}

// Standing is an endpoint's health as it entered the decision.
type Standing struct {
	Endpoint string           `json:"endpoint"`
	Region   string           `json:"region,omitempty"`
	Measured policy.Status    `json:"measured"`
	Status   policy.Status    `json:"status"` // as used
	Drained  string           `json:"drained,omitempty"`
	Why      string           `json:"why,omitempty"`
	Quorum   string           `json:"quorum,omitempty"` // "3/3": how many of the assigned vantages agreed
	Ballots  []policy.Ballot  `json:"ballots,omitempty"`
	Since    *policy.Duration `json:"for,omitempty"` // how long the verdict has stood, by the State's clock
}

// Explain answers an ExplainQuery. It walks the same code as Compile, with a trace.
func (s *Snapshot) Explain(q ExplainQuery) (*Explanation, error) {
	x := &Explanation{
		Name: q.Name, Type: zonefile.TypeString(q.Type), Client: q.Client.String(), Assumed: q.Assume, Distribution: []Share{},
		Index: s.State.Index, Position: s.Position,
	}
	if q.Client.IsSingleIP() {
		x.Client = q.Client.Addr().String()
	}
	static := s.State.ZoneFor(q.Name)
	if static == nil {
		x.Result = "refused"
		x.Reasons = []string{fmt.Sprintf("no zone here holds %s, so it is answered REFUSED", q.Name)}
		return x, nil
	}
	z := s.zones[static.Name.Key()]
	x.Zone = z.Name
	owner, at, hidden := policy.Lookup(z.Owners, z.Name, q.Name)
	if hidden {
		x.Result = "static"
		x.Reasons = append(x.Reasons, fmt.Sprintf("%s is at or below the delegation or DNAME at %s, which wins over everything else", q.Name, at))
		return x, nil
	}
	if owner == nil {
		x.Result, x.TTL = "nxdomain", z.NegativeTTL
		x.Reasons = []string{fmt.Sprintf("zone %s has no %s and no wildcard for it", z.Name, q.Name)}
		return x, nil
	}
	if at != q.Name {
		x.Reasons = append(x.Reasons, fmt.Sprintf("%s is answered by the wildcard %s", q.Name, at))
	}
	if owner.Service == 0 {
		s.explainStatic(x, z, owner, q.Type)
		return x, nil
	}
	svc := s.Services[owner.Service-1]
	kind, ok := svc.Kind(q.Type)
	if !ok {
		s.explainStatic(x, z, owner, q.Type)
		if x.Result == "nodata" {
			x.Service, x.TTL = svc.ID, min(svc.TTL, z.NegativeTTL)
			x.Reasons = append(x.Reasons, fmt.Sprintf("service %s has no %s endpoint: NODATA, never an error", svc.ID, x.Type))
		}
		return x, nil
	}
	x.Service, x.TTL = svc.ID, svc.TTL
	tree := svc.tree
	if len(q.Assume) > 0 {
		var err error
		if tree, err = s.assume(svc, q.Assume); err != nil {
			return nil, err
		}
	}
	s.explainSteered(x, svc, tree, kind, q)
	return x, nil
}

func (s *Snapshot) explainStatic(x *Explanation, z *Zone, o *policy.Owner, typ uint16) {
	set := o.Find(typ)
	if set == nil {
		set = o.Find(policy.TypeCNAME)
	}
	if set == nil {
		x.Result, x.TTL = "nodata", z.NegativeTTL
		x.Reasons = append(x.Reasons, fmt.Sprintf("%s exists in zone %s but has no %s", x.Name, z.Name, x.Type))
		return
	}
	x.Result, x.TTL = "static", set.TTL
	share := Share{Probability: 1, Answers: []string{}}
	share.Answers = append(share.Answers, texts(set.Type, set.Data)...)
	x.Distribution = []Share{share}
	x.Reasons = append(x.Reasons, fmt.Sprintf("%d %s record(s) of zone %s, the same for every client", len(set.Data), zonefile.TypeString(set.Type), z.Name))
}

// texts are records' data as in a master file.
func texts(typ uint16, data [][]byte) []string {
	list := make([]string, len(data))
	for i, d := range data {
		text, err := zonefile.FormatRData(typ, d)
		if err != nil { // not what was checked when it came in
			text = fmt.Sprintf("unreadable: %v", err)
		}
		list[i] = text
	}
	return list
}

func (s *Snapshot) explainSteered(x *Explanation, svc *Service, tree *steer.Tree, k policy.AnswerKind, q ExplainQuery) {
	class, scope := svc.geo.lookup(q.Client.Addr(), q.Client.Bits())
	x.Scope = scope
	place := s.explainPlace(x, q.Client)
	for _, n := range tree.Nearest {
		for _, c := range n.Children {
			if c.Place.Located && place.Located {
				km := geo.Distance(place.Point, c.Place.Point)
				x.Distances = append(x.Distances, Leg{c.Path, km, geo.Biased(km, c.Place.Bias)})
			}
		}
	}
	together := svc.spec.Spec.Families != "independent"
	r := tree.Evaluate(k, svc.geo.orders[class], together, &x.Branches)
	x.Result, x.Tier = "answer", r.Tier.String()
	tmp := Service{TTL: svc.TTL}
	o := tmp.outcome(r, k, map[setKey]int32{})
	for i, at := range o.sets {
		set := tmp.Sets[at]
		share := Share{Probability: o.probs[i], Endpoint: set.Endpoint, Region: set.Region, Answers: texts(set.Type, set.Data)}
		if set.CNAME != "" {
			share.Answers = append(share.Answers, set.CNAME.FQDN())
		} else if set.Type != q.Type && q.Type != policy.TypeANY {
			x.Reasons = append(x.Reasons, fmt.Sprintf("%s is no CNAME and has no %s: NODATA for who gets it", set.Endpoint, x.Type))
		}
		x.TTL = min(x.TTL, set.TTL)
		x.Distribution = append(x.Distribution, share)
	}
	for _, p := range tree.Pools {
		for i := range p.Members {
			x.Endpoints = append(x.Endpoints, s.standing(p, i))
		}
	}
	x.reasons(svc, r, place)
	s.explainFlattened(x, tree)
}

// explainFlattened says where endpoints have addresses from that are not their own.
func (s *Snapshot) explainFlattened(x *Explanation, tree *steer.Tree) {
	for _, p := range tree.Pools {
		o, ok := s.State.Pools.Get(p.Name)
		for i := range p.Members {
			if !ok || !o.Spec.Endpoints[i].Flattens() {
				continue
			}
			target := o.Spec.Endpoints[i].Hostname
			sets, err := s.State.Flatten(target)
			if err != nil {
				x.Reasons = append(x.Reasons, fmt.Sprintf("%s flattens %s and is left out: %v", p.Members[i].ID, target, err))
				continue
			}
			for _, set := range sets {
				if len(set.Data) > 0 {
					x.Reasons = append(x.Reasons, fmt.Sprintf("%s flattens %s: %s, which may be kept for %d s", p.Members[i].ID, target, strings.Join(texts(set.Type, set.Data), ", "), set.TTL))
				}
			}
		}
	}
}

func (s *Snapshot) explainPlace(x *Explanation, client netip.Prefix) geo.Place {
	if s.geo == nil {
		x.Place = &ExplainedPlace{Source: "no geographic data is loaded"}
		return geo.Place{}
	}
	addr, _, _ := geo.Normalize(client.Addr(), client.Bits())
	at, _ := s.geo.Lookup(addr)
	p := s.geo.Places()[at]
	src := s.geo.Source()
	x.Place = &ExplainedPlace{
		Country: p.Country, Continent: p.Continent, City: p.City, Lat: p.Point.Lat, Lon: p.Point.Lon, Located: p.Located,
		Source: fmt.Sprintf("%s (%s)", src.Name, src.Kind),
	}
	return p
}

func (s *Snapshot) standing(p *steer.Pool, i int) Standing {
	m := &p.Members[i]
	st := Standing{Endpoint: m.ID, Region: m.Region, Measured: m.Measured, Status: m.Status, Drained: m.Drained, Why: m.Why}
	if o, ok := s.State.Pools.Get(p.Name); ok && i < len(o.Spec.Endpoints) {
		if v, monitored := s.State.Verdict(&o.Spec, &o.Spec.Endpoints[i]); monitored {
			agreed := 0
			for _, b := range v.Ballots {
				if b.Absent == "" && b.Status == v.Status {
					agreed++
				}
			}
			st.Ballots = v.Ballots
			if len(v.Ballots) > 0 {
				st.Quorum = fmt.Sprintf("%d/%d", agreed, len(v.Ballots))
			}
			if v.Since > 0 {
				age := policy.Duration(max(0, s.State.Clock-v.Since))
				st.Since = &age
			}
		}
	}
	return st
}

func (x *Explanation) reasons(svc *Service, r steer.Result, place geo.Place) {
	add := func(format string, args ...any) { x.Reasons = append(x.Reasons, fmt.Sprintf(format, args...)) }
	if len(svc.tree.Nearest) > 0 {
		if place.Located {
			add("the client is taken to be in %s, on the word of %s", placeText(x.Place), x.Place.Source)
		} else {
			add("the client's place is not known (%s), so the document's order decides", x.Place.Source)
		}
	}
	for _, b := range x.Branches {
		if b.Kind != "pool" && len(b.Kept) > 0 {
			add("%s keeps %s", b.Path, strings.Join(b.Kept, ", "))
		}
		for _, d := range b.Dropped {
			add("%s drops %s", b.Path, d)
		}
	}
	add("answered from: %s", r.Tier)
	if r.Together {
		add("all answers are kept in regions that have IPv4 and IPv6 (families: together)")
	}
	if x.TTL == svc.TTL {
		add("TTL %d s is the service's own", x.TTL)
	} else {
		add("TTL %d s is less than the service's own, %d s: that of the records that a host name is flattened to", x.TTL, svc.TTL)
	}
	if x.Scope == 0 {
		add("scope 0: the client's address makes no difference")
	} else {
		add("scope /%d is the widest prefix around the client with the same order of places", x.Scope)
	}
}

func placeText(p *ExplainedPlace) string {
	var parts []string
	for _, s := range []string{p.City, p.Country, p.Continent} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return fmt.Sprintf("%s (%.2f, %.2f)", strings.Join(parts, ", "), p.Lat, p.Lon)
}

// assume builds the service's tree as if the assumptions held.
func (s *Snapshot) assume(svc *Service, list []string) (*steer.Tree, error) {
	pools := map[string]*steer.Pool{}
	for name := range svc.spec.Spec.Steer.Pools {
		p := *s.pools[name]
		p.Members = slices.Clone(p.Members)
		pools[name] = &p
	}
	for _, a := range list {
		verb, id, ok := strings.Cut(a, ":")
		t, err := policy.ParseTarget(id)
		if !ok || err != nil || verb != "down" && verb != "up" && verb != "drain" {
			return nil, policy.Errorf(policy.Invalid, "%q is not an assumption; write down:TARGET, up:TARGET or drain:TARGET, as in down:region/us-east", a)
		}
		for name, p := range pools {
			o, _ := s.State.Pools.Get(name)
			for i := range p.Members {
				e := &o.Spec.Endpoints[i]
				if !t.Covers(s.State.Region(e.RegionOr(&o.Spec)), &o.Spec, e) {
					continue
				}
				m := &p.Members[i]
				switch verb {
				case "down":
					m.Status, m.Why = policy.Down, "assumed"
				case "up":
					m.Status, m.Why = policy.Up, "assumed"
				case "drain":
					m.Drained = "assumed"
				}
			}
		}
	}
	return steer.Build(&svc.spec.Spec, func(name string) *steer.Pool { return pools[name] })
}
