package answer

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/policy/snapshot"
)

// ferret is one case of the Ferret dataset: what at least three of BIND, NSD,
// Knot DNS and PowerDNS answer alike.
type ferret struct {
	ID        int
	Origin    string
	Zone      []string
	QName     string
	QType     string
	Rcode     string
	AA        bool
	Answer    []string
	Authority []string // nil: not compared
}

const ferretFile = "../../../shared/conformance/ferret-sample.jsonl"

func TestFerret(t *testing.T) {
	f, err := os.Open(ferretFile)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the Ferret dataset is not beside the checkout (shared/conformance/ferret-sample.jsonl); the hand-written cases still run")
	} else if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	cases, bad := 0, 0
	for lines.Scan() {
		var c ferret
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		cases++
		if !c.run(t) {
			bad++
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if t.Logf("%d cases, %d wrong", cases, bad); cases < 1200 {
		t.Errorf("the dataset has only %d cases", cases)
	}
}

func (c *ferret) run(t *testing.T) bool {
	v := viewOf(t, stateOf(t, map[string]string{c.Origin: strings.Join(c.Zone, "\n") + "\n"}), snapshot.Local{})
	m := ask(t, v, c.QName, dns.StringToType[c.QType])
	ok := dns.RcodeToString[m.Rcode] == c.Rcode && m.Authoritative == c.AA && same(t, m.Answer, c.Answer, false)
	if c.Authority != nil {
		ok = ok && same(t, m.Ns, c.Authority, len(c.Answer) == 0 && c.AA)
	}
	if !ok {
		t.Errorf("case %d: %s %s\nzone\n  %s\nwant %s aa=%v\n  answer %q\n  authority %q\ngot\n%v",
			c.ID, c.QName, c.QType, strings.Join(c.Zone, "\n  "), c.Rcode, c.AA, c.Answer, c.Authority, m)
	}
	return ok
}

// same compares records as sets; the TTL of a negative answer's SOA is not for the dataset to say.
func same(t *testing.T, got []dns.RR, want []string, negative bool) bool {
	var a, b []string
	for _, rr := range got {
		a = append(a, normal(rr, negative))
	}
	for _, text := range want {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, normal(rr, negative))
	}
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, slices.Compact(b))
}

func normal(rr dns.RR, negative bool) string {
	if negative {
		rr.Header().Ttl = 0
	}
	return strings.ToLower(rr.String())
}
