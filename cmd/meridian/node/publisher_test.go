package node

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/dnsserver"
	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/zonefile"
)

// patience is how long tests wait for what must happen.
const patience = 20 * time.Second

// stateAt is a state with a zone that has a large set of records, at an index and a configuration revision.
func stateAt(t *testing.T, index uint64) *policy.State {
	t.Helper()
	const zone = "$TTL 300\n@ IN SOA ns1 h 7 3600 600 86400 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\n$GENERATE 1-500 huge IN TXT \"record number $ of many that fill the buffers of a connection\"\n"
	z, _, err := zonefile.Parse(strings.NewReader(zone), policy.MustName("example.test"), "example.test", zonefile.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	s := policy.NewState()
	s.Index, s.ConfigRevision = index, index
	s.Zones.Set(z.Name.Key(), z)
	return s
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !f() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("it never came about that %s", what)
		}
	}
}

// A client that does not take its answer puts off when the view before counts as
// left, and nothing else: the views after it are served at once, and told of in order.
func TestPublisherPassesSlowReaders(t *testing.T) {
	cfg := dnsserver.Config{Listen: []string{"127.0.0.1:0"}, TCP: dnsserver.TCPConfig{WriteTimeout: policy.Duration(time.Minute)}}
	sockets, err := dnsserver.Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	server, err := dnsserver.New(cfg, sockets, log, nil)
	if err != nil {
		t.Fatal(err)
	}
	ev := newEvents("ns1")
	p := newPublisher("ns1", server, ev, log)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- server.Run(ctx) }()
	go func() { done <- p.Run(ctx) }()
	defer func() {
		cancel()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}()
	published := func() uint64 { at, _, _ := p.position(); return at.Index }
	served := func() uint64 { return p.snapshot().Position.Index }

	p.give(stateAt(t, 1))
	eventually(t, "the first view is published", func() bool { return published() == 1 })
	conn, err := net.Dial("tcp", sockets.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	packet, _ := new(dns.Msg).SetQuestion("huge.example.test.", dns.TypeTXT).Pack()
	query := append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)
	conn.SetWriteDeadline(time.Now().Add(time.Second))
	for err == nil { // until nothing goes any more, because the answers are not taken
		_, err = conn.Write(query)
	}
	for i := uint64(2); i <= 5; i++ {
		p.give(stateAt(t, i))
		eventually(t, "the next view is served", func() bool { return served() == i && server.View().Position().Index == i })
	}
	if n := published(); n != 1 {
		t.Errorf("index %d counts as published with answers of the first on their way", n)
	}
	if list, _ := ev.since(0); len(list) != 2 { // the first view's zone and configuration
		t.Errorf("%d events are told too early", len(list)-2)
	}
	wait, stop := context.WithTimeout(ctx, 10*time.Millisecond)
	defer stop()
	if _, err := p.wait(wait, 2); err == nil {
		t.Error("the wait for index 2 is over too early")
	}
	go io.Copy(io.Discard, conn)
	if _, err := p.wait(ctx, 5); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	var order []uint64
	for _, v := range p.published {
		order = append(order, v.at.Index)
	}
	p.mu.Unlock()
	if len(order) != 5 || order[0] != 1 || order[4] != 5 || order[2] != 3 {
		t.Errorf("published in the order %v", order)
	}
	var told []uint64
	eventually(t, "everything is told", func() bool {
		told = nil
		list, _ := ev.since(0)
		for _, e := range list {
			if e.Type == "config" {
				told = append(told, e.Index)
			}
		}
		return len(told) == 5
	})
	for i, index := range told {
		if index != uint64(i+1) {
			t.Errorf("told in the order %v", told)
			break
		}
	}
}
