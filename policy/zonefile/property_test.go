package zonefile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"pgregory.net/rapid"

	"github.com/meridian-gtm/meridian/policy"
)

// drawWire draws a wire name below origin, of any octets.
func drawWire(t *rapid.T, origin []byte) []byte {
	var wire []byte
	for range rapid.IntRange(1, 3).Draw(t, "labels") {
		label := rapid.OneOf(
			rapid.SliceOfN(rapid.SampledFrom([]byte("abAB09-_*@$.\\\";() ")), 1, 6),
			rapid.SliceOfN(rapid.Byte(), 1, 8),
			rapid.SliceOfN(rapid.Byte(), 63, 63),
		).Draw(t, "label")
		if len(wire)+1+len(label)+len(origin) > policy.MaxName {
			break
		}
		wire = append(append(wire, byte(len(label))), label...)
	}
	return append(wire, origin...)
}

// drawSet draws an RRset of a type that drawZone may put anywhere.
func drawSet(t *rapid.T) policy.RRset {
	types := []uint16{policy.TypeA, policy.TypeAAAA, policy.TypeMX, policy.TypeTXT, policy.TypeSRV, dns.TypePTR, dns.TypeCAA, dns.TypeNAPTR,
		dns.TypeURI, dns.TypeTLSA, dns.TypeHINFO, dns.TypeHTTPS, dns.TypeDNSKEY, dns.TypeNULL, dns.TypeSPF, 65280, 65300}
	set := policy.RRset{
		Type: rapid.SampledFrom(types).Draw(t, "type"),
		TTL:  rapid.OneOf(rapid.SampledFrom([]uint32{0, 60, 3600, policy.MaxTTL}), rapid.Uint32Range(0, policy.MaxTTL)).Draw(t, "ttl"),
	}
	for range rapid.IntRange(1, 3).Draw(t, "records") {
		set.Data = append(set.Data, drawData(t, set.Type))
	}
	return set
}

func drawData(t *rapid.T, typ uint16) []byte {
	octets := func(low, high int) []byte { return rapid.SliceOfN(rapid.Byte(), low, high).Draw(t, "octets") }
	str := func() []byte {
		s := octets(0, 40)
		if rapid.IntRange(0, 9).Draw(t, "long") == 0 {
			s = bytes.Repeat([]byte{rapid.Byte().Draw(t, "octet")}, 255)
		}
		return append([]byte{byte(len(s))}, s...)
	}
	name := func() []byte { return drawWire(t, []byte{0}) }
	u16 := func() []byte {
		return binary.BigEndian.AppendUint16(nil, rapid.Uint16().Draw(t, "number"))
	}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	switch typ {
	case policy.TypeA:
		return octets(4, 4)
	case policy.TypeAAAA:
		return octets(16, 16)
	case policy.TypeMX:
		return join(u16(), name())
	case policy.TypeSRV:
		return join(u16(), u16(), u16(), name())
	case dns.TypePTR:
		return name()
	case policy.TypeTXT, dns.TypeSPF:
		out := str()
		for range rapid.IntRange(0, 6).Draw(t, "strings") {
			out = append(out, str()...)
		}
		return out
	case dns.TypeHINFO:
		return join(str(), str())
	case dns.TypeCAA:
		return join(octets(1, 1), []byte("\x05issue"), octets(0, 300))
	case dns.TypeNAPTR:
		return join(u16(), u16(), str(), str(), str(), name())
	case dns.TypeURI:
		return join(u16(), u16(), octets(1, 300))
	case dns.TypeTLSA, dns.TypeDNSKEY:
		return octets(5, 200)
	case dns.TypeHTTPS:
		v := octets(1, 60)
		return join(u16(), name(), []byte{0xff, 0x01, 0, byte(len(v))}, v)
	}
	return octets(0, 400) // \# forms
}

func drawZone(t *rapid.T) *policy.Zone {
	apex := ownerName(drawWire(t, []byte("\x07example\x00")))
	if apex.Wildcard() || rapid.IntRange(0, 9).Draw(t, "root") == 0 {
		apex = policy.Root
	}
	z := policy.NewZone(apex)
	must := func(err error) {
		if err != nil {
			t.Fatalf("%v", err)
		}
	}
	soa := append(drawWire(t, []byte{0}), drawWire(t, []byte{0})...)
	soa = append(soa, rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "soa")...)
	must(z.Set(apex, policy.RRset{Type: policy.TypeSOA, TTL: 60, Data: [][]byte{soa}}))
	must(z.Set(apex, policy.RRset{Type: policy.TypeNS, TTL: 60, Data: [][]byte{drawWire(t, []byte{0})}}))
	for range rapid.IntRange(0, 8).Draw(t, "owners") {
		owner := apex
		if rapid.Bool().Draw(t, "below") {
			owner = ownerName(drawWire(t, []byte(apex)))
		}
		set := drawSet(t)
		for _, d := range set.Data {
			if validate(set.Type, d) != nil {
				t.Skip("data that its type forbids")
			}
		}
		// Two spellings of one name are one record in a file.
		seen := map[string]bool{}
		var data [][]byte
		for _, d := range set.Data {
			if key := string(Canonical(set.Type, d)); !seen[key] {
				seen[key] = true
				data = append(data, d)
			}
		}
		set.Data = data
		must(z.Set(owner, set))
	}
	return z
}

func TestRoundTripProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { roundTrip(t, drawZone(t)) })
}

// Long data of every shape is broken over lines and comes back.
func TestRoundTripLong(t *testing.T) {
	long := bytes.Repeat([]byte{0xff}, 60_000)
	txt := []byte{}
	for len(txt)+256 <= policy.MaxData {
		txt = append(append(txt, 255), long[:255]...)
	}
	for typ, data := range map[uint16][]byte{
		policy.TypeTXT:     txt,
		dns.TypeCAA:        append([]byte("\x00\x05issue"), long...),
		dns.TypeURI:        append([]byte{0, 1, 0, 1}, long...),
		dns.TypeHIP:        append([]byte{1, 8, 0, 1, 0xff, 0xff}, bytes.Repeat([]byte{0}, 60_000)...),
		dns.TypeOPENPGPKEY: long,
		dns.TypeTLSA:       append([]byte{3, 1, 1}, long...),
		dns.TypeHTTPS:      append([]byte{0, 1, 0, 0xff, 1, 0xea, 0x60}, long...),
		65280:              bytes.Repeat([]byte{1}, policy.MaxData),
	} {
		t.Run(TypeString(typ), func(t *testing.T) {
			z, _ := parse(t, headText)
			if err := z.Set(policy.MustName("long.example.com"), policy.RRset{Type: typ, TTL: 5, Data: [][]byte{data}}); err != nil {
				t.Fatal(err)
			}
			roundTrip(t, z)
		})
	}
}

// The tree built bottom-up is the one that setting RRset by RRset gives.
func TestAssembleIsSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawZone(t)
		var file bytes.Buffer
		if err := Write(&file, want); err != nil {
			t.Fatal(err)
		}
		got, _, err := Parse(&file, want.Name, "z", Limits{})
		if err != nil {
			t.Fatal(err)
		}
		type entry struct {
			key   string
			owner string
		}
		list := func(z *policy.Zone) (out []entry) {
			for key, o := range z.Owners.All {
				out = append(out, entry{key, fmt.Sprintf("%d %v", o.Children, o.RRsets)})
			}
			return out
		}
		if g, w := list(got), list(want); fmt.Sprint(g) != fmt.Sprint(w) {
			t.Fatalf("trees differ:\n%q\n%q", g, w)
		}
		if got.Records != want.Records {
			t.Fatalf("%d records, want %d", got.Records, want.Records)
		}
	})
}

// parseSeconds against the plainest reading of the same grammar.
func TestSecondsProperty(t *testing.T) {
	units := map[string]uint64{"s": 1, "M": 60, "h": 3600, "D": 86400, "w": 604800}
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		var want uint64
		for range rapid.IntRange(1, 5).Draw(t, "parts") {
			n := rapid.Uint64Range(0, 9999).Draw(t, "n")
			u := rapid.SampledFrom([]string{"s", "M", "h", "D", "w"}).Draw(t, "unit")
			fmt.Fprintf(&text, "%d%s", n, u)
			want += n * units[u]
		}
		got, err := parseSeconds(text.String())
		if want >= 1<<32 {
			if err == nil {
				t.Fatalf("%s: %d, want a refusal", &text, got)
			}
		} else if err != nil || uint64(got) != want {
			t.Fatalf("%s: %d, %v; want %d", &text, got, err, want)
		}
	})
}

func TestNameOfKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := ownerName(drawWire(t, []byte{0}))
		if got := nameOf(name.Key()); got != name {
			t.Fatalf("%q, want %q", got, name)
		}
	})
	if got := nameOf(""); got != policy.Root {
		t.Errorf("root: %q", got)
	}
}
