package dnsserver

import (
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// D-19: what RFC 8906 section 8 asks for holds on every transport, many at once.
func TestRFC8906Everywhere(t *testing.T) {
	s := serving(t, Config{Listen: withIPv6(t, "127.0.0.1:0")})
	edns := func(change func(o *dns.OPT)) *dns.Msg {
		q := query("example.test", dns.TypeSOA)
		q.RecursionDesired = false
		q.SetEdns0(1232, false)
		change(q.IsEdns0())
		return q
	}
	for _, c := range []struct {
		what  string
		q     *dns.Msg
		rcode int
		soa   bool
		opt   bool
	}{
		{"plain", query("example.test", dns.TypeSOA), 0, true, false},
		{"unknown type", query("example.test", 1000), 0, false, false},
		{"EDNS 0", edns(func(*dns.OPT) {}), 0, true, true},
		{"EDNS 1", edns(func(o *dns.OPT) { o.SetVersion(1) }), dns.RcodeBadVers, false, true},
		{"unknown option", edns(func(o *dns.OPT) { o.Option = append(o.Option, &dns.EDNS0_LOCAL{Code: 100}) }), 0, true, true},
		{"unknown flag", edns(func(o *dns.OPT) { o.SetZ(0x40) }), 0, true, true},
		{"cookie", edns(func(o *dns.OPT) {
			o.Option = append(o.Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"})
		}), 0, true, true},
		{"no question, with a cookie", &dns.Msg{MsgHdr: dns.MsgHdr{Id: 8}, Extra: edns(func(o *dns.OPT) {
			o.Option = append(o.Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"})
		}).Extra}, 0, false, true},
		{"outside", query("example.org", dns.TypeSOA), dns.RcodeRefused, false, false},
		{"transfer", query("example.test", dns.TypeIXFR), dns.RcodeRefused, false, false},
		{"opcode 15", &dns.Msg{MsgHdr: dns.MsgHdr{Id: 7, Opcode: 15}}, dns.RcodeNotImplemented, false, false},
		{"notify", new(dns.Msg).SetNotify("example.test."), dns.RcodeRefused, false, false},
		{"update", new(dns.Msg).SetUpdate("example.test."), dns.RcodeRefused, false, false},
	} {
		for _, addr := range s.Addrs() {
			for _, network := range []string{"udp", "tcp"} {
				var wg sync.WaitGroup
				for range 20 {
					wg.Go(func() {
						client := dns.Client{Net: network, Timeout: patience}
						m, _, err := client.Exchange(c.q.Copy(), addr.String())
						if err != nil {
							t.Errorf("%s, %s %s: %v", c.what, network, addr, err)
							return
						}
						if m.Rcode != c.rcode || (len(m.Answer) == 1) != c.soa || (m.IsEdns0() != nil) != c.opt ||
							m.Opcode != c.q.Opcode || m.RecursionAvailable || m.AuthenticatedData || m.Authoritative != (c.rcode == 0 && len(c.q.Question) > 0) {
							t.Errorf("%s, %s %s: answered\n%v", c.what, network, addr, m)
						}
						if o := m.IsEdns0(); o != nil && (o.Version() != 0 || o.Z() != 0 || !onlyCookie(o.Option, strings.Contains(c.what, "cookie"))) {
							t.Errorf("%s, %s %s: OPT is %v", c.what, network, addr, o)
						}
					})
				}
				wg.Wait()
			}
		}
	}
}

// onlyCookie says whether a whole cookie is all there is, or nothing if none is wanted.
func onlyCookie(options []dns.EDNS0, wanted bool) bool {
	if !wanted {
		return len(options) == 0
	}
	c, ok := options[0].(*dns.EDNS0_COOKIE)
	return ok && len(options) == 1 && len(c.Cookie) == 48
}
