package node

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/health"
)

func report(vantage string, boot, seq uint64, statuses ...policy.Status) policy.Report {
	r := policy.Report{Vantage: vantage, Boot: boot, Seq: seq}
	for i, s := range statuses {
		r.Opinions = append(r.Opinions, policy.Opinion{Check: string(rune('a' + i)), Status: s})
	}
	return r
}

// woke says whether the judge was called, and takes the call.
func (h *hearing) woke() bool {
	select {
	case <-h.fresh:
		return true
	default:
		return false
	}
}

func TestHearing(t *testing.T) {
	for name, c := range map[string]struct {
		reports []policy.Report
		seq     uint64 // of the one that stands
		boot    uint64
		woke    bool // by the last
	}{
		"the first":              {[]policy.Report{report("m1", 1, 1, up)}, 1, 1, true},
		"without a name":         {[]policy.Report{report("", 1, 1, up)}, 0, 0, false},
		"later, the same":        {[]policy.Report{report("m1", 1, 1, up), report("m1", 1, 2, up)}, 2, 1, false},
		"later, another opinion": {[]policy.Report{report("m1", 1, 1, up), report("m1", 1, 2, down)}, 2, 1, true},
		"later, more checks":     {[]policy.Report{report("m1", 1, 1, up), report("m1", 1, 2, up, up)}, 2, 1, true},
		"out of order":           {[]policy.Report{report("m1", 1, 5, up), report("m1", 1, 4, down)}, 5, 1, false},
		"twice":                  {[]policy.Report{report("m1", 1, 5, up), report("m1", 1, 5, down)}, 5, 1, false},
		"after a restart":        {[]policy.Report{report("m1", 1, 5, up), report("m1", 2, 1, down)}, 1, 2, true},
		"abstains":               {[]policy.Report{report("m1", 1, 1, up), {Vantage: "m1", Boot: 1, Seq: 2, Abstaining: true, Opinions: report("", 0, 0, up).Opinions}}, 2, 1, true},
		"of a new revision":      {[]policy.Report{report("m1", 1, 1, up), {Vantage: "m1", Boot: 1, Seq: 2, Opinions: []policy.Opinion{{Check: "a", Status: up, Revision: 7}}}}, 2, 1, true},
	} {
		h := newHearing()
		woke := false
		for _, r := range c.reports {
			h.woke()
			h.take(r)
			woke = h.woke()
		}
		var got policy.Report
		for _, v := range h.all(stateWith(1)) {
			got = v.Report
			if v.Node != "ns1" {
				t.Errorf("%s: heard as %q", name, v.Node)
			}
		}
		if got.Seq != c.seq || got.Boot != c.boot || woke != c.woke {
			t.Errorf("%s: report %d of boot %d stands, and the judge was called: %v", name, got.Seq, got.Boot, woke)
		}
	}
}

// Many opinions while the judge is busy call it once.
func TestHearingDoesNotBlock(t *testing.T) {
	h := newHearing()
	for i := range uint64(100) {
		h.take(report("m1", 1, i+1, policy.Status(1+i%2)))
	}
	if !h.woke() || h.woke() {
		t.Error("the judge is called once, not never or twice")
	}
}

func TestHearingAgesAndWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stateWith(3)
		h := newHearing()
		h.take(report("m1", 1, 1, up))
		time.Sleep(4 * time.Second)
		h.take(report("m2", 1, 1, up))
		h.take(report("stranger", 1, 1, up))
		if list := within(assigned(s), h.all(s)); len(list) != 2 {
			t.Errorf("after 4 s: %v", list)
		}
		time.Sleep(time.Duration(health.DefaultFreshFor) - 4*time.Second + 1)
		list := within(assigned(s), h.all(s))
		if len(list) != 1 || list[0] != (health.Assigned{ID: "m2", Label: "ns2"}) {
			t.Errorf("when the first is too old: %v", list)
		}
		for _, v := range h.all(s) {
			if want := policy.Duration(time.Second + 1); v.Vantage == "m2" && v.Age != want {
				t.Errorf("m2 was heard %v ago, want %v", v.Age, want)
			}
		}
	})
}

func TestCheckCache(t *testing.T) {
	var c checkCache
	s := stateWith(1)
	first := c.of(s)
	if len(first) != 3 {
		t.Fatalf("%d checks", len(first))
	}
	next := at(s, 11)
	p, _ := next.Pools.Get("web")
	p.Spec.Endpoints = p.Spec.Endpoints[:1]
	next.Pools.Set("web", p)
	if len(c.of(next)) != 3 {
		t.Error("the list was made anew though the configuration's revision stands")
	}
	next.ConfigRevision++
	if len(c.of(next)) != 1 {
		t.Error("the list is of an old configuration")
	}
	back := s.Clone() // a recovered cluster may come to the same revision with other content
	back.Epoch, back.ConfigRevision = 1, next.ConfigRevision
	if len(c.of(back)) != 3 {
		t.Error("the list is of an old epoch")
	}
}
