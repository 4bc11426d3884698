package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/health"
	"github.com/meridian-gtm/meridian/raftstore"
)

// look is the time between a leader's looks while an endpoint flaps.
const look = 500 * time.Millisecond

// machine is a node as far as clocks go: what it knows of the State clock, and by
// how much somebody has set its wall clock.
type machine struct {
	keeper *raftstore.Timekeeper
	set    time.Duration
}

// leading is who leads, and since when.
type leading struct {
	machines map[string]*machine
	passed   time.Duration // the time that has really passed since the start
	leader   string
	base     int64           // State clock when it began to lead
	began    time.Duration   // and what had passed then
	reported map[string]bool // vantages that it has heard of; nil: of all
	edges    map[string]int  // changes of status by check since somebody asked
	list     []policy.Check  // of the configuration at a revision: they are costly to make
	revision uint64
	each     bool // another leader takes over after each step that moves time or samples
}

func newLeading(start int64, each bool) leading {
	l := leading{machines: map[string]*machine{}, leader: vantages[0], base: start, edges: map[string]int{}, each: each}
	for _, v := range vantages {
		l.machines[v] = &machine{keeper: raftstore.NewTimekeeper(raftstore.Reading{Wall: start})}
	}
	return l
}

// every lists all checks.
func (s *scenario) every() []policy.Check {
	if s.list == nil || s.revision != s.state.ConfigRevision {
		s.list, s.revision = s.state.Checks(), s.state.ConfigRevision
	}
	return s.list
}

// clocks is what a node's machine shows.
func (s *scenario) clocks(node string) raftstore.Reading {
	return raftstore.Reading{Wall: s.start + int64(s.passed+s.machines[node].set), Mono: s.passed}
}

// saw lets all nodes take note of a state.
func (s *scenario) saw() {
	for node, m := range s.machines {
		m.keeper.Saw(s.state.Clock, s.clocks(node))
	}
}

// pass lets time go by. The leader's clock goes with it.
func (s *scenario) pass(d time.Duration) {
	s.passed += d
	s.now = s.base + int64(s.passed-s.began)
}

// leaders reads "[NODE] [clock +1h]" of leader.
func (s *scenario) leaders(args []string) {
	next := s.successor()
	if len(args) > 0 && args[0] != "clock" {
		next, args = args[0], args[1:]
	}
	if s.machines[next] == nil || len(args)%2 != 0 {
		s.Fatalf("%q: no such node, or no such setting", args)
	}
	if len(args) > 0 {
		s.machines[next].set += time.Duration(s.duration(args[1]))
	}
	s.lead(next)
}

// successor is the next node that is heard, or "".
func (s *scenario) successor() string {
	at := slices.Index(vantages, s.leader)
	for i := range vantages {
		v := vantages[(at+1+i)%len(vantages)]
		if s.voice[v] != health.Silent {
			return v
		}
	}
	return ""
}

// midst puts another leader into the midst of what goes on, where the run is one with such.
func (s *scenario) midst() {
	if next := s.successor(); s.each && next != "" && s.down == nil {
		s.lead(next)
	}
}

// lead makes another node leader. It has the State in the form that Raft's snapshots
// have, and has heard of no vantage yet; their reports come in one by one.
func (s *scenario) lead(next string) {
	var image bytes.Buffer
	if err := change.WriteState(&image, s.state); err != nil {
		s.Fatal(err)
	}
	state, err := change.ReadState(&image)
	if err != nil {
		s.Fatal(err)
	}
	if state.Hash() != s.state.Hash() {
		s.Fatal("the state is another one after its snapshot")
	}
	s.state = state
	s.leader, s.began = next, s.passed
	s.base = s.machines[next].keeper.Begin(s.clocks(next))
	if s.base < s.state.Clock {
		s.Fatalf("%s leads by a clock that goes back by %v", next, time.Duration(s.state.Clock-s.base))
	}
	s.pass(0)
	s.expire()
	s.reported = map[string]bool{}
	index := s.state.Index
	if s.judge(); s.state.Index != index {
		s.Fatalf("%s has heard nothing, and changes verdicts", next)
	}
	for _, v := range vantages {
		s.reported[v] = true
		s.judge()
	}
	s.reported = nil
}

// count keeps account of the verdicts that change.
func (s *scenario) count(edges []policy.Edge) {
	for _, e := range edges {
		if e.Was != policy.Unknown && e.Was != e.Status {
			s.edges[e.Check]++
		}
	}
}

// edged reads "TARGET <= 6": how often verdicts have changed since it was asked last.
func (s *scenario) edged(args []string) {
	if len(args) != 3 {
		s.Fatal("write edges TARGET <= 6, or = 6")
	}
	want, err := strconv.Atoi(args[2])
	if err != nil {
		s.Fatal(err)
	}
	for _, c := range s.checks(args[0]) {
		got := s.edges[c.ID]
		if ok := got == want || args[1] == "<=" && got < want; !ok {
			s.Errorf("%s changed %d times, want %s %d", c.ID, got, args[1], want)
		}
		delete(s.edges, c.ID)
	}
}

// sample lets a vantage take one sample, as its prober does.
func (s *scenario) sample(vantage string, c policy.Check, ok bool) {
	key := trackOf(vantage, c)
	s.tracks[key] = s.tracks[key].Next(policy.Sample{OK: ok, Blind: s.voice[vantage] == health.Abstains, Error: "no answer"}, c.Monitor)
}

// outcome reads what becomes of samples: "ok", "fail" or "lose 30%", and what is left of the arguments.
func (s *scenario) outcome(args []string) (draw func(*rand.Rand) bool, rest []string) {
	switch {
	case args[0] == "ok" || args[0] == "fail":
		return func(*rand.Rand) bool { return args[0] == "ok" }, args[1:]
	case args[0] == "lose" && len(args) > 1:
		lost, err := strconv.ParseFloat(strings.TrimSuffix(args[1], "%"), 64)
		if err != nil {
			s.Fatal(err)
		}
		return func(r *rand.Rand) bool { return 100*r.Float64() >= lost }, args[2:]
	}
	s.Fatalf("samples are ok, fail or lose 30%%, not %q", args)
	return nil, nil
}

func names(list string) []string {
	if list == "all" {
		return vantages
	}
	return strings.Split(list, ",")
}

// seeded reads "seed 7" at the end of a step.
func (s *scenario) seeded(args []string) *rand.Rand {
	seed := uint64(1)
	if len(args) == 2 && args[0] == "seed" {
		var err error
		if seed, err = strconv.ParseUint(args[1], 10, 64); err != nil {
			s.Fatal(err)
		}
	} else if len(args) > 0 {
		s.Fatalf("%q is too much", args)
	}
	return rand.New(rand.NewPCG(seed, seed))
}

// probe lets vantages take samples, an interval apart, and judges after each round.
func (s *scenario) probe(args []string) {
	draw, rest := s.outcome(args[2:])
	rounds := 1
	if len(rest) > 0 && strings.HasPrefix(rest[0], "x") {
		var err error
		if rounds, err = strconv.Atoi(rest[0][1:]); err != nil {
			s.Fatal(err)
		}
		rest = rest[1:]
	}
	r := s.seeded(rest)
	checks := s.checks(args[1])
	for range rounds {
		s.pass(time.Duration(checks[0].Monitor.Interval))
		for _, c := range checks {
			for _, v := range names(args[0]) {
				s.sample(v, c, draw(r))
			}
		}
		s.judge()
		s.midst()
	}
}

// flap reads "VANTAGES TARGET every 0.5 for 10m [seed 7]": the target fails and is well
// in turn, each for so many intervals, while vantages sample it once an interval,
// each from a moment of its own on.
func (s *scenario) flap(args []string) {
	if len(args) < 6 || args[2] != "every" || args[4] != "for" {
		s.Fatal("write flap VANTAGES TARGET every 0.5 for 10m")
	}
	checks := s.checks(args[1])
	interval := time.Duration(checks[0].Monitor.Interval)
	intervals, err := strconv.ParseFloat(args[3], 64)
	if err != nil {
		s.Fatal(err)
	}
	spell := time.Duration(intervals * float64(interval))
	r := s.seeded(args[6:])
	next, samples := map[string]time.Duration{}, 0
	for _, v := range names(args[0]) {
		next[v] = time.Duration(r.Float64() * float64(interval))
	}
	for at := time.Duration(0); at < time.Duration(s.duration(args[5])); at += look {
		s.pass(look)
		before := samples
		for _, v := range names(args[0]) {
			if next[v] > at {
				continue
			}
			for _, c := range checks {
				s.sample(v, c, next[v]/spell%2 == 1)
			}
			next[v] += interval
			samples++
		}
		if s.judge(); samples/4 > before/4 { // at each vantage in turn, and at each phase of the flapping
			s.midst()
		}
	}
}

// variants are the ways a scenario of a group is run: by Explain and over UDP, and
// those of health also with another leader in the midst of each step.
func variants(group string) (list []string) {
	for _, by := range []string{"explain", "udp"} {
		list = append(list, by)
		if group == "health" {
			list = append(list, fmt.Sprint(by, "/leaders"))
		}
	}
	return list
}
