package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// many is how often something is done in `make e2e`; in `make test` it is done a few times.
func many(n int) int {
	if runs() > 1 {
		return n
	}
	return 3
}

// target is a backend that serves HTTP until it is killed.
type target struct {
	name string // of its pool and of its service, which answers it while it is up, and the spare after that
	host string
	l    net.Listener
	mu   sync.Mutex
	open map[net.Conn]bool
	hung bool
}

// spare is what services answer when their target is down.
const spare = "192.0.2.99"

// startTargets starts backends at addresses of their own and one port.
func startTargets(t *testing.T, names []string) (list []*target, port string) {
	t.Helper()
	loopbacks.Lock()
	base := loopbacks.next
	loopbacks.next += len(names)
	loopbacks.Unlock()
	for i, name := range names {
		n := base + i
		k := &target{name: name, host: fmt.Sprintf("127.%d.%d.%d", 100+os.Getpid()%100, 1+n/200, 1+n%200), open: map[net.Conn]bool{}}
		if port == "" {
			_, port, _ = net.SplitHostPort(freePort(t, k.host))
		}
		var err error
		if k.l, err = net.Listen("tcp", net.JoinHostPort(k.host, port)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { k.kill() })
		go k.serve()
		list = append(list, k)
	}
	return list, port
}

func (k *target) serve() {
	for {
		conn, err := k.l.Accept()
		if err != nil {
			return
		}
		k.mu.Lock()
		k.open[conn] = true
		k.mu.Unlock()
		go func() {
			defer func() {
				k.mu.Lock()
				delete(k.open, conn)
				k.mu.Unlock()
				conn.Close()
			}()
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
				return
			}
			k.mu.Lock()
			hung := k.hung
			k.mu.Unlock()
			if !hung {
				fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
				return
			}
			_, _ = conn.Read(make([]byte, 1)) // until whoever asks gives up
		}()
	}
}

// kill ends it as kill -9 does: what comes is refused.
func (k *target) kill() {
	k.l.Close()
	k.mu.Lock()
	defer k.mu.Unlock()
	for conn := range k.open {
		conn.Close()
	}
}

// hang lets it take connections and answer nothing any more.
func (k *target) hang() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.hung = true
}

// killDocument is a document with a service for each target.
func killDocument(list []*target, port, monitor string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "monitors:\n  - {name: web, http: {port: %s, path: /}, %s}\npools:\n  - {name: spare, endpoints: [{name: a, address: %s}]}\n", port, monitor, spare)
	for _, k := range list {
		fmt.Fprintf(&b, "  - {name: %s, monitor: web, endpoints: [{name: a, address: %s}]}\n", k.name, k.host)
	}
	b.WriteString("services:\n")
	for _, k := range list {
		fmt.Fprintf(&b, "  - {name: %s.example.com, ttl: 5, steer: {failover: [{pool: %s}, {pool: spare}]}}\n", k.name, k.name)
	}
	return b.String()
}

// upWith starts the nodes with a service for each target, and waits until all of them answer all targets by verdicts.
func (c *cluster) upWith(list []*target, port, monitor string) {
	c.t.Helper()
	for i := range c.nodes {
		c.start(i)
	}
	eventually(c.t, 60*time.Second, "three voters", func() error { return c.voters(3) })
	c.must(c.do(0, http.MethodPut, "/zones/"+c.zone, "text/dns", demoZone, nil))
	c.must(c.do(0, http.MethodPut, "/config", "application/yaml", []byte(killDocument(list, port, monitor)), nil))
	c.targetsUp(list)
}

func (c *cluster) targetsUp(list []*target) {
	c.t.Helper()
	eventually(c.t, 60*time.Second, "every target is up by the cluster's verdict", func() error {
		for i := range c.nodes {
			var h struct {
				Items []struct{ Endpoint, Measured string }
			}
			if err := c.do(i, http.MethodGet, "/health", "", nil, &h); err != nil {
				return err
			}
			up := map[string]bool{}
			for _, e := range h.Items {
				up[e.Endpoint] = e.Measured == "up"
			}
			for _, k := range list {
				if !up["endpoint/"+k.name+"/a"] {
					return fmt.Errorf("node %d does not hold %s to be up", i, k.name)
				}
			}
		}
		return nil
	})
}

// lastNamed asks a server until it has not answered an address for half a second, and gives when it last did.
func lastNamed(server, name, host string, limit time.Duration) (time.Time, error) {
	client := &dns.Client{Timeout: 200 * time.Millisecond}
	q := new(dns.Msg).SetQuestion(name+".example.com.", dns.TypeA)
	last, end := time.Now(), time.Now().Add(limit)
	for time.Since(last) < 500*time.Millisecond {
		asked := time.Now()
		q.Id = dns.Id()
		a, _, err := client.Exchange(q, server)
		switch {
		case err != nil: // a lost question says nothing
		case len(addresses(a)) == 0:
			return last, fmt.Errorf("%s: an empty answer for %s", server, name)
		case addresses(a)[0] == host:
			last = asked
		}
		if time.Now().After(end) {
			return last, fmt.Errorf("%s still answers %s for %s after %v", server, host, name, limit)
		}
		time.Sleep(10*time.Millisecond - time.Since(asked)%(10*time.Millisecond)) // the pace of asking
	}
	return last, nil
}

// watchLeave gives how long after a moment the last server still named a target, when all have left it.
func watchLeave(t *testing.T, servers []string, k *target, began time.Time) time.Duration {
	t.Helper()
	times := make([]time.Time, len(servers))
	var all sync.WaitGroup
	for i, s := range servers {
		all.Go(func() {
			var err error
			if times[i], err = lastNamed(s, k.name, k.host, 60*time.Second); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	last := began
	for _, at := range times {
		if at.After(last) {
			last = at
		}
	}
	return last.Sub(began)
}

// killEach kills targets one after the other, half of them by silence if silent, and lists how long each was answered.
func killEach(t *testing.T, servers []string, list []*target, silent bool, spacing time.Duration) []time.Duration {
	t.Helper()
	took := make([]time.Duration, len(list))
	var all sync.WaitGroup
	for i, k := range list {
		time.Sleep(spacing/2 + time.Duration(rand.Int64N(int64(spacing)))) // another moment of the interval each time
		began := time.Now()
		if silent && i%2 == 1 {
			k.hang()
		} else {
			k.kill()
		}
		all.Go(func() { took[i] = watchLeave(t, servers, k, began) })
	}
	all.Wait()
	return took
}

func named(prefix string, n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("%s%03d", prefix, i))
	}
	return list
}

func (c *cluster) servers() (list []string) {
	for _, p := range c.nodes {
		list = append(list, p.dns)
	}
	return list
}

// A killed endpoint leaves every node's answers, whether it refuses or is silent. Each is killed once, so that no penalty has a part in it.
func TestE2EKills(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	list, port := startTargets(t, named("k", many(100)))
	c.upWith(list, port, fast)
	took := killEach(t, c.servers(), list, true, 500*time.Millisecond)
	percentiles(t, "killed (half refuse, half are silent) to the last answer at any node (interval 1s, fall 3, timeout 500ms)", took)
}

// The backend, the vantage and the leader of one region die together: the other
// nodes leave it all the same.
func TestE2ERegionKills(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := 1
	if runs() > 1 {
		n = 50
	}
	var all []string
	for i := range n {
		for r := range c.nodes {
			all = append(all, fmt.Sprintf("k%03d-%d", i, r))
		}
	}
	list, port := startTargets(t, all)
	c.upWith(list, port, fast)
	var took []time.Duration
	for i := range n {
		dead := c.leader()
		var others []string
		for j, p := range c.nodes {
			if j != dead {
				others = append(others, p.dns)
			}
		}
		time.Sleep(time.Duration(rand.Int64N(int64(time.Second)))) // another moment of the interval each time
		k := list[3*i+dead]
		began := time.Now()
		k.kill()
		c.nodes[dead].kill()
		took = append(took, watchLeave(t, others, k, began))
		c.start(dead)
		eventually(t, 60*time.Second, "the killed node follows and all three vantages are heard", func() error {
			for j := range c.nodes {
				st, err := c.status(j)
				if err != nil || st.Leader == "" || len(st.Members) != 3 {
					return fmt.Errorf("node %d: %+v, %v", j, st, err)
				}
				for _, m := range st.Members {
					if !m.Reachable {
						return fmt.Errorf("node %d does not reach %s", j, m.Node)
					}
				}
			}
			return nil
		})
		c.targetsUp(list[3*i+3:])
	}
	percentiles(t, "backend, vantage and leader killed together to the last answer at the other nodes", took)
}
