package raftstore

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// The Barrier after a commit is sent once, and nothing is logged at rest.
func TestNothingIsLoggedAtRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stores, stop := memoryCluster(t, func(cfg *Config) { cfg.WatchInterval = 24 * time.Hour })
		defer stop()
		leader := stores[0]
		for leader.State().Cluster.ID == "" {
			time.Sleep(10 * time.Millisecond)
		}
		if err := leader.AddVoter(t.Context(), stores[1].cfg.ServerID, stores[1].cfg.LocalAddr); err != nil {
			t.Fatal(err)
		}
		o, err := leader.Propose(t.Context(), member("", "a"))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		settled := leader.Status()
		if settled.LastLog != o.Index+1 || settled.Commit != settled.LastLog {
			t.Errorf("after the write at %d the log ends at %d, committed %d; want one Barrier more", o.Index, settled.LastLog, settled.Commit)
		}
		// An empty slot is as much work as a change: it, and one Barrier more.
		if err := leader.Beat(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if now := leader.Status(); now.LastLog != settled.LastLog+2 || now.Commit != now.LastLog {
			t.Errorf("an empty slot took the log from %d to %d, committed %d", settled.LastLog, now.LastLog, now.Commit)
		}
		if err := stores[1].Beat(t.Context()); policy.KindOf(err) != policy.NotLeader {
			t.Errorf("a follower's empty slot: %v", err)
		}
		settled = leader.Status()
		time.Sleep(time.Hour)
		if now := leader.Status().LastLog; now != settled.LastLog {
			t.Errorf("in an hour of rest the log grew from %d to %d", settled.LastLog, now)
		}
	})
}

// BenchmarkFollowerLag is the time from a commit's outcome on the leader until a follower has applied it.
func BenchmarkFollowerLag(b *testing.B) {
	for _, noNudge := range []bool{false, true} {
		b.Run(fmt.Sprintf("barrier=%v", !noNudge), func(b *testing.B) {
			c := newCluster(b, 3, func(_ int, cfg *Config) { cfg.seams.noNudge = noNudge })
			leader := c.leader()
			follower := c.followers()[0]
			var lag time.Duration
			i := 0
			for b.Loop() {
				i++
				o, err := leader.store.Propose(b.Context(), member("", fmt.Sprintf("m%d", i%10)))
				if err != nil {
					b.Fatal(err)
				}
				started := time.Now()
				if err := follower.store.Wait(b.Context(), o.Index); err != nil {
					b.Fatal(err)
				}
				lag += time.Since(started)
			}
			b.ReportMetric(float64(lag.Microseconds())/float64(i)/1000, "ms-lag/op")
		})
	}
}
