package node

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// registerMetrics shows what an operator is paged by. Each is read at the scrape.
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
	gauge("stale_signals", "Signals that were not given again within their maximum age: monitors that go by them do what their whenStale says.",
		func() float64 { return float64(n.State().StaleSignals(time.Now().UnixNano())) })
	n.registry.MustRegister(expiry("cluster", func() time.Time {
		if id := n.port.Identity(); id != nil {
			return id.Expires()
		}
		return time.Unix(0, 0)
	}))
}

// expiry shows when the certificate for a use runs out: cluster, dns or api.
func expiry(use string, read func() time.Time) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "meridian", Subsystem: "node", Name: "certificate_expiry_seconds", ConstLabels: prometheus.Labels{"use": use},
		Help: "When this node's certificate runs out, in seconds since 1970. The cluster's renews itself when a third of its year is left, and is 0 before there is one; dns and api are files.",
	}, func() float64 { return float64(read().Unix()) })
}

// Gather reads every metric of the node, as a scrape would.
func (n *Node) Gather() ([]*dto.MetricFamily, error) { return n.registry.Gather() }
