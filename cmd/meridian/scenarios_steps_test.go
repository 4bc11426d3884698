package main

import (
	"maps"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/dnsserver"
	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/document"
	"github.com/meridian-gtm/meridian/policy/geo"
	"github.com/meridian-gtm/meridian/policy/health"
	"github.com/meridian-gtm/meridian/policy/snapshot"
	"github.com/meridian-gtm/meridian/policy/zonefile"
)

// scenario is a script on its way: a cluster of three vantages and a leader, without sockets between them.
type scenario struct {
	*testing.T
	files   map[string]string
	places  map[string]place // of geo.csv
	table   *geo.Table
	state   *policy.State
	start   int64 // State clock at 0s
	now     int64
	snap    *snapshot.Snapshot
	view    *dnsserver.View
	dns     *loopback // nil: Explain and Decide are asked
	refused string    // why the last step was, if it was

	tracks     map[string]health.Track    // by vantage, check and its revision
	voice      map[string]string          // vantages that do not vote: "silent" or "abstains"
	down       map[string]bool            // what an island holds to be down
	near       map[string]policy.Duration // how soon verdicts may change
	generation uint64                     // generation of down and near
	leading

	last   asking
	crowds map[string]map[string]string // the answers of each network, by question
	moved  map[string][2]string         // those that changed with the last crowd
}

var vantages = []string{"ns1", "ns2", "ns3"}

func runScenario(t *testing.T, world, script script, udp, leaders bool) {
	s := &scenario{T: t, files: maps.Clone(world.files), state: policy.NewState(), start: 1_800_000_000e9,
		tracks: map[string]health.Track{}, voice: map[string]string{}, crowds: map[string]map[string]string{}}
	maps.Copy(s.files, script.files)
	s.now, s.leading = s.start, newLeading(s.start, leaders)
	s.places, s.table = geoOf(t, s.files["geo.csv"])
	if udp {
		s.dns = newLoopback(t)
	}
	s.apply("", change.RaiseFeature{Level: policy.FeatureLevel})
	s.step("zone zone")
	s.step("config base.yaml")
	if s.files["config.yaml"] != "" {
		s.step("config config.yaml")
	}
	s.settled("the files")
	for i, line := range strings.Split(s.files["steps"], "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if !strings.HasPrefix(line, "refused ") {
			s.settled(line)
		}
		s.step(line)
		if t.Failed() {
			t.Fatalf("steps:%d: %s", i+1, line)
		}
	}
	s.settled("the end")
}

// settled fails when a step was refused and nobody said so.
func (s *scenario) settled(before string) {
	if s.Helper(); s.refused != "" {
		s.Fatalf("before %s: refused: %s", before, s.refused)
	}
}

var stepToken = regexp.MustCompile(`"[^"]*"|\S+`)

func (s *scenario) step(line string) {
	verb, rest, _ := strings.Cut(line, " ")
	args := stepToken.FindAllString(rest, -1)
	for i := range args {
		args[i] = strings.Trim(args[i], `"`)
	}
	if verb != "=" && verb != "batch" && len(args) == 0 && verb != "mainland" && verb != "leader" {
		s.Fatalf("%s wants arguments", verb)
	}
	switch verb {
	case "at", "wait":
		s.clock(verb, args[0])
		s.midst()
	case "leader":
		s.leaders(args)
	case "flap":
		s.flap(args)
	case "edges":
		s.edged(args)
	case "up", "down", "unknown":
		s.decree(verb, args)
	case "probe":
		s.probe(args)
	case "silent", "abstain", "votes":
		for _, v := range args {
			s.voice[v] = map[string]string{"silent": health.Silent, "abstain": health.Abstains}[verb]
		}
		s.judge()
		s.midst()
	case "is":
		s.is(args[0], args[1])
	case "island", "mainland":
		s.island(args)
	case "drain", "lift", "force-up", "force-down", "share":
		reason, body := s.control(verb, args)
		s.apply(reason, body)
	case "batch":
		s.batch(rest)
	case "switch":
		s.apply("why", change.PutSwitch{Name: args[0], On: args[1] == "on"})
	case "config", "replace":
		s.config(args[0], verb == "config")
	case "zone":
		z, _, err := zonefile.Parse(strings.NewReader(s.files[args[0]]), policy.MustName("example.com"), args[0], zonefile.Limits{})
		if s.refuse(err); err == nil {
			s.apply("", change.PutZone{Zone: z})
		}
	case "latency", "load":
		s.measured(verb, args)
	case "signal":
		s.signal(args)
	case "refused":
		if !strings.Contains(s.refused, args[0]) {
			s.Errorf("refused with %q, want %q in it", s.refused, args[0])
		}
		s.refused = ""
	default:
		s.asked(verb, rest, args)
	}
}

// apply makes a change as the leader does, through its encoding, and publishes what becomes of it.
func (s *scenario) apply(reason string, body change.Body) {
	b, err := change.Encode(change.Change{Actor: "operator", Reason: reason, Clock: s.now, Body: body})
	if err != nil {
		s.refuse(err)
		return
	}
	c, err := change.Decode(b)
	if err != nil {
		s.Fatal(err)
	}
	next, outcome, err := change.Apply(s.state, s.state.Index+1, c)
	if err != nil {
		s.Fatal(err)
	}
	if outcome.Refused != nil {
		s.refuse(outcome.Refused)
	}
	s.state = next
	s.saw()
	s.publish()
}

func (s *scenario) refuse(err error) {
	if err != nil {
		s.refused = strings.TrimSpace(s.refused + "\n" + err.Error())
	}
}

func (s *scenario) publish() {
	snap, err := snapshot.Compile(s.snap, s.state, snapshot.Local{Geo: s.table, Down: s.down, Near: s.near, Generation: s.generation})
	if err != nil {
		s.Fatal(err)
	}
	s.snap, s.view = snap, dnsserver.NewView(s.view, snap)
	if s.dns != nil {
		if _, ok := s.dns.Publish(s.view); !ok {
			s.Fatal("the server did not take the view")
		}
	}
}

func (s *scenario) duration(text string) int64 {
	d, err := time.ParseDuration(text)
	if err != nil {
		s.Fatal(err)
	}
	return int64(d)
}

// clock goes on to a time, and does what the leader does when it has come.
func (s *scenario) clock(verb, text string) {
	by := time.Duration(s.duration(text))
	if verb == "at" {
		by -= s.passed
	}
	if by < 0 {
		s.Fatalf("%s has been", text)
	}
	s.pass(by)
	s.expire()
	s.judge()
}

// expire does what the leader does when the time of something has come.
func (s *scenario) expire() {
	if change.Overdue(s.state, s.now) || change.Unsteady(s.state, s.now) {
		s.apply("", change.ExpireControls{})
	}
	if s.state.Loads.Len()+s.state.Latencies.Len()+s.state.Signals.Len() > 0 {
		s.apply("", change.ExpireMeasured{})
	}
}

func (s *scenario) config(file string, merge bool) {
	c, err := document.Decode([]byte(s.files[file]), file)
	if s.refuse(err); err == nil {
		s.apply("", change.PutConfig{Config: *c, Merge: merge})
	}
}

// control reads "region/us [20] for 1h steps 50,0 every 1m pause signal:x back signal:y "why"" of what makes one,
// and "region/us over 1m" of lift.
func (s *scenario) control(verb string, args []string) (reason string, body change.Body) {
	if verb == "lift" {
		b := change.DeleteControl{ID: args[0]}
		for id, c := range s.state.Controls.All {
			if c.Target == args[0] {
				b.ID = id // the newest
			}
		}
		if len(args) == 3 && args[1] == "over" {
			b.Over = policy.Duration(s.duration(args[2]))
		}
		return "", b
	}
	b := change.PutControl{Target: args[0], Action: policy.Action(verb)}
	args = args[1:]
	if b.Action == policy.Share {
		percent, err := strconv.Atoi(args[0])
		if err != nil {
			s.Fatal(err)
		}
		b.Share, args = &percent, args[1:]
	}
	var ramp policy.RampPlan
	for ; len(args) > 1; args = args[2:] {
		switch args[0] {
		case "for":
			b.ExpiresIn = policy.Duration(s.duration(args[1]))
			continue
		case "over":
			ramp.Over = policy.Duration(s.duration(args[1]))
		case "every":
			ramp.Every = policy.Duration(s.duration(args[1]))
		case "steps":
			for text := range strings.SplitSeq(args[1], ",") {
				n, err := strconv.Atoi(text)
				if err != nil {
					s.Fatal(err)
				}
				ramp.Steps = append(ramp.Steps, n)
			}
		case "pause":
			ramp.PauseWhen = append(ramp.PauseWhen, args[1])
		case "back":
			ramp.BackWhen = append(ramp.BackWhen, args[1])
		default:
			return strings.Join(args, " "), b
		}
		b.Ramp = &ramp
	}
	return strings.Join(args, " "), b
}

func (s *scenario) batch(text string) {
	var b change.Batch
	for one := range strings.SplitSeq(text, ";") {
		args := stepToken.FindAllString(one, -1)
		reason, body := s.control(args[0], args[1:])
		b.Parts = append(b.Parts, change.Part{Reason: strings.Trim(reason, `"`), Body: body})
	}
	s.apply("", b)
}

// measured tells what was measured, as the programs do that feed it.
func (s *scenario) measured(verb string, args []string) {
	number := func(text string) float64 {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			s.Fatal(err)
		}
		return f
	}
	if verb == "load" {
		v := number(args[1])
		s.apply("", change.PutLoad{Loads: []change.TargetLoad{{Target: args[0], Value: &v}}})
		return
	}
	var b change.PutLatency
	for _, a := range args[1:] {
		region, ms, _ := strings.Cut(a, "=")
		b.Measurements = append(b.Measurements, change.Measurement{Subject: args[0], Region: region, Ms: number(ms)})
	}
	s.apply("", b)
}

// signal gives "billing-ok down for 30s", as a program does, or takes it back: "billing-ok deleted".
func (s *scenario) signal(args []string) {
	if args[1] == "deleted" {
		s.apply("", change.DeleteSignal{Name: args[0]})
		s.judge()
		return
	}
	b := change.PutSignal{Name: args[0]}
	if err := b.Status.UnmarshalText([]byte(args[1])); err != nil {
		s.Fatal(err)
	}
	if len(args) > 3 {
		b.MaxAge = policy.Duration(s.duration(args[3]))
	}
	s.apply("", b)
	s.judge()
}

// checks are those of a target.
func (s *scenario) checks(target string) (list []policy.Check) {
	for _, c := range s.every() {
		endpoint, _, _ := strings.Cut(c.ID, "@")
		if pool, _, _ := strings.Cut(endpoint, "/"); target == "all" || target == pool || target == endpoint {
			list = append(list, c)
		}
	}
	if len(list) == 0 {
		s.Fatalf("nothing checks %s", target)
	}
	return list
}

func trackOf(vantage string, c policy.Check) string {
	return vantage + " " + c.ID + " " + strconv.FormatUint(c.Revision, 36)
}

// decree makes verdicts as if all vantages had come to them, and lets their tracks say so.
func (s *scenario) decree(verb string, targets []string) {
	var status policy.Status
	if err := status.UnmarshalText([]byte(verb)); err != nil {
		s.Fatal(err)
	}
	var edges []policy.Edge
	for _, target := range targets {
		for _, c := range s.checks(target) {
			v := policy.Verdict{Check: c.ID, Status: status, Since: s.now, Revision: c.Revision, Ramp: 100}
			for _, name := range vantages {
				v.Ballots = append(v.Ballots, policy.Ballot{Vantage: name, Status: status})
				var track health.Track
				for range max(c.Monitor.Fall, c.Monitor.Rise) * int(min(status, 1)) {
					track = track.Next(policy.Sample{OK: status == policy.Up, Error: "decreed"}, c.Monitor)
				}
				s.tracks[trackOf(name, c)] = track
			}
			was, _ := s.state.Verdicts.Get(c.ID)
			edges = append(edges, policy.Edge{Verdict: v, Was: was.Status})
		}
	}
	s.apply("", change.RecordVerdicts{Edges: edges})
}

// heard is what the leader has of each vantage that is not silent.
func (s *scenario) heard(names []string) (list []health.Heard, rule health.Rule) {
	rule.Reachable = true
	for _, v := range names {
		rule.Assigned = append(rule.Assigned, health.Assigned{ID: v, Label: v})
		if s.voice[v] == health.Silent || s.reported != nil && !s.reported[v] {
			continue
		}
		h := health.Heard{Vantage: v, Node: v, Abstaining: s.voice[v] == health.Abstains}
		for _, c := range s.every() {
			h.Opinions = append(h.Opinions, s.tracks[trackOf(v, c)].Opinion(c))
		}
		list = append(list, h)
	}
	return list, rule
}

// judge is the leader's look at the reports.
func (s *scenario) judge() {
	list, rule := s.heard(vantages)
	if edges := health.Step(s.state, s.every(), list, rule, s.now); len(edges) > 0 {
		s.count(edges)
		s.apply("", change.RecordVerdicts{Edges: edges})
	}
	if s.state.Ahead() == 0 {
		return
	}
	// and each node's, for services with a range of TTLs
	checks := s.every()
	all := make([]bool, len(checks))
	for i := range all {
		all[i] = true
	}
	if near := health.Near(s.state, checks, all, list, rule); !maps.Equal(near, s.near) {
		s.near = near
		s.generation++
		s.publish()
	}
}

func (s *scenario) is(target, want string) {
	for _, c := range s.checks(target) {
		if v, _ := s.state.Verdicts.Get(c.ID); v.Status.String() != want {
			s.Errorf("%s is %s, want %s", c.ID, v.Status, want)
		}
	}
}

// island judges as a node without a leader does (cmd/meridian/node): over the vantages it hears, and only to take out.
func (s *scenario) island(hears []string) {
	s.down = nil
	if len(hears) > 0 {
		s.down = map[string]bool{}
		list, rule := s.heard(hears)
		rule.OnlyRemove = true
		for _, e := range health.Step(s.state, s.every(), list, rule, s.now) {
			s.down[e.Check] = true
		}
	}
	s.generation++
	s.publish()
}
