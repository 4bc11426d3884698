package main

import (
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/snapshot"
	"github.com/meridian-gtm/meridian/policy/zonefile"
)

// asking is a question and its explanation.
type asking struct {
	name   policy.Name
	typ    uint16
	client netip.Prefix
	ecs    bool
	assume []string // only explain can
	x      *snapshot.Explanation
}

// asked does the steps that are about answers.
func (s *scenario) asked(verb, rest string, args []string) {
	switch verb {
	case "ask":
		s.ask(args)
	case "=":
		s.expect(rest)
	case "why":
		want := args[len(args)-1]
		text := s.last.x.Text() + "\n" + strings.Join(s.last.x.Reasons, "\n")
		if strings.Contains(text, want) == (args[0] == "not") {
			s.Errorf("the explanation is\n%s", text)
		}
	case "warns":
		if list := s.snap.Warnings(); !slices.ContainsFunc(list, func(w string) bool { return strings.Contains(w, args[0]) }) {
			s.Errorf("the warnings are %q", list)
		}
	case "longest":
		if got := s.view.MaxTTL(args[0]); strconv.Itoa(int(got)) != args[1] {
			s.Errorf("answers of %s have TTLs of up to %d, want %s", args[0], got, args[1])
		}
	case "crowd":
		s.crowd(args)
	case "moved":
		s.move(args)
	default:
		s.Fatalf("%s is no step", verb)
	}
}

func (s *scenario) ask(args []string) {
	name := args[0]
	if !strings.HasSuffix(name, ".") && !strings.Contains(name, ".") {
		name += ".example.com"
	}
	typ, err := zonefile.ParseType(args[1])
	if err != nil {
		s.Fatal(err)
	}
	s.last = asking{name: policy.MustName(name), typ: typ, client: netip.MustParsePrefix("127.0.0.1/32")}
	for i := 2; i+1 < len(args); i += 2 {
		switch args[i] {
		case "from":
			s.last.ecs = true
			if p, ok := s.places[args[i+1]]; ok {
				s.last.client = p.client
			} else if s.last.client, err = netip.ParsePrefix(args[i+1]); err != nil {
				s.Fatal(err)
			}
		case "assuming":
			s.last.assume = append(s.last.assume, args[i+1])
		default:
			s.Fatalf("ask has no %q", args[i])
		}
	}
	if s.last.x, err = s.snap.Explain(snapshot.ExplainQuery{Name: s.last.name, Type: typ, Client: s.last.client, Assume: s.last.assume}); err != nil {
		s.Fatal(err)
	}
}

// expected is what "=" says.
type expected struct {
	result     string
	answers    map[string]float64
	ttl, scope int // -1: not said
	own        string
}

var share = regexp.MustCompile(`^(.*\S) ([0-9.]+)(%|/[0-9.]+)$`)

func (s *scenario) expected(text string) expected {
	e := expected{result: "answer", answers: map[string]float64{}, ttl: -1, scope: -1}
	parts := strings.Split(text, ";")
	first := strings.TrimSpace(parts[0])
	switch word, rest, _ := strings.Cut(first, " "); word {
	case "nodata", "nxdomain", "refused":
		e.result, first = word, ""
	case "static":
		e.result, first = word, rest
	}
	for one := range strings.SplitSeq(first, ",") {
		one = strings.TrimSpace(one)
		p := 1.0
		if m := share.FindStringSubmatch(one); m != nil {
			one = m[1]
			p, _ = strconv.ParseFloat(m[2], 64)
			by := 100.0
			if m[3] != "%" {
				by, _ = strconv.ParseFloat(m[3][1:], 64)
			}
			p /= by
		}
		if one != "" {
			e.answers[together(strings.Split(one, "+"))] = p
		}
	}
	for _, option := range parts[1:] {
		word, value, _ := strings.Cut(strings.TrimSpace(option), " ")
		n, err := strconv.Atoi(value)
		switch {
		case word == "own":
			e.own = value
		case err != nil:
			s.Fatalf("%q is no expectation", option)
		case word == "ttl":
			e.ttl = n
		case word == "scope":
			e.scope = n
		}
	}
	return e
}

// together is the records of one answer as one text, whatever their order.
func together(records []string) string {
	list := slices.Clone(records)
	slices.Sort(list)
	return strings.Join(list, " + ")
}

func (s *scenario) expect(text string) {
	e := s.expected(text)
	if s.dns != nil {
		if s.last.assume == nil {
			s.expectUDP(e)
		}
		return
	}
	x := s.last.x
	got := map[string]float64{}
	for _, d := range x.Distribution {
		got[together(d.Answers)] += d.Probability
	}
	same := x.Result == e.result && len(got) == len(e.answers)
	for a, p := range e.answers {
		same = same && math.Abs(got[a]-p) < 1e-6
	}
	if !same || e.ttl >= 0 && x.Result != "nodata" && int(x.TTL) != e.ttl || e.scope >= 0 && s.last.ecs && s.last.client.Bits() > 0 && int(x.Scope) != e.scope {
		s.Errorf("%s %v, want %+v\n%s\n%s", x.Result, got, e, x.Text(), strings.Join(x.Reasons, "\n"))
	}
	s.expectDecide(e)
}

// service is the one that was asked for, or nil, and its place in the snapshot.
func (s *scenario) service() (*snapshot.Service, int32) {
	for i, svc := range s.snap.Services.All() {
		if s.last.x.Service != "" && svc.ID == s.last.x.Service {
			return svc, int32(i)
		}
	}
	return nil, 0
}

// expectDecide weighs the thresholds of the compiled outcome by going evenly over all that Rand may be.
func (s *scenario) expectDecide(e expected) {
	svc, _ := s.service()
	if svc == nil || s.last.assume != nil || s.last.x.Result != "answer" {
		return
	}
	const n = 1024
	counts := map[string]float64{}
	for i := range uint64(n) {
		counts[s.decide(s.last.client, i<<54|1<<53)] += 1. / n
	}
	for a, p := range counts {
		switch {
		case svc.Spec().Sticky != nil && (e.answers[a] == 0 || p < 1 || e.own != "" && a != e.own):
			s.Errorf("Decide gives %s to %v of a sticky client, want %s of %v", a, p, e.own, e.answers)
		case svc.Spec().Sticky == nil && math.Abs(p-e.answers[a]) > 2./n:
			s.Errorf("Decide gives %s with %v, want %v", a, p, e.answers[a])
		}
	}
}

func (s *scenario) decide(client netip.Prefix, rand uint64) string {
	svc, place := s.service()
	kind, ok := svc.Kind(s.last.typ)
	if !ok {
		s.Fatalf("service %s has no part in the type", svc.ID)
	}
	d := s.snap.Decide(snapshot.Query{Service: place, Kind: kind, Client: client.Addr(), Bits: client.Bits(), Rand: rand})
	if d.Set < 0 {
		return "no data"
	}
	set := svc.Sets[d.Set]
	if set.CNAME != "" {
		return set.CNAME.FQDN()
	}
	var list []string
	for _, data := range set.Data {
		text, err := zonefile.FormatRData(set.Type, data)
		if err != nil {
			s.Fatal(err)
		}
		list = append(list, text)
	}
	return together(list)
}

// exchange asks over UDP once.
func (s *scenario) exchange(client netip.Prefix) (m *dns.Msg, records string, scope int) {
	q := new(dns.Msg).SetQuestion(s.last.name.FQDN(), s.last.typ)
	q.RecursionDesired = false
	if s.last.ecs {
		family := uint16(1)
		if client.Addr().Is6() {
			family = 2
		}
		q.SetEdns0(1232, false)
		q.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: family, SourceNetmask: uint8(client.Bits()), Address: client.Masked().Addr().AsSlice()}}
	}
	m, _, err := (&dns.Client{Timeout: 20 * time.Second, UDPSize: 1232}).ExchangeWithConn(q, s.dns.conn)
	if err != nil {
		s.Fatal(err)
	}
	var list []string
	for _, rr := range m.Answer {
		list = append(list, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	scope = -1
	if opt := m.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if subnet, ok := o.(*dns.EDNS0_SUBNET); ok {
				scope = int(subnet.SourceScope)
			}
		}
	}
	return m, together(list), scope
}

// expectUDP asks until every expected answer should have come, and takes no other.
func (s *scenario) expectUDP(e expected) {
	rcode := map[string]int{"nxdomain": dns.RcodeNameError, "refused": dns.RcodeRefused}[e.result]
	svc, _ := s.service()
	sticky := svc != nil && svc.Spec().Sticky != nil
	least := 1.0
	for _, p := range e.answers {
		least = min(least, p)
	}
	n := 5
	if least < 1 && !sticky {
		n = min(int(30/least), 3000) // each is missed once in e^30
	}
	seen := map[string]bool{}
	for range n {
		m, records, scope := s.exchange(s.last.client)
		negative := len(m.Answer) == 0 && (e.result != "nodata" || len(m.Ns) == 1 && m.Ns[0].Header().Rrtype == dns.TypeSOA)
		if e.answers[records] == 0 && (len(e.answers) > 0 || !negative) || m.Rcode != rcode || e.own != "" && records != e.own {
			s.Fatalf("want %+v:\n%v", e, m)
		}
		for _, rr := range append(m.Answer, m.Ns...) {
			if len(m.Answer)+len(m.Ns) > 0 && e.ttl >= 0 && int(rr.Header().Ttl) != e.ttl && !(len(m.Answer) > 0 && rr.Header().Rrtype == dns.TypeNS) {
				s.Fatalf("want TTL %d:\n%v", e.ttl, m)
			}
		}
		if e.scope >= 0 && s.last.ecs && scope != e.scope {
			s.Fatalf("want scope %d:\n%v", e.scope, m)
		}
		seen[records] = true
	}
	for a, p := range e.answers {
		if !seen[a] && !sticky && p*float64(n) >= 29 {
			s.Errorf("%s never came in %d answers: %v", a, n, seen)
		}
	}
}

// crowd asks for each /24 of a place, by Decide or over UDP.
func (s *scenario) crowd(args []string) {
	s.ask(args)
	answers := map[string]string{}
	block := s.places[args[3]].net.Addr().As4()
	for i := range 256 {
		client := netip.PrefixFrom(netip.AddrFrom4([4]byte{block[0], block[1], byte(i)}), 24)
		if s.dns != nil {
			_, answers[client.String()], _ = s.exchange(client)
		} else {
			answers[client.String()] = s.decide(client, 0)
		}
	}
	key := strings.Join(args, " ")
	s.moved = map[string][2]string{}
	for client, was := range s.crowds[key] {
		s.moved[client] = [2]string{was, answers[client]}
	}
	s.crowds[key] = answers
}

func (s *scenario) move(args []string) {
	moved, had := 0, 0
	for client, a := range s.moved {
		changed := a[0] != a[1]
		if changed {
			moved++
		}
		if len(args) == 2 && args[0] == "from" && a[0] == args[1] {
			had++
		}
		if len(args) == 2 && changed && a[map[string]int{"from": 0, "to": 1}[args[0]]] != args[1] {
			s.Fatalf("%s moved from %s to %s", client, a[0], a[1])
		}
	}
	ok := len(s.moved) > 0
	switch args[0] {
	case "none":
		ok = ok && moved == 0
	case "from":
		ok = ok && moved > 0 && moved == had
	case "to":
		ok = ok && moved > 0 && moved < len(s.moved)
	}
	if !ok {
		s.Errorf("%d of %d moved; %d had %v", moved, len(s.moved), had, args)
	}
}
