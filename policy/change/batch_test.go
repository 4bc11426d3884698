package change

import (
	"strconv"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
)

func TestBatchIsOneChange(t *testing.T) {
	m := edited(t)
	before := m.s.Revision
	a := rdata(t, policy.TypeA, "192.0.2.9")
	o := m.ok(Batch{[]Part{
		{nil, "", PutZone{zone(t, "example.net", "www.example.net A")}},
		{of(m.zone().Rev), "", EditZone{Zone: name("example.com"), Updates: []Update{{Add, name("x.example.com"), policy.TypeA, 5, a}}}},
		{of(m.zone().Rev), "", EditZone{Zone: name("example.com"), Prerequisites: []Prerequisite{{RRsetExists, name("x.example.com"), policy.TypeA, nil}}, Updates: []Update{{Add, name("y.example.com"), policy.TypeA, 5, a}}}},
		{of(m.s.ConfigRevision), "", PutConfig{Config: policy.Config{Regions: []policy.Region{{Name: "sa"}}}, Merge: true}},
		{nil, "", PutControl{Target: "region/us", Action: policy.Drain}},
		{nil, "of its own", PutControl{Target: "region/eu", Action: policy.Drain}},
	}})
	mustEqual(t, "the revision", m.s.Revision, before+1)
	mustEqual(t, "the outcome's", o.Revision, before+1)
	mustEqual(t, "the zone's", m.zone().Rev, before+1)
	mustEqual(t, "the configuration's", m.s.ConfigRevision, before+1)
	region, _ := m.s.Regions.Get("sa")
	mustEqual(t, "the region's", region.Rev, before+1)
	mustList(t, "what was made", keys(m.s.Controls), "c"+itoa(o.Index), "c"+itoa(o.Index)+"-2")
	mustEqual(t, "the ids", o.Made, "c"+itoa(o.Index)+" c"+itoa(o.Index)+"-2")
	for id, want := range map[string]string{"c" + itoa(o.Index): "because", "c" + itoa(o.Index) + "-2": "of its own"} {
		c, _ := m.s.Controls.Get(id)
		mustEqual(t, "the reason of "+id, c.Reason, want)
	}
	// The same again changes nothing but the controls, and is refused for what it was based on.
	m.refuse(policy.Stale, "change 1 of 1 (zone.delete) is refused, so none is made: zone example.net is at revision", Batch{[]Part{{of(before), "", DeleteZone{name("example.net")}}}})
	m.refused(policy.Stale, "the state is at revision", Change{IfMatch: of(before), Reason: "r", Body: Batch{[]Part{{nil, "", DeleteZone{name("example.net")}}}}})
}

func itoa(n uint64) string { return strconv.FormatUint(n, 10) }

func TestBatchIsRefusedWhole(t *testing.T) {
	good := Part{nil, "", PutZone{zone(t, "example.net")}}
	edit := func(u ...Update) Part { return Part{nil, "", EditZone{Zone: name("example.com"), Updates: u}} }
	for _, c := range []struct {
		kind    policy.Kind
		pointer string
		part    Part
	}{
		{policy.Conflict, "/changes/1/updates/1", edit(Update{DeleteName, name("x.example.com"), 0, 0, nil}, Update{DeleteRRset, name("example.com"), policy.TypeNS, 0, nil})},
		{policy.Conflict, "/changes/1/prerequisites/0", Part{nil, "", EditZone{Zone: name("example.net"), Prerequisites: []Prerequisite{{NameNotInUse, name("example.net"), 0, nil}}}}},
		{policy.NotFound, "/changes/1", Part{nil, "", DeleteZone{name("example.org")}}},
		{policy.Stale, "/changes/1", Part{of(uint64(99)), "", DeleteZone{name("example.net")}}},
		{policy.Invalid, "/changes/1/regions/0/name", Part{nil, "", PutConfig{Config: policy.Config{Regions: []policy.Region{{}}}, Merge: true}}},
		{policy.NotFound, "/changes/1", Part{nil, "", PutControl{Target: "region/mars", Action: policy.Drain}}},
	} {
		m := edited(t)
		o := m.refuse(c.kind, "change 2 of 2 (", Batch{[]Part{good, c.part}})
		if p := o.Refused.Problems; len(p) == 0 || p[0].Pointer != c.pointer {
			t.Errorf("%+v, want it at %s", p, c.pointer)
		}
	}
	m := edited(t)
	m.refuse(policy.Invalid, "there are no changes", Batch{})
	many := Batch{Parts: make([]Part, MaxParts+1)}
	for i := range many.Parts {
		many.Parts[i] = edit()
	}
	m.refuse(policy.Invalid, "10001 changes; 10000 are the most", many)
	for _, b := range []Body{Batch{}, CommitStaged{}, PutSecret{}, ExpireControls{}, RaiseFeature{}} {
		_, o, err := Apply(m.s, m.index+1, Change{Body: Batch{[]Part{{nil, "", b}}}})
		if err != nil || o.Refused == nil || o.Refused.Kind != policy.Invalid {
			t.Errorf("%s in a batch: %v, %v", KindOf(b), o.Refused, err)
		}
		if data, err := Encode(Change{Body: Batch{[]Part{{nil, "", b}}}}); err == nil {
			if _, err := Decode(data); policy.KindOf(err) != policy.Unsupported {
				t.Errorf("%s in a batch is read: %v", KindOf(b), err)
			}
		}
	}
}
