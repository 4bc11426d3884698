package raftstore

import (
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/meridian-gtm/meridian/policy"
)

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

// these three build and run together; others do not (raft-boltdb v2.3.1
// lost an import), or were never tried here. Change them with care.
func TestPinnedVersions(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(mod), "\n")
	for path, version := range map[string]string{
		"github.com/hashicorp/raft":           "v1.8.0",
		"github.com/hashicorp/raft-boltdb/v2": "v2.3.0",
		"go.etcd.io/bbolt":                    "v1.5.0",
	} {
		if !slices.ContainsFunc(lines, func(l string) bool {
			f := strings.Fields(strings.TrimPrefix(strings.TrimSpace(l), "require "))
			return len(f) >= 2 && f[0] == path && f[1] == version
		}) {
			t.Errorf("go.mod does not have %s at %s, which is what was tried", path, version)
		}
		if strings.Contains(string(mod), path+" =>") {
			t.Errorf("go.mod replaces %s", path)
		}
	}
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	c := newCluster(t, 1, func(_ int, cfg *Config) { cfg.Registry = reg })
	c.nodes[0].write("a")
	families := must(reg.Gather())
	if problems, err := promlint.NewWithMetricFamilies(families).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
	values := map[string]float64{}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "meridian_raft_") {
			t.Errorf("metric %s has a foreign name", f.GetName())
		}
		for _, m := range f.GetMetric() {
			values[f.GetName()] += m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	if values["meridian_raft_leader"] != 1 || values["meridian_raft_healthy"] != 1 || values["meridian_raft_proposals_total"] < 1 || values["meridian_raft_log_file_bytes"] < 1 {
		t.Errorf("metrics of a leader that has written: %v", values)
	}
}

func TestConfigIsChecked(t *testing.T) {
	_, err := Open(Config{Multiplier: 0.5, HeartbeatTimeout: time.Second, ElectionTimeout: time.Millisecond, LeaseTimeout: 2 * time.Second})
	if policy.KindOf(err) != policy.Invalid {
		t.Fatalf("a config of mistakes: %v", err)
	}
	for _, want := range []string{"Dir", "ServerID", "LocalAddr", "Logger", "Calls", "Streams", "Multiplier", "ElectionTimeout 500µs is below HeartbeatTimeout 500ms", "LeaseTimeout 1s is above"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s: %v", want, err)
		}
	}
	d := Config{Multiplier: 5}.withDefaults()
	if d.HeartbeatTimeout != 2500*time.Millisecond || d.LeaseTimeout > d.HeartbeatTimeout || d.HeartbeatTimeout > d.ElectionTimeout {
		t.Errorf("with a multiplier of 5: heartbeat %v, lease %v, election %v", d.HeartbeatTimeout, d.LeaseTimeout, d.ElectionTimeout)
	}
}

// Raft repeats its warnings many times a second; they come through once in a while.
func TestLogQuietsRepeats(t *testing.T) {
	var out strings.Builder
	log := newRaftLog(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelInfo})))
	for range 10 {
		log.With("peer", "n2").Named("x").Error("failed to heartbeat to", "error", "refused")
		log.Info("entering follower state")
	}
	log.Log(hclog.Warn, "another")
	if n := strings.Count(out.String(), "failed to heartbeat"); n != 1 || !strings.Contains(out.String(), "peer=n2") || strings.Count(out.String(), "\n") != 2 {
		t.Errorf("logged:\n%s", out.String())
	}
}
