package change

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// stage sends a body in chunks of n octets and gives the commit for it.
func stage(m *machine, id string, b Body, n int) CommitStaged {
	m.t.Helper()
	data, err := EncodeBody(b)
	if err != nil {
		m.t.Fatalf("%v", err)
	}
	seq := 0
	for c := range chunks(data, n) {
		m.ok(StageChunk{id, seq, c})
		seq++
	}
	sum := sha256.Sum256(data)
	return CommitStaged{id, sum[:], seq}
}

func TestStagedWrite(t *testing.T) {
	m := started(t)
	var records []string
	for i := range 200 {
		records = append(records, fmt.Sprintf("h%d.example.com A", i))
	}
	z := zone(t, "example.com", records...)
	commit := stage(m, "s", PutZone{z}, 100)
	hash := m.s.Zones.Sum()
	m.s = roundTrip(t, m.s) // a snapshot in the middle does not lose it
	mustEqual(t, "the sum of the zones before the commit", m.s.Zones.Sum(), hash)
	rev := m.s.Revision
	o := m.accepted(Change{Request: "r", Actor: "alice", Body: commit})
	got, _ := m.s.Zones.Get(name("example.com").Key())
	if got.Owners.Sum() != z.Owners.Sum() || got.Rev != rev+1 || o.Revision != rev+1 {
		t.Fatal("another zone arrived")
	}
	mustEqual(t, "what is staged after the commit", m.s.Staged.Len(), 0)
	// The retry of the whole write is answered, and holds no space.
	commit = stage(m, "s2", PutZone{z}, 100)
	if o := m.do(Change{Request: "r", Body: commit}); !o.Replayed {
		t.Fatal("done twice")
	}
	mustEqual(t, "what is staged after the retry", m.s.Staged.Len(), 0)
}

func TestStagedEnvelope(t *testing.T) {
	m := started(t)
	z := zone(t, "example.com", "other.example.com A")
	o := m.refused(policy.Stale, "zone example.com is at revision", Change{IfMatch: of(uint64(99)), Body: stage(m, "s", PutZone{z}, 64)})
	mustEqual(t, "what is staged after a refusal", m.s.Staged.Len(), 0)
	if o.Revision != 0 {
		t.Fatal("a refusal made a revision")
	}
	// The commit's reason and actor are those of the change inside.
	m.refused(policy.Invalid, "a drain needs a reason", Change{Body: stage(m, "s", drain("region/us"), 64)})
	made := m.accepted(Change{Actor: "alice", Reason: "why", Body: stage(m, "s", drain("region/us"), 64)}).Made
	if c, _ := m.s.Controls.Get(made); c.Actor != "alice" || c.Reason != "why" {
		t.Fatalf("%+v", c)
	}
}

func TestStagingRefuses(t *testing.T) {
	m := started(t)
	chunk := func(seq int, data string) StageChunk { return StageChunk{"s", seq, []byte(data)} }
	m.refuse(policy.Conflict, `chunk 1 of the staged write "s" came when 0 were there; start the write again`, chunk(1, "b"))
	m.ok(chunk(0, "a"))
	m.ok(chunk(1, "b"))
	m.refuse(policy.Conflict, "chunk 1 of", chunk(1, "b")) // no chunk counts twice
	m.refuse(policy.Conflict, "chunk 3 of", chunk(3, "d"))
	sum := sha256.Sum256([]byte("ab"))
	m.refuse(policy.Conflict, "is not whole: 2 of 3 chunks are there", CommitStaged{"s", sum[:], 3})
	mustEqual(t, "what is staged after a refused commit", m.s.Staged.Len(), 0)
	m.refuse(policy.Conflict, "is not whole: 0 of 0", CommitStaged{"gone", sum[:], 0})
	m.ok(chunk(0, "a"))
	m.ok(chunk(0, "x")) // starts anew
	m.refuse(policy.Conflict, "does not have the checksum", CommitStaged{"s", sum[:], 1})
	// Neither a commit in a commit,
	inner := stage(m, "inner", drain("region/us"), 64)
	m.refused(policy.Invalid, "a staged write that commits a staged write", Change{Reason: "x", Body: stage(m, "outer", inner, 64)})
	// nor what this version does not know: that stops it, as it would outside of staging.
	m.ok(chunk(0, "nonsense"))
	sum = sha256.Sum256([]byte("nonsense"))
	if next, _, err := Apply(m.s, m.index+1, Change{Body: &CommitStaged{"s", sum[:], 1}}); policy.KindOf(err) != policy.Unsupported || next != m.s {
		t.Fatalf("%v", err)
	}
	// A commit given as a value frees its space like one from the log.
	next, o, err := Apply(m.s, m.index+1, Change{Body: CommitStaged{"s", nil, 1}})
	if err != nil || o.Refused == nil || next.Staged.Has("s") {
		t.Fatalf("%+v, %v", o, err)
	}
}

func TestStagingBound(t *testing.T) {
	m := started(t)
	// Pretend sizes: the bound counts them, and nothing reads the chunks.
	put := func(id string, size int, clock int64) {
		m.s = m.s.Clone()
		m.s.Staged.Set(id, policy.Staged{ID: id, Chunks: [][]byte{{1}}, Size: size, Clock: clock})
	}
	put("a", MaxStaged-10, 1000)
	put("b", 5, 1000)
	m.refuse(policy.Invalid, "are over the limit of 536870912", StageChunk{"c", 0, make([]byte, 6)})
	m.ok(StageChunk{"c", 0, make([]byte, 5)})
	m.refuse(policy.Invalid, "over the limit", StageChunk{"c", 1, make([]byte, 1)})
	m.refuse(policy.Invalid, "over the limit", StageChunk{"a", 1, make([]byte, 1)})
	m.ok(StageChunk{"a", 0, make([]byte, 100)}) // starts anew, in the place of what it had
	s, _ := m.s.Staged.Get("a")
	mustEqual(t, "the size of what started anew", s.Size, 100)

	// One stale write goes at a time; what is left counts in full.
	m = started(t)
	hour := int64(time.Hour)
	put("a", 10, 0)
	put("b", 10, 0)
	put("z", MaxStaged-12, 2*hour)
	m.refused(policy.Invalid, "over the limit", Change{Clock: 2 * hour, Body: StageChunk{"c", 0, []byte("123")}})
	m.accepted(Change{Clock: 2 * hour, Body: StageChunk{"c", 0, []byte("12")}})
	mustList(t, "what is staged", keys(m.s.Staged), "b", "c", "z")
	m.accepted(Change{Clock: 2 * hour, Body: StageChunk{"c", 1, []byte("12")}})
	mustList(t, "what is staged", keys(m.s.Staged), "c", "z")
	m.accepted(Change{Clock: 5 * hour, Body: StageChunk{"c", 2, []byte("1")}}) // its own staleness does not matter
	mustList(t, "what is staged", keys(m.s.Staged), "c")
}

func TestStageChunkBytes(t *testing.T) {
	for _, c := range []StageChunk{{"", 0, nil}, {"id", 1 << 20, bytes.Repeat([]byte{0}, 300)}, {string(bytes.Repeat([]byte{'x'}, 200)), 0, []byte("y")}} {
		b, err := c.MarshalBinary()
		var back StageChunk
		if err != nil || back.UnmarshalBinary(b) != nil || back.ID != c.ID || back.Seq != c.Seq || !bytes.Equal(back.Data, c.Data) {
			t.Errorf("%v came back as %v: %v", c, back, err)
		}
		if len(b) > 10 {
			b[len(b)-1] ^= 1
			if back.Data[len(back.Data)-1] != c.Data[len(c.Data)-1] {
				t.Error("a chunk shares memory with the log's buffer")
			}
		}
	}
}
