package node

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/health"
)

func report(vantage string, boot, seq uint64, statuses ...policy.Status) policy.Report {
	r := policy.Report{Vantage: vantage, Boot: boot, Seq: seq}
	for i, s := range statuses {
		r.Opinions = append(r.Opinions, policy.Opinion{Key: uint64(i + 1), Status: s})
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
		"later, of other causes": {[]policy.Report{report("m1", 1, 1, down), {Vantage: "m1", Boot: 1, Seq: 2, Opinions: []policy.Opinion{{Key: 1, Status: down, Cause: policy.CauseDNS, Against: 2}}}}, 2, 1, false},
		"out of order":           {[]policy.Report{report("m1", 1, 5, up), report("m1", 1, 4, down)}, 5, 1, false},
		"twice":                  {[]policy.Report{report("m1", 1, 5, up), report("m1", 1, 5, down)}, 5, 1, false},
		"after a restart":        {[]policy.Report{report("m1", 1, 5, up), report("m1", 2, 1, down)}, 1, 2, true},
		"abstains":               {[]policy.Report{report("m1", 1, 1, up), {Vantage: "m1", Boot: 1, Seq: 2, Abstaining: true, Opinions: report("", 0, 0, up).Opinions}}, 2, 1, true},
		"of a new revision":      {[]policy.Report{report("m1", 1, 1, up), {Vantage: "m1", Boot: 1, Seq: 2, Opinions: []policy.Opinion{{Key: 7, Status: up}}}}, 2, 1, true},
	} {
		h := newHearing()
		woke := false
		for _, r := range c.reports {
			h.woke()
			h.take(r)
			woke = h.woke()
		}
		got := policy.Report{}
		for _, v := range h.all(stateWith(1), listOf(policy.NewState())) {
			got = h.last[v.Vantage].report
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
		h, none := newHearing(), listOf(policy.NewState())
		h.take(report("m1", 1, 1, up))
		time.Sleep(4 * time.Second)
		h.take(report("m2", 1, 1, up))
		h.take(report("stranger", 1, 1, up))
		if list := lately(health.Vantages(s), h.all(s, none)); !slices.Equal(list, []bool{true, true, false}) {
			t.Errorf("after 4 s: %v", list)
		}
		time.Sleep(time.Duration(health.DefaultFreshFor) - 4*time.Second + 1)
		list := lately(health.Vantages(s), h.all(s, none))
		if !slices.Equal(list, []bool{false, true, false}) {
			t.Errorf("when the first is too old: %v", list)
		}
		for _, v := range h.all(s, none) {
			if want := policy.Duration(time.Second + 1); v.Vantage == "m2" && v.Age != want {
				t.Errorf("m2 was heard %v ago, want %v", v.Age, want)
			}
		}
	})
}

func TestCheckCache(t *testing.T) {
	var c checkCache
	s := stateWith(1)
	first := c.of(s).checks
	if len(first) != 3 {
		t.Fatalf("%d checks", len(first))
	}
	next := at(s, 11)
	p, _ := next.Pools.Get("web")
	p.Spec.Endpoints = p.Spec.Endpoints[:1]
	next.Pools.Set("web", p)
	if len(c.of(next).checks) != 3 {
		t.Error("the list was made anew though the configuration's revision stands")
	}
	next.ConfigRevision++
	if len(c.of(next).checks) != 1 {
		t.Error("the list is of an old configuration")
	}
	back := s.Clone() // a recovered cluster may come to the same revision with other content
	back.Epoch, back.ConfigRevision = 1, next.ConfigRevision
	if len(c.of(back).checks) != 3 {
		t.Error("the list is of an old epoch")
	}
}

// A report is read by the checks of the moment, in whichever order it names
// them; when they change it is read anew, and what it says of an old revision is nothing.
func TestHearingAligns(t *testing.T) {
	s := stateWith(1)
	h := newHearing()
	r := saying(s, "m1", 1, up, down, unknown)
	r.Opinions = append(r.Opinions, policy.Opinion{Key: 42, Status: down}) // of no check
	reads := func(s *policy.State, want string) {
		t.Helper()
		got := ""
		list := listOf(s)
		for range 2 { // the second time from what it has made
			voices := h.all(s, list)
			got = ""
			for i, o := range voices[0].Opinions {
				if o.Key != 0 && o.Key != list.checks[i].Key {
					t.Errorf("an opinion of another check in the place of %s", list.checks[i].ID)
				}
				got += "?ud"[o.Status : o.Status+1]
			}
			if got != want {
				t.Errorf("reads %s, want %s", got, want)
			}
		}
	}
	h.take(r)
	reads(s, "ud?")
	slices.Reverse(r.Opinions)
	r.Seq++
	h.take(r)
	reads(s, "ud?")
	edited := s.Clone()
	edited.ConfigRevision++
	p, _ := edited.Pools.Get("web")
	p.Spec.Endpoints = append([]policy.Endpoint{{Name: "0", Address: netip.MustParseAddr("203.0.113.9")}}, p.Spec.Endpoints...)
	p.Spec.Endpoints[2].Address = netip.MustParseAddr("203.0.113.10") // b's check is another now
	edited.Pools.Set("web", p)
	reads(edited, "?u??")
	reads(s, "ud?") // and back
	if list := h.all(s, listOf(policy.NewState())); len(list[0].Opinions) != 0 {
		t.Errorf("without checks: %+v", list)
	}
}

// What comes over the wire of another version, or from another node than it says, is refused.
func TestReportOfAnotherVersion(t *testing.T) {
	body, err := (&policy.Report{Vantage: "m1", Boot: 1, Seq: 1}).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	n := &Node{hearing: newHearing()}
	if _, err := n.heardReport("m1", body); err != nil || len(n.hearing.ages()) != 1 {
		t.Errorf("a good report: %v", err)
	}
	if _, err := n.heardReport("m2", body); policy.KindOf(err) != policy.Invalid {
		t.Errorf("a report in another's name: %v", err)
	}
	body[0] = 9
	if _, err := n.heardReport("m1", body); policy.KindOf(err) != policy.Invalid || !strings.Contains(err.Error(), "version 9") {
		t.Errorf("a report of version 9: %v", err)
	}
}
