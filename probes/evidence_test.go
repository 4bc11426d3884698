package probes

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// A certificate is the last one that was shown, also after probes that were shown none, and no longer than probes are remembered.
func TestCertificates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Rand: fixed(0)})
		c := checks(3)
		for i := range c {
			c[i].Endpoint, c[i].Monitor.Name = "endpoint/"+c[i].ID, "m"
		}
		end := w.begun.Add(720 * time.Hour).Truncate(time.Second).UTC()
		w.expiry = map[string]time.Time{c[0].ID: end, c[2].ID: end.Add(time.Hour)}
		w.SetChecks(c)
		stop := w.start()
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		seen := w.Certificates()
		want := []policy.SeenCertificate{
			{Check: c[0].ID, Endpoint: c[0].Endpoint, Monitor: "m", Expires: end, Seen: w.begun.Add(time.Second).UTC()},
			{Check: c[2].ID, Endpoint: c[2].Endpoint, Monitor: "m", Expires: end.Add(time.Hour), Seen: w.begun.Add(666666666).UTC()}, // probes begin spread over the interval
		}
		if !slices.Equal(seen, want) {
			t.Errorf("%+v, want %+v", seen, want)
		}
		w.set(w.down, true, c[0].ID)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if seen = w.Certificates(); len(seen) != 2 || seen[0].Seen != want[0].Seen {
			t.Errorf("while it is down: %+v", seen)
		}
		time.Sleep(Remembered * time.Second)
		synctest.Wait()
		if seen = w.Certificates(); len(seen) != 1 || seen[0].Check != c[2].ID {
			t.Errorf("when nobody remembers it: %+v", seen)
		}
		stop()
	})
}
