package change

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/zonefile"
)

// rdata is the records of a type, in the text of a master file.
func rdata(t *testing.T, typ uint16, texts ...string) (data [][]byte) {
	t.Helper()
	for _, text := range texts {
		d, err := zonefile.ParseRData(typ, text, "")
		if err != nil {
			t.Fatal(err)
		}
		data = append(data, d)
	}
	return data
}

// edited has example.com with some records, and www.example.com steered.
func edited(t *testing.T) *machine {
	m := started(t)
	text := `$TTL 300
@ SOA ns1 admin 1 7200 900 1209600 300
@ NS ns1
@ NS ns2
ns1 A 192.0.2.1
ns2 A 192.0.2.2
mail MX 10 MX1.example.net.
mail MX 20 mx2.example.net.
mail TXT "v=spf1 -all"
alias CNAME mail
deep.ent TXT x
d DNAME example.net.
`
	z, _, err := zonefile.Parse(strings.NewReader(text), name("example.com"), "z", zonefile.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	m.ok(PutZone{z})
	return m
}

func (m *machine) zone() *policy.Zone {
	z, _ := m.s.Zones.Get(name("example.com").Key())
	return z
}

// records is an RRset as text: "300 10 mx1.example.net. | 20 mx2.example.net."
func (m *machine) records(owner string, typ uint16) string {
	o := m.zone().Owner(name(owner))
	if o == nil {
		return "no name"
	}
	set := o.Find(typ)
	if set == nil {
		return "none"
	}
	var list []string
	for _, d := range set.Data {
		text, err := zonefile.FormatRData(typ, d)
		if err != nil {
			m.t.Fatalf("%v", err)
		}
		list = append(list, text)
	}
	return fmt.Sprintf("%d %s", set.TTL, strings.Join(list, " | "))
}

func TestUpdates(t *testing.T) {
	mx := func(texts ...string) [][]byte { return rdata(t, policy.TypeMX, texts...) }
	for _, c := range []struct {
		what    string
		updates []Update
		owner   string
		typ     uint16
		want    string
	}{
		{"add a record", []Update{{Add, name("mail.example.com"), policy.TypeMX, 60, mx("30 mx3.")}}, "mail.example.com", policy.TypeMX, "60 10 MX1.example.net. | 20 mx2.example.net. | 30 mx3."},
		{"add what is there, in another case", []Update{{Add, name("mail.example.com"), policy.TypeMX, 300, mx("10 mx1.EXAMPLE.net.")}}, "mail.example.com", policy.TypeMX, "300 10 MX1.example.net. | 20 mx2.example.net."},
		{"add what is there, with another TTL", []Update{{Add, name("mail.example.com"), policy.TypeMX, 5, mx("10 mx1.example.net.")}}, "mail.example.com", policy.TypeMX, "5 10 MX1.example.net. | 20 mx2.example.net."},
		{"add a new name", []Update{{Add, name("a.b.example.com"), policy.TypeMX, 5, mx("1 x.")}}, "a.b.example.com", policy.TypeMX, "5 1 x."},
		{"add a CNAME to a CNAME", []Update{{Add, name("alias.example.com"), policy.TypeCNAME, 5, rdata(t, policy.TypeCNAME, "x.")}}, "alias.example.com", policy.TypeCNAME, "5 x."},
		{"add a DNAME to a DNAME", []Update{{Add, name("d.example.com"), policy.TypeDNAME, 5, rdata(t, policy.TypeDNAME, "x.")}}, "d.example.com", policy.TypeDNAME, "5 x."},
		{"add an SOA", []Update{{Add, name("example.com"), policy.TypeSOA, 5, rdata(t, policy.TypeSOA, "a. b. 2 3 4 5 6")}}, "example.com", policy.TypeSOA, "5 a. b. 2 3 4 5 6"},
		{"replace", []Update{{Replace, name("mail.example.com"), policy.TypeMX, 0, mx("1 x.", "1 X.", "2 y.")}}, "mail.example.com", policy.TypeMX, "0 1 x. | 2 y."},
		{"delete an RRset", []Update{{DeleteRRset, name("mail.example.com"), policy.TypeMX, 0, nil}}, "mail.example.com", policy.TypeMX, "none"},
		{"delete an RRset and leave the others", []Update{{DeleteRRset, name("mail.example.com"), policy.TypeMX, 0, nil}}, "mail.example.com", policy.TypeTXT, `300 "v=spf1 -all"`},
		{"delete what is not there", []Update{{DeleteRRset, name("none.example.com"), policy.TypeMX, 0, nil}}, "none.example.com", policy.TypeMX, "no name"},
		{"delete a name", []Update{{DeleteName, name("mail.example.com"), 0, 0, nil}}, "mail.example.com", policy.TypeMX, "no name"},
		{"delete a name and its empty non-terminals", []Update{{DeleteName, name("deep.ent.example.com"), 0, 0, nil}}, "ent.example.com", policy.TypeMX, "no name"},
		{"delete the apex leaves SOA and NS", []Update{{Add, name("example.com"), policy.TypeMX, 5, mx("1 x.")}, {DeleteName, name("example.com"), 0, 0, nil}}, "example.com", policy.TypeMX, "none"},
		{"delete the apex leaves SOA and NS (2)", []Update{{DeleteName, name("example.com"), 0, 0, nil}}, "example.com", policy.TypeNS, "300 ns1.example.com. | ns2.example.com."},
		{"delete a record, in another case", []Update{{DeleteRecords, name("mail.example.com"), policy.TypeMX, 0, mx("10 mx1.example.NET.", "77 none.")}}, "mail.example.com", policy.TypeMX, "300 20 mx2.example.net."},
		{"delete all records", []Update{{DeleteRecords, name("mail.example.com"), policy.TypeMX, 0, mx("10 mx1.example.net.", "20 mx2.example.net.")}}, "mail.example.com", policy.TypeMX, "none"},
		{"in order", []Update{{DeleteName, name("alias.example.com"), 0, 0, nil}, {Add, name("alias.example.com"), policy.TypeMX, 5, mx("1 x.")}}, "alias.example.com", policy.TypeMX, "5 1 x."},
	} {
		t.Run(c.what, func(t *testing.T) {
			m := edited(t)
			soa := m.records("example.com", policy.TypeSOA)
			m.ok(EditZone{Zone: name("example.com"), Updates: c.updates})
			mustEqual(t, "the RRset", m.records(c.owner, c.typ), c.want)
			if c.typ != policy.TypeSOA {
				mustEqual(t, "the SOA, which is the operator's,", m.records("example.com", policy.TypeSOA), soa)
			}
			n := 0
			for _, set := range m.zone().Sets {
				n += len(set.Data)
			}
			mustEqual(t, "the count of records", m.zone().Records, n)
			roundTrip(t, m.s)
		})
	}
}

func TestPrerequisites(t *testing.T) {
	mx := func(texts ...string) [][]byte { return rdata(t, policy.TypeMX, texts...) }
	for _, c := range []struct {
		q    Prerequisite
		want string // "": it holds
	}{
		{Prerequisite{RRsetExists, name("mail.example.com"), policy.TypeMX, nil}, ""},
		{Prerequisite{RRsetExists, name("mail.example.com"), policy.TypeA, nil}, "mail.example.com has no A records"},
		{Prerequisite{RRsetEquals, name("mail.example.com"), policy.TypeMX, mx("20 MX2.example.net.", "10 mx1.example.net.", "10 mx1.example.net.")}, ""},
		{Prerequisite{RRsetEquals, name("mail.example.com"), policy.TypeMX, mx("20 mx2.example.net.")}, "mail.example.com MX has 10 MX1.example.net. beyond what is required"},
		{Prerequisite{RRsetEquals, name("mail.example.com"), policy.TypeMX, mx("20 mx2.example.net.", "10 mx1.example.net.", "1 x.", "2 x.", "3 x.", "4 x.")}, "mail.example.com MX lacks 1 x., 2 x., 3 x., and 1 more"},
		{Prerequisite{RRsetEquals, name("none.example.com"), policy.TypeMX, mx("1 x.")}, "none.example.com MX lacks 1 x."},
		{Prerequisite{RRsetAbsent, name("mail.example.com"), policy.TypeA, nil}, ""},
		{Prerequisite{RRsetAbsent, name("mail.example.com"), policy.TypeMX, nil}, "mail.example.com has MX records: 10 MX1.example.net., 20 mx2.example.net."},
		{Prerequisite{NameInUse, name("mail.example.com"), 0, nil}, ""},
		{Prerequisite{NameInUse, name("ent.example.com"), 0, nil}, "ent.example.com is not in use: it has no records"},
		{Prerequisite{NameNotInUse, name("ent.example.com"), 0, nil}, ""},
		{Prerequisite{NameNotInUse, name("mail.example.com"), 0, nil}, "mail.example.com is in use: it has MX, TXT records"},
	} {
		m := edited(t)
		e := EditZone{name("example.com"), []Prerequisite{{NameInUse, name("example.com"), 0, nil}, c.q}, []Update{{DeleteName, name("alias.example.com"), 0, 0, nil}}}
		if c.want == "" {
			m.ok(e)
			mustEqual(t, "the alias", m.records("alias.example.com", policy.TypeCNAME), "no name")
			continue
		}
		o := m.refuse(policy.Conflict, "zone example.com is not as the change requires; nothing is changed", e)
		if len(o.Refused.Problems) != 1 || o.Refused.Problems[0].Pointer != "/prerequisites/1" || o.Refused.Problems[0].Message != c.want {
			t.Errorf("%+v: %+v, want %s", c.q, o.Refused.Problems, c.want)
		}
	}
	// Every one that fails is told.
	m := edited(t)
	o := m.refuse(policy.Conflict, "", EditZone{Zone: name("example.com"), Prerequisites: []Prerequisite{{NameInUse, name("x.example.com"), 0, nil}, {NameInUse, name("example.com"), 0, nil}, {NameInUse, name("y.example.com"), 0, nil}}})
	if p := o.Refused.Problems; len(p) != 2 || p[0].Pointer != "/prerequisites/0" || p[1].Pointer != "/prerequisites/2" {
		t.Errorf("%+v", p)
	}
}

// TestEditIsHeldToTheRulesOfAWholeZone: what no zone may have, no edit may make.
func TestEditIsHeldToTheRulesOfAWholeZone(t *testing.T) {
	a := rdata(t, policy.TypeA, "192.0.2.9")
	cname := rdata(t, policy.TypeCNAME, "x.")
	for _, c := range []struct {
		what    string
		kind    policy.Kind
		pointer string
		want    string
		u       []Update
	}{
		{"no SOA", policy.Conflict, "/updates/0", "has no SOA record", []Update{{DeleteRRset, name("example.com"), policy.TypeSOA, 0, nil}}},
		{"two SOA", policy.Conflict, "/updates/0", "has 2 SOA records", []Update{{Replace, name("example.com"), policy.TypeSOA, 5, rdata(t, policy.TypeSOA, "a. b. 2 3 4 5 6", "a. b. 3 3 4 5 6")}}},
		{"an SOA below", policy.Conflict, "/updates/0", "has an SOA record, and the zone's apex is example.com", []Update{{Add, name("mail.example.com"), policy.TypeSOA, 5, rdata(t, policy.TypeSOA, "a. b. 2 3 4 5 6")}}},
		{"no NS", policy.Conflict, "/updates/0", "has no NS record", []Update{{DeleteRRset, name("example.com"), policy.TypeNS, 0, nil}}},
		{"no NS left", policy.Conflict, "/updates/0", "has no NS record", []Update{{DeleteRecords, name("example.com"), policy.TypeNS, 0, rdata(t, policy.TypeNS, "ns1.example.com.", "ns2.example.com.")}}},
		{"a CNAME beside other data", policy.Conflict, "/updates/1", "has a CNAME and also MX, TXT; a CNAME stands alone", []Update{{Add, name("x.example.com"), policy.TypeA, 5, a}, {Add, name("mail.example.com"), policy.TypeCNAME, 5, cname}}},
		{"data beside a CNAME", policy.Conflict, "/updates/0", "has a CNAME and also A", []Update{{Add, name("alias.example.com"), policy.TypeA, 5, a}}},
		{"a CNAME at the apex", policy.Conflict, "/updates/0", "cannot be a CNAME", []Update{{Add, name("example.com"), policy.TypeCNAME, 5, cname}}},
		{"two CNAMEs", policy.Conflict, "/updates/0", "has 2 CNAME records", []Update{{Replace, name("x.example.com"), policy.TypeCNAME, 5, rdata(t, policy.TypeCNAME, "x.", "y.")}}},
		{"two DNAMEs", policy.Conflict, "/updates/0", "has 2 DNAME records", []Update{{Replace, name("d.example.com"), policy.TypeDNAME, 5, rdata(t, policy.TypeDNAME, "x.", "y.")}}},
		{"a DNAME at a delegation", policy.Conflict, "/updates/0", "has DNAME and NS", []Update{{Add, name("d.example.com"), policy.TypeNS, 5, rdata(t, policy.TypeNS, "x.")}}},
		{"NS at a wildcard", policy.Conflict, "/updates/0", "a wildcard cannot be delegated", []Update{{Add, name("*.example.com"), policy.TypeNS, 5, rdata(t, policy.TypeNS, "x.")}}},
		{"a steered name", policy.Conflict, "/updates/0", "is steered by service www.example.com", []Update{{Add, name("www.example.com"), policy.TypeA, 5, a}}},
		{"a steered name as a CNAME", policy.Conflict, "/updates/0", "and steered by service www.example.com", []Update{{Add, name("www.example.com"), policy.TypeCNAME, 5, cname}}},
		{"a TTL", policy.Invalid, "/updates/0/ttl", "over 2147483647", []Update{{Add, name("x.example.com"), policy.TypeA, 1 << 31, a}}},
		{"another zone's name", policy.Invalid, "/updates/0/name", "example.org is not in the zone example.com", []Update{{Add, name("example.org"), policy.TypeA, 5, a}}},
		{"a meta-type", policy.Invalid, "/updates/0/type", "ANY is not a type that a zone can hold", []Update{{DeleteRRset, name("example.com"), 255, 0, nil}}},
		{"no records", policy.Invalid, "/updates/0/records", "there are no records", []Update{{Add, name("example.com"), policy.TypeA, 5, nil}}},
		{"records too many", policy.Invalid, "/updates/0/records", "have no place", []Update{{DeleteName, name("example.com"), 0, 0, a}}},
		{"a type where the name is meant", policy.Invalid, "/updates/0/type", "has no place", []Update{{DeleteName, name("mail.example.com"), policy.TypeMX, 0, nil}}},
		{"an unknown update", policy.Invalid, "/updates/0/op", `"increment" is no update`, []Update{{"increment", name("example.com"), 0, 0, nil}}},
	} {
		t.Run(c.what, func(t *testing.T) {
			o := edited(t).refuse(c.kind, c.want, EditZone{Zone: name("example.com"), Updates: append(c.u, Update{Add, name("fine.example.com"), policy.TypeA, 5, a})})
			if p := o.Refused.Problems; len(p) == 0 || p[0].Pointer != c.pointer {
				t.Errorf("%+v, want it at %s", p, c.pointer)
			}
		})
	}
	m := edited(t)
	m.refuse(policy.NotFound, "there is no zone example.org", EditZone{Zone: name("example.org")})
	m.refuse(policy.Invalid, `"whenever" is no prerequisite`, EditZone{Zone: name("example.com"), Prerequisites: []Prerequisite{{"whenever", name("example.com"), 0, nil}}})
	// Other types beside a steered name, and addresses at one that is delegated away, are fine.
	m.ok(EditZone{Zone: name("example.com"), Updates: []Update{{Add, name("www.example.com"), policy.TypeTXT, 5, [][]byte{[]byte("\x01x")}}}})
}

// TestEditKeepsFlattenedAddresses: an endpoint that has its addresses from a zone's records keeps them.
func TestEditKeepsFlattenedAddresses(t *testing.T) {
	m := edited(t)
	c := *m.s.Config()
	c.Pools[0].Endpoints = append(c.Pools[0].Endpoints, policy.Endpoint{Name: "flat", Hostname: name("ns1.example.com"), Resolve: "flatten"})
	m.ok(PutConfig{Config: c})
	m.refuse(policy.Conflict, "flattens ns1.example.com", EditZone{Zone: name("example.com"), Updates: []Update{{DeleteName, name("ns1.example.com"), 0, 0, nil}}})
	m.ok(EditZone{Zone: name("example.com"), Updates: []Update{{DeleteName, name("ns2.example.com"), 0, 0, nil}}})
}

func TestEditRevisions(t *testing.T) {
	m := edited(t)
	rev, all := m.zone().Rev, m.s.Revision
	a := []Update{{Add, name("x.example.com"), policy.TypeA, 5, rdata(t, policy.TypeA, "192.0.2.9")}}
	m.refused(policy.Stale, "zone example.com is at revision", Change{IfMatch: of(rev - 1), Body: EditZone{Zone: name("example.com"), Updates: a}})
	o := m.accepted(Change{IfMatch: of(rev), Body: EditZone{Zone: name("example.com"), Updates: a}})
	mustEqual(t, "the zone's revision", m.zone().Rev, all+1)
	mustEqual(t, "the outcome's", o.Revision, all+1)
	o = m.ok(EditZone{Zone: name("example.com"), Updates: a})
	mustEqual(t, "the revision after an edit that changes nothing", o.Revision, all+1)
	mustEqual(t, "the state's", m.s.Revision, all+1)
}

// TestEditDoesNotGrowWithTheZone counts what an edit allocates: in a tree it is the path to one leaf.
func TestEditDoesNotGrowWithTheZone(t *testing.T) {
	cost := func(n int) float64 {
		m := newMachine(t)
		m.ok(PutZone{large(t, n)})
		i := 0
		return testing.AllocsPerRun(20, func() {
			i++
			next, o, err := Apply(m.s, m.index+1, Change{Body: edit(i)})
			if err != nil || o.Refused != nil {
				t.Fatal(err, o.Refused)
			}
			_ = next.Hash()
		})
	}
	few, many := cost(1000), cost(100_000)
	if many > 3*few {
		t.Errorf("an edit in a zone of 100,000 records allocates %.0f times, in one of 1,000 records %.0f times", many, few)
	}
}

func large(t fataler, n int) *policy.Zone {
	z := zone(t, "example.com")
	for i := range n {
		if err := z.Set(name(fmt.Sprintf("host%d.example.com", i)), policy.RRset{Type: policy.TypeA, TTL: 60, Data: [][]byte{{10, byte(i >> 16), byte(i >> 8), byte(i)}}}); err != nil {
			t.Fatalf("%v", err)
		}
	}
	return z
}

func edit(i int) EditZone {
	return EditZone{Zone: name("example.com"), Prerequisites: []Prerequisite{{RRsetExists, name("host7.example.com"), policy.TypeA, nil}},
		Updates: []Update{{Replace, name("host7.example.com"), policy.TypeA, 60, [][]byte{{192, 0, byte(i >> 8), byte(i)}}}}}
}

func BenchmarkEdit(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := policy.NewState()
			s, o, err := Apply(s, 1, Change{Body: PutZone{large(b, n)}})
			if err != nil || o.Refused != nil {
				b.Fatal(err, o.Refused)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				if s, o, err = Apply(s, s.Index+1, Change{Body: edit(i)}); err != nil || o.Refused != nil {
					b.Fatal(err, o.Refused)
				}
				_ = s.Hash()
			}
		})
	}
}
