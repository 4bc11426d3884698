package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
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

// A few cases of the same kind, for where the dataset is not.
var ferretByHand = []ferret{
	{1, "bar.", []string{"bar. 500 IN SOA ns. root. 3 4 5 6 600", "bar. 500 IN NS ns.outside.", "*.bar. 500 IN DNAME foo.bar.", "a.*.foo.bar. 500 IN A 192.0.2.1"},
		"x.bar.", "DNAME", "NOERROR", true, []string{"x.bar. 500 IN DNAME foo.bar."}, nil},
	{2, "bar.", []string{"bar. 500 IN SOA ns. root. 3 4 5 6 600", "bar. 500 IN NS ns.outside.", "a.bar. 500 IN DNAME b.bar.", "*.b.bar. 500 IN CNAME c.bar."},
		"x.a.bar.", "TXT", "NXDOMAIN", true, []string{"a.bar. 500 IN DNAME b.bar.", "x.a.bar. 500 IN CNAME x.b.bar.", "x.b.bar. 500 IN CNAME c.bar."}, nil},
	{3, "bar.", []string{"bar. 500 IN SOA ns. root. 3 4 5 6 600", "bar. 500 IN NS ns.outside.", "a.bar. 500 IN NS ns.a.bar.", "ns.a.bar. 500 IN A 192.0.2.1"},
		"ns.a.bar.", "A", "NOERROR", false, nil, []string{"a.bar. 500 IN NS ns.a.bar."}},
	{4, "bar.", []string{"bar. 500 IN SOA ns. root. 3 4 5 6 600", "bar. 500 IN NS ns.outside.", "a.b.bar. 500 IN A 192.0.2.1"},
		"b.bar.", "A", "NOERROR", true, nil, []string{"bar. 500 IN SOA ns. root. 3 4 5 6 600"}},
}

// TestFerret puts every case's zone into a real node, asks its question over
// UDP and takes the zone out again.
func TestFerret(t *testing.T) {
	cases := ferretByHand
	f, err := os.Open(ferretFile)
	if errors.Is(err, fs.ErrNotExist) {
		t.Log("the Ferret dataset is not beside the checkout (shared/conformance/ferret-sample.jsonl); only the cases written by hand run")
	} else if err != nil {
		t.Fatal(err)
	} else {
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var c ferret
			if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
				t.Fatal(err)
			}
			cases = append(cases, c)
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
		if len(cases) < 1200 {
			t.Errorf("the dataset has only %d cases", len(cases))
		}
	}
	c := single(t)
	start, bad := time.Now(), 0
	for _, f := range cases {
		if !f.run(c) {
			if bad++; bad == 20 {
				t.Fatal("enough is wrong to stop here")
			}
		}
	}
	t.Logf("%d cases, %d wrong, %v", len(cases), bad, time.Since(start).Round(time.Millisecond))
}

func (f *ferret) run(c *cluster) bool {
	t := c.t
	t.Helper()
	z := zoneText{strings.TrimSuffix(f.Origin, "."), strings.Join(f.Zone, "\n") + "\n"}
	c.must(c.putZone(z))
	defer func() { c.must(c.do(0, http.MethodDelete, "/zones/"+z.name, "", nil, nil)) }()
	got, err := volley(c.nodes[0].dns, [][]byte{packed(t, f.QName, dns.StringToType[f.QType], false)})
	c.must(err)
	v, m := verdictOf(got[0])
	if m == nil {
		t.Errorf("case %d: %s %s: %s", f.ID, f.QName, f.QType, v.header)
		return false
	}
	ok := dns.RcodeToString[m.Rcode] == f.Rcode && m.Authoritative == f.AA && v.answer == f.records(t, f.Answer)
	if f.Authority != nil {
		ok = ok && recordSet(m.Ns) == f.records(t, f.Authority)
	}
	if !ok {
		t.Errorf("case %d: %s %s\nzone\n  %s\nwant %s aa=%v\n  answer %q\n  authority %q\ngot\n%v",
			f.ID, f.QName, f.QType, strings.Join(f.Zone, "\n  "), f.Rcode, f.AA, f.Answer, f.Authority, m)
	}
	return ok
}

// records are the records of a case as recordSet gives them.
func (f *ferret) records(t *testing.T, texts []string) string {
	t.Helper()
	var list []dns.RR
	for _, text := range texts {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatalf("case %d: %v", f.ID, err)
		}
		list = append(list, rr)
	}
	return withoutTwins(recordSet(list))
}
