package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/zonefile"
)

// corners is testdata/corners.zone with what is too dull to write by hand:
// the record types, the longest names, sets of any size.
func corners(t *testing.T) zoneText {
	t.Helper()
	read := func(file string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var b strings.Builder
	b.WriteString(read("testdata/corners.zone"))
	// Every type, as BIND, NSD and Knot DNS all load it.
	for i, line := range strings.Split(read("../../policy/zonefile/testdata/accept.txt"), "\n") {
		if rest, ok := strings.CutPrefix(line, "w "); ok && !strings.Contains(rest, "$") {
			fmt.Fprintf(&b, "w%d %s\n", i, rest)
		}
	}
	label := strings.Repeat("l", 63)
	long := strings.Join([]string{label, label, label, strings.Repeat("m", 45)}, ".") // 255 octets with corner.test
	fmt.Fprintf(&b, "%s A 192.0.2.70\n%s TXT deep\n", long, strings.TrimSuffix(strings.Repeat("a.", 119), "."))
	fmt.Fprintf(&b, "far DNAME %s\n", strings.Join([]string{label, label, label, "m"}, ".")) // most names below it grow too long
	for i := range 11 {                                                                      // BIND gives up after 12
		fmt.Fprintf(&b, "links%d CNAME links%d\n", i, i+1)
	}
	b.WriteString("links11 A 192.0.2.71\n")
	for i := range 2000 {
		fmt.Fprintf(&b, "many%d A 10.%d.%d.%d\n", []int{10, 30, 70, 80, 500, 2000}[sizeOf(i)], i>>16, i>>8&255, i&255)
	}
	text := strings.Repeat(`"`+strings.Repeat("t", 255)+`" `, 250) // 64,000 octets
	fmt.Fprintf(&b, "large TXT %s\nmedium TXT %s\nalarge CNAME large\n", text, text[:258*4])
	for i := range 13 {
		fmt.Fprintf(&b, "wide NS ns%d.wide\nns%d.wide A 192.0.2.%d\nns%d.wide AAAA 2001:db8::%d\n", i, i, i, i, i)
		fmt.Fprintf(&b, "awide NS ns%d.apart\nns%d.apart A 192.0.2.%d\nns%d.apart AAAA 2001:db8::%d\n", i, i, i, i, i)
	}
	return zoneText{"corner.test", b.String()}
}

func sizeOf(i int) int {
	for k, n := range []int{10, 40, 110, 190, 690} {
		if i < n {
			return k
		}
	}
	return 5
}

// TestCorners asks for everything in a zone made by hand, of the same four servers.
func TestCorners(t *testing.T) {
	zone := corners(t)
	d := newDifferential(t, []zoneText{zone})
	if !d.usable[0] || d.loaded == 0 {
		t.Fatalf("loaded by %v", d.loads[0])
	}
	var questions []zoneQuestion
	seen := map[string]bool{}
	z, _, err := zonefile.Parse(strings.NewReader(zone.text), policy.MustName(zone.name), "corners", zonefile.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(name string, types ...uint16) {
		for _, typ := range types {
			if key := fmt.Sprint(name, typ); !seen[key] {
				seen[key] = true
				questions = append(questions, zoneQuestion{0, name, typ})
			}
		}
	}
	few := []uint16{dns.TypeA, dns.TypeTXT, dns.TypeCNAME, dns.TypeDNAME, dns.TypeDS, dns.TypeNS, dns.TypeMX, dns.TypeSOA, 65280}
	for name, set := range z.Sets {
		owner := name.FQDN()
		ask(owner, set.Type)
		ask(owner, few...)
		ask(strings.ToUpper(owner), set.Type)
		for _, below := range []string{"www.", "*.", "a.b.", strings.Repeat("x", 60) + ".", "QQ."} {
			if n, err := policy.ParseName(below + owner); err == nil {
				ask(n.FQDN(), few...)
			}
		}
		if name != z.Name {
			ask(name.Parent().FQDN(), few...)
		}
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(questions), func(i, j int) { questions[i], questions[j] = questions[j], questions[i] })
	d.compare(questions, false)
	d.compare(questions, true)
	t.Logf("%d questions, %d without a majority, %d differ", d.questions, d.split, d.wrong)
}
