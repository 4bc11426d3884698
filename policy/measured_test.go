package policy

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseSubject(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.0/24": "192.0.2.0/24", "192.0.2.77/24": "192.0.2.0/24", "192.0.2.1/32": "192.0.2.1/32", "0.0.0.0/0": "0.0.0.0/0",
		"2001:DB8::/48": "2001:db8::/48", "2001:db8:0:1::1/48": "2001:db8::/48", "::/0": "::/0",
		"::ffff:192.0.2.9/120": "192.0.2.0/24", "::ffff:192.0.2.9/96": "0.0.0.0/0",
		"country/DE": "country/DE", "country/de": "country/DE", "asn/64500": "asn/64500", "asn/4294967295": "asn/4294967295", "asn/007": "asn/7",
	} {
		s, err := ParseSubject(in)
		if err != nil || s.String() != want {
			t.Errorf("%q is %q, %v; want %q", in, s, err, want)
			continue
		}
		if again, err := ParseSubject(s.String()); err != nil || again != s {
			t.Errorf("%q comes back as %v, %v", s, again, err)
		}
	}
	for in, fragment := range map[string]string{
		"": "names no clients", "/": "names no clients", "DE": "names no clients", "192.0.2.0/33": "names no clients", "fe80::1%eth0/64": "names no clients",
		"192.0.2.1": "as in 192.0.2.1/32", "2001:db8::1": "as in 2001:db8::1/128", "::ffff:192.0.2.0/64": "write the IPv4 network, as in 192.0.2.0/24",
		"country/": "two letters", "country/DEU": "two letters", "country/D1": "two letters", "country/DE/BE": "two letters", "country/é": "two letters",
		"asn/": "write its number", "asn/0": "write its number", "asn/4294967296": "write its number", "asn/AS64500": "write its number", "asn/-1": "write its number", "asn/+1": "write its number",
	} {
		if s, err := ParseSubject(in); err == nil || !strings.Contains(err.Error(), fragment) {
			t.Errorf("%q is %v, %v; want an error with %q", in, s, err, fragment)
		}
	}
}

// What can be read is read the same from what it is written as.
func TestSubjectCanonical(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`(country/[A-Za-z]{2}|asn/[0-9]{1,9}|[0-9]{1,3}\.[0-9]{1,3}\.0\.7/[0-9]{1,2}|(::ffff:1\.2|2001:db8:[0-9a-f]{1,4}:)[:.][0-9]\.?[0-9]?/[0-9]{1,3})`).Draw(t, "text")
		s, err := ParseSubject(text)
		if err != nil {
			return
		}
		if again, err := ParseSubject(s.String()); err != nil || again != s {
			t.Fatalf("%q is %q, which is %q (%v)", text, s, again, err)
		}
	})
}

func TestLatencyRegions(t *testing.T) {
	var l Latency
	for _, r := range []string{"us", "ap", "eu", "eu"} {
		before := len(l.Regions)
		next := l.With(RTT{Region: r, Ms: float64(before + 1)})
		if len(l.Regions) != before {
			t.Fatal("the latency it was made of has changed")
		}
		l = next
	}
	if len(l.Regions) != 3 || l.Regions[0].Region != "ap" || l.Regions[1].Region != "eu" || l.Regions[2].Region != "us" {
		t.Fatalf("%+v", l.Regions)
	}
	if r, ok := l.Region("eu"); !ok || r.Ms != 4 {
		t.Errorf("eu is %+v, %v", r, ok)
	}
	if _, ok := l.Region("mars"); ok {
		t.Error("mars is there")
	}
}

func TestMeasuredBounds(t *testing.T) {
	for ms, ok := range map[float64]bool{0.001: true, 60_000: true, 0: false, -1: false, 60_000.1: false, math.NaN(): false, math.Inf(1): false} {
		if (Measurable(ms) == nil) != ok {
			t.Errorf("a round trip of %v: %v", ms, Measurable(ms))
		}
	}
	for v, ok := range map[float64]bool{0: true, 850: true, 1e15: true, -0.1: false, 1.1e15: false, math.NaN(): false, math.Inf(1): false} {
		if (Bearable(v) == nil) != ok {
			t.Errorf("a load of %v: %v", v, Bearable(v))
		}
	}
	for id, ok := range map[string]bool{"endpoint/web/a": true, "pool/web": true, "region/us": true, "service/www.example.com": true,
		"": false, "pool/": false, "provider/aws": false, "monitor/web": false, "zone/example.com": false, "web": false} {
		if (Loadable(id) == nil) != ok {
			t.Errorf("%q: %v", id, Loadable(id))
		}
	}
	if d := (RTT{At: 5}).Due(); d != 5+int64(24*time.Hour) {
		t.Errorf("a round trip is due at %d by default", d)
	}
	if d := (RTT{At: 5, MaxAge: 7}).Due(); d != 12 {
		t.Errorf("a round trip is due at %d", d)
	}
}

// A state in which nothing was ever measured has the hash it had before there
// was such a thing; and everything that is measured is in the hash, in its own table.
func TestMeasuredHash(t *testing.T) {
	empty := NewState()
	if empty.Hash() != 0x75b39463bdb76e0f { // as it was at feature level 2
		t.Errorf("the hash of the empty state is %#x", empty.Hash())
	}
	seen := map[uint64]string{empty.Hash(): "nothing"}
	add := func(what string, change func(s *State)) {
		s := empty.Clone()
		change(s)
		if other, ok := seen[s.Hash()]; ok {
			t.Errorf("%s has the hash of %s", what, other)
		}
		seen[s.Hash()] = what
	}
	add("a latency", func(s *State) { s.Latencies.Set("asn/1", Latency{Subject: "asn/1"}) })
	for what, r := range map[string]RTT{"region": {Region: "a"}, "ms": {Ms: 1}, "at": {At: 1}, "samples": {Samples: 1}, "age": {MaxAge: 1}} {
		add(what, func(s *State) { s.Latencies.Set("asn/1", Latency{Subject: "asn/1", Regions: []RTT{r}}) })
	}
	for what, l := range map[string]Load{"a load": {}, "value": {Value: 1}, "load at": {At: 1}, "load age": {MaxAge: 1}} {
		add(what, func(s *State) { s.Loads.Set("asn/1", l) })
	}
	for what, v := range map[string]Signal{"a signal": {}, "status": {Status: Up}, "reason": {Reason: "x"}, "actor": {Actor: "x"}, "signal at": {At: 1}, "signal age": {MaxAge: 1}, "stale": {Stale: true}} {
		add(what, func(s *State) { s.Signals.Set("asn/1", v) })
	}
	if empty.Latencies.Len()+empty.Loads.Len()+empty.Signals.Len() != 0 {
		t.Error("a clone shares its tables")
	}
}
