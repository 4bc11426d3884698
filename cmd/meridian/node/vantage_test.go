package node

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gtm/meridian/policy"
)

// A vantage sends one table in each period, whatever changes: a change at
// once, the changes after it in the same period with the next.
func TestReportsAtAConstantRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		changed := make(chan struct{}, 1)
		var mu sync.Mutex
		var sent []time.Duration
		began := time.Now()
		var opinions atomic.Int64
		r := reporter{
			octets:  reportOctets(prometheus.NewRegistry()),
			members: func() []policy.Member { return []policy.Member{{Cluster: "peer"}} },
			table: func() policy.Report {
				return policy.Report{Vantage: "m1", Opinions: make([]policy.Opinion, opinions.Load())}
			},
			changed: changed, take: func(policy.Report) {},
			send: func(context.Context, string, []byte) error {
				mu.Lock()
				defer mu.Unlock()
				sent = append(sent, time.Since(began))
				return nil
			},
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		const period = minReportPeriod
		counts := func(want int, what string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if len(sent) != want {
				t.Fatalf("%s: %d tables instead of %d: %v", what, len(sent), want, sent)
			}
		}
		time.Sleep(10 * period)
		counts(10, "calm")
		time.Sleep(period / 4)
		changed <- struct{}{}
		counts(11, "a change goes at once")
		time.Sleep(period / 4)
		changed <- struct{}{}
		counts(11, "the next waits")
		time.Sleep(period / 2)
		counts(12, "for its period, and not for the end of it")
		for range 100 {
			time.Sleep(period / 10)
			select {
			case changed <- struct{}{}:
			default:
			}
		}
		counts(22, "changes all the time")
		opinions.Store(reportRate) // 17 octets each: the longest period
		time.Sleep(2 * maxReportPeriod)
		synctest.Wait()
		mu.Lock()
		before := len(sent)
		mu.Unlock()
		time.Sleep(10 * maxReportPeriod)
		counts(before+10, "a large table")
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
