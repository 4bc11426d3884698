package policy

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// Header is the part of State that is not a collection.
type Header struct {
	Epoch          uint64 `json:"epoch"`          // raised by quorum recovery
	Index          uint64 `json:"index"`          // Raft index of the last applied change
	Clock          int64  `json:"clock"`          // leader-stamped nanoseconds, never going back; near Unix time
	Feature        int    `json:"feature"`        // level in force
	NextID         uint32 `json:"nextID"`         // allocator of object ids
	Revision       uint64 `json:"revision"`       // of everything operators change; verdicts leave it alone
	ConfigRevision uint64 `json:"configRevision"` // the revision that last changed the configuration document

	AuditHead *AuditHead `json:"audit,omitempty"` // nil below FeatureReview; never changed, only replaced
}

// Object is an operator's object with the revision that last changed it.
type Object[T any] struct {
	Rev  uint64 `json:"rev"`
	Spec T      `json:"spec"`
}

// Outcome is what became of a change. It is kept by request id, so that a
// retry is answered and not done again.
type Outcome struct {
	Request  string   `json:"request,omitempty"`
	Index    uint64   `json:"index"`
	Revision uint64   `json:"revision,omitempty"` // made by the change
	Made     string   `json:"made,omitempty"`     // id of what it made
	Warnings []string `json:"warnings,omitempty"`
	Refused  *Error   `json:"refused,omitempty"` // then nothing changed
	Replayed bool     `json:"replayed,omitempty"`
}

// Staged is a big write on its way in, in chunks.
type Staged struct {
	ID     string   `json:"id"`
	Chunks [][]byte `json:"chunks"`
	Size   int      `json:"size"`
	Clock  int64    `json:"clock"` // of the last chunk
	Sum    uint64   `json:"sum"`   // running hash of the chunks
}

// Append adds a chunk.
func (s Staged) Append(chunk []byte, clock int64) Staged {
	s.Chunks = append(slices.Clip(s.Chunks), chunk)
	s.Size += len(chunk)
	s.Clock = clock
	s.Sum = mix(s.Sum + hashBytes(s.ID, chunk))
	return s
}

func hashStaged(key string, s Staged) uint64 {
	return hashBytes(key, fmt.Appendf(nil, "%d %d %d", s.Size, s.Clock, s.Sum))
}

// State is all replicated truth at one index. A published State is frozen.
type State struct {
	Header
	Cluster Cluster

	IDs         *Tree[uint32] // stable numeric ids by object id ("region/us-east")
	Zones       *Tree[*Zone]  // by Name.Key
	Regions     *Tree[Object[Region]]
	Monitors    *Tree[Object[Monitor]]
	Pools       *Tree[Object[Pool]]
	Templates   *Tree[Object[Template]]
	Services    *Tree[Object[Service]] // by Service.ID
	SafetyRules *Tree[Object[SafetyRule]]
	Places      *Tree[Object[PlaceOverride]] // by PlaceOverride.ID
	Controls    *Tree[Control]
	Verdicts    *Tree[Verdict] // by check
	Members     *Tree[Member]  // by Raft server id
	Removed     *Tree[int64]   // ids of former members, which are never let in again, with the clock of their removal
	Tokens      *Tree[Token]
	Secrets     *Tree[Secret]
	Staged      *Tree[Staged]
	Requests    *Tree[Outcome]            // by request id
	RequestLog  *Tree[string]             // request ids by index, oldest first
	Latencies   *Tree[Latency]            // by Subject as text; empty below FeatureSteering
	Loads       *Tree[Load]               // by target; empty below FeatureSteering
	Providers   *Tree[Object[Provider]]   // empty below FeatureHealth
	Signals     *Tree[Signal]             // by name; empty below FeatureHealth
	Users       *Tree[User]               // by name; empty below FeatureReview
	Sessions    *Tree[Session]            // by id; empty below FeatureReview
	Audit       *Tree[AuditRecord]        // by AuditKey; empty below FeatureReview
	Receivers   *Tree[Object[Receiver]]   // empty below FeatureReview
	Notified    *Tree[uint64]             // by receiver: the index up to which it was told; empty below FeatureReview
	ReviewRules *Tree[Object[ReviewRule]] // empty below FeatureReview
	Drafts      *Tree[Draft]              // by id; empty below FeatureReview
	Switches    *Tree[Switch]             // by name; empty below FeatureDrill
	Paces       *Tree[int64]              // by safety rule: State's clock when a control that it is about changed last; empty below FeatureDrill
	DrillPlans  *Tree[Object[DrillPlan]]  // empty below FeatureDrill
	Drills      *Tree[Drill]              // by id; empty below FeatureDrill
	Schedules   *Tree[int64]              // by drill plan: the instant up to which its schedule was seen to; empty below FeatureDrill
	Reports     *Tree[EvacuationReport]   // by id; empty below FeatureDrill
}

// NewState is the state before the first change.
func NewState() *State {
	return &State{
		IDs: jsonTree[uint32](),
		Zones: NewTree(func(key string, z *Zone) uint64 {
			return mix(hashBytes(key) + z.Rev + mix(z.Owners.Sum()+uint64(z.ID)))
		}),
		Regions:     jsonTree[Object[Region]](),
		Monitors:    jsonTree[Object[Monitor]](),
		Pools:       jsonTree[Object[Pool]](),
		Templates:   jsonTree[Object[Template]](),
		Services:    jsonTree[Object[Service]](),
		SafetyRules: jsonTree[Object[SafetyRule]](),
		Places:      jsonTree[Object[PlaceOverride]](),
		Controls:    jsonTree[Control](),
		Verdicts:    jsonTree[Verdict](),
		Members:     jsonTree[Member](),
		Removed:     jsonTree[int64](),
		Tokens:      jsonTree[Token](),
		Secrets:     jsonTree[Secret](),
		Staged:      NewTree(hashStaged),
		Requests:    jsonTree[Outcome](),
		RequestLog:  jsonTree[string](),
		Latencies:   NewTree(hashLatency),
		Loads:       jsonTree[Load](),
		Providers:   jsonTree[Object[Provider]](),
		Signals:     jsonTree[Signal](),
		Users:       jsonTree[User](),
		Sessions:    jsonTree[Session](),
		Audit:       NewTree(hashAudit),
		Receivers:   jsonTree[Object[Receiver]](),
		Notified:    jsonTree[uint64](),
		ReviewRules: jsonTree[Object[ReviewRule]](),
		Drafts:      jsonTree[Draft](),
		Switches:    jsonTree[Switch](),
		Paces:       jsonTree[int64](),
		DrillPlans:  jsonTree[Object[DrillPlan]](),
		Drills:      jsonTree[Drill](),
		Schedules:   jsonTree[int64](),
		Reports:     jsonTree[EvacuationReport](),
	}
}

// Clone is a state that may be changed: it shares everything until written to.
func (s *State) Clone() *State {
	c := *s
	c.IDs = s.IDs.Copy()
	c.Zones = s.Zones.Copy()
	c.Regions = s.Regions.Copy()
	c.Monitors = s.Monitors.Copy()
	c.Pools = s.Pools.Copy()
	c.Services = s.Services.Copy()
	c.SafetyRules = s.SafetyRules.Copy()
	c.Templates = s.Templates.Copy()
	c.Places = s.Places.Copy()
	c.Controls = s.Controls.Copy()
	c.Verdicts = s.Verdicts.Copy()
	c.Latencies = s.Latencies.Copy()
	c.Loads = s.Loads.Copy()
	c.Providers = s.Providers.Copy()
	c.Signals = s.Signals.Copy()
	c.Users = s.Users.Copy()
	c.Sessions = s.Sessions.Copy()
	c.Audit = s.Audit.Copy()
	c.Receivers = s.Receivers.Copy()
	c.Notified = s.Notified.Copy()
	c.ReviewRules = s.ReviewRules.Copy()
	c.Drafts = s.Drafts.Copy()
	c.Switches = s.Switches.Copy()
	c.Paces = s.Paces.Copy()
	c.DrillPlans = s.DrillPlans.Copy()
	c.Drills = s.Drills.Copy()
	c.Schedules = s.Schedules.Copy()
	c.Reports = s.Reports.Copy()
	c.Members = s.Members.Copy()
	c.Removed = s.Removed.Copy()
	c.Tokens = s.Tokens.Copy()
	c.Secrets = s.Secrets.Copy()
	c.Staged = s.Staged.Copy()
	c.Requests = s.Requests.Copy()
	c.RequestLog = s.RequestLog.Copy()
	return &c
}

// firstTables is how many tables the first version of State had.
const firstTables = 16

// Hash tells states apart: equal on every node after the same index (I-15).
// A table that came with a later feature level counts only when there is something
// in it, so that nodes of the version before, which lack it, have the same hash until then.
func (s *State) Hash() uint64 {
	h := hashJSON("header", s.Header) + hashJSON("cluster", s.Cluster)
	for i, table := range []interface {
		Len() int
		Sum() uint64
	}{
		s.IDs, s.Zones, s.Regions, s.Monitors, s.Pools, s.Services, s.SafetyRules, s.Controls, s.Verdicts, s.Members, s.Tokens,
		s.Secrets, s.Staged, s.Requests, s.RequestLog, s.Removed,
		s.Latencies, s.Loads, s.Templates, s.Places, s.Providers, s.Signals,
		s.Users, s.Sessions, s.Audit, s.Receivers, s.Notified, s.ReviewRules, s.Drafts, s.Switches, s.Paces,
		s.DrillPlans, s.Drills, s.Schedules, s.Reports,
	} {
		if i < firstTables || table.Len() > 0 {
			h += mix(table.Sum() + uint64(i+1)*0x9e3779b97f4a7c15)
		}
	}
	return h
}

// Config is the configuration document that the state holds, each list in order of names.
func (s *State) Config() *Config {
	return &Config{
		Regions: specs(s.Regions), Providers: specs(s.Providers), Monitors: specs(s.Monitors), Pools: specs(s.Pools),
		Templates: specs(s.Templates), Services: specs(s.Services), SafetyRules: specs(s.SafetyRules), Places: specs(s.Places),
		Notifications: specs(s.Receivers), ReviewRules: specs(s.ReviewRules), DrillPlans: specs(s.DrillPlans),
	}
}

func specs[T any](t *Tree[Object[T]]) []T {
	if t.Len() == 0 {
		return nil
	}
	list := make([]T, 0, t.Len())
	for _, o := range t.All {
		list = append(list, o.Spec)
	}
	return list
}

// ZoneFor is the zone that holds a name: the longest one that the name is in.
func (s *State) ZoneFor(n Name) *Zone {
	for ; n != ""; n = n.Parent() {
		if z, ok := s.Zones.Get(n.Key()); ok {
			return z
		}
	}
	return nil
}

// EndpointID is the id of an endpoint: "endpoint/POOL/NAME".
func EndpointID(pool, endpoint string) string { return "endpoint/" + pool + "/" + endpoint }

// Region finds a region by name, or gives nil.
func (s *State) Region(name string) *Region {
	if o, ok := s.Regions.Get(name); ok {
		return &o.Spec
	}
	return nil
}

// Check is a monitor applied to an endpoint: what vantages probe and verdicts are about.
type Check struct {
	ID       string // "POOL/ENDPOINT@MONITOR"
	Endpoint string // EndpointID
	Region   string // that the endpoint is in
	Host     string // address or host name to connect to
	Port     int    // 0: the monitor's own
	Service  string // stands for "{service}" in the monitor: the first service that uses the pool
	Monitor  Monitor
	Revision uint64 // changes whenever anything that is probed does
	Key      uint64 // CheckKey of the two: names the check at this revision in reports
}

// CheckKey hashes a check's id and revision.
func CheckKey(id string, revision uint64) uint64 {
	return hashBytes(id, binary.LittleEndian.AppendUint64(nil, revision))
}

// CheckID names the check of an endpoint by a monitor.
func CheckID(pool *Pool, e *Endpoint, monitor string) string {
	return pool.Name + "/" + e.Name + "@" + monitor
}

// Checks lists what is to be probed, in order of ids. Callers keep the list
// for as long as ConfigRevision stands.
func (s *State) Checks() []Check {
	service := map[string]string{}
	for _, o := range s.Services.All {
		for pool := range s.PoolsOf(&o.Spec) {
			if _, ok := service[pool]; !ok {
				service[pool] = o.Spec.ID()
			}
		}
	}
	var list []Check
	for _, o := range s.Pools.All {
		pool := o.Spec
		for i := range pool.Endpoints {
			e := &pool.Endpoints[i]
			names, _ := pool.SetOf(e).Names()
			for _, name := range names {
				if m, ok := s.Monitors.Get(name); ok {
					list = append(list, newCheck(&pool, e, m.Spec.WithDefaults(), service[pool.Name]))
				}
			}
		}
	}
	slices.SortFunc(list, func(a, b Check) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// newCheck is a monitor applied to an endpoint: at the monitor's own target if it
// has one, else at what the endpoint says is to be probed, else at its address.
func newCheck(pool *Pool, e *Endpoint, m Monitor, service string) Check {
	c := Check{
		ID: CheckID(pool, e, m.Name), Endpoint: EndpointID(pool.Name, e.Name), Region: e.RegionOr(pool), Service: service,
		Host: strings.TrimSuffix(e.Hostname.String(), "."), Monitor: m,
	}
	if a := e.Addrs(); len(a) > 0 {
		c.Host = a[0].String()
	}
	for _, t := range []*ProbeTarget{e.Probe, m.Target} {
		if t == nil {
			continue
		}
		if t.Address.IsValid() {
			c.Host = t.Address.String()
		}
		if t.Port != 0 {
			c.Port = t.Port
		}
	}
	c.Revision = c.revision()
	c.Key = CheckKey(c.ID, c.Revision)
	return c
}

// revision hashes what decides whether a probe succeeds; the rules for judging
// samples (interval, rise, fall) are not part of it.
func (c Check) revision() uint64 {
	m := c.Monitor
	text := fmt.Sprintf("%s %d %s %s %s %s", c.Host, c.Port, c.Service, jsonOf(m.HTTP), jsonOf(m.HTTPS), jsonOf(m.TCP))
	if m.Invert {
		text += " inverted"
	}
	for _, k := range m.kinds() {
		if k.later { // the others hash as they did when they were all there was
			text += " " + k.key + " " + jsonOf(k.spec)
		}
	}
	if m.Exec != nil { // a program is told of which endpoint it is asked
		text += " " + c.Endpoint
	}
	return hashJSON("check", text)
}
