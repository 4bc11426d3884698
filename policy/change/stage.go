package change

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// Bounds on staged writes. Staging that nobody commits is dropped after an hour.
const (
	MaxStaged     = 512 << 20 // octets of one staged write, and of all together
	stagedForgets = int64(time.Hour)
)

// StageChunk brings in one piece of a big write, in order.
type StageChunk struct {
	ID   string
	Seq  int // from 0; 0 starts anew
	Data []byte
}

// MarshalBinary is the chunk as bytes: sequence, id, data.
func (b StageChunk) MarshalBinary() ([]byte, error) {
	out := binary.AppendUvarint(nil, uint64(b.Seq))
	out = binary.AppendUvarint(out, uint64(len(b.ID)))
	out = append(out, b.ID...)
	return append(out, b.Data...), nil
}

// UnmarshalBinary reads MarshalBinary.
func (b *StageChunk) UnmarshalBinary(in []byte) error {
	seq, n := binary.Uvarint(in)
	if n <= 0 || seq > 1<<30 {
		return fmt.Errorf("no sequence number")
	}
	size, m := binary.Uvarint(in[n:])
	if m <= 0 || size > uint64(len(in)-n-m) {
		return fmt.Errorf("no id")
	}
	rest := in[n+m:]
	*b = StageChunk{ID: string(rest[:size]), Seq: int(seq), Data: bytes.Clone(rest[size:])}
	return nil
}

func (b StageChunk) apply(d *making) error {
	total, stale := 0, ""
	for id, s := range d.Staged.All {
		switch {
		case id == b.ID && b.Seq == 0: // starts anew
		case id != b.ID && stale == "" && d.Clock-s.Clock > stagedForgets:
			stale = id // one at a time; the next chunk takes the next
		default:
			total += s.Size
		}
	}
	if stale != "" {
		d.Staged.Delete(stale)
	}
	if total+len(b.Data) > MaxStaged {
		return policy.Errorf(policy.Invalid, "staged writes of %d octets and %d more are over the limit of %d", total, len(b.Data), MaxStaged)
	}
	s, ok := d.Staged.Get(b.ID)
	if b.Seq == 0 {
		s, ok = policy.Staged{ID: b.ID}, true
	}
	if !ok || b.Seq != len(s.Chunks) {
		return policy.Errorf(policy.Conflict, "chunk %d of the staged write %q came when %d were there; start the write again", b.Seq, b.ID, len(s.Chunks))
	}
	d.Staged.Set(b.ID, s.Append(b.Data, d.Clock))
	return nil
}

// CommitStaged applies the change whose body was staged, in one step. The envelope is the commit's.
type CommitStaged struct {
	ID     string `json:"id"`
	SHA256 []byte `json:"sha256"` // of the staged bytes, as EncodeBody gave them
	Chunks int    `json:"chunks"`
}

func (b CommitStaged) apply(d *making) error {
	s, ok := d.Staged.Get(b.ID)
	if !ok || len(s.Chunks) != b.Chunks {
		return policy.Errorf(policy.Conflict, "the staged write %q is not whole: %d of %d chunks are there; start the write again", b.ID, len(s.Chunks), b.Chunks)
	}
	data := bytes.Join(s.Chunks, nil)
	if sum := sha256.Sum256(data); !bytes.Equal(sum[:], b.SHA256) {
		return policy.Errorf(policy.Conflict, "the staged write %q does not have the checksum it was sent with; start the write again", b.ID)
	}
	c, err := Decode(data)
	if err != nil {
		return err
	}
	if _, nested := c.Body.(*CommitStaged); nested {
		return policy.Errorf(policy.Invalid, "a staged write that commits a staged write")
	}
	d.Staged.Delete(b.ID)
	*d.staged = c.Body
	return d.make(c.Body)
}
