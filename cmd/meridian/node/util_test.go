package node

import (
	"io"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/health"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// stateWith has the members m1 (label ns1) and so on, and a pool "web" of the
// endpoints a, b, c in one monitored service.
func stateWith(members int) *policy.State {
	s := policy.NewState()
	s.Index, s.Clock, s.ConfigRevision = 10, int64(time.Hour), 1
	for i := range members {
		id := string(rune('1' + i))
		s.Members.Set("m"+id, policy.Member{ID: "m" + id, Node: "ns" + id, Cluster: "192.0.2." + id + ":7300", Feature: policy.FeatureLevel, Voter: true})
	}
	s.Monitors.Set("tcp", policy.Object[policy.Monitor]{Rev: 1, Spec: policy.Monitor{Name: "tcp", TCP: &policy.TCPCheck{Port: 80}}})
	p := policy.Pool{Name: "web", Monitor: "tcp"}
	for i, name := range []string{"a", "b", "c"} {
		p.Endpoints = append(p.Endpoints, policy.Endpoint{Name: name, Address: netip.AddrFrom4([4]byte{203, 0, 113, byte(i + 1)})})
	}
	s.Pools.Set("web", policy.Object[policy.Pool]{Rev: 1, Spec: p})
	svc := policy.Service{Name: policy.MustName("www.example.com"), Steer: policy.Steering{Pool: "web"}}
	s.Services.Set(svc.ID(), policy.Object[policy.Service]{Rev: 1, Spec: svc})
	return s
}

// judged sets verdicts: "web/a@tcp" and its status.
func judged(s *policy.State, verdicts map[string]policy.Status) *policy.State {
	s = s.Clone()
	checks := s.Checks()
	for i := range checks {
		if status, ok := verdicts[checks[i].ID]; ok {
			s.Verdicts.Set(checks[i].ID, policy.Verdict{Check: checks[i].ID, Status: status, Revision: checks[i].Revision, Ramp: 100})
		}
	}
	return s
}

// at is the same state at another index.
func at(s *policy.State, index uint64) *policy.State {
	s = s.Clone()
	s.Index = index
	return s
}

// voice is a fresh opinion of a vantage on each of the state's checks, in their order.
func voice(s *policy.State, vantage string, statuses ...policy.Status) health.Heard {
	return health.Heard{Vantage: vantage, Opinions: saying(s, vantage, 1, statuses...).Opinions}
}

// saying is a vantage's report of one status for each of the state's checks, in their order.
func saying(s *policy.State, vantage string, seq uint64, statuses ...policy.Status) policy.Report {
	r := policy.Report{Vantage: vantage, Boot: 1, Seq: seq}
	for i, c := range s.Checks() {
		r.Opinions = append(r.Opinions, policy.Opinion{Key: c.Key, Status: statuses[i], Cause: policy.CauseRefused})
	}
	return r
}
