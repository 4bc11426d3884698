package probes

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// A probe by request goes at once, counts for nothing, and is bounded by endpoint and by node (S-17).
func TestNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Rand: fixed(0.5)})
		c := checks(12)
		for i := range c {
			c[i].Endpoint, c[i].Monitor.Name = "endpoint/"+c[i].ID, "m"
		}
		w.SetChecks(c)
		w.set(w.down, true, c[0].ID)
		r, err := w.Now(t.Context(), c[0])
		if err != nil || r.Evidence.OK || r.Evidence.Error != "made up" || r.Monitor != "m" || r.Kind != "tcp" || r.Endpoint != c[0].Endpoint {
			t.Errorf("%+v, %v", r, err)
		}
		if sampled, _ := w.Answers(); sampled != 0 || len(w.Evidence(c[0].ID)) != 0 || statuses(w.Report()) != "????????????" {
			t.Error("it counts")
		}
		if _, err := w.Now(t.Context(), c[0]); policy.KindOf(err) != policy.TooMany {
			t.Errorf("again at once: %v", err)
		}
		if _, err := w.Now(t.Context(), c[1]); err != nil {
			t.Errorf("another endpoint: %v", err)
		}
		time.Sleep(nowEvery)
		if _, err := w.Now(t.Context(), c[0]); err != nil {
			t.Errorf("a second later: %v", err)
		}
		time.Sleep(nowEvery)
		for i := range nowAtOnce { // all of it before any of them reads it
			w.slow[c[i].ID] = 100 * time.Millisecond
		}
		for i := range nowAtOnce {
			go func() {
				if _, err := w.Now(t.Context(), c[i]); err != nil {
					t.Errorf("number %d: %v", i, err)
				}
			}()
		}
		synctest.Wait()
		if _, err := w.Now(t.Context(), c[11]); policy.KindOf(err) != policy.TooMany {
			t.Errorf("the eleventh at once: %v", err)
		}
		time.Sleep(time.Second)
		if _, err := w.Now(t.Context(), c[11]); err != nil {
			t.Errorf("when they are done: %v", err)
		}
		if len(w.asked.last) != 1 {
			t.Errorf("%d endpoints are remembered", len(w.asked.last))
		}
	})
}
