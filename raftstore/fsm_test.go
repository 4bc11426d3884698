package raftstore

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/hashicorp/raft"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
)

func testBoard(t testing.TB) *board {
	return newBoard(Config{Logger: quietLog()})
}

func encoded(c change.Change) []byte { return must(change.Encode(c)) }

type sink struct{ bytes.Buffer }

func (*sink) Close() error  { return nil }
func (*sink) Cancel() error { return nil }
func (*sink) ID() string    { return "test" }

// I-12: an unknown change stops applying for good, whatever comes after, and
// the log is not truncated over it; a raft snapshot from beyond it lifts the stop.
func TestUnknownChangeStopsApplying(t *testing.T) {
	f := newFSM(testBoard(t))
	if _, ok := f.Apply(&raft.Log{Index: 1, Data: encoded(*initChange("n1", "192.0.2.1:1"))}).(policy.Outcome); !ok {
		t.Fatal("the first change is not applied")
	}
	before := f.board.state.Load()
	if err, ok := f.Apply(&raft.Log{Index: 2, Data: []byte{99, 1, 2}}).(error); !ok || policy.KindOf(err) != policy.Unsupported {
		t.Fatalf("an unknown format gave %v", err)
	}
	if err, ok := f.Apply(&raft.Log{Index: 3, Data: encoded(member("", "x"))}).(error); !ok || policy.KindOf(err) != policy.Unsupported {
		t.Errorf("the entry after an unknown one gave %v", err)
	}
	if f.board.state.Load() != before {
		t.Error("the state moved past the unknown change")
	}
	if _, err := f.Snapshot(); err == nil {
		t.Error("a raft snapshot can be taken, and the log truncated over the unknown change")
	}

	other := newFSM(testBoard(t))
	for i := range 5 {
		other.Apply(&raft.Log{Index: uint64(i + 1), Data: encoded(member("", fmt.Sprintf("m%d", i)))})
	}
	var s sink
	if err := must(other.Snapshot()).Persist(&s); err != nil {
		t.Fatal(err)
	}
	if err := f.Restore(io.NopCloser(bytes.NewReader([]byte("damaged")))); err == nil {
		t.Error("a damaged raft snapshot is restored")
	}
	if f.stopped.Load() == nil || f.state != before {
		t.Error("a damaged raft snapshot changed something")
	}
	if err := f.Restore(io.NopCloser(&s)); err != nil {
		t.Fatal(err)
	}
	if _, ok := f.Apply(&raft.Log{Index: 6, Data: encoded(member("", "after"))}).(policy.Outcome); !ok || f.state.Members.Has("n1") || !f.state.Members.Has("m4") {
		t.Error("after a raft snapshot applying does not go on, from what it held alone")
	}
}

// a raft snapshot is of its moment, whatever is applied while it is written.
func TestSnapshotIsOfItsMoment(t *testing.T) {
	f := newFSM(testBoard(t))
	f.Apply(&raft.Log{Index: 1, Data: encoded(member("", "a"))})
	snap := must(f.Snapshot())
	want := f.state.Hash()
	f.Apply(&raft.Log{Index: 2, Data: encoded(member("", "b"))})
	var s sink
	if err := snap.Persist(&s); err != nil {
		t.Fatal(err)
	}
	got := must(change.ReadState(&s))
	if got.Hash() != want || got.Members.Has("b") {
		t.Error("the raft snapshot holds what came after it")
	}
	snap.Release()
}

// the same log gives the same state, on one processor or several, replayed from any raft snapshot.
func TestSameLogSameState(t *testing.T) {
	var log [][]byte
	log = append(log, encoded(*initChange("n1", "192.0.2.1:1")))
	for i := range 200 {
		c := member(fmt.Sprintf("r%d", i%150), fmt.Sprintf("m%d", i%40)) // retries and replacements among them
		if i%7 == 3 {
			c.Body = &change.DeleteMember{ID: fmt.Sprintf("m%d", i%40)}
		}
		c.Clock = int64(i * 1000)
		log = append(log, encoded(c))
	}
	apply := func(f *fsm, from int) {
		for i := from; i < len(log); i++ {
			f.Apply(&raft.Log{Index: uint64(i + 1), Data: log[i]})
		}
	}
	whole := newFSM(testBoard(t))
	apply(whole, 0)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, at := range []int{1, 57, 160, 200} {
		first := newFSM(testBoard(t))
		for i := range at {
			first.Apply(&raft.Log{Index: uint64(i + 1), Data: log[i]})
		}
		var s sink
		if err := must(first.Snapshot()).Persist(&s); err != nil {
			t.Fatal(err)
		}
		second := newFSM(testBoard(t))
		if err := second.Restore(io.NopCloser(&s)); err != nil {
			t.Fatal(err)
		}
		apply(second, at)
		if second.state.Hash() != whole.state.Hash() {
			t.Errorf("through a raft snapshot at %d the state is another", at)
		}
	}
}

// A hook that panics is a bug of the node, not the end of the process.
func TestHookPanics(t *testing.T) {
	b := newBoard(Config{Logger: quietLog(), OnCommit: func(Commit) { panic("hook") }, OnRestore: func(*policy.State) { panic("hook") }})
	f := newFSM(b)
	f.Apply(&raft.Log{Index: 1, Data: encoded(member("", "a"))})
	if b.state.Load().Index != 1 {
		t.Error("the state did not move")
	}
	b.restored(func() *policy.State { s := policy.NewState(); s.Index = 9; return s }())
	if b.state.Load().Index != 9 {
		t.Error("the restored state is not there")
	}
}

// FuzzApply feeds the state machine any bytes: it answers or stops, and never panics.
func FuzzApply(f *testing.F) {
	f.Add(encoded(*initChange("n1", "192.0.2.1:1")))
	f.Add(encoded(member("r", "x")))
	f.Add(encoded(change.Change{Body: &change.StageChunk{ID: "s", Data: []byte("x")}}))
	f.Add(encoded(change.Change{Body: &change.PutZone{Zone: zone("z.example.", 300)}}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		m := newFSM(testBoard(t))
		before := m.state
		switch got := m.Apply(&raft.Log{Index: 1, Data: data}).(type) {
		case policy.Outcome:
			if m.state.Index != 1 {
				t.Error("applied without an index")
			}
			var s sink
			if err := must(m.Snapshot()).Persist(&s); err != nil {
				t.Fatal(err)
			}
			if err := newFSM(testBoard(t)).Restore(io.NopCloser(&s)); err != nil {
				t.Errorf("what was applied cannot be restored: %v", err)
			}
		case error:
			if m.state != before || m.stopped.Load() == nil {
				t.Error("an error that changes the state or does not stop")
			}
		default:
			t.Errorf("answered %T", got)
		}
	})
}
