package node

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/policy"
)

// nameserver answers every question by what it is given, or not at all.
func nameserver(t *testing.T, answer func() string) string {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &dns.Server{PacketConn: pc, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		text := answer()
		if text == "" {
			return
		}
		r := new(dns.Msg).SetReply(q)
		rr, err := dns.NewRR(q.Question[0].Name + " 30 IN " + text)
		if err != nil {
			t.Error(err)
			return
		}
		r.Answer = []dns.RR{rr}
		_ = w.WriteMsg(r)
	})}
	go func() { _ = srv.ActivateAndServe() }()
	t.Cleanup(func() { _ = srv.Shutdown() })
	return pc.LocalAddr().String()
}

// The onlooker counts what each node answers, and knows the last answer that named what left and the first without it.
func TestOnlooker(t *testing.T) {
	var gone atomic.Bool
	slow := nameserver(t, func() string {
		if gone.Load() {
			return "A 192.0.2.2"
		}
		return "A 192.0.2.1"
	})
	s := allUp()
	s.Members.Set("1", policy.Member{ID: "1", Node: "slow", Cluster: "127.0.0.1:1", DNS: []string{slow}})
	s.Members.Set("2", policy.Member{ID: "2", Node: "host", Cluster: "127.0.0.1:1", DNS: []string{nameserver(t, func() string { return "CNAME A.example.net." })}})
	s.Members.Set("3", policy.Member{ID: "3", Node: "mute", Cluster: "127.0.0.1:1", DNS: []string{nameserver(t, func() string { return "" })}})
	o := newOnlooker("slow", func() *policy.State { return s })
	over := make(chan *looked, 1)
	o.tell = func(l *looked) { over <- l }
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- o.Run(ctx) }()
	defer func() { cancel(); <-done }()

	o.begin(&looked{
		Outlook: policy.Outlook{Service: "www.example.com", Endpoint: epA, Cause: policy.LeftVerdict, By: "x", Decided: 7},
		names:   []string{"192.0.2.1", "a.example.net"}, until: time.Now().Add(time.Hour),
	})
	saw := func(node string) policy.Outlook {
		for _, v := range o.told() {
			if v.Node == node {
				return v.by(time.Now())
			}
		}
		return policy.Outlook{}
	}
	eventually(t, "slow and host are seen", func() bool { return saw("slow").Answered > 1 && saw("host").Answered > 1 && saw("mute").Asked > 0 })
	if v := saw("slow"); v.Named.IsZero() || !v.Without.IsZero() || v.Observer != "slow" || v.Decided != 7 {
		t.Errorf("while it is named: %+v", v)
	}
	gone.Store(true)
	eventually(t, "it is gone", func() bool { return !saw("slow").Without.IsZero() })
	if v := saw("slow"); !v.Without.After(v.Named) {
		t.Errorf("when it is gone: %+v", v)
	}
	if v := saw("host"); v.Named.IsZero() || !v.Without.IsZero() {
		t.Errorf("a host name is not known again: %+v", v)
	}
	if v := saw("mute"); v.Answered != 0 || !v.Named.IsZero() {
		t.Errorf("who does not answer: %+v", v)
	}
	cancel()
	l := <-over
	if l.before != nil {
		t.Error("a snapshot is held on to")
	}
}

func TestDNSAddress(t *testing.T) {
	for _, c := range []struct{ listen, want string }{
		{"192.0.2.1:53", "192.0.2.1:53"}, {"0.0.0.0:53", "198.51.100.7:53"}, {":5301", "198.51.100.7:5301"}, {"[::]:53", "198.51.100.7:53"}, {"nonsense", ""},
	} {
		if got := dnsAddress(policy.Member{Cluster: "198.51.100.7:7946", DNS: []string{c.listen}}); got != c.want {
			t.Errorf("%q is asked at %q, not at %q", c.listen, got, c.want)
		}
	}
}

// failedSince is the beginning of the run of failures before a decision.
func TestFailedSince(t *testing.T) {
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	samples := []policy.Evidence{{At: at(9)}, {At: at(8)}, {At: at(7), Refused: true}, {At: at(6)}, {At: at(5), OK: true}, {At: at(4)}}
	if got := failedSince(samples, at(8).UnixNano()); got != at(6).UnixNano() {
		t.Errorf("it is %v", time.Unix(0, got).Unix())
	}
	if got := failedSince(samples[4:], at(8).UnixNano()); got != 0 {
		t.Errorf("of one that did not fail it is %v", got)
	}
}
