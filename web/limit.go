package web

import (
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// The limits, for each token and each peer address. They are on the API only, never on DNS.
const (
	writesPerSecond   = 1000
	writesBurst       = 5000
	failuresPerSecond = 5
	failuresBurst     = 50
	maxBuckets        = 4096 // addresses that are told apart at once
)

// limiter is a token bucket for each of a bounded number of keys.
type limiter struct {
	rate, burst float64
	now         func() time.Time

	mu      sync.Mutex
	buckets map[string]bucket
}

type bucket struct {
	level float64 // tokens at at
	at    time.Time
}

func newLimiter(rate, burst float64, now func() time.Time) *limiter {
	return &limiter{rate: rate, burst: burst, now: now, buckets: map[string]bucket{}}
}

// allow takes a token of the key, if there is one.
func (l *limiter) allow(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	b, ok := l.buckets[key]
	if !ok {
		l.makeRoom(now)
		b = bucket{l.burst, now}
	}
	b.level = min(l.burst, b.level+now.Sub(b.at).Seconds()*l.rate)
	b.at = now
	allowed := b.level >= 1
	if allowed {
		b.level--
	}
	l.buckets[key] = b
	return allowed
}

// giveBack returns a token that was taken for what turned out not to count.
func (l *limiter) giveBack(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b, ok := l.buckets[key]; ok {
		b.level = min(l.burst, b.level+1)
		l.buckets[key] = b
	}
}

// makeRoom forgets full buckets, which say nothing, and if all are in use an arbitrary one.
func (l *limiter) makeRoom(now time.Time) {
	if len(l.buckets) < maxBuckets {
		return
	}
	for key, b := range l.buckets {
		if b.level+now.Sub(b.at).Seconds()*l.rate >= l.burst {
			delete(l.buckets, key)
		}
	}
	for key := range l.buckets {
		if len(l.buckets) < maxBuckets {
			return
		}
		delete(l.buckets, key)
	}
}

// refusalLog notes refused and anonymous calls on this node, never through
// Raft, and no more of them than a disk can take.
type refusalLog struct {
	log     *slog.Logger
	local   Local
	now     func() time.Time
	lines   *limiter
	mu      sync.Mutex
	skipped int
}

func newRefusalLog(log *slog.Logger, now func() time.Time, local Local) *refusalLog {
	return &refusalLog{log: log, local: local, now: now, lines: newLimiter(1, 20, now)}
}

func (l *refusalLog) note(r *http.Request, actor string, refusal *policy.Error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.lines.allow("") {
		l.skipped++
		return
	}
	l.log.Warn("an API call was refused", "kind", refusal.Kind, "method", r.Method, "path", r.URL.Path, "peer", r.RemoteAddr, "unlogged", l.skipped)
	act := policy.Act{At: l.now().UTC(), Kind: policy.ActRefused, Actor: actor, Call: r.Method + " " + r.URL.Path, Peer: r.RemoteAddr, Text: string(refusal.Kind), Missed: l.skipped}
	if len(act.Call) > 300 {
		act.Call = act.Call[:300]
	}
	if err := l.local.Note(act); err != nil {
		l.log.Error("a refused call could not be recorded", "error", err)
	}
	l.skipped = 0
}
