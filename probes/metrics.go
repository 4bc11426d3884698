package probes

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gtm/meridian/policy"
)

// metrics counts probes. Labels are the kinds of probes and three results: no
// target has a series of its own, or a big configuration would be a big scrape.
type metrics struct {
	samples    *prometheus.CounterVec
	duration   *prometheus.HistogramVec
	skipped    prometheus.Counter
	running    prometheus.GaugeFunc
	abstaining prometheus.GaugeFunc
	targets    prometheus.GaugeFunc
	opinions   opinionCount
}

func newMetrics(kinds map[string]Kind, p *Prober) *metrics {
	m := &metrics{
		samples: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_probe_samples_total", Help: "Probes made, by kind and result (ok, failed, refused).",
		}, []string{"kind", "result"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "meridian_probe_duration_seconds", Help: "Time from the start of a probe to its result, by kind.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"kind"}),
		skipped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "meridian_probe_late_total", Help: "Turns of a check that came late or were left out because the node was behind or the probe before was still running.",
		}),
		running: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "meridian_probe_running", Help: "Probes running now.",
		}, func() float64 { return float64(len(p.slots)) }),
		abstaining: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "meridian_probe_abstaining", Help: "1 while this vantage abstains because its reference targets all fail.",
		}, func() float64 {
			if p.cfg.Abstaining() {
				return 1
			}
			return 0
		}),
		targets: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "meridian_probe_targets", Help: "Targets probed. Checks that ask the same of a target equally often share its probes, so there may be fewer than checks.",
		}, func() float64 {
			p.mu.Lock()
			defer p.mu.Unlock()
			return float64(len(p.works))
		}),
		opinions: opinionCount{p, prometheus.NewDesc("meridian_probe_opinions", "Checks by this vantage's opinion of them.", []string{"status"}, nil)},
	}
	for kind := range kinds {
		for _, result := range []string{"ok", "failed", "refused"} {
			m.samples.WithLabelValues(kind, result) // there from the start, at zero
		}
		m.duration.WithLabelValues(kind)
	}
	return m
}

func (m *metrics) register(r prometheus.Registerer) error {
	for _, c := range []prometheus.Collector{m.samples, m.duration, m.skipped, m.running, m.abstaining, m.targets, m.opinions} {
		if err := r.Register(c); err != nil {
			return err
		}
	}
	return nil
}

func (m *metrics) observe(kind string, s policy.Sample) {
	result := "failed"
	switch {
	case s.OK:
		result = "ok"
	case s.Refused:
		result = "refused"
	}
	m.samples.WithLabelValues(kind, result).Inc()
	if !s.Refused {
		m.duration.WithLabelValues(kind).Observe(time.Duration(s.Took).Seconds())
	}
}

// opinionCount counts opinions when it is asked.
type opinionCount struct {
	p    *Prober
	desc *prometheus.Desc
}

func (o opinionCount) Describe(c chan<- *prometheus.Desc) { c <- o.desc }

func (o opinionCount) Collect(c chan<- prometheus.Metric) {
	var n [3]int
	o.p.mu.Lock()
	for _, t := range o.p.order {
		n[t.track.Status()]++
	}
	o.p.mu.Unlock()
	for status, count := range n {
		c <- prometheus.MustNewConstMetric(o.desc, prometheus.GaugeValue, float64(count), policy.Status(status).String())
	}
}
