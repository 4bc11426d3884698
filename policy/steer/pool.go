package steer

import (
	"bytes"
	"slices"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/geo"
)

// Member is an endpoint as an evaluation sees it.
type Member struct {
	ID       string // "endpoint/web/a"
	Region   string
	Has      [policy.AnswerKinds]bool
	Weight   int // as configured
	Measured policy.Status
	Status   policy.Status // effective, drains aside
	Pending  bool          // a monitor checks it, and there has been no verdict yet
	Why      string        // why Status is what it is, when that is not the verdict
	Drained  string        // the control that drains it, or ""
	Forced   string        // the control that says what Status is, or ""
	Share    int           // percent of its usual clients that it keeps
	Shared   string        // the control that says so, or ""
	Ramp     int           // share of its weight it has back, in percent
	Since    int64         // State clock at the last change of Measured
	Fell     int64         // State clock since when it is fallen
	// Need is how long it takes until its verdict can change, at the least; 0 when it cannot.
	Need policy.Duration
	Near bool // a control is about to take more of it, or is on its way
}

// weight is the effective weight: the ramp scales it, but never to nothing.
func (m *Member) weight() int {
	switch {
	case m.Weight == 0:
		return 0
	case m.Forced != "": // as if it had been up for long
		return 100 * m.Weight
	}
	return max(1, m.Weight*m.Ramp)
}

// fallen says whether it is down by what is measured of it, or forced down.
func (m *Member) fallen() bool {
	if m.Forced != "" {
		return m.Status == policy.Down
	}
	return m.Measured == policy.Down
}

// need is how long it takes until what it is can change: next to nothing where a control is about to change it.
func (m *Member) need() policy.Duration {
	switch {
	case m.Near:
		return 1
	case m.Forced != "":
		return 0
	}
	return m.Need
}

// Pool is a pool as an evaluation sees it.
type Pool struct {
	Name string
	Min  int // available members it takes
	// Threshold is the least share of Members that must be up for health to
	// remove any, 0: off. Panic says that fewer are, and how many.
	Threshold policy.Percent
	Panic     string
	Members   []Member
	Answers   []Answers     // the members', in the same order
	Place     geo.Candidate // weighted middle of its members' regions

	Pressure Pressure
}

// Answers is what a member answers with.
type Answers struct {
	CNAME policy.Name    // not "": the member is an alias, and this is all
	Sets  []policy.RRset // of each kind that it has; their TTLs are the most that an answer may have
}

// Find is the member's own answer of a kind, or nil.
func (a *Answers) Find(k policy.AnswerKind) *policy.RRset {
	for i := range a.Sets {
		if a.Sets[i].Type == k.Type() {
			return &a.Sets[i]
		}
	}
	return nil
}

func (a *Answers) has() (has [policy.AnswerKinds]bool) {
	for k := range policy.AnswerKinds {
		has[k] = a.CNAME != "" && k.Family() || a.Find(k) != nil
	}
	return has
}

func (a Answers) equal(b Answers) bool {
	return a.CNAME == b.CNAME && slices.EqualFunc(a.Sets, b.Sets, func(x, y policy.RRset) bool {
		return x.Type == y.Type && x.TTL == y.TTL && slices.EqualFunc(x.Data, y.Data, bytes.Equal)
	})
}

// Beside is what a pool goes by beside the state.
type Beside struct {
	Service string                     // whose use of the pool it is; "": that of every service without controls of its own
	Down    map[string]bool            // checks that this node alone holds to be down (island mode)
	Near    map[string]policy.Duration // how soon checks may change, where that is sooner than without samples against them
	Domains map[string]string          // failure domains that count as down, with why
}

// NewPool resolves a pool against the state: verdicts, drains and places.
// answers are its members'.
func NewPool(s *policy.State, spec *policy.Pool, answers []Answers, by Beside) *Pool {
	p := &Pool{Name: spec.Name, Min: spec.MinAvailable.Of(len(spec.Endpoints)), Threshold: spec.PanicThreshold, Answers: answers}
	var middle middle
	forces := s.Forces(by.Service)
	for i := range spec.Endpoints {
		e := &spec.Endpoints[i]
		region := e.RegionOr(spec)
		h := s.Health(spec, e, by.Down)
		m := Member{
			ID: policy.EndpointID(spec.Name, e.Name), Region: region, Has: answers[i].has(),
			Weight: e.WeightOr1(), Measured: h.Status, Status: h.Status, Ramp: h.Ramp, Since: h.Since,
			Pending: len(h.Checks) > 0 && h.Status == policy.Unknown,
		}
		names, _ := spec.SetOf(e).Names()
		for _, name := range names {
			if o, ok := s.Monitors.Get(name); ok {
				m.Need = sooner(m.Need, needed(o.Spec.WithDefaults(), h.Status))
			}
			m.Need = sooner(m.Need, by.Near[policy.CheckID(spec, e, name)])
		}
		switch {
		case h.Own:
			m.Measured = s.Health(spec, e, nil).Status
			m.Why = "this node has no leader and judges by the vantages it hears"
		case len(h.Checks) == 0:
			m.Why = "no monitor checks it"
		}
		m.outage(s, spec, e, by.Domains)
		if m.Measured == policy.Down {
			m.Fell = m.Since
		}
		m.force(forces.On(spec, e))
		p.Members = append(p.Members, m)
		if r := s.Region(region); r != nil {
			middle.add(r.Place, float64(max(1, m.Weight)))
		}
	}
	p.Place = middle.candidate()
	p.Pressure = pressure(s, spec)
	p.Settle()
	return p
}

// outage counts a member as down when a failure domain it is in does.
func (m *Member) outage(s *policy.State, spec *policy.Pool, e *policy.Endpoint, domains map[string]string) {
	if len(domains) == 0 || m.Status == policy.Down {
		return
	}
	for _, id := range s.Domains(spec, e) {
		if why := domains[id]; why != "" {
			m.Status, m.Why = policy.Down, why
			return
		}
	}
}

// force is what controls make of a member. What is measured stays beside it.
func (m *Member) force(f policy.Force) {
	m.Drained, m.Share, m.Shared, m.Near = f.Drained, f.Share, f.Shared, f.Near
	if f.Up != "" {
		m.Status, m.Pending, m.Forced, m.Fell = policy.Up, false, f.Up, 0
		m.Why = "forced up by control " + f.Up + ", measured " + m.Measured.String()
	}
	if f.Down != "" {
		m.Status, m.Pending, m.Forced, m.Fell = policy.Down, false, f.Down, f.DownSince
		m.Why = "forced down by control " + f.Down + ", measured " + m.Measured.String()
	}
}

// Equal says whether two evaluations would see the same pool.
func (p *Pool) Equal(q *Pool) bool {
	return p.Name == q.Name && p.Min == q.Min && p.Threshold == q.Threshold && p.Place == q.Place && p.Pressure == q.Pressure && slices.Equal(p.Members, q.Members) &&
		slices.EqualFunc(p.Answers, q.Answers, Answers.equal)
}

// needed is how long a monitor takes at the least to change a verdict: so many
// more samples, an interval each (gdnsd's rule). A signal may change at any moment.
func needed(m policy.Monitor, status policy.Status) policy.Duration {
	if m.Signal != nil {
		return 1
	}
	if status == policy.Down {
		return m.Interval * policy.Duration(m.Rise)
	}
	return m.Interval * policy.Duration(m.Fall)
}
