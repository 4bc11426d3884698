package raftstore

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gtm/meridian/policy"
)

type metrics struct {
	reopens   prometheus.Counter
	proposals *prometheus.CounterVec
	duration  prometheus.Histogram
}

// register makes the metrics and, with a registry, shows them. Most are read off Status when scraped.
func (s *Store) register(reg prometheus.Registerer) error {
	s.metrics = &metrics{
		reopens: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "meridian_raft_restarts_total", Help: "Times Raft went down and was to be opened again, because of its disk."}),
		proposals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_raft_proposals_total", Help: "Changes proposed at this node, by result: applied, refused, unavailable or error."}, []string{"result"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "meridian_raft_proposal_duration_seconds", Help: "Time from proposing a change at this node to having its outcome.",
			Buckets: []float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5}}),
	}
	if reg == nil {
		return nil
	}
	gauge := func(name, help string, value func(Status) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "meridian_raft_" + name, Help: help}, func() float64 { return value(s.Status()) })
	}
	truth := func(b bool) float64 {
		if b {
			return 1
		}
		return 0
	}
	for _, c := range []prometheus.Collector{
		s.metrics.reopens, s.metrics.proposals, s.metrics.duration,
		gauge("leader", "1 while this node leads.", func(st Status) float64 { return truth(st.Role == "leader") }),
		gauge("healthy", "1 while Raft is open and applies entries.", func(st Status) float64 { return truth(st.Problem == "") }),
		gauge("term", "Raft's term.", func(st Status) float64 { return float64(st.Term) }),
		gauge("commit_index", "Last entry known to be committed.", func(st Status) float64 { return float64(st.Commit) }),
		gauge("applied_index", "Last entry applied.", func(st Status) float64 { return float64(st.Applied) }),
		gauge("last_contact_seconds", "Time since a leader was heard; 0 on the leader.", func(st Status) float64 { return st.LastContact.Seconds() }),
		gauge("voters", "Servers with a vote.", func(st Status) float64 {
			n := 0
			for _, server := range st.Servers {
				if server.Voter {
					n++
				}
			}
			return float64(n)
		}),
		gauge("log_file_bytes", "Size of raft.db, which only grows.", func(Status) float64 {
			info, err := os.Stat(filepath.Join(s.cfg.Dir, "raft.db"))
			if err != nil {
				return 0
			}
			return float64(info.Size())
		}),
	} {
		if err := reg.Register(c); err != nil {
			return fmt.Errorf("registering the replicated store's metrics: %w", err)
		}
	}
	return nil
}

func (m *metrics) proposed(took time.Duration, o policy.Outcome, err error) {
	result := "applied"
	switch {
	case policy.KindOf(err) == policy.Unavailable:
		result = "unavailable"
	case err != nil:
		result = "error"
	case o.Refused != nil:
		result = "refused"
	}
	m.proposals.WithLabelValues(result).Inc()
	m.duration.Observe(took.Seconds())
}
