package probes

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// network dials nobody: an address answers when up has it true, fails when it is
// false, and hangs when it is not there.
type network struct {
	mu    sync.Mutex
	up    map[string]bool
	tries map[string]int
}

func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	up, known := n.up[address]
	n.tries[address]++
	n.mu.Unlock()
	switch {
	case !known:
		<-ctx.Done()
		return nil, ctx.Err()
	case !up:
		return nil, errors.New("made up")
	}
	ours, theirs := net.Pipe()
	ours.Close()
	return theirs, nil
}

func (n *network) set(up bool, addresses ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, a := range addresses {
		n.up[a] = up
	}
}

func newReferences(t *testing.T, n *network, cfg ReferencesConfig) *References {
	t.Helper()
	cfg.Rand = fixed(0.5)
	r, err := NewReferences(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.dial = n.dial
	return r
}

// during runs References while f goes through time, in a bubble.
func during(t *testing.T, r *References, f func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	f()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func expect(t *testing.T, r *References, want bool, when string) {
	t.Helper()
	synctest.Wait()
	if got := r.Abstaining(); got != want {
		t.Errorf("%s: abstaining is %v", when, got)
	}
}

func TestAbstainsWhenNothingAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{up: map[string]bool{"b:7300": true, "c:7300": true}, tries: map[string]int{}}
		sampled, ok := 4, 0
		r := newReferences(t, n, ReferencesConfig{Answers: func() (int, int) { return sampled, ok }})
		r.SetTargets([]string{"b:7300", "tcp://c:7300"})
		expect(t, r, false, "before the first attempt")
		during(t, r, func() {
			time.Sleep(2 * time.Second)
			expect(t, r, false, "the members answer, no endpoint does")
			n.set(false, "b:7300")
			time.Sleep(2 * time.Second)
			expect(t, r, false, "one member answers")
			n.set(false, "c:7300")
			time.Sleep(2 * time.Second)
			expect(t, r, true, "nobody answers")
			ok = 1
			expect(t, r, false, "one endpoint answers")
			ok = 0
			expect(t, r, true, "nobody again")
			r.SetTargets([]string{"b:7300", "c:7300", "d:7300"})
			expect(t, r, false, "a member that was not tried yet")
			time.Sleep(3 * time.Second)
			expect(t, r, true, "the new member hangs")
			n.set(true, "d:7300")
			time.Sleep(3 * time.Second)
			expect(t, r, false, "the new member answers")
		})
		if got := n.tries["b:7300"]; got < 11 || got > 13 {
			t.Errorf("%d attempts in 12 s", got)
		}
	})
}

func TestConfiguredReferencesAloneCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{up: map[string]bool{"192.0.2.7:443": false, "b:7300": true}, tries: map[string]int{}}
		r := newReferences(t, n, ReferencesConfig{Targets: []string{"tcp://192.0.2.7:443"}, Answers: func() (int, int) { return 5, 5 }})
		r.SetTargets([]string{"b:7300"})
		during(t, r, func() {
			time.Sleep(2 * time.Second)
			expect(t, r, true, "the configured target fails, whatever else answers")
			n.set(true, "192.0.2.7:443")
			time.Sleep(time.Second)
			expect(t, r, false, "it answers")
		})
		if n.tries["b:7300"] != 0 {
			t.Error("a member was tried although targets are configured")
		}
	})
}

func TestNothingToReferTo(t *testing.T) {
	n := &network{tries: map[string]int{}}
	if newReferences(t, n, ReferencesConfig{}).Abstaining() {
		t.Error("no targets at all, and it abstains")
	}
	if newReferences(t, n, ReferencesConfig{Answers: func() (int, int) { return 0, 0 }}).Abstaining() {
		t.Error("no check was probed yet, and it abstains")
	}
	if !newReferences(t, n, ReferencesConfig{Answers: func() (int, int) { return 2, 0 }}).Abstaining() {
		t.Error("every check fails, and there is nothing else")
	}
}

func TestBadReferences(t *testing.T) {
	_, err := NewReferences(ReferencesConfig{Targets: []string{"tcp://192.0.2.7:443", "192.0.2.7:443", "udp://a:1", "tcp://a", "tcp://:1"}})
	var e *policy.Error
	if !errors.As(err, &e) || e.Kind != policy.Invalid || len(e.Problems) != 4 {
		t.Errorf("%v", err)
	}
}

// On a real socket, with the production dialler.
func TestReferenceOverTCP(t *testing.T) {
	r, err := NewReferences(ReferencesConfig{Targets: []string{"tcp://" + talk(t, func(net.Conn) {})}})
	if err != nil {
		t.Fatal(err)
	}
	r.round(t.Context())
	if r.Abstaining() {
		t.Error("a listening target did not answer")
	}
	r.targets[0].address = closed(t)
	r.round(t.Context())
	if !r.Abstaining() {
		t.Error("a closed port answered")
	}
}
