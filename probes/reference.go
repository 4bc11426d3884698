package probes

import (
	"context"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// ReferenceInterval is the time between attempts at the reference targets, and the most that one attempt may take.
const ReferenceInterval = time.Second

// ReferencesConfig is what References needs.
type ReferencesConfig struct {
	// Targets is probing.reference of the node's configuration: "tcp://host:port".
	// When there are any, nothing else counts. They are the node operator's own and pass no Guard.
	Targets []string
	// Answers counts the vantage's own checks that were probed, and those that
	// answered: Prober.Answers. It counts only without Targets. Nil: there are none.
	Answers func() (sampled, ok int)
	Log     *slog.Logger // nil: no log

	Rand func() float64 // seam: in [0, 1); nil: math/rand/v2
}

// References tells a vantage whose network is cut from targets that are down. It
// connects to targets that are known to be well placed, and the vantage abstains
// when none of them answers (I-08). Many failing targets alone are no reason.
//
// By default the targets are the cluster ports of the other members, and every
// endpoint that the vantage probes: one success anywhere proves the network.
type References struct {
	cfg  ReferencesConfig
	dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu         sync.Mutex
	targets    []*reference
	abstaining bool // as last logged
}

type reference struct {
	address   string // host:port
	tried, ok bool
}

// NewReferences makes References. It fails with an Invalid error that lists every target it cannot read.
func NewReferences(cfg ReferencesConfig) (*References, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Rand == nil {
		cfg.Rand = mathrand.Float64
	}
	r := &References{cfg: cfg, dial: (&net.Dialer{KeepAlive: -1}).DialContext}
	var problems policy.Problems
	for _, t := range cfg.Targets {
		address, ok := strings.CutPrefix(t, "tcp://")
		if host, port, err := net.SplitHostPort(address); !ok || err != nil || host == "" || port == "" {
			problems.Add("", "%q is not a reference target; write tcp://host:port", t)
			continue
		}
		r.targets = append(r.targets, &reference{address: address})
	}
	if err := problems.Err("probing.reference"); err != nil {
		return nil, err
	}
	return r, nil
}

// SetTargets names the cluster ports of the other members, as host:port. It does
// nothing when the configuration names targets. A target that stays keeps its last result.
func (r *References) SetTargets(addresses []string) {
	if len(r.cfg.Targets) > 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.targets
	r.targets = nil
	for _, a := range addresses {
		a = strings.TrimPrefix(a, "tcp://")
		if i := slices.IndexFunc(old, func(t *reference) bool { return t.address == a }); i >= 0 {
			r.targets = append(r.targets, old[i])
			continue
		}
		r.targets = append(r.targets, &reference{address: a})
	}
}

// Abstaining says that there are reference targets and that the last attempt at
// each of them failed. A target that was not tried yet speaks against it.
func (r *References) Abstaining() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.blind()
}

func (r *References) blind() bool {
	failed := 0
	for _, t := range r.targets {
		if t.ok || !t.tried {
			return false
		}
		failed++
	}
	if len(r.cfg.Targets) == 0 && r.cfg.Answers != nil {
		sampled, ok := r.cfg.Answers()
		if ok > 0 {
			return false
		}
		failed += sampled
	}
	return failed > 0
}

// Run tries every target once a second, from a random moment within the first
// one, until ctx ends, and returns when every attempt has.
func (r *References) Run(ctx context.Context) error {
	phase := time.NewTimer(time.Duration(r.cfg.Rand() * float64(ReferenceInterval)))
	defer phase.Stop()
	select {
	case <-ctx.Done():
		return nil
	case <-phase.C:
	}
	ticker := time.NewTicker(ReferenceInterval)
	defer ticker.Stop()
	for {
		r.round(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// round tries every target, side by side, and takes note of what became of it.
func (r *References) round(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, ReferenceInterval)
	defer cancel()
	r.mu.Lock()
	targets := slices.Clone(r.targets)
	r.mu.Unlock()
	var attempts sync.WaitGroup
	for _, t := range targets {
		attempts.Go(func() {
			conn, err := r.dial(limited, "tcp", t.address)
			if err == nil {
				conn.Close()
			}
			if ctx.Err() == nil {
				r.mu.Lock()
				t.tried, t.ok = true, err == nil
				r.mu.Unlock()
			}
		})
	}
	attempts.Wait()
	r.tell()
}

// tell logs when the vantage begins and ceases to abstain.
func (r *References) tell() {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.blind()
	if now == r.abstaining {
		return
	}
	r.abstaining = now
	if now {
		r.cfg.Log.Warn("no reference target answers: this vantage abstains; look at this node's network, or at probing.reference", "targets", len(r.targets))
		return
	}
	r.cfg.Log.Info("a reference target answers again: this vantage votes")
}
