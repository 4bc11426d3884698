package change

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
)

// reviewed is a cluster of which every node knows objects.
func reviewed(t fataler) *machine { return started(t).level(policy.FeatureReview) }

func onePool(p policy.Pool) PutObject {
	return PutObject{Config: policy.Config{Pools: []policy.Pool{p}}}
}

func TestPutObjectTouchesNothingElse(t *testing.T) {
	m := reviewed(t)
	us, _ := m.s.Pools.Get("us")
	eu, _ := m.s.Pools.Get("eu")
	p := us.Spec
	p.MinAvailable.Count = 1
	o := m.accepted(Change{IfMatch: of(us.Rev), Body: onePool(p)})
	mustEqual(t, "the outcome's revision", o.Revision, m.s.Revision)
	got, _ := m.s.Pools.Get("us")
	mustEqual(t, "the pool's", got.Rev, o.Revision)
	other, _ := m.s.Pools.Get("eu")
	mustEqual(t, "another's", other.Rev, eu.Rev)
	mustEqual(t, "the configuration's", m.s.ConfigRevision, o.Revision)
	// Its revision is what counts, not the configuration's: a delayed request is refused, and one about another object is not (I-03).
	m.refused(policy.Stale, `pool "us" is at revision`, Change{IfMatch: of(us.Rev), Body: onePool(p)})
	e := eu.Spec
	e.MinAvailable.Count = 1
	m.accepted(Change{IfMatch: of(eu.Rev), Body: onePool(e)})
	// The same again makes no revision.
	rev := m.s.Revision
	mustEqual(t, "the revision of what changed nothing", m.ok(onePool(p)).Revision, got.Rev)
	mustEqual(t, "the state's", m.s.Revision, rev)
}

func TestPutObjectThatMustNotBeThere(t *testing.T) {
	m := reviewed(t)
	p := pool("sa", "us", policy.Endpoint{Name: "a", Address: netip.MustParseAddr("192.0.2.77")})
	m.refused(policy.Stale, `pool "us" is at revision`, Change{IfMatch: of(uint64(0)), Body: onePool(pool("us", "us"))})
	m.accepted(Change{IfMatch: of(uint64(0)), Body: onePool(p)})
	if !m.s.IDs.Has("pool/sa") || !m.s.IDs.Has("endpoint/sa/a") {
		t.Error("it has no ids")
	}
	m.refused(policy.Stale, `pool "sa" is at revision`, Change{IfMatch: of(uint64(0)), Body: onePool(p)})
	m.refuse(policy.Invalid, `there is no region "mars"`, onePool(pool("x", "mars")))
	us, _ := m.s.Pools.Get("us")
	us.Spec.Endpoints = slices.Clone(us.Spec.Endpoints)
	us.Spec.Endpoints[0].Region = "mars"
	for pointer, o := range map[string]policy.Outcome{
		"/region":             m.refuse(policy.Invalid, `there is no region "mars"`, onePool(pool("x", "mars"))),
		"/endpoints/0/region": m.refuse(policy.Invalid, `there is no region "mars"`, onePool(us.Spec)),
	} {
		mustEqual(t, "the pointer", o.Refused.Problems[0].Pointer, pointer)
	}
	m.refuse(policy.Invalid, "one object is put at a time, and here are 0", PutObject{})
	m.refuse(policy.Invalid, "one object is put at a time, and here are 2", PutObject{Config: policy.Config{Pools: []policy.Pool{p}, Regions: []policy.Region{{Name: "x"}}}})
}

func TestDeleteObjectThatIsInUse(t *testing.T) {
	m := reviewed(t)
	for object, by := range map[string]string{
		"pool/ap":     "pool/ap is in use: service/www.example.com refer to it",
		"region/us":   "region/us is in use: pool/us refer to it",
		"monitor/web": "monitor/web is in use: pool/ap, pool/eu, pool/us refer to it",
	} {
		m.refuse(policy.Conflict, by, DeleteObject{Object: object})
	}
	m.refuse(policy.NotFound, `there is no pool "mars"`, DeleteObject{Object: "pool/mars"})
	m.refuse(policy.Invalid, "is no object of the configuration", DeleteObject{Object: "pools/ap"})
	m.refuse(policy.Invalid, "is no object of the configuration", DeleteObject{Object: "pool/"}) // never all (I-05)
	m.ok(onePool(pool("sa", "us", policy.Endpoint{Name: "a", Address: netip.MustParseAddr("192.0.2.77")})))
	rev := m.s.ConfigRevision
	m.refused(policy.Stale, `pool "sa" is at revision`, Change{IfMatch: of(rev - 1), Body: DeleteObject{Object: "pool/sa"}})
	m.accepted(Change{IfMatch: of(rev), Body: DeleteObject{Object: "pool/sa"}})
	if m.s.Pools.Has("sa") || m.s.IDs.Has("pool/sa") || m.s.IDs.Has("endpoint/sa/a") || m.s.ConfigRevision == rev {
		t.Error("something of it is left")
	}
}

// A pool is many endpoints, which one change may not delete without force (I-04).
func TestDeleteObjectIsGuarded(t *testing.T) {
	m := reviewed(t)
	var list []policy.Endpoint
	for i := range 30 {
		list = append(list, policy.Endpoint{Name: fmt.Sprintf("e%d", i), Address: netip.AddrFrom4([4]byte{10, 1, 0, byte(i)})})
	}
	m.ok(onePool(pool("big", "us", list...)))
	m.refuse(policy.Unsafe, "this would delete 30 of 36 endpoints", DeleteObject{Object: "pool/big"})
	m.refuse(policy.Unsafe, "this would delete 29 of 36 endpoints", onePool(pool("big", "us", list[:1]...)))
	m.ok(DeleteObject{Object: "pool/big", Force: true})
}

func TestObjectsInABatch(t *testing.T) {
	m := reviewed(t)
	us, _ := m.s.Pools.Get("us")
	fresh := pool("sa", "sa", policy.Endpoint{Name: "a", Address: netip.MustParseAddr("192.0.2.77")})
	m.ok(Batch{[]Part{
		{of(uint64(0)), "", PutObject{Config: policy.Config{Regions: []policy.Region{{Name: "sa"}}}}},
		{of(uint64(0)), "", onePool(fresh)},
		{of(us.Rev), "", onePool(us.Spec)},
	}})
	m.refuse(policy.Conflict, "change 1 of 2 (object.delete) is refused, so none is made: region/sa is in use: pool/sa", Batch{[]Part{
		{nil, "", DeleteObject{Object: "region/sa"}}, {nil, "", DeleteObject{Object: "pool/sa"}},
	}})
	m.ok(Batch{[]Part{{nil, "", DeleteObject{Object: "pool/sa"}}, {nil, "", DeleteObject{Object: "region/sa"}}}})
}
