package policy

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// some is a report with something in every field.
func some() Report {
	return Report{Vantage: "m1", Boot: 1 << 63, Seq: 7, Abstaining: true, Opinions: []Opinion{
		{Key: math.MaxUint64, Status: Down, Against: 255, Cause: CauseStatus, Detail: 503, Latency: math.MaxUint32},
		{},
		{Key: 2, Status: Up, Latency: 12_000},
	}}
}

func TestReportOnTheWire(t *testing.T) {
	empty := Report{Vantage: strings.Repeat("v", 255), Opinions: []Opinion{}}
	for _, want := range []Report{some(), empty} {
		b, err := want.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if n := 23 + len(want.Vantage) + 17*len(want.Opinions); len(b) != n || cap(b) != n {
			t.Errorf("%d octets (room for %d), want %d", len(b), cap(b), n)
		}
		var got Report
		if err := got.UnmarshalBinary(b); err != nil || !slices.Equal(got.Opinions, want.Opinions) {
			t.Fatalf("%+v, %v", got, err)
		}
		if got.Vantage != want.Vantage || got.Boot != want.Boot || got.Seq != want.Seq || got.Abstaining != want.Abstaining {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	if _, err := (&Report{Vantage: strings.Repeat("v", 256)}).MarshalBinary(); KindOf(err) != Invalid {
		t.Errorf("too long a vantage: %v", err)
	}
	if _, err := (&Report{Opinions: make([]Opinion, MaxOpinions+1)}).MarshalBinary(); KindOf(err) != Invalid {
		t.Errorf("too many opinions: %v", err)
	}
}

func TestReportRefused(t *testing.T) {
	r := some()
	good, err := r.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	with := func(at int, octets ...byte) []byte {
		b := bytes.Clone(good)
		copy(b[at:], octets)
		return b
	}
	for name, c := range map[string]struct {
		octets []byte
		says   string
	}{
		"nothing":              {nil, "empty"},
		"a later version":      {with(0, 2), "version 2"},
		"JSON":                 {[]byte(`{"vantage":"m1"}`), "version 123"},
		"an unknown flag":      {with(1, 2), "flags 0x2"},
		"a vantage past end":   {with(2, 255), "cut short"},
		"one octet missing":    {good[:len(good)-1], "does not hold the 3 opinions"},
		"one octet too many":   {append(bytes.Clone(good), 0), "does not hold the 3 opinions"},
		"more than it holds":   {with(21, 4), "does not hold the 4 opinions"},
		"more than allowed":    {with(21, 0xff, 0xff, 0xff, 0xff), "4294967295 opinions"},
		"a status of no name":  {with(33, 3), "status 3"},
		"the head alone":       {good[:10], "cut short"},
		"the version alone":    {good[:1], "cut short"},
		"a head without count": {good[:22], "cut short"},
	} {
		kept := some()
		err := kept.UnmarshalBinary(c.octets)
		if KindOf(err) != Invalid || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
		if kept.Vantage != "m1" || len(kept.Opinions) != 3 {
			t.Errorf("%s: what was there before is gone", name)
		}
	}
}

// Whatever comes in is refused or is a report that encodes to the same octets.
func FuzzReport(f *testing.F) {
	r := some()
	for _, r := range []Report{r, {}, {Vantage: "m1", Opinions: make([]Opinion, 2)}} {
		b, err := r.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Add([]byte{})
	f.Add([]byte{2, 0, 0})
	f.Add([]byte{1, 0, 255, 'm'})
	f.Fuzz(func(t *testing.T, in []byte) {
		var r Report
		if err := r.UnmarshalBinary(in); err != nil {
			if KindOf(err) != Invalid {
				t.Errorf("refused as %v: %v", KindOf(err), err)
			}
			return
		}
		if out, err := r.MarshalBinary(); err != nil || !bytes.Equal(in, out) {
			t.Errorf("%x became %x, %v", in, out, err)
		}
	})
}

func TestMicros(t *testing.T) {
	for d, want := range map[time.Duration]uint32{
		0: 0, -time.Second: 0, time.Microsecond - 1: 0, time.Microsecond: 1, 12 * time.Millisecond: 12_000,
		math.MaxUint32 * time.Microsecond: math.MaxUint32, 2 * time.Hour: math.MaxUint32,
	} {
		if got := Micros(Duration(d)); got != want {
			t.Errorf("%v is %d µs, want %d", d, got, want)
		}
	}
	if o := (Opinion{Latency: math.MaxUint32}); o.Took() != Duration(math.MaxUint32*time.Microsecond) {
		t.Errorf("the longest latency: %v", o.Took())
	}
}

func TestCause(t *testing.T) {
	seen := map[string]bool{}
	for c := range causes {
		text, err := c.MarshalText()
		var back Cause
		if err != nil || back.UnmarshalText(text) != nil || back != c || seen[string(text)] {
			t.Errorf("cause %d is %q and reads as %d", c, text, back)
		}
		seen[string(text)] = true
		if said := c.Text(math.MaxUint16); (said == "") != (c == CauseNone) || len(said) > 60 {
			t.Errorf("%s: %q", c, said)
		}
	}
	for _, c := range []struct {
		cause  Cause
		detail uint16
		want   string
	}{
		{CauseStatus, 503, "status 503"}, {CauseStatus, 0, "status not as wanted"},
		{CauseExec, 2, "command ended with code 2"}, {CauseTimeout, 9, "timeout"}, {200, 0, "failed (cause 200 of a later version)"},
	} {
		if got := c.cause.Text(c.detail); got != c.want {
			t.Errorf("%d with %d: %q, want %q", c.cause, c.detail, got, c.want)
		}
	}
	var later, none Cause
	if err := later.UnmarshalText([]byte("cause(200)")); err != nil || later != 200 {
		t.Errorf("a cause of a later version: %d, %v", later, err)
	}
	if none.UnmarshalText([]byte("bad luck")) == nil {
		t.Error("bad luck is a cause")
	}
}
