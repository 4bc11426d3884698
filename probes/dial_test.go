package probes

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestAgain: a lost SYN is tried once more beside the first, and whatever answers first counts.
func TestAgain(t *testing.T) {
	refused := fmt.Errorf("dial: %w", syscall.ECONNREFUSED)
	lookup := errors.New("lookup: server misbehaving")
	type answer struct {
		after time.Duration // 0: never
		err   error
	}
	for name, c := range map[string]struct {
		answers []answer // of each attempt
		took    time.Duration
		err     error
		conn    int // whose connection it is
		made    int // attempts
	}{
		"at once":                         {[]answer{{10 * time.Millisecond, nil}}, 10 * time.Millisecond, nil, 0, 1},
		"refused at once":                 {[]answer{{10 * time.Millisecond, refused}}, 10 * time.Millisecond, refused, 0, 1},
		"the first is lost":               {[]answer{{0, nil}, {10 * time.Millisecond, nil}}, 210 * time.Millisecond, nil, 1, 2},
		"the first is lost, then refused": {[]answer{{0, nil}, {10 * time.Millisecond, refused}}, 210 * time.Millisecond, refused, 1, 2},
		"the second goes wrong here":      {[]answer{{300 * time.Millisecond, nil}, {10 * time.Millisecond, lookup}}, 300 * time.Millisecond, nil, 0, 2},
		"the first is slow":               {[]answer{{300 * time.Millisecond, nil}, {0, nil}}, 300 * time.Millisecond, nil, 0, 2},
		"both are lost":                   {[]answer{{0, nil}, {0, nil}}, 600 * time.Millisecond, context.DeadlineExceeded, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 600*time.Millisecond)
				defer cancel()
				var made, open atomic.Int32
				var conns [2]net.Conn
				for i := range conns {
					conns[i] = &counted{open: &open}
				}
				began := time.Now()
				conn, err := again(ctx, func(ctx context.Context) (net.Conn, error) {
					i := int(made.Add(1)) - 1
					a := c.answers[i]
					wait := (<-chan time.Time)(nil)
					if a.after > 0 {
						wait = time.After(a.after)
					}
					select {
					case <-ctx.Done():
						return nil, ctx.Err()
					case <-wait:
					}
					if a.err != nil {
						return nil, a.err
					}
					open.Add(1)
					return conns[i], nil
				})
				if took := time.Since(began); took != c.took || !errors.Is(err, c.err) || err == nil && conn != conns[c.conn] {
					t.Errorf("%v after %v, want %v after %v", err, took, c.err, c.took)
				}
				if conn != nil {
					conn.Close()
				}
				cancel()
				synctest.Wait()
				if int(made.Load()) != c.made || open.Load() != 0 {
					t.Errorf("%d attempts, want %d; %d connections are left open", made.Load(), c.made, open.Load())
				}
			})
		})
	}
}

type counted struct {
	net.Conn
	open *atomic.Int32
}

func (c *counted) Close() error { c.open.Add(-1); return nil }
