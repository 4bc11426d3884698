package change

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
	"pgregory.net/rapid"
)

// drawChange makes a change that a state like those of these tests may accept or refuse.
func drawChange(t *rapid.T, s *policy.State) Change {
	c := Change{Actor: "a", Reason: rapid.SampledFrom([]string{"why", "why", "why", ""}).Draw(t, "reason"), Clock: rapid.Int64Range(0, 100).Draw(t, "clock") * 1e9}
	if rapid.IntRange(0, 3).Draw(t, "with request") == 0 {
		c.Request = fmt.Sprintf("r%d", rapid.IntRange(0, 20).Draw(t, "request"))
	}
	if rapid.IntRange(0, 5).Draw(t, "with match") == 0 {
		c.IfMatch = of(rapid.SampledFrom([]uint64{0, 1, s.Revision, s.ConfigRevision}).Draw(t, "match"))
	}
	c.Body = drawBody(t, s, true)
	return c
}

func drawBody(t *rapid.T, s *policy.State, staging bool) Body {
	zones := []string{"example.com", "sub.example.com", "example.org"}
	targets := []string{"region/us", "region/eu", "provider/aws", "pool/us", "endpoint/us/a", "endpoint/eu/b", "az/us/a", "nonsense"}
	pick := func(list ...string) string { return rapid.SampledFrom(list).Draw(t, "pick") }
	kinds := []string{"edit", "edit", "edit", "zone", "zone", "config", "config", "config", "drain", "drain", "undrain", "verdicts", "verdicts", "delete zone", "expire", "member", "secret", "feature", "cookies",
		"latency", "latency", "load", "load", "signal", "signal", "no signal", "outdated"}
	if staging {
		kinds = append(kinds, "chunk", "commit", "batch", "batch")
	}
	switch kind := rapid.SampledFrom(kinds).Draw(t, "kind"); kind {
	case "zone":
		apex := pick(zones...)
		var records []string
		for range rapid.IntRange(0, 4).Draw(t, "records") {
			records = append(records, pick("www.", "a.", "x.y.", "*.", "")+apex+" "+pick("A", "AAAA", "TXT", "TXT"))
		}
		return PutZone{zone(t, apex, records...)}
	case "edit":
		return drawEdit(t, pick(zones...))
	case "batch":
		var b Batch
		for range rapid.IntRange(0, 4).Draw(t, "parts") {
			p := Part{Reason: pick("", "part"), Body: drawBody(t, s, false)}
			if rapid.IntRange(0, 4).Draw(t, "with match") == 0 {
				p.IfMatch = of(rapid.SampledFrom([]uint64{0, s.Revision, s.ConfigRevision}).Draw(t, "match"))
			}
			if k := KindOf(p.Body); batchable[k] {
				b.Parts = append(b.Parts, p)
			}
		}
		return b
	case "delete zone":
		return DeleteZone{name(pick(zones...))}
	case "config":
		return PutConfig{drawConfig(t), rapid.Bool().Draw(t, "merge"), rapid.Bool().Draw(t, "force")}
	case "drain":
		return PutControl{Target: pick(targets...), Action: policy.Drain, ExpiresIn: policy.Duration(rapid.Int64Range(0, 50).Draw(t, "expires") * 1e9)}
	case "undrain":
		return DeleteControl{ID: pick(append(keys(s.Controls), "c0")...)}
	case "verdicts":
		var edges []policy.Edge
		for _, check := range s.Checks() {
			if rapid.Bool().Draw(t, "edge") {
				edges = append(edges, policy.Edge{Verdict: policy.Verdict{Check: check.ID, Status: policy.Status(rapid.IntRange(0, 2).Draw(t, "status")), Ramp: rapid.IntRange(0, 100).Draw(t, "ramp")}})
			}
		}
		return RecordVerdicts{append(edges, policy.Edge{Verdict: policy.Verdict{Check: "gone/x@y"}})}
	case "expire":
		return ExpireControls{}
	case "member":
		m := policy.Member{ID: pick("m1", "m2", "m3"), Node: pick("ns1", "ns2", "ns3"), Feature: rapid.IntRange(0, 1).Draw(t, "feature")}
		if rapid.IntRange(0, 4).Draw(t, "leave") == 0 {
			return DeleteMember{m.ID}
		}
		return PutMember{m}
	case "secret":
		if rapid.Bool().Draw(t, "delete") {
			return DeleteSecret{pick("s", "t")}
		}
		return PutSecret{policy.Secret{Name: pick("s", "t"), Sealed: []byte(pick("1", "2"))}}
	case "cookies":
		b := RollCookies{Step: policy.CookieStep(pick("learn", "sign", "forget")), From: pick("", "a", "b"), Due: 7}
		if c := s.Cluster.Cookies; c != nil && rapid.Bool().Draw(t, "fitting") {
			b.Step, b.From = c.Next(), c.Signing
		}
		if b.Step == policy.CookieLearn {
			b.Key = policy.CookieKey{ID: pick("a", "b"), Sealed: []byte{1}}
		}
		return b
	case "feature":
		return RaiseFeature{rapid.IntRange(0, 1).Draw(t, "level")}
	case "latency":
		b := PutLatency{MaxAge: policy.Duration(rapid.Int64Range(0, 40).Draw(t, "age") * 1e9)}
		for range rapid.IntRange(0, 3).Draw(t, "measurements") {
			m := Measurement{Subject: pick("192.0.2.0/24", "192.0.2.9/24", "2001:db8::/48", "country/DE", "asn/1", "nonsense")}
			if rapid.IntRange(0, 3).Draw(t, "gone") > 0 {
				m.Region, m.Ms = pick("us", "eu", "ap", "mars"), rapid.Float64Range(-1, policy.MaxMs+1).Draw(t, "ms")
			}
			b.Measurements = append(b.Measurements, m)
		}
		return b
	case "load":
		var b PutLoad
		for range rapid.IntRange(0, 3).Draw(t, "loads") {
			b.Loads = append(b.Loads, TargetLoad{pick("pool/us", "pool/eu", "endpoint/us/a", "region/ap", "service/www.example.com", "nonsense"),
				of(rapid.Float64Range(-1, 2e15).Draw(t, "load")), policy.Duration(rapid.Int64Range(0, 40).Draw(t, "age") * 1e9)})
		}
		return b
	case "signal":
		return PutSignal{pick("a", "b", "c", "no name"), policy.Status(rapid.IntRange(0, 2).Draw(t, "status")), policy.Duration(rapid.Int64Range(0, 40).Draw(t, "age") * 1e9)}
	case "no signal":
		return DeleteSignal{pick("a", "b", "c")}
	case "outdated":
		return ExpireMeasured{}
	case "chunk":
		data, err := EncodeBody(drawBody(t, s, false))
		if err != nil {
			t.Fatal(err)
		}
		return StageChunk{pick("s1", "s2"), rapid.IntRange(0, 1).Draw(t, "seq"), data}
	default:
		id := pick("s1", "s2")
		staged, _ := s.Staged.Get(id)
		sum := sha256.Sum256(bytes.Join(staged.Chunks, nil))
		n := len(staged.Chunks)
		if n > 1 {
			n = 1 // two whole bodies in a row are no change
		}
		return CommitStaged{id, sum[:], n}
	}
}

func drawEdit(t *rapid.T, apex string) EditZone {
	e := EditZone{Zone: name(apex)}
	pick := func(list ...string) string { return rapid.SampledFrom(list).Draw(t, "pick") }
	owner := func() policy.Name { return name(pick("www.", "a.", "x.y.", "*.", "") + apex) }
	set := func() policy.RRset {
		o := zone(t, "x", "x "+pick("A", "AAAA", "TXT", "CNAME", "NS")).Owner(name("x"))
		return o.RRsets[rapid.IntRange(0, len(o.RRsets)-1).Draw(t, "set")]
	}
	for range rapid.IntRange(0, 1).Draw(t, "prerequisites") {
		rr := set()
		switch r := Require(pick(string(RRsetExists), string(RRsetEquals), string(RRsetAbsent), string(NameInUse), string(NameNotInUse))); r {
		case RRsetEquals:
			e.Prerequisites = append(e.Prerequisites, Prerequisite{r, owner(), rr.Type, rr.Data})
		case NameInUse, NameNotInUse:
			e.Prerequisites = append(e.Prerequisites, Prerequisite{r, owner(), 0, nil})
		default:
			e.Prerequisites = append(e.Prerequisites, Prerequisite{r, owner(), rr.Type, nil})
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "updates") {
		rr := set()
		u := Update{Op: Op(pick(string(Add), string(Add), string(Replace), string(DeleteRRset), string(DeleteName), string(DeleteRecords))), Name: owner(), Type: rr.Type}
		switch u.Op {
		case DeleteName:
			u.Type = 0
		case Add, Replace, DeleteRecords:
			u.TTL, u.Data = rr.TTL, rr.Data
		}
		e.Updates = append(e.Updates, u)
	}
	return e
}

func drawConfig(t *rapid.T) policy.Config {
	c := policy.Config{Monitors: []policy.Monitor{{Name: "web", TCP: &policy.TCPCheck{Port: rapid.IntRange(80, 81).Draw(t, "port")}}}}
	if rapid.IntRange(0, 3).Draw(t, "secret") == 0 {
		c.Monitors[0] = policy.Monitor{Name: "web", HTTP: &policy.HTTPCheck{Authorization: &policy.SecretRef{Secret: "s"}}}
	}
	s := policy.Service{Name: name(rapid.SampledFrom([]string{"www.example.com", "www.sub.example.com", "example.org", "nowhere.test", "*.example.com"}).Draw(t, "service"))}
	for i, r := range []string{"us", "eu", "ap"} {
		if rapid.IntRange(0, 3).Draw(t, "skip") == 0 {
			continue
		}
		c.Regions = append(c.Regions, policy.Region{Name: r, Provider: "aws"})
		p := policy.Pool{Name: r, Region: r, Monitor: "web", MinAvailable: policy.Amount{Count: rapid.IntRange(0, 1).Draw(t, "min")}}
		for j, e := range []string{"a", "b"}[:rapid.IntRange(1, 2).Draw(t, "endpoints")] {
			ep := policy.Endpoint{Name: e, Address: netip.AddrFrom4([4]byte{10, byte(i), 0, byte(j)}), Weight: rapid.SampledFrom([]*int{nil, of(0), of(5)}).Draw(t, "weight")}
			if rapid.IntRange(0, 5).Draw(t, "cname") == 0 {
				ep = policy.Endpoint{Name: e, Hostname: name("lb.example.net")}
			}
			p.Endpoints = append(p.Endpoints, ep)
		}
		c.Pools = append(c.Pools, p)
		s.Steer.Failover = append(s.Steer.Failover, branch(r))
	}
	if len(s.Steer.Failover) > 0 {
		c.Services = []policy.Service{s}
		if rapid.IntRange(0, 2).Draw(t, "rule") == 0 {
			c.SafetyRules = []policy.SafetyRule{{Name: "keep", AtLeast: &policy.AtLeast{Regions: rapid.IntRange(1, 2).Draw(t, "regions")}}}
		}
	}
	return c
}

// invariants are true of every state that changes make.
func invariants(t *rapid.T, before, s *policy.State, c Change, o policy.Outcome) {
	if err := s.Config().Validate(); err != nil {
		t.Fatalf("the state's own configuration is not valid: %v", err)
	}
	checks := map[string]bool{}
	for _, k := range s.Checks() {
		checks[k.ID] = true
	}
	for id := range s.Verdicts.All {
		if !checks[id] {
			t.Fatalf("a verdict on %s, which nothing probes", id)
		}
	}
	d := &making{State: s.Clone(), change: &Change{}, outcome: &policy.Outcome{}}
	if err := d.checkServices(s.Config().Services); err != nil {
		t.Fatalf("services and zones clash: %v", err)
	}
	seen := map[uint32]string{}
	was := ids(before)
	for id, n := range s.IDs.All {
		if seen[n] != "" || n == 0 || n > s.NextID {
			t.Fatalf("%s and %s share the id %d", id, seen[n], n)
		}
		_, batch := c.Body.(Batch) // which may delete an object and make it anew
		if old, ok := was[id]; ok && old != n && !batch {
			t.Fatalf("%s had the id %d and has %d", id, old, n)
		}
		seen[n] = id
	}
	for _, p := range s.Pools.All {
		for _, e := range p.Spec.Endpoints {
			if !s.IDs.Has(policy.EndpointID(p.Spec.Name, e.Name)) {
				t.Fatalf("endpoint %s/%s has no id", p.Spec.Name, e.Name)
			}
		}
	}
	for _, z := range s.Zones.All {
		for _, o := range z.Owners.All {
			if o.Service != 0 || len(o.RRsets) == 0 && o.Children == 0 {
				t.Fatalf("zone %s has an owner %+v", z.Name, o)
			}
		}
		if id, ok := s.IDs.Get("zone/" + z.Name.String()); !ok || id != z.ID || z.SOA() == nil || z.Rev == 0 || z.Rev > s.Revision {
			t.Fatalf("zone %s has the id %d, of %d, and the revision %d of %d", z.Name, z.ID, id, z.Rev, s.Revision)
		}
	}
	for key, l := range s.Latencies.All {
		if l.Subject != key || len(l.Regions) == 0 || s.Feature < policy.FeatureSteering {
			t.Fatalf("%s has the latency %+v", key, l)
		}
		for i, r := range l.Regions {
			if !s.Regions.Has(r.Region) || i > 0 && r.Region <= l.Regions[i-1].Region {
				t.Fatalf("%s has the round trips %+v", key, l.Regions)
			}
		}
	}
	for target, l := range s.Loads.All {
		if l.Target != target || !s.IDs.Has(target) || s.Feature < policy.FeatureSteering {
			t.Fatalf("%s has the load %+v", target, l)
		}
	}
	for name, v := range s.Signals.All {
		if v.Name != name || v.Status == policy.Unknown || v.MaxAge < policy.MinSignalAge || v.Stale && v.Due() > s.Clock || s.Feature < policy.FeatureHealth {
			t.Fatalf("the signal %s is %+v at %d", name, v, s.Clock)
		}
	}
	if s.Revision < before.Revision || s.Revision > before.Revision+1 || s.ConfigRevision > s.Revision {
		t.Fatalf("the revision went from %d to %d", before.Revision, s.Revision)
	}
	if s.Requests.Len() != s.RequestLog.Len() {
		t.Fatalf("%d requests, %d in the log", s.Requests.Len(), s.RequestLog.Len())
	}
	switch c.Body.(type) {
	case RecordVerdicts, PutMember, DeleteMember, StageChunk, RaiseFeature, PutLatency, PutLoad, PutSignal, DeleteSignal, ExpireMeasured:
		if s.Revision != before.Revision {
			t.Fatalf("%s raised the revision", KindOf(c.Body))
		}
	}
	if o.Refused != nil && o.Refused.Message == "" && len(o.Refused.Problems) == 0 {
		t.Fatal("a refusal without a word")
	}
}

// TestLogs: the same log gives the same state on every node, whatever its
// number of processors, and whether it was replayed from the start or from a
// snapshot in the middle (I-15, R-13). No state is ever touched again.
func TestLogs(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	rapid.Check(t, func(t *rapid.T) {
		m := started(t)
		if level := rapid.SampledFrom([]int{1, policy.FeatureSteering, policy.FeatureHealth}).Draw(t, "level in force"); level > 1 {
			m.level(level)
		}
		start := m.s
		base, first := m.index, m.s.Hash()
		var log [][]byte
		var hashes []uint64
		var states []*policy.State
		for range rapid.IntRange(1, 25).Draw(t, "changes") {
			c := drawChange(t, m.s)
			before := m.s
			o := m.do(c)
			switch {
			case o.Replayed:
				m.unchanged(before, CommitStaged{})
			case o.Refused != nil:
				m.unchanged(before, c.Body)
			}
			invariants(t, before, m.s, c, o)
			b, err := Encode(c)
			if err != nil {
				t.Fatal(err)
			}
			log, hashes, states = append(log, b), append(hashes, m.s.Hash()), append(states, m.s)
		}
		replay := func(s *policy.State, from int) error {
			for i := from; i < len(log); i++ {
				c, err := Decode(log[i])
				if err != nil {
					return err
				}
				if s, _, err = Apply(s, base+uint64(i)+1, c); err != nil {
					return err
				}
				if s.Hash() != hashes[i] {
					return fmt.Errorf("at entry %d of %d (%s) the hash is %x, not %x", i, len(log), KindOf(c.Body), s.Hash(), hashes[i])
				}
			}
			return nil
		}
		cut := rapid.IntRange(0, len(log)-1).Draw(t, "cut")
		restored := roundTrip(t, states[cut])
		for _, n := range []int{1, 2, 8} {
			runtime.GOMAXPROCS(n)
			var wg sync.WaitGroup
			errs := make([]error, 3)
			wg.Go(func() { errs[0] = replay(start, 0) })
			wg.Go(func() { errs[1] = replay(start, 0) })
			wg.Go(func() { errs[2] = replay(restored, cut+1) })
			wg.Wait()
			for i, err := range errs {
				if err != nil {
					t.Fatalf("replay %d with %d processors: %v", i, n, err)
				}
			}
		}
		for i, s := range states {
			if s.Hash() != hashes[i] {
				t.Fatalf("state %d changed after it was made", i)
			}
		}
		if start.Hash() != first {
			t.Fatal("the state before the log changed")
		}
		roundTrip(t, m.s)
	})
}

// FuzzApply: whatever bytes a log holds, Apply does not panic (I-12), leaves
// the state it was given alone, and makes a state that comes back from its own bytes.
func FuzzApply(f *testing.F) {
	full := fullState(f)
	staged := full.Clone()
	if data, err := EncodeBody(DeleteZone{name("example.com")}); err == nil {
		staged.Staged.Set("s-2", policy.Staged{ID: "s-2"}.Append(data, 1))
	}
	hash := staged.Hash()
	for _, c := range samples(f) {
		b, err := Encode(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		c.IfMatch, c.Request = nil, ""
		if b, err = Encode(c); err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Add([]byte{})
	f.Add([]byte{format, 2, '{', '}'})
	f.Fuzz(func(t *testing.T, in []byte) {
		c, err := Decode(in)
		if err != nil {
			if policy.KindOf(err) != policy.Unsupported {
				t.Fatalf("Decode gives %v, which does not stop the log", err)
			}
			return
		}
		for _, s := range []*policy.State{staged, policy.NewState()} {
			before := s.Hash()
			next, o, err := Apply(s, s.Index+1, c)
			if s.Hash() != before {
				t.Fatal("the state that was given changed")
			}
			if err != nil {
				if policy.KindOf(err) != policy.Unsupported || next != s {
					t.Fatalf("Apply gives %v", err)
				}
				continue
			}
			if next.Index != s.Index+1 && !o.Replayed {
				t.Fatalf("index %d", next.Index)
			}
			roundTrip(t, next)
		}
		if staged.Hash() != hash {
			t.Fatal("the state changed over many changes")
		}
		if _, err := Encode(c); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
	})
}

// FuzzReadState: a snapshot or journal that is cut off or damaged is refused, never half read.
func FuzzReadState(f *testing.F) {
	var b bytes.Buffer
	if err := WriteState(&b, fullState(f)); err != nil {
		f.Fatal(err)
	}
	whole := b.Bytes()
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	var empty bytes.Buffer
	if err := WriteState(&empty, policy.NewState()); err != nil {
		f.Fatal(err)
	}
	f.Add(empty.Bytes())
	f.Add([]byte(stateMagic + "Z\x01x\x0f{\"name\":\"a.b\"}R\x03\x01a\x00\x07\x00\x01\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := ReadState(bytes.NewReader(in))
		if err == nil {
			roundTrip(t, s)
		}
	})
}

// TestReadStateDamage flips bytes and cuts the file at many lengths: none of it passes for a state.
func TestReadStateDamage(t *testing.T) {
	var b bytes.Buffer
	s := fullState(t)
	if err := WriteState(&b, s); err != nil {
		t.Fatal(err)
	}
	whole := bytes.Clone(b.Bytes())
	for n := 0; n < len(whole); n += 7 {
		if _, err := ReadState(bytes.NewReader(whole[:n])); err == nil {
			t.Fatalf("%d of %d octets pass for a state", n, len(whole))
		}
	}
	for i := 0; i < len(whole); i += 5 {
		bad := bytes.Clone(whole)
		bad[i] ^= 0x01
		if got, err := ReadState(bytes.NewReader(bad)); err == nil {
			b.Reset()
			if err := WriteState(&b, got); err != nil || !bytes.Equal(b.Bytes(), whole) {
				t.Fatalf("a flip at octet %d passes for another state: %q", i, whole[max(0, i-20):i+5])
			}
		}
	}
	// What follows the state is not read as part of it.
	if got, err := ReadState(bytes.NewReader(append(bytes.Clone(whole), "more"...))); err != nil || got.Hash() != s.Hash() {
		t.Fatalf("%v", err)
	}
}
