package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// single starts one real node.
func single(t *testing.T) *cluster {
	t.Helper()
	c := newCluster(t)
	c.start(0)
	eventually(t, 60*time.Second, "a node that leads itself", func() error {
		st, err := c.status(0)
		if err == nil && st.Leader == "" {
			err = fmt.Errorf("no leader")
		}
		return err
	})
	return c
}

func (c *cluster) putZone(z zoneText) error {
	return c.do(0, http.MethodPut, "/zones/"+z.name, "text/dns", []byte(z.text), nil)
}

func number(t *testing.T, variable string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s=%q: %v", variable, text, err)
	}
	return n
}

// TestDifferential asks the same questions about the same random zones of a
// real node, BIND, NSD and Knot DNS, and holds the node to what two of the three
// agree on (M-10). MERIDIAN_DIFF_SEED and MERIDIAN_DIFF_ZONES ask for other and more zones.
func TestDifferential(t *testing.T) {
	seed, n := number(t, "MERIDIAN_DIFF_SEED", 1), int(number(t, "MERIDIAN_DIFF_ZONES", 60))
	for name, related := range map[string]int{"apart": 0, "related": 30} {
		t.Run(name, func(t *testing.T) {
			zones := makeZones(seed, n, related)
			d := newDifferential(t, zones)
			r := rand.New(rand.NewPCG(seed, 1))
			var questions, some []zoneQuestion
			for i, z := range zones {
				for _, q := range questionsOf(r, i, z) {
					questions = append(questions, q)
					if r.IntN(20) == 0 {
						some = append(some, q)
					}
				}
			}
			d.compare(questions, false)
			d.compare(some, true)
			t.Logf("seed %d: %d zones, %d loaded by all, %d questions, %d without a majority, %d across zones, %d differ", seed, n, d.loaded, d.questions, d.split, d.crossing, d.wrong)
			for k, n := range d.classes {
				t.Logf("%s: %d", k, n)
			}
		})
	}
}

type differential struct {
	t       *testing.T
	zones   []zoneText
	servers []peer // Meridian is the first
	loads   [][]bool
	usable  []bool // loaded by Meridian, and its parents and children by all

	loaded, questions, split, crossing, wrong int
	classes                                   map[string]int
}

func newDifferential(t *testing.T, zones []zoneText) *differential {
	t.Helper()
	d := &differential{t: t, zones: zones, classes: map[string]int{}}
	peers := startPeers(t, zones)
	c := single(t)
	refused := map[int]error{}
	for i, z := range zones {
		if err := c.putZone(z); err != nil {
			refused[i] = err
		}
	}
	d.servers = append([]peer{{"meridian", c.nodes[0].dns}}, peers...)
	var ask [][]byte
	for _, z := range zones {
		ask = append(ask, packed(t, z.name+".", dns.TypeSOA, false))
	}
	got := askAll(t, d.servers, ask, volley)
	for i, z := range zones {
		l := make([]bool, len(d.servers))
		accepted, all := 0, true
		for j := range d.servers {
			_, m := verdictOf(got[j][i])
			l[j] = m != nil && m.Rcode == dns.RcodeSuccess && len(m.Answer) == 1 && strings.EqualFold(m.Answer[0].Header().Name, z.name+".")
			all = all && l[j]
			if j > 0 && l[j] {
				accepted++
			}
		}
		d.loads = append(d.loads, l)
		if all {
			d.loaded++
		}
		if majority := accepted*2 > len(peers); l[0] != majority && len(d.relatives(i)) == 0 {
			t.Errorf("loaded by %v: meridian, named, nsd, knotd (%v)\n%s", l, refused[i], z.text)
		}
	}
	for i, l := range d.loads {
		d.usable = append(d.usable, l[0] && (len(d.relatives(i)) == 0 || !slices.Contains(l, false)) && !slices.ContainsFunc(d.relatives(i), func(j int) bool { return slices.Contains(d.loads[j], false) }))
	}
	return d
}

// relatives are the zones above and below a zone.
func (d *differential) relatives(at int) (list []int) {
	own := d.zones[at].name + "."
	for i, z := range d.zones {
		if i != at && (dns.IsSubDomain(own, z.name+".") || dns.IsSubDomain(z.name+".", own)) {
			list = append(list, i)
		}
	}
	return list
}

// zoneOf is the zone that a name is in.
func (d *differential) zoneOf(name string) string {
	for n := strings.ToLower(name); n != "."; n = parentOf(n) {
		if slices.ContainsFunc(d.zones, func(z zoneText) bool { return z.name+"." == n }) {
			return n
		}
	}
	return ""
}

// crosses says whether a chain of aliases goes from one zone to another. A DS
// at an apex is in the zone above.
func (d *differential) crosses(m *dns.Msg) bool {
	return m != nil && slices.ContainsFunc(m.Answer, func(rr dns.RR) bool {
		c, ok := rr.(*dns.CNAME)
		apex := func(name string) bool { return d.zoneOf(name) == strings.ToLower(name) }
		return ok && (d.zoneOf(c.Hdr.Name) != d.zoneOf(c.Target) || m.Question[0].Qtype == dns.TypeDS && (apex(c.Hdr.Name) || apex(c.Target)))
	})
}

// sizes takes out of what is expected what only comes of sizes: what fits here
// though the majority's does not, because names are compressed better; and TC on a
// referral whose glue does not fit, which RFC 9471 demands, and of the three only Knot DNS does.
func sizes(own verdict, parts *[4]*string) {
	if parts[0] == nil {
		return
	}
	header, cut := strings.CutSuffix(*parts[0], "tc=true")
	referral := *parts[0] == "NOERROR aa=false tc=false" && own.header == "NOERROR aa=false tc=true"
	if cut && own.header == header+"tc=false" || referral {
		*parts = [4]*string{}
	}
}

// beginning is what is expected of an answer that goes from zone to zone, where BIND
// and Knot DNS end with the first: that what they have of it is in it.
func beginning(own verdict, answer *string) (parts [4]*string) {
	if answer == nil {
		return parts
	}
	has := strings.Split(own.answer, "\n")
	for _, line := range strings.Split(*answer, "\n") {
		if line != "" && !slices.Contains(has, line) {
			parts[1] = answer
		}
	}
	return parts
}

// withoutTwins takes out the records that NSD and Knot DNS give twice when an
// alias leads to itself (RFC 2181 section 5 asks servers not to).
func withoutTwins(lines string) string {
	return strings.Join(slices.Compact(strings.Split(lines, "\n")), "\n")
}

func packed(t *testing.T, name string, typ uint16, edns bool) []byte {
	t.Helper()
	q := new(dns.Msg).SetQuestion(name, typ)
	q.RecursionDesired = false
	if edns {
		q.SetEdns0(1232, false)
	}
	b, err := q.Pack()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return b
}

// compare asks all servers and reports where Meridian is not with the majority of those that have the zone.
func (d *differential) compare(questions []zoneQuestion, tcp bool) {
	d.t.Helper()
	how := volley
	if tcp {
		how = volleyTCP
	}
	packets := make([][]byte, len(questions))
	for i, q := range questions {
		packets[i] = packed(d.t, q.name, q.typ, i%2 == 0)
	}
	got := askAll(d.t, d.servers, packets, how)
	for i, q := range questions {
		if !d.usable[q.zone] {
			continue
		}
		d.questions++
		var peers []verdict
		for j := 1; j < len(d.servers); j++ {
			if d.loads[q.zone][j] {
				v, _ := verdictOf(got[j][i])
				v.answer = withoutTwins(v.answer)
				peers = append(peers, v)
			}
		}
		if len(peers) < 2 {
			continue
		}
		own, m := verdictOf(got[0][i])
		parts := majority(peers)
		if parts[0] == nil || parts[1] == nil || parts[2] == nil || parts[3] == nil {
			d.split++
		}
		if d.crosses(m) {
			d.crossing++
			parts = beginning(own, parts[1])
		}
		sizes(own, &parts)
		list := own.differs(parts)
		if len(list) == 0 {
			continue
		}
		d.wrong++
		class := fmt.Sprintf("%s: %s", strings.Join(list, "+"), own.header)
		if parts[0] != nil {
			class += ", not " + *parts[0]
		}
		d.classes[class]++
		if d.classes[class] <= int(number(d.t, "MERIDIAN_DIFF_SHOW", 10)) {
			var all strings.Builder
			for j, s := range d.servers {
				v, _ := verdictOf(got[j][i])
				fmt.Fprintf(&all, "%s: %s\n  answer %q\n  authority %q\n  glue %q\n", s.name, v.header, v.answer, v.authority, v.additional)
			}
			d.t.Errorf("%s %s, TCP %v, EDNS %v: not the majority's %s\n%s\n%.3000s", q.name, dns.Type(q.typ), tcp, i%2 == 0, strings.Join(list, ", "), all.String(), d.zones[q.zone].text)
			if q.zone > 0 && strings.HasSuffix(d.zones[q.zone].name, "."+d.zones[q.zone-1].name) {
				d.t.Logf("its parent is %v\n%s", d.loads[q.zone-1], d.zones[q.zone-1].text)
			}
			if q.zone+1 < len(d.zones) && strings.HasSuffix(d.zones[q.zone+1].name, "."+d.zones[q.zone].name) {
				d.t.Logf("its child is %v\n%s", d.loads[q.zone+1], d.zones[q.zone+1].text)
			}
		}
	}
}
