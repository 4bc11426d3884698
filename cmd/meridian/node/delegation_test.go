package node

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/zonefile"
	"github.com/meridian-gtm/meridian/probes"
)

// parentOf is the port of a DNS server that is resolver, parent and nameserver at once, and delegates zone.example so.
func parentOf(t *testing.T, referral []string, more ...string) (port string) {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all []dns.RR
	for _, text := range append([]string{"example. 60 IN NS ns.example.", "ns.example. 60 IN A 127.0.0.1"}, more...) {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rr)
	}
	ready := make(chan struct{})
	s := &dns.Server{PacketConn: pc, NotifyStartedFunc: func() { close(ready) }, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		asked := q.Question[0]
		if asked.Name == "zone.example." && asked.Qtype == dns.TypeNS {
			for _, text := range referral {
				if rr, err := dns.NewRR(text); err == nil && rr.Header().Rrtype == dns.TypeNS {
					m.Ns = append(m.Ns, rr)
				} else {
					m.Extra = append(m.Extra, rr)
				}
			}
		} else {
			for _, rr := range all {
				if rr.Header().Name == asked.Name && rr.Header().Rrtype == asked.Qtype {
					m.Answer, m.Authoritative = append(m.Answer, rr), true
				}
			}
		}
		_ = w.WriteMsg(m) // who asked sees that there is none
	})}
	done := make(chan error, 1)
	go func() { done <- s.ActivateAndServe() }()
	<-ready
	t.Cleanup(func() {
		_ = s.Shutdown()
		<-done
	})
	_, port, _ = net.SplitHostPort(pc.LocalAddr().String())
	return port
}

func TestDelegation(t *testing.T) {
	z, _, err := zonefile.Parse(strings.NewReader("$TTL 60\n@ SOA ns1 h 7 3600 600 86400 60\n@ NS ns1\n@ NS ns2.example.\nns1 A 127.0.0.1\n"), policy.MustName("zone.example"), "zone", zonefile.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	soa := "zone.example. 60 IN SOA ns1.zone.example. h.zone.example. 7 3600 600 86400 60"
	good := []string{"zone.example. 60 IN NS ns1.zone.example.", "zone.example. 60 IN NS ns2.example.", "ns1.zone.example. 60 IN A 127.0.0.1"}
	for what, c := range map[string]struct {
		referral, records []string
		allow             []netip.Prefix
		named             bool // the resolver is one that the caller names
		state             string
		says              []string
	}{
		"right":         {good, []string{soa, "ns2.example. 60 IN A 127.0.0.1"}, loopback, true, policy.DelegationOK, nil},
		"not delegated": {nil, []string{soa}, loopback, false, policy.DelegationWrong, []string{"give the registrar the nameservers ns1.zone.example, ns2.example"}},
		"no glue, another server, and DS": {
			[]string{"zone.example. 60 IN NS ns1.zone.example.", "zone.example. 60 IN NS old.example."},
			[]string{soa, "ns1.zone.example. 60 IN A 127.0.0.1", "zone.example. 60 IN DS 1 8 2 " + strings.Repeat("ab", 32)}, loopback, false, policy.DelegationWrong,
			[]string{"lacks ns2.example", "no address of ns1.zone.example", "names old.example", "has DS records", "old.example, to which the parent sends clients, does not serve the zone"},
		},
		"servers that may not be asked (S-16)":    {good, []string{soa}, nil, false, policy.DelegationUnknown, nil},
		"a resolver that may not be asked (S-16)": {good, []string{soa}, nil, true, policy.DelegationUnknown, nil},
	} {
		d := delegator{guard: probes.Guard{Allow: c.allow}, port: parentOf(t, c.referral, c.records...)}
		var resolver netip.Addr
		if d.system = []string{"127.0.0.1:" + d.port}; c.named {
			d.system, resolver = nil, netip.MustParseAddr("127.0.0.1")
		}
		got := d.look(t.Context(), z, resolver)
		if got.State != c.state || (c.state == policy.DelegationUnknown) != (got.Problem != "") || len(got.Warnings) != len(c.says) || !slices.Equal(got.Wanted, []string{"ns1.zone.example", "ns2.example"}) {
			t.Errorf("%s: %+v", what, got)
		}
		for _, text := range c.says {
			if !slices.ContainsFunc(got.Warnings, func(w string) bool { return strings.Contains(w, text) }) {
				t.Errorf("%s: nothing says %q: %q", what, text, got.Warnings)
			}
		}
		if c.state == policy.DelegationOK && (len(got.Servers) != 2 || !got.Servers[0].Answers || got.Servers[0].Serial != 7 || got.Parent != "example") {
			t.Errorf("%s: %+v", what, got)
		}
	}
}
