package dnsserver

import (
	"net"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// D-19: what RFC 8906 section 8 asks for holds on every transport, many at once.
func TestRFC8906Everywhere(t *testing.T) {
	s := serving(t, withTLS(Config{Listen: withIPv6(t, "127.0.0.1:0")}))
	plain := func(change func(q *dns.Msg)) *dns.Msg {
		q := query("example.test", dns.TypeSOA)
		q.RecursionDesired = false
		change(q)
		return q
	}
	edns := func(change func(o *dns.OPT)) *dns.Msg {
		return plain(func(q *dns.Msg) {
			q.SetEdns0(1232, false)
			change(q.IsEdns0())
		})
	}
	unknown := &dns.EDNS0_LOCAL{Code: 100}
	typed := func(typ uint16) *dns.Msg { return plain(func(q *dns.Msg) { q.Question[0].Qtype = typ }) }
	for _, c := range []struct {
		what  string
		q     *dns.Msg
		rcode int
		soa   bool
		opt   bool
	}{
		{"D-01", plain(func(*dns.Msg) {}), 0, true, false},
		{"D-02", typed(1000), 0, false, false},
		{"D-03", plain(func(q *dns.Msg) { q.CheckingDisabled = true }), 0, true, false},
		{"D-04", plain(func(q *dns.Msg) { q.AuthenticatedData = true }), 0, true, false},
		{"D-05", plain(func(q *dns.Msg) { q.Zero = true }), 0, true, false},
		{"D-06", plain(func(q *dns.Msg) { q.RecursionDesired = true }), 0, true, false},
		{"D-07", &dns.Msg{MsgHdr: dns.MsgHdr{Id: 7, Opcode: 15}}, dns.RcodeNotImplemented, false, false},
		{"D-09", edns(func(*dns.OPT) {}), 0, true, true},
		{"D-10", edns(func(o *dns.OPT) { o.SetVersion(1) }), dns.RcodeBadVers, false, true},
		{"D-11", edns(func(o *dns.OPT) { o.Option = append(o.Option, unknown) }), 0, true, true},
		{"D-12", edns(func(o *dns.OPT) { o.SetZ(0x40) }), 0, true, true},
		{"D-13", edns(func(o *dns.OPT) { o.SetVersion(1); o.SetZ(0x40) }), dns.RcodeBadVers, false, true},
		{"D-14", edns(func(o *dns.OPT) { o.SetVersion(1); o.Option = append(o.Option, unknown) }), dns.RcodeBadVers, false, true},
		{"D-15", plain(func(q *dns.Msg) { q.Question[0].Qtype = dns.TypeDNSKEY; q.SetEdns0(512, true) }), 0, false, true},
		{"D-16", edns(func(o *dns.OPT) { o.SetDo() }), 0, true, true},
		{"D-17", edns(func(o *dns.OPT) { o.SetVersion(1); o.SetDo() }), dns.RcodeBadVers, false, true},
		{"D-18", edns(func(o *dns.OPT) {
			o.Option = append(o.Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"}, &dns.EDNS0_NSID{Code: dns.EDNS0NSID},
				&dns.EDNS0_EXPIRE{Code: dns.EDNS0EXPIRE, Empty: true}, &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, Address: net.IPv4zero})
		}), 0, true, true},
		{"no question, with a cookie", &dns.Msg{MsgHdr: dns.MsgHdr{Id: 8}, Extra: edns(func(o *dns.OPT) {
			o.Option = append(o.Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"})
		}).Extra}, 0, false, true},
		{"outside", query("example.org", dns.TypeSOA), dns.RcodeRefused, false, false},
		{"transfer", query("example.test", dns.TypeIXFR), dns.RcodeRefused, false, false},
		{"notify", new(dns.Msg).SetNotify("example.test."), dns.RcodeRefused, false, false},
		{"update", new(dns.Msg).SetUpdate("example.test."), dns.RcodeRefused, false, false},
	} {
		for _, at := range s.everywhere() {
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					client := dns.Client{Net: at.network, Timeout: patience, TLSConfig: trusting(theCertificate())}
					m, _, err := client.Exchange(c.q.Copy(), at.addr)
					if err != nil {
						t.Errorf("%s, %v: %v", c.what, at, err)
						return
					}
					if m.Rcode != c.rcode || (len(m.Answer) == 1) != c.soa || (m.IsEdns0() != nil) != c.opt || m.Opcode != c.q.Opcode ||
						m.RecursionAvailable || m.AuthenticatedData || m.CheckingDisabled || m.Zero || m.Truncated ||
						m.RecursionDesired != c.q.RecursionDesired || m.Authoritative != (c.rcode == 0 && len(c.q.Question) > 0) {
						t.Errorf("%s, %v: answered\n%v", c.what, at, m)
					}
					o := m.IsEdns0()
					if o == nil {
						return
					}
					for _, option := range o.Option { // only what was asked for and is supported
						cookie, isCookie := option.(*dns.EDNS0_COOKIE)
						switch whole := isCookie && len(cookie.Cookie) == 48; {
						case c.what == "D-18" && (whole || option.Option() == dns.EDNS0SUBNET), c.what == "no question, with a cookie" && whole:
						default:
							t.Errorf("%s, %v: OPT is %v", c.what, at, o)
						}
					}
					if o.Version() != 0 || o.Z() != 0 || o.Do() != c.q.IsEdns0().Do() {
						t.Errorf("%s, %v: OPT is %v", c.what, at, o)
					}
				})
			}
			wg.Wait()
		}
	}
}

type place struct{ network, addr string }

// everywhere is every address and transport, as miekg/dns names them.
func (s *started) everywhere() (list []place) {
	for _, a := range s.Addrs() {
		list = append(list, place{"udp", a.String()}, place{"tcp", a.String()})
	}
	for _, a := range s.TLSAddrs() {
		list = append(list, place{"tcp-tls", a.String()})
	}
	return list
}
