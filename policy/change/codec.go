package change

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"

	"github.com/meridian-gtm/meridian/policy"
)

// A whole state is written as a magic string, then frames of a tag octet, a
// key and a value, each with its length as a varint. Zones come as one frame
// for the zone and one for each RRset, so that nothing ever holds a large zone
// twice. The last frame carries the state's hash, which ReadState checks.
const stateMagic = "MERIDIAN STATE 1\n"

// maxFrame bounds what a frame may claim to hold.
const maxFrame = MaxStaged * 2

type table interface {
	write(w *frameWriter, tag byte)
	read(key string, value []byte) error
}

type jsonTable[T any] struct{ tree *policy.Tree[T] }

func (t jsonTable[T]) write(w *frameWriter, tag byte) {
	for key, v := range t.tree.All {
		w.json(tag, key, v)
	}
}

func (t jsonTable[T]) read(key string, value []byte) error {
	var v T
	if err := json.Unmarshal(value, &v); err != nil {
		return err
	}
	t.tree.Set(key, v)
	return nil
}

// stagedTable checks the chunks against their running hash, which is all that the state's hash knows of them.
type stagedTable struct{ jsonTable[policy.Staged] }

func (t stagedTable) read(key string, value []byte) error {
	if err := t.jsonTable.read(key, value); err != nil {
		return err
	}
	got, _ := t.tree.Get(key)
	want := policy.Staged{ID: key}
	for _, c := range got.Chunks {
		want = want.Append(c, got.Clock)
	}
	if got.ID != key || got.Size != want.Size || got.Sum != want.Sum {
		return fmt.Errorf("the staged write %q does not have its own checksum", key)
	}
	return nil
}

// tables is the frames' tags. A tag is never reused.
func tables(s *policy.State) map[byte]table {
	return map[byte]table{
		'i': jsonTable[uint32]{s.IDs}, 'r': jsonTable[policy.Object[policy.Region]]{s.Regions},
		'm': jsonTable[policy.Object[policy.Monitor]]{s.Monitors}, 'p': jsonTable[policy.Object[policy.Pool]]{s.Pools},
		's': jsonTable[policy.Object[policy.Service]]{s.Services}, 'f': jsonTable[policy.Object[policy.SafetyRule]]{s.SafetyRules},
		'c': jsonTable[policy.Control]{s.Controls}, 'v': jsonTable[policy.Verdict]{s.Verdicts},
		'n': jsonTable[policy.Member]{s.Members}, 't': jsonTable[policy.Token]{s.Tokens},
		'k': jsonTable[policy.Secret]{s.Secrets}, 'g': stagedTable{jsonTable[policy.Staged]{s.Staged}},
		'q': jsonTable[policy.Outcome]{s.Requests}, 'l': jsonTable[string]{s.RequestLog},
		'x': jsonTable[int64]{s.Removed},
		'y': jsonTable[policy.Latency]{s.Latencies}, 'o': jsonTable[policy.Load]{s.Loads},
		'T': jsonTable[policy.Object[policy.Template]]{s.Templates}, 'P': jsonTable[policy.Object[policy.PlaceOverride]]{s.Places},
		'u': jsonTable[policy.User]{s.Users}, 'e': jsonTable[policy.Session]{s.Sessions},
		'V': jsonTable[policy.Object[policy.Provider]]{s.Providers}, 'S': jsonTable[policy.Signal]{s.Signals},
		'A': jsonTable[policy.AuditRecord]{s.Audit},
		'a': jsonTable[policy.Object[policy.ReviewRule]]{s.ReviewRules}, 'd': jsonTable[policy.Draft]{s.Drafts},
		'h': jsonTable[policy.Switch]{s.Switches}, 'b': jsonTable[int64]{s.Paces},
		'w': jsonTable[policy.Object[policy.Receiver]]{s.Receivers}, 'N': jsonTable[uint64]{s.Notified},
		'D': jsonTable[policy.Object[policy.DrillPlan]]{s.DrillPlans}, 'G': jsonTable[policy.Drill]{s.Drills},
		'L': jsonTable[int64]{s.Schedules}, 'O': jsonTable[policy.EvacuationReport]{s.Reports},
	}
}

const tableOrder = "irmpTsfPVcvnxtkgqlyoSueAwNadhbDGLO"

type zoneHead struct {
	Name policy.Name `json:"name"`
	ID   uint32      `json:"id"`
	Rev  uint64      `json:"rev"`
}

// WriteState writes a whole state.
func WriteState(out io.Writer, s *policy.State) error {
	w := &frameWriter{w: bufio.NewWriterSize(out, 1<<16)}
	w.bytes([]byte(stateMagic))
	w.json('H', "header", s.Header)
	w.json('C', "cluster", s.Cluster)
	all := tables(s)
	for i := range len(tableOrder) {
		all[tableOrder[i]].write(w, tableOrder[i])
	}
	for _, z := range s.Zones.All {
		w.json('Z', z.Name.Key(), zoneHead{z.Name, z.ID, z.Rev})
		for name, set := range z.Sets {
			w.frame('R', string(name), policy.AppendRRset(nil, set))
		}
	}
	w.json('E', "end", s.Hash())
	if w.err != nil {
		return w.err
	}
	return w.w.Flush()
}

type frameWriter struct {
	w   *bufio.Writer
	err error
}

func (w *frameWriter) bytes(b []byte) {
	if w.err == nil {
		_, w.err = w.w.Write(b)
	}
}

func (w *frameWriter) frame(tag byte, key string, value []byte) {
	h := append(make([]byte, 0, 32+len(key)), tag)
	h = binary.AppendUvarint(h, uint64(len(key)))
	h = append(h, key...)
	w.bytes(binary.AppendUvarint(h, uint64(len(value))))
	w.bytes(value)
}

func (w *frameWriter) json(tag byte, key string, v any) {
	b, err := json.Marshal(v)
	if err != nil && w.err == nil {
		w.err = err
	}
	w.frame(tag, key, b)
}

// ReadState reads what WriteState wrote, to its last frame and no further, and checks the hash.
func ReadState(in io.Reader) (*policy.State, error) {
	r := bufio.NewReaderSize(in, 1<<16)
	magic := make([]byte, len(stateMagic))
	if _, err := io.ReadFull(r, magic); err != nil || string(magic) != stateMagic {
		return nil, policy.Errorf(policy.Unsupported, "not a state of Meridian, or of a later version")
	}
	s := policy.NewState()
	all := tables(s)
	var zone *policy.Zone
	closeZone := func() {
		if zone != nil {
			s.Zones.Set(zone.Name.Key(), zone)
			zone = nil
		}
	}
	for {
		tag, key, value, err := readFrame(r)
		if err != nil {
			return nil, fmt.Errorf("the state is cut off or damaged: %w", err)
		}
		switch tag {
		case 'H':
			err = json.Unmarshal(value, &s.Header)
		case 'C':
			err = json.Unmarshal(value, &s.Cluster)
		case 'Z':
			closeZone()
			var h zoneHead
			if err = json.Unmarshal(value, &h); err == nil {
				zone = policy.NewZone(h.Name)
				zone.ID, zone.Rev = h.ID, h.Rev
			}
		case 'R':
			var set policy.RRset
			if set, err = policy.ParseRRset(value); err == nil && zone == nil {
				err = fmt.Errorf("records before their zone")
			}
			if err == nil && !policy.Name(key).Valid() {
				err = fmt.Errorf("a malformed name")
			}
			if err == nil {
				err = zone.Set(policy.Name(key), set)
			}
		case 'E':
			closeZone()
			var hash uint64
			if err := json.Unmarshal(value, &hash); err != nil || hash != s.Hash() {
				return nil, fmt.Errorf("the state is damaged: its hash is %x, not %x", s.Hash(), hash)
			}
			return s, nil
		default:
			t, ok := all[tag]
			if !ok {
				return nil, policy.Errorf(policy.Unsupported, "a state with a table %q that this version does not know; upgrade this node", tag)
			}
			err = t.read(key, value)
		}
		if err != nil {
			return nil, fmt.Errorf("the state is damaged at %q: %w", key, err)
		}
	}
}

func readFrame(r *bufio.Reader) (tag byte, key string, value []byte, err error) {
	if tag, err = r.ReadByte(); err != nil {
		return
	}
	var parts [2][]byte
	for i := range parts {
		n, err := binary.ReadUvarint(r)
		if err != nil {
			return tag, "", nil, err
		}
		if n > maxFrame {
			return tag, "", nil, fmt.Errorf("a frame of %d octets", n)
		}
		if n <= 1<<20 {
			parts[i] = make([]byte, n)
			_, err = io.ReadFull(r, parts[i])
		} else { // grow with what is really there
			parts[i], err = io.ReadAll(io.LimitReader(r, int64(n)))
			if err == nil && uint64(len(parts[i])) < n {
				err = io.ErrUnexpectedEOF
			}
		}
		if err != nil {
			return tag, "", nil, err
		}
	}
	return tag, string(parts[0]), parts[1], nil
}
