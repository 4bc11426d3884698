package snapshot

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/health"
	"github.com/meridian-gtm/meridian/policy/steer"
	"github.com/meridian-gtm/meridian/policy/zonefile"
)

// ExplainQuery asks what a client would be answered, and why.
type ExplainQuery struct {
	Name   policy.Name
	Type   uint16
	Client netip.Prefix // a whole address, or as much of it as EDNS Client Subnet tells
	// Somebody is asked about instead of Client where it is set: anybody in a country or behind an AS number.
	Somebody policy.Subject
	// Assume changes the world for this question: "down:TARGET" and "up:TARGET" are verdicts; "drain:TARGET",
	// "force-up:TARGET", "force-down:TARGET" and "share:TARGET=20" are controls that count before all others. TARGET
	// is as in a control ("region/us-east").
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
	Sticky       string          `json:"sticky,omitempty"` // the endpoint that a sticky client has
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
	Country     string  `json:"country,omitempty"`
	Continent   string  `json:"continent,omitempty"`
	City        string  `json:"city,omitempty"`
	Subdivision string  `json:"subdivision,omitempty"`
	ASN         uint32  `json:"asn,omitempty"`
	Lat         float64 `json:"lat"`
	Lon         float64 `json:"lon"`
	Located     bool    `json:"located"`
	Source      string  `json:"source"`
}

// Share is one answer of a distribution.
type Share struct {
	Answers     []string `json:"answers"`
	Probability float64  `json:"probability"`
	Endpoint    string   `json:"endpoint,omitempty"` // the first of Endpoints
	Region      string   `json:"region,omitempty"`   // the first of Regions
	Endpoints   []string `json:"endpoints,omitempty"`
	Regions     []string `json:"regions,omitempty"`
}

// Leg is how far it is from the client to a child of a nearest or latency branch.
type Leg struct {
	Branch string  `json:"branch"`
	Km     float64 `json:"km"`               // great-circle distance
	Ms     float64 `json:"ms,omitempty"`     // of latency: the measured round-trip time, if there is one
	Biased float64 `json:"biased"`           // what counts, km or ms, as the branch's bias makes it look
	Source string  `json:"source,omitempty"` // of latency: where Ms comes from, or why the distance counts
}

// Standing is an endpoint's health as it entered the decision.
type Standing struct {
	Endpoint string           `json:"endpoint"`
	Region   string           `json:"region,omitempty"`
	Measured policy.Status    `json:"measured"`
	Status   policy.Status    `json:"status"` // as used
	Drained  string           `json:"drained,omitempty"`
	Forced   string           `json:"forced,omitempty"` // the control that says what Status is
	Share    *int             `json:"share,omitempty"`  // percent of its usual clients that it keeps; nil: all
	Shared   string           `json:"shared,omitempty"` // the control that says so
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
	switch {
	case q.Somebody != (policy.Subject{}):
		x.Client = q.Somebody.String()
	case q.Client.IsSingleIP():
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
	svc := s.Services.At(owner.Service - 1)
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
	who := s.explainClient(x, svc, q)
	orders, _ := svc.geo.orderOf(&who)
	for i, n := range tree.Ordered {
		s.explainOrder(x, svc, n, &svc.geo.ask[i], &who)
	}
	class := steer.Class{Orders: orders}
	if at := slices.IndexFunc(svc.geo.orders, func(o [][]uint8) bool { return slices.EqualFunc(o, orders, slices.Equal[[]uint8]) }); at >= 0 && tree.Bounded() {
		if q.Somebody == (policy.Subject{}) {
			c, _ := svc.geo.lookup(q.Client.Addr(), q.Client.Bits())
			at = int(c)
		}
		crowds := s.crowds(&Service{ID: svc.ID, spec: svc.spec, geo: svc.geo, tree: tree})
		class = crowds[at].Class
	}
	r := tree.Evaluate(k, class, svc.together(), &x.Branches)
	x.Result, x.Tier = "answer", r.Tier.String()
	if r.Tier >= steer.Nothing {
		x.Result = "nodata"
	}
	tmp := &Service{TTL: svc.TTL, minTTL: svc.minTTL, spec: svc.spec}
	b := outcomes{svc: tmp, known: map[setKey]int32{}}
	o := b.outcome(r, k)
	x.TTL = o.ttl
	for i, at := range o.sets {
		set := tmp.Sets[at]
		share := Share{Probability: o.probs[i], Endpoint: set.Endpoints[0], Endpoints: set.Endpoints, Region: set.Regions[0], Regions: set.Regions, Answers: texts(set.Type, set.Data)}
		if set.CNAME != "" {
			share.Answers = append(share.Answers, set.CNAME.FQDN())
		} else if set.Type != q.Type && q.Type != policy.TypeANY {
			x.Reasons = append(x.Reasons, fmt.Sprintf("%s is no CNAME and has no %s: NODATA for who gets it", strings.Join(set.Endpoints, ", "), x.Type))
		}
		x.TTL = min(x.TTL, set.TTL)
		x.Distribution = append(x.Distribution, share)
	}
	for _, p := range tree.Pools {
		for i := range p.Members {
			x.Endpoints = append(x.Endpoints, s.standing(p, i, k))
		}
	}
	x.panics(tree, k)
	for _, kept := range tree.Kept[k] {
		switch {
		case kept.Acts && r.Tier == steer.LastResort:
			x.Reasons = append(x.Reasons, fmt.Sprintf("safety rule %s acts: %s", kept.Rule, kept.Text))
		case kept.Text != "":
			x.Reasons = append(x.Reasons, fmt.Sprintf("safety rule %s is not satisfied: %s", kept.Rule, kept.Text))
		}
	}
	x.reasons(svc, r, o.ttl, who.place)
	if svc.sticky != nil && len(r.Picks) > 1 {
		x.explainSticky(svc, tmp, &b, r, k, q)
	}
	s.explainFlattened(x, tree)
}

// explainSticky says which of the answers is this client's own.
func (x *Explanation) explainSticky(svc, tmp *Service, b *outcomes, r steer.Result, k policy.AnswerKind, q ExplainQuery) {
	if q.Somebody != (policy.Subject{}) {
		x.Reasons = append(x.Reasons, fmt.Sprintf("sticky: each /%d (IPv4) or /%d (IPv6) has one of these answers for as long as it is available", svc.sticky.IPv4, svc.sticky.IPv6))
		return
	}
	o := outcome{draw: b.choices(r.Shares, k), first: len(r.Shares)}
	hash, length := stickyHash(svc.sticky, q.Client.Addr(), q.Client.Bits())
	set := &tmp.Sets[o.stick(hash)]
	x.Sticky = strings.Join(set.Endpoints, ", ")
	x.Reasons = append(x.Reasons, fmt.Sprintf("sticky: the client's /%d has %s for as long as it is available", length, x.Sticky))
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

func (s *Snapshot) standing(p *steer.Pool, i int, k policy.AnswerKind) Standing {
	m := &p.Members[i]
	st := Standing{Endpoint: m.ID, Region: m.Region, Measured: m.Measured, Status: m.Status, Drained: m.Drained, Forced: m.Forced, Why: m.Why}
	if m.Share != 100 {
		st.Share, st.Shared = &m.Share, m.Shared
	}
	if p.Spares(m, k) {
		st.Status, st.Why = policy.Up, p.Panic
	}
	if o, ok := s.State.Pools.Get(p.Name); ok && i < len(o.Spec.Endpoints) {
		if v, ok := s.State.Telling(&o.Spec, &o.Spec.Endpoints[i], s.local.Down); ok {
			agreed := 0
			for _, b := range v.Ballots {
				if b.Absent == "" && b.Status == v.Status {
					agreed++
				}
			}
			st.Ballots = v.Ballots
			if _, signal := policy.SignalBallot(v.Ballots); len(v.Ballots) > 0 && !signal {
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
	assumed, controls, err := s.assumed(list)
	if err != nil {
		return nil, err
	}
	state := s.State.WithControls(controls)
	by := s.beside()
	by.Service, by.Domains = svc.ID, health.DomainsAssuming(state, s.local.Down, assumed)
	pools := map[string]*steer.Pool{}
	for name := range state.PoolsOf(svc.Spec()) {
		o, ok := state.Pools.Get(name)
		if pools[name] != nil || !ok {
			continue
		}
		p := steer.NewPool(state, &o.Spec, s.pool(name).Answers, by)
		for i := range p.Members {
			m := &p.Members[i]
			if status, ok := assumed[m.ID]; ok && m.Forced == "" {
				m.Status, m.Why = status, "assumed"
			}
		}
		p.Settle()
		pools[name] = p
	}
	tree, err := steer.Build(&svc.spec.Spec, func(name string) *steer.Pool { return pools[name] }, state.Template)
	if err == nil {
		tree.Keep(state, svc.Spec())
	}
	return tree, err
}

// assumedID is what controls are called that are only assumed.
const assumedID = "assumed"

// assumed reads assumptions into verdicts on endpoints, by their ids, and controls. A later one wins.
func (s *Snapshot) assumed(list []string) (status map[string]policy.Status, controls []policy.Control, err error) {
	status = map[string]policy.Status{}
	for i, a := range list {
		verb, id, _ := strings.Cut(a, ":")
		c := policy.Control{ID: assumedID + strings.Repeat("+", i), Action: policy.Action(verb), CreatedAt: math.MaxInt64 - int64(len(list)-i)}
		if i == 0 {
			c.ID = assumedID
		}
		ok := true
		if c.Action == policy.Share {
			at := strings.LastIndexByte(id, '=')
			if ok = at > 0; ok {
				c.Share, err = strconv.Atoi(id[at+1:])
				ok = err == nil && c.Share >= 0 && c.Share <= 100
				id = id[:at]
			}
		}
		t, err := policy.ParseTarget(id)
		if c.Target = id; !ok || err != nil {
			return nil, nil, policy.Errorf(policy.Invalid, "%q is not an assumption; write %s, as in down:region/us-east", a, assumptions)
		}
		switch c.Action {
		case policy.Drain, policy.ForceUp, policy.ForceDown, policy.Share:
			controls = append(controls, c)
		case "down", "up":
			for pool, e := range s.State.Covered(t) {
				at := policy.EndpointID(pool.Name, e.Name)
				if status[at] = policy.Up; verb == "down" {
					status[at] = policy.Down
				}
			}
		default:
			return nil, nil, policy.Errorf(policy.Invalid, "%q is not an assumption; write %s, as in down:region/us-east", a, assumptions)
		}
	}
	return status, controls, nil
}

const assumptions = "down:TARGET, up:TARGET, drain:TARGET, force-up:TARGET, force-down:TARGET or share:TARGET=PERCENT"
