package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// question is www.example.com A as a client in a prefix.
func question(client string) *dns.Msg {
	q := new(dns.Msg).SetQuestion("www.example.com.", dns.TypeA)
	q.RecursionDesired = false
	q.SetEdns0(1232, false)
	ip, prefix, _ := net.ParseCIDR(client)
	bits, _ := prefix.Mask.Size()
	q.IsEdns0().Option = append(q.IsEdns0().Option, &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: uint8(bits), Address: ip.To4()})
	return q
}

func addresses(m *dns.Msg) []string {
	var list []string
	for _, rr := range m.Answer {
		if a, ok := rr.(*dns.A); ok {
			list = append(list, a.A.String())
		}
	}
	return list
}

// ask asks a node once.
func (c *cluster) ask(i int, client string) ([]string, error) {
	a, _, err := (&dns.Client{Timeout: 2 * time.Second}).Exchange(question(client), c.nodes[i].dns)
	if err != nil {
		return nil, err
	}
	if a.Rcode != dns.RcodeSuccess {
		return nil, fmt.Errorf("rcode %s", dns.RcodeToString[a.Rcode])
	}
	return addresses(a), nil
}

// asker asks one node 200 times a second, each question once, and keeps count.
type asker struct {
	node                    string
	mu                      sync.Mutex
	sent                    map[uint16]time.Time
	lost, empty, bad, total int
	last                    map[string]time.Time // when each address was last answered
	errs                    []error
}

// load asks every node in nodes until the returned function is called, which
// gives the counts when all questions under way have had two seconds.
func (c *cluster) load(nodes ...int) (stop func() map[int]*asker) {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	askers := map[int]*asker{}
	c.askers = askers
	var running sync.WaitGroup
	for _, i := range nodes {
		a := &asker{node: c.nodes[i].name, sent: map[uint16]time.Time{}, last: map[string]time.Time{}}
		askers[i] = a
		conn, err := net.Dial("udp", c.nodes[i].dns)
		c.must(err)
		running.Go(func() { a.run(ctx, conn, c.regions) })
	}
	eventually(c.t, 30*time.Second, "every region is answered", func() error {
		for _, a := range askers {
			for _, r := range c.regions {
				if a.seen(r.host()).IsZero() {
					return fmt.Errorf("%s does not answer %s", a.node, r.name)
				}
			}
		}
		return nil
	})
	var once sync.Once
	stop = func() map[int]*asker {
		once.Do(func() { cancel(); running.Wait() })
		return askers
	}
	c.t.Cleanup(func() { stop() })
	return stop
}

func (a *asker) run(ctx context.Context, conn net.Conn, regions [3]*region) {
	var packed [3][]byte
	for i, r := range regions {
		packed[i], _ = question(r.client).Pack()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.receive(conn)
	}()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for id := uint16(0); ; id++ {
		select {
		case <-ctx.Done():
			_ = conn.SetReadDeadline(time.Now().Add(2 * time.Second))
			a.mu.Lock()
			waiting := len(a.sent)
			a.mu.Unlock()
			if waiting == 0 {
				_ = conn.SetReadDeadline(time.Now())
			}
			<-done
			conn.Close()
			a.mu.Lock()
			a.lost += len(a.sent)
			a.mu.Unlock()
			return
		case <-tick.C:
		}
		p := packed[int(id)%len(packed)]
		p[0], p[1] = byte(id>>8), byte(id)
		a.mu.Lock()
		if _, still := a.sent[id]; still {
			a.lost++ // a whole round of ids ago
		}
		a.sent[id] = time.Now()
		a.total++
		a.mu.Unlock()
		if _, err := conn.Write(p); err != nil {
			a.note(err)
		}
	}
}

func (a *asker) note(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.errs) < 5 {
		a.errs = append(a.errs, err)
	}
}

func (a *asker) receive(conn net.Conn) {
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, net.ErrClosed) {
				return
			}
			a.note(err)
			continue
		}
		var m dns.Msg
		if err := m.Unpack(buf[:n]); err != nil {
			a.note(err)
			continue
		}
		now := time.Now()
		a.mu.Lock()
		delete(a.sent, m.Id)
		list := addresses(&m)
		switch {
		case m.Rcode != dns.RcodeSuccess:
			a.bad++
		case len(list) == 0:
			a.empty++
		}
		for _, addr := range list {
			a.last[addr] = now
		}
		a.mu.Unlock()
	}
}

// seen is when an address was last answered.
func (a *asker) seen(addr string) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last[addr]
}

// clean fails the test when a question was lost, refused or answered with nothing.
func clean(t *testing.T, askers map[int]*asker) {
	t.Helper()
	for _, a := range askers {
		if a.lost+a.empty+a.bad > 0 || a.total == 0 || len(a.errs) > 0 {
			t.Errorf("%s: of %d questions %d were lost, %d answered empty, %d with an error; %v", a.node, a.total, a.lost, a.empty, a.bad, a.errs)
		}
	}
}

// gone waits until no node in askers has answered an address for a while, and gives when the last one did.
func gone(t *testing.T, askers map[int]*asker, addr string, quiet, limit time.Duration) time.Time {
	t.Helper()
	var last time.Time
	eventually(t, limit, addr+" leaves every answer", func() error {
		last = time.Time{}
		for _, a := range askers {
			s := a.seen(addr)
			if s.IsZero() {
				return fmt.Errorf("%s has not answered it even once", a.node)
			}
			if s.After(last) {
				last = s
			}
		}
		if time.Since(last) < quiet {
			return errors.New("it is still answered")
		}
		return nil
	})
	return last
}
