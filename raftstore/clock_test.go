package raftstore

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestTimekeeper(t *testing.T) {
	const start = int64(1_700_000_000e9)
	const s, m, h = int64(time.Second), int64(time.Minute), int64(time.Hour)
	at := func(mono, set int64) Reading { return Reading{Wall: start + mono + set, Mono: time.Duration(mono)} }
	type seen struct{ clock, mono int64 } // a state's clock after start, and when it came
	for name, c := range map[string]struct {
		booted int64 // by how much the wall clock was wrong when the process began
		seen   []seen
		now    Reading
		want   int64 // after start
	}{
		"nothing seen, nothing set":                  {0, nil, at(10*m, 0), 10 * m},
		"in step":                                    {0, []seen{{5 * m, 5 * m}}, at(10*m, 0), 10 * m},
		"set ahead":                                  {0, []seen{{5 * m, 5 * m}}, at(10*m, h), 10 * m},
		"set ahead, nothing seen":                    {0, nil, at(10*m, h), 10 * m},
		"set back":                                   {0, []seen{{5 * m, 5 * m}}, at(10*m, -h), 10 * m},
		"set back, nothing seen":                     {0, []seen{{0, 0}}, at(10*m, -h), 10 * m},
		"booted ahead, then put right":               {h, []seen{{5 * m, 5 * m}}, at(10*m, 0), 10 * m},
		"booted behind, then put right":              {-h, []seen{{5 * m, 5 * m}}, at(10*m, 0), 10 * m},
		"booted behind, and still is":                {-h, []seen{{5 * m, 5 * m}}, at(10*m, -h), 10 * m},
		"booted ahead, and still is":                 {h, []seen{{5 * m, 5 * m}}, at(10*m, h), 10*m + h}, // believed
		"the State clock is ahead of the machines":   {0, []seen{{2 * h, 5 * m}}, at(10*m, 0), 2*h + 5*m},
		"a replay tells less than the wall clock":    {0, []seen{{-10 * h, 1 * s}, {-9 * h, 2 * s}}, at(10*s, 0), 10 * s},
		"caught up late, and then set ahead":         {0, []seen{{-2 * h, 1 * s}}, at(10*s, h), 10 * s},
		"an old state after a new one moves nothing": {0, []seen{{5 * m, 5 * m}, {1 * m, 9 * m}}, at(10*m, -h), 10 * m},
	} {
		k := NewTimekeeper(at(0, c.booted))
		for _, e := range c.seen {
			k.Saw(start+e.clock, at(e.mono, 0))
		}
		if got := k.Begin(c.now) - start; got != c.want {
			t.Errorf("%s: begins at %v after the start, want %v", name, time.Duration(got), time.Duration(c.want))
		}
	}
}

// I-21: leaders on machines whose wall clocks are set while they run go on with the
// State clock where it was, whether they are set ahead or back.
func TestSettingWallClocks(t *testing.T) {
	for _, set := range []time.Duration{time.Hour, -time.Hour} {
		t.Run(fmt.Sprint(set), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var wrong atomic.Int64 // by how much wall clocks are
				stores, stop := memoryCluster(t, func(c *Config) {
					true_ := reader()
					c.seams.clocks = func() Reading {
						now := true_()
						now.Wall += wrong.Load()
						return now
					}
				})
				defer stop()
				for stores[0].State().Cluster.ID == "" {
					time.Sleep(10 * time.Millisecond)
				}
				for _, s := range stores[1:] {
					if err := stores[0].AddVoter(t.Context(), s.cfg.ServerID, s.cfg.LocalAddr); err != nil {
						t.Fatal(err)
					}
				}
				write := func(request string) (at *Store, clock int64) {
					for {
						for _, s := range stores {
							if r := s.reign.Load(); r == nil {
								continue
							}
							if o, err := s.Propose(t.Context(), member(request, request)); err == nil && o.Refused == nil {
								return s, s.State().Clock
							}
						}
						time.Sleep(10 * time.Millisecond)
					}
				}
				old, before := write("before")
				began := time.Now()
				time.Sleep(10 * time.Minute) // nothing is written meanwhile
				wrong.Store(int64(set))
				_ = old.running.Load().raft.LeadershipTransfer().Error()
				next, after := write("after")
				for tries := 0; next == old && tries < 20; tries++ {
					_ = old.running.Load().raft.LeadershipTransfer().Error()
					next, after = write(fmt.Sprint("after", tries))
				}
				if next == old {
					t.Fatal("there is no new leader")
				}
				passed := time.Since(began)
				if went := time.Duration(after - before); went < passed-time.Second || went > passed+time.Second {
					t.Errorf("the State clock went on by %v in %v", went, passed)
				}
			})
		})
	}
}
