package dnsserver

import "testing"

// TestTotals holds the sums against the metrics, which have their own test.
func TestTotals(t *testing.T) {
	s := serving(t, Config{Listen: []string{"127.0.0.1:0"}})
	c := &s.metrics.streams[tcp]
	c.take(&tally{queries: 7, unanswerable: 1, panics: 2, responses: [rcodes]uint64{0: 1, 2: 1, 3: 2}})
	s.metrics.newUDPCounters().take(&tally{queries: 3, limited: 1, unsent: 1, responses: [rcodes]uint64{5: 1, 4: 1}})
	if got, want := s.Totals(), (Totals{UDP: 3, TCP: 7, NoError: 1, NXDomain: 2, ServFail: 1, Refused: 1, Other: 1, Dropped: 5}); got != want || got.Queries() != 10 {
		t.Errorf("%+v, want %+v", got, want)
	}
}
