package change

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

const minute = policy.Duration(time.Minute)

func TestPutSignal(t *testing.T) {
	m := started(t).level(policy.FeatureHealth)
	c := config("us", "eu", "ap")
	c.Monitors = append(c.Monitors, policy.Monitor{Name: "billing", Signal: &policy.SignalCheck{Name: "billing-ok"}})
	m.ok(PutConfig{Config: c})
	revision, config := m.s.Revision, m.s.ConfigRevision
	at := func(s int64, reason string, b Body) policy.Outcome {
		return m.accepted(Change{Clock: s * 1e9, Actor: "pusher", Reason: reason, Body: b})
	}
	o := at(100, "", PutSignal{"billing-ok", policy.Up, 0})
	if o.Revision != revision || len(o.Warnings) > 0 {
		t.Errorf("it is answered with %+v", o)
	}
	got, _ := m.s.Signals.Get("billing-ok")
	mustEqual(t, "the signal", got, policy.Signal{Name: "billing-ok", Status: policy.Up, Actor: "pusher", At: 100e9, MaxAge: policy.DefaultSignalAge})
	at(110, " spent ", PutSignal{"billing-ok", policy.Down, policy.MaxSignalAge})
	got, _ = m.s.Signals.Get("billing-ok")
	mustEqual(t, "the signal", got, policy.Signal{Name: "billing-ok", Status: policy.Down, Reason: "spent", Actor: "pusher", At: 110e9, MaxAge: policy.MaxSignalAge})
	if o := at(110, "", PutSignal{"biling-ok", policy.Up, 0}); len(o.Warnings) != 1 || !strings.Contains(o.Warnings[0], "no monitor goes by the signal biling-ok") {
		t.Errorf("a name that no monitor has is answered with %+v", o)
	}
	m.s = roundTrip(t, m.s)
	m.ok(DeleteSignal{"biling-ok"})
	m.refuse(policy.NotFound, `there is no signal "biling-ok"`, DeleteSignal{"biling-ok"})
	m.ok(DeleteSignal{"billing-ok"}) // though a monitor names it
	mustEqual(t, "the signals", m.s.Signals.Len(), 0)
	mustEqual(t, "the operators' revision", m.s.Revision, revision)
	mustEqual(t, "the configuration's revision", m.s.ConfigRevision, config)
}

func TestPutSignalRefused(t *testing.T) {
	m := started(t).steering()
	for _, b := range []Body{PutSignal{"a", policy.Up, 0}, &PutSignal{"a", policy.Up, 0}, DeleteSignal{"a"}} {
		m.refuse(policy.Conflict, "needs feature level 4", b)
	}
	m.level(policy.FeatureHealth)
	_, o, err := Apply(m.s, m.s.Index+1, Change{Reason: strings.Repeat("x", policy.MaxSignalReason+1), Body: PutSignal{"a b", policy.Unknown, 1}})
	if err != nil || o.Refused == nil {
		t.Fatal(o, err)
	}
	pointers(t, o, "/name", "/status", "/reason", "/maxAge")
	m.refuse(policy.Invalid, "a maximum age of 720h0m1s is not within 1s to 720h0m0s", PutSignal{"a", policy.Up, policy.MaxSignalAge + 1e9})
	s := m.s.Clone()
	for i := range policy.MaxSignals {
		name := fmt.Sprintf("s%d", i)
		s.Signals.Set(name, policy.Signal{Name: name, Status: policy.Up, MaxAge: minute})
	}
	m.s = s
	m.refuse(policy.Invalid, "there are 1000 signals already", PutSignal{"one-more", policy.Up, 0})
	m.ok(PutSignal{"s7", policy.Down, 0}) // what is there may be given again
}

// A signal that has grown old is marked once, and stays until it is given again.
func TestStaleSignals(t *testing.T) {
	m := started(t).level(policy.FeatureHealth)
	at := func(s int64, b Body) { m.accepted(Change{Clock: s * 1e9, Body: b}) }
	stale := func() bool { v, _ := m.s.Signals.Get("a"); return v.Stale }
	at(100, PutSignal{"a", policy.Up, 0})
	mustEqual(t, "outdated a moment before its time", Outdated(m.s, 160e9-1), false)
	mustEqual(t, "outdated on time", Outdated(m.s, 160e9), true)
	at(159, ExpireMeasured{})
	mustEqual(t, "stale before its time", stale(), false)
	at(160, ExpireMeasured{})
	mustEqual(t, "stale on time", stale(), true)
	mustEqual(t, "outdated for ever", Outdated(m.s, 1000e9), false)
	m.s = roundTrip(t, m.s)
	at(200, PutSignal{"a", policy.Up, 0})
	mustEqual(t, "stale when given again", stale(), false)
}
