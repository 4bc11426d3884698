package node

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/dnsserver"
	"github.com/meridian-gtm/meridian/policy"
)

// TestTrafficRates feeds counters by hand: the present rate goes back 10 seconds, the history 10 minutes, and no more is kept.
func TestTrafficRates(t *testing.T) {
	var totals dnsserver.Totals
	now := time.Now()
	tr := newTraffic(func() dnsserver.Totals { return totals }, now)
	if s := tr.tell(now.Add(time.Second)); s.Queries != 0 || len(s.History) != 0 || s.Uptime != policy.Duration(time.Second) || s.Age != policy.Duration(time.Second) {
		t.Errorf("at first: %+v", s)
	}
	for range 200 { // 100 queries a second, of which 10 are refused
		now = now.Add(sampleEvery)
		totals.UDP, totals.NoError, totals.Refused = totals.UDP+500, totals.NoError+450, totals.Refused+50
		tr.take(now)
	}
	now = now.Add(sampleEvery)
	totals.TCP, totals.NXDomain, totals.Dropped = 1000, 900, 100
	tr.take(now)
	s := tr.tell(now)
	if s.Queries != 150 || s.ByTransport.UDP != 50 || s.ByTransport.TCP != 100 || s.Answers.NXDomain != 90 || s.Answers.Refused != 5 || s.Dropped != 10 {
		t.Errorf("the last 10 s: %+v", s)
	}
	if len(s.History) != 120 || s.History[0].Queries != 100 || s.History[0].Refused != 10 || s.History[119].Queries != 200 || s.History[119].NXDomain != 180 {
		t.Errorf("%d intervals: %+v … %+v", len(s.History), s.History[0], s.History[119])
	}
}

// TestTrafficOfANodeWithAnotherClock: its times are put by the clock of who asks.
func TestTrafficOfANodeWithAnotherClock(t *testing.T) {
	wrong := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	tr := newTraffic(func() dnsserver.Totals { return dnsserver.Totals{} }, wrong)
	tr.take(wrong.Add(sampleEvery))
	text, err := json.Marshal(tr.tell(wrong.Add(sampleEvery + time.Second)))
	if err != nil {
		t.Fatal(err)
	}
	var s policy.NodeStats
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	byClock(&s, now)
	if at := s.History[0].Until; !at.Equal(now.Add(-time.Second)) {
		t.Errorf("the sample of a second ago is of %v, and it is %v", at, now)
	}
}
