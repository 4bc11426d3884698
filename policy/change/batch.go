package change

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// MaxParts is how many changes one Batch may hold.
const MaxParts = 10_000

// Batch is several changes as one: one entry of the log, one revision, one
// outcome, all or nothing. Each part is made on what those before it left; what
// a part is based on (IfMatch) is the state before all of them. Safety looks at what all leave together.
//
// A refusal is that of the first part that is refused, with "/changes/N" before
// each of its pointers. Outcome.Made has the ids of what the parts made, with spaces between.
type Batch struct {
	Parts []Part
}

// Part is one of the changes of a Batch.
type Part struct {
	IfMatch *uint64 // the revision of the object that this part was based on
	Reason  string  // "": that of the whole
	Body    Body
}

// batchable says which kinds may be parts: those that operators make and that hold no credential.
var batchable = map[string]bool{
	"zone.put": true, "zone.delete": true, "zone.edit": true, "config.put": true, "control.put": true, "control.delete": true,
	"object.put": true, "object.delete": true,
}

func (b Batch) apply(d *making) error {
	switch n := len(b.Parts); {
	case n == 0:
		return policy.Errorf(policy.Invalid, "there are no changes")
	case n > MaxParts:
		return policy.Errorf(policy.Invalid, "there are %d changes; %d are the most at once", n, MaxParts)
	}
	if err := d.match("the state", d.base.Revision); err != nil {
		return err
	}
	d.whole = true // they are judged by what all together leave
	before, drained := d.Clone(), len(b.Parts)-1
	var made []string
	for i, p := range b.Parts {
		c := *d.change
		c.IfMatch, c.Body = p.IfMatch, p.Body
		if p.Reason != "" {
			c.Reason = p.Reason
		}
		part := *d
		part.change, part.outcome = &c, &policy.Outcome{}
		if !batchable[KindOf(p.Body)] {
			return within(i, len(b.Parts), p.Body, policy.Errorf(policy.Invalid, "it cannot be one of several changes"))
		}
		if err := part.make(p.Body); err != nil {
			return within(i, len(b.Parts), p.Body, err)
		}
		if k := KindOf(p.Body); k == "control.put" || k == "control.delete" {
			drained = i
		}
		d.outcome.Warnings = append(d.outcome.Warnings, part.outcome.Warnings...)
		if part.outcome.Made != "" {
			made = append(made, part.outcome.Made)
		}
	}
	d.whole = false
	if err := d.safe(before); err != nil {
		return within(drained, len(b.Parts), b.Parts[drained].Body, err)
	}
	d.outcome.Made = strings.Join(made, " ")
	d.outcome.Revision = d.Revision
	return nil
}

// within says which part of n an error is about.
func within(i, n int, b Body, err error) error {
	var e *policy.Error
	if !errors.As(err, &e) {
		e = policy.Errorf(policy.Invalid, "%v", err)
	}
	if e.Kind == policy.Unsupported {
		return e
	}
	out := &policy.Error{Kind: e.Kind, Message: fmt.Sprintf("change %d of %d (%s) is refused, so none is made: %s", i+1, n, KindOf(b), e.Message)}
	at := fmt.Sprintf("/changes/%d", i)
	for _, p := range e.Problems {
		p.Pointer = at + p.Pointer
		out.Problems = append(out.Problems, p)
	}
	if len(e.Problems) == 0 {
		out.Problems = []policy.Problem{{Pointer: at, Message: e.Message}}
	}
	return out
}

// MarshalBinary is the number of parts, then each as an encoded change with its length before it.
func (b Batch) MarshalBinary() ([]byte, error) {
	out := binary.AppendUvarint(nil, uint64(len(b.Parts)))
	for i, p := range b.Parts {
		part, err := Encode(Change{IfMatch: p.IfMatch, Reason: p.Reason, Body: p.Body})
		if err != nil {
			return nil, fmt.Errorf("change %d: %w", i+1, err)
		}
		out = binary.AppendUvarint(out, uint64(len(part)))
		out = append(out, part...)
	}
	return out, nil
}

// UnmarshalBinary reads MarshalBinary.
func (b *Batch) UnmarshalBinary(in []byte) error {
	count, used := binary.Uvarint(in)
	if used <= 0 || count > uint64(len(in)) {
		return fmt.Errorf("no number of parts")
	}
	in = in[used:]
	for range count {
		n, used := binary.Uvarint(in)
		if used <= 0 || n > uint64(len(in)-used) {
			return fmt.Errorf("a part that is cut off")
		}
		c, err := decode(in[used:used+int(n)], batchable) // no batch in a batch above all
		if err != nil {
			return err
		}
		b.Parts = append(b.Parts, Part{c.IfMatch, c.Reason, c.Body})
		in = in[used+int(n):]
	}
	if len(in) > 0 {
		return fmt.Errorf("something after the last part")
	}
	return nil
}
