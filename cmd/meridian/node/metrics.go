package node

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// registerMetrics shows what an operator is paged by. Each is read at the scrape; none has a label.
func (n *Node) registerMetrics() {
	gauge := func(name, help string, read func() float64) {
		n.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "meridian", Subsystem: "node", Name: name, Help: help}, read))
	}
	gauge("leaderless_seconds", "Time since this node last knew a leader; 0 while it knows one. Answers go on, writes and expiries wait.",
		func() float64 { return n.leaderless().Seconds() })
	gauge("published_index", "Raft index of the state that queries are answered from.", func() float64 {
		at, _, _ := n.publisher.position()
		return float64(at.Index)
	})
	gauge("published_timestamp_seconds", "When the view that queries are answered from was published.", func() float64 {
		_, on, _ := n.publisher.position()
		if on.IsZero() {
			return 0
		}
		return float64(on.UnixNano()) / float64(time.Second)
	})
	gauge("journal_index", "Raft index up to which this node's own journal is on disk.", func() float64 {
		at, _, _ := n.journal.Durable()
		return float64(at.Index)
	})
	gauge("journal_failed", "1 while the journal cannot be written: a restart without peers would go back.", func() float64 {
		if _, _, err := n.journal.Durable(); err != nil {
			return 1
		}
		return 0
	})
	gauge("compile_failed", "1 while the newest state cannot be compiled and an older one is served.", func() float64 {
		if _, _, err := n.publisher.position(); err != nil {
			return 1
		}
		return 0
	})
	gauge("certificate_expiry_seconds", "When this node's certificate of the cluster port runs out, in seconds since 1970; it is renewed when a third of its year is left. 0 before it has one.", func() float64 {
		id := n.port.Identity()
		if id == nil {
			return 0
		}
		return float64(id.Expires().Unix())
	})
}

// Gather reads every metric of the node, as a scrape would.
func (n *Node) Gather() ([]*dto.MetricFamily, error) { return n.registry.Gather() }
