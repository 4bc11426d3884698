package main

import (
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/web/api"
)

func TestPastBar(t *testing.T) {
	from := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	to := from.Add(time.Hour)
	at := func(minute int, status api.Status) api.TimelinePoint {
		return api.TimelinePoint{At: from.Add(time.Duration(minute) * time.Minute), Status: status}
	}
	for name, c := range map[string]struct {
		line []api.TimelinePoint
		step time.Duration
		want string
	}{
		"a minute to a character":              {[]api.TimelinePoint{at(0, "up"), at(1, "down"), at(3, "unknown"), at(59, "up")}, time.Minute, "=x ?" + strings.Repeat(" ", 55) + "="},
		"the worst of a character":             {[]api.TimelinePoint{at(0, "down"), {At: from.Add(30 * time.Second), Status: "up"}}, 30 * time.Second, "x" + strings.Repeat(" ", 59)},
		"a step of several characters":         {[]api.TimelinePoint{at(0, "up"), at(30, "down")}, 30 * time.Minute, strings.Repeat("=", 30) + strings.Repeat("x", 30)},
		"a step that began before, or is over": {[]api.TimelinePoint{at(-1, "up"), at(59, "down"), at(60, "up")}, 2 * time.Minute, "=" + strings.Repeat(" ", 58) + "x"},
	} {
		if got := pastBar(c.line, from, to, c.step); got != c.want {
			t.Errorf("%s:\n[%s], want\n[%s]", name, got, c.want)
		}
	}
}

func TestUptime(t *testing.T) {
	if got := uptime([]api.TimelinePoint{{Status: "up"}, {Status: "down", Down: 0.5}, {Status: "unknown"}, {Status: "up"}, {Status: "up"}}); got != "up 87.50 % of the time that is known" {
		t.Error(got)
	}
	if got := uptime([]api.TimelinePoint{{Status: "unknown"}}); got != "nothing is known of that time" {
		t.Error(got)
	}
}

func TestMeasured(t *testing.T) {
	got := measured(api.VantageHistory{Vantage: "ns1", Points: []api.VantagePoint{{Latency: "10ms", Max: "12ms"}, {Latency: "30ms", Max: "50ms", Loss: 0.5}, {Loss: 1}}})
	if text := strings.Join(got, " "); text != "ns1 20ms 50ms 50.00 %" {
		t.Error(text)
	}
}
