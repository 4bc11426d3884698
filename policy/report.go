package policy

import (
	"encoding/binary"
	"math"
)

// Opinion is what a vantage holds of one check, after rise and fall. It has the
// same size whatever it says: no text is in it. The zero Opinion is none.
type Opinion struct {
	Key     uint64 // Check.Key: of the check and the revision that were probed
	Status  Status
	Against uint8  // samples in a row that speak against Status, 255 at most
	Cause   Cause  // of the last failure, until it is healthy again
	Detail  uint16 // of the cause
	Latency uint32 // of the last success, in microseconds; math.MaxUint32 is "that or more"
}

// Took is the latency as a duration.
func (o *Opinion) Took() Duration { return Duration(o.Latency) * 1000 }

// Micros is a duration as an Opinion's Latency.
func Micros(d Duration) uint32 { return uint32(min(max(0, d/1000), math.MaxUint32)) }

// Report is a vantage's whole table of opinions. It has one entry for every
// check, whatever their state, so that its size does not follow the failures.
type Report struct {
	Vantage    string // member id
	Boot       uint64 // random, of the process that sends it
	Seq        uint64 // grows with each report of a boot
	Abstaining bool
	Opinions   []Opinion // in order of check ids; order is no promise on the wire
}

// MaxOpinions is how many opinions a report may have: as many as go into one call between nodes (16 MiB).
const MaxOpinions = 900_000

// reportVersion is the first octet of an encoded report. A node that does not
// know it refuses the report: its sender counts as silent there.
const reportVersion = 1

// The encoded form, in octets, numbers with the low octet first:
// version 1, flags 1, length of the vantage 1, vantage, boot 8, seq 8, number of
// opinions 4, and for each: key 8, status 1, against 1, cause 1, detail 2, latency 4.
const (
	reportFixed   = 3 + 8 + 8 + 4
	opinionOctets = 17
	flagAbstains  = 1
)

// AppendBinary appends the encoded report. It fails when the report is over a bound.
func (r *Report) AppendBinary(b []byte) ([]byte, error) {
	if len(r.Vantage) > math.MaxUint8 {
		return nil, Errorf(Invalid, "a vantage's id of %d octets; %d are allowed", len(r.Vantage), math.MaxUint8)
	}
	if len(r.Opinions) > MaxOpinions {
		return nil, Errorf(Invalid, "a report of %d opinions; %d are allowed: monitor fewer endpoints", len(r.Opinions), MaxOpinions)
	}
	flags := byte(0)
	if r.Abstaining {
		flags |= flagAbstains
	}
	b = append(b, reportVersion, flags, byte(len(r.Vantage)))
	b = append(b, r.Vantage...)
	order := binary.LittleEndian
	b = order.AppendUint64(b, r.Boot)
	b = order.AppendUint64(b, r.Seq)
	b = order.AppendUint32(b, uint32(len(r.Opinions)))
	for i := range r.Opinions {
		o := &r.Opinions[i]
		b = order.AppendUint64(b, o.Key)
		b = append(b, byte(o.Status), o.Against, byte(o.Cause))
		b = order.AppendUint16(b, o.Detail)
		b = order.AppendUint32(b, o.Latency)
	}
	return b, nil
}

// MarshalBinary encodes the report.
func (r *Report) MarshalBinary() ([]byte, error) {
	return r.AppendBinary(make([]byte, 0, reportFixed+len(r.Vantage)+opinionOctets*len(r.Opinions)))
}

// UnmarshalBinary decodes a report. Its length must be just what it says; a
// cause that this version does not know is kept as it is.
func (r *Report) UnmarshalBinary(b []byte) error {
	if len(b) == 0 {
		return Errorf(Invalid, "an empty report")
	}
	if b[0] != reportVersion {
		return Errorf(Invalid, "a report in version %d of its form; this node knows version %d only: bring both nodes to the same release", b[0], reportVersion)
	}
	if len(b) < 3 || len(b) < reportFixed+int(b[2]) {
		return Errorf(Invalid, "a report of %d octets is cut short", len(b))
	}
	if b[1]&^flagAbstains != 0 {
		return Errorf(Invalid, "a report with unknown flags %#x", b[1])
	}
	whole, order := len(b), binary.LittleEndian
	body := b[3+int(b[2]):]
	got := Report{Vantage: string(b[3 : whole-len(body)]), Abstaining: b[1]&flagAbstains != 0}
	b = body
	got.Boot, got.Seq = order.Uint64(b), order.Uint64(b[8:])
	n := int(order.Uint32(b[16:]))
	b = b[20:]
	if n > MaxOpinions {
		return Errorf(Invalid, "a report of %d opinions; %d are allowed", n, MaxOpinions)
	}
	if len(b) != n*opinionOctets {
		return Errorf(Invalid, "a report of %d octets does not hold the %d opinions it speaks of", whole, n)
	}
	got.Opinions = make([]Opinion, n)
	for i := range got.Opinions {
		o := &got.Opinions[i]
		o.Key, o.Status, o.Against, o.Cause = order.Uint64(b), Status(b[8]), b[9], Cause(b[10])
		o.Detail, o.Latency = order.Uint16(b[11:]), order.Uint32(b[13:])
		if o.Status > Down {
			return Errorf(Invalid, "opinion %d of a report has the unknown status %d", i, b[8])
		}
		b = b[opinionOctets:]
	}
	*r = got
	return nil
}
