package probes

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/meridian-gtm/meridian/policy"
)

// names is a resolver of our own: each look-up of a name takes the next of its
// lists of addresses, and the last one over and over.
type names struct {
	mu    sync.Mutex
	table map[string][][]netip.Addr
	asked map[string]int // look-ups of A records by name
}

func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe() // no packet connection, so messages come with their length
		go func() {
			defer ours.Close()
			for n.answer(ours) == nil {
			}
		}()
		return theirs, nil
	}}
}

func (n *names) answer(c net.Conn) error {
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return err
	}
	query := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, query); err != nil {
		return err
	}
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return err
	}
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	q := m.Questions[0]
	lists, ok := n.table[q.Name.String()]
	if !ok {
		m.RCode = dnsmessage.RCodeNameError
	}
	n.mu.Lock()
	turn := min(n.asked[q.Name.String()], len(lists)-1)
	if ok && q.Type == dnsmessage.TypeA {
		n.asked[q.Name.String()]++
		for _, a := range lists[turn] {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: a.As4()},
			})
		}
	}
	n.mu.Unlock()
	reply, err := m.AppendPack(make([]byte, 2, 512))
	if err != nil {
		return err
	}
	binary.BigEndian.PutUint16(reply, uint16(len(reply)-2))
	_, err = c.Write(reply)
	return err
}

func addrs(list ...string) []netip.Addr {
	var out []netip.Addr
	for _, a := range list {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

// S-16: whatever a target is called, nothing on loopback is reached unless the node's operator allows it.
func TestNoProbeReachesLoopback(t *testing.T) {
	hits := new(atomic.Int32)
	at := serve(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	n := &names{asked: map[string]int{}, table: map[string][][]netip.Addr{
		"loop.test.":     {addrs("127.0.0.1")},
		"mixed.test.":    {addrs("127.0.0.1", "127.0.0.2")},
		"rebind.test.":   {addrs("192.0.2.1"), addrs("127.0.0.1")},
		"metadata.test.": {addrs("169.254.169.254")},
	}}
	for _, m := range []policy.Monitor{httpCheck, {HTTPS: &policy.HTTPCheck{Insecure: true}}, {TCP: &policy.TCPCheck{}}} {
		for _, c := range []struct {
			host    string
			refused bool // else it fails to be anything
		}{
			{"127.0.0.1", true}, {"127.1.2.3", true}, {"0.0.0.0", true}, {"::1", true}, {"::", true},
			{"::ffff:127.0.0.1", true}, {"::ffff:7f00:1", true}, {"64:ff9b::7f00:1", true}, {"2002:7f00:1::1", true}, {"::127.0.0.1", true},
			{"loop.test", true}, {"mixed.test", true}, {"metadata.test", true},
			{"localhost", true}, // from the hosts file
			{"2130706433", false}, {"0x7f000001", false}, {"0x7f.1", false}, {"017700000001", false}, {"0177.0.0.1", false}, {"127.1", false},
			{"127.0.0.1.", false}, {"[::1]", false}, {"127.0.0.1@192.0.2.1", false}, {"127.0.0.1#x", false}, {"127.0.0.1%00", false},
		} {
			to := target(t, at, m)
			to.Guard = Guard{}
			to.Check.Host, to.Resolver = c.host, n.resolver()
			if s := once(t, to); s.OK || s.Error == "" || c.refused && !s.Refused {
				t.Errorf("%s of %s: %+v", kindOf(m), c.host, s)
			}
		}
	}
	if hits.Load() != 0 {
		t.Errorf("%d requests got through", hits.Load())
	}
}

func TestRefusalSaysWhatToDo(t *testing.T) {
	to := target(t, closed(t), httpCheck)
	to.Guard = Guard{}
	if s := once(t, to); s.Error != "refused: 127.0.0.1 is loopback; add it to probing.allow in the node's configuration" {
		t.Errorf("%q", s.Error)
	}
}

// A name that shows a public address first and loopback later is looked up once
// for each probe, and that one answer is what is judged.
func TestRebinding(t *testing.T) {
	hits := new(atomic.Int32)
	at := serve(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	n := &names{asked: map[string]int{}, table: map[string][][]netip.Addr{"rebind.test.": {addrs("192.0.2.1"), addrs("127.0.0.1")}}}
	to := target(t, at, httpCheck)
	to.Guard = Guard{}
	to.Check.Monitor.Timeout = policy.Duration(50 * time.Millisecond) // 192.0.2.1 answers nobody
	to.Check.Host, to.Resolver = "rebind.test", n.resolver()
	if s := once(t, to); s.OK || s.Refused {
		t.Errorf("while the name was public: %+v", s)
	}
	n.mu.Lock()
	first := n.asked["rebind.test."]
	n.mu.Unlock()
	if first != 1 {
		t.Errorf("%d look-ups in one probe", first)
	}
	to.Check.Monitor.Timeout = policy.Duration(20 * time.Second)
	if s := once(t, to); !s.Refused {
		t.Errorf("after it turned to loopback: %+v", s)
	}
	if hits.Load() != 0 {
		t.Errorf("%d requests got through", hits.Load())
	}
}

// A name some of whose addresses may be probed is judged by those.
func TestOneAllowedAddressIsEnough(t *testing.T) {
	at := serve(t, func(http.ResponseWriter, *http.Request) {})
	n := &names{asked: map[string]int{}, table: map[string][][]netip.Addr{"two.test.": {addrs("127.0.0.2", "127.0.0.1")}}}
	one := Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}
	to := target(t, at, httpCheck)
	to.Guard = one
	to.Check.Host, to.Resolver = "two.test", n.resolver()
	wantOK(t, once(t, to))

	to = target(t, closed(t), httpCheck)
	to.Guard = one
	to.Check.Host, to.Resolver = "two.test", n.resolver()
	wantError(t, once(t, to), "no address of two.test that may be probed answers")

	to.Check.Host = "missing.test"
	wantError(t, once(t, to), "no address for missing.test")
}
