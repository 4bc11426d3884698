package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// lookPeer finds a real peer's program, or skips the test and says so.
func lookPeer(t *testing.T, name string) string {
	t.Helper()
	file, ok := program(name)
	if !ok {
		t.Skipf("%s is not installed (Debian: apt-get install %s)", name, strings.TrimSuffix(name, "d"))
	}
	return file
}

// program finds a program, also where daemons are.
func program(name string) (file string, ok bool) {
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/local/sbin") {
		file := filepath.Join(dir, name)
		if st, err := os.Stat(file); err == nil && st.Mode()&0o111 != 0 && !st.IsDir() {
			return file, true
		}
	}
	return "", false
}

// unbound runs a Debian unbound that asks the cluster's nodes for example.com.
func (c *cluster) unbound() string {
	c.t.Helper()
	program := lookPeer(c.t, "unbound")
	addr := freePort(c.t, "127.0.0.1")
	host, port, _ := net.SplitHostPort(addr)
	var servers []string
	for _, p := range c.nodes {
		servers = append(servers, p.dns)
	}
	file := filepath.Join(c.dir, "unbound.conf")
	c.must(os.WriteFile(file, []byte(unboundConfig(c.dir, host, port, servers)), 0o644))
	cmd := exec.Command(program, "-d", "-c", file)
	var log strings.Builder
	cmd.Stderr = &log
	c.must(cmd.Start())
	c.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if c.t.Failed() {
			c.t.Logf("log of unbound:\n%s", log.String())
		}
	})
	eventually(c.t, 30*time.Second, "unbound answers", func() error {
		_, err := resolve(addr)
		return err
	})
	return addr
}

// unboundConfig is that of a cache which asks servers for example.com.
func unboundConfig(dir, host, port string, servers []string) string {
	var stubs strings.Builder
	for _, s := range servers {
		h, n, _ := net.SplitHostPort(s)
		fmt.Fprintf(&stubs, "  stub-addr: %s@%s\n", h, n)
	}
	return fmt.Sprintf(`server:
  interface: %s
  port: %s
  username: ""
  chroot: ""
  directory: %q
  pidfile: %q
  use-syslog: no
  do-daemonize: no
  do-not-query-localhost: no
  module-config: "iterator"
  access-control: %s/8 allow
  domain-insecure: "example.com"
remote-control:
  control-enable: no
stub-zone:
  name: "example.com"
%s`, host, port, dir, filepath.Join(dir, "unbound.pid"), host, stubs.String())
}

func resolve(addr string) ([]string, error) {
	q := new(dns.Msg).SetQuestion("www.example.com.", dns.TypeA)
	a, _, err := (&dns.Client{Timeout: 5 * time.Second}).Exchange(q, addr)
	if err != nil {
		return nil, err
	}
	if a.Rcode != dns.RcodeSuccess || len(addresses(a)) == 0 {
		return nil, fmt.Errorf("rcode %s, answers %v", dns.RcodeToString[a.Rcode], addresses(a))
	}
	return addresses(a), nil
}

// (e) and (f): behind a real caching resolver no client is sent to the region
// later than the TTL and two seconds after the drain has returned, by the
// region's own log; undrain brings it back.
func TestE2EDrainBehindUnbound(t *testing.T) {
	t.Parallel()
	lookPeer(t, "unbound")
	const ttl = 5 * time.Second
	c := newCluster(t)
	c.up(fast, int(ttl.Seconds()))
	addr := c.unbound()
	var late []time.Duration
	for range runs() {
		// Loopback has no place, so the first region of the document is the one to go.
		r := c.regions[0]
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); visit(ctx, t, addr, r.addr) }()
		eventually(t, 30*time.Second, "clients come to the region", func() error { return visited(r, time.Now().Add(-time.Second)) })
		if out, err := c.run(1, "drain", "region/"+r.name, "--reason", "test with unbound"); err != nil {
			t.Fatalf("drain: %v\n%s", err, out)
		}
		returned := time.Now()
		<-time.After(ttl + 4*time.Second)
		r.mu.Lock()
		last := r.hits[len(r.hits)-1]
		r.mu.Unlock()
		if after := last.Sub(returned); after > ttl+2*time.Second {
			t.Errorf("a client came to the region %v after the drain had returned", after)
		} else {
			late = append(late, after)
		}
		if out, err := c.run(2, "undrain", "region/"+r.name); err != nil {
			t.Fatalf("undrain: %v\n%s", err, out)
		}
		back := time.Now()
		eventually(t, 30*time.Second, "clients come back to the region", func() error { return visited(r, back) })
		cancel()
		<-done
	}
	percentiles(t, "drain returned to the last client of unbound at the region (TTL 5s)", late)
}

// visited is nil when the region's log has a client after a time.
func visited(r *region, after time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.hits) == 0 || !r.hits[len(r.hits)-1].After(after) {
		return errors.New("no client yet")
	}
	return nil
}

// visit is clients that resolve through unbound and then go where the answer points, 20 a second.
func visit(ctx context.Context, t *testing.T, resolver, like string) {
	_, port, _ := net.SplitHostPort(like)
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		list, err := resolve(resolver)
		if err != nil {
			t.Errorf("a client of unbound got no answer: %v", err)
			continue
		}
		res, err := client.Get("http://" + net.JoinHostPort(list[0], port) + "/")
		if err != nil {
			t.Errorf("a client was sent to %s, which does not answer: %v", list[0], err)
			continue
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
	}
}
