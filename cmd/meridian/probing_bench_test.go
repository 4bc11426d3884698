package main

import (
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// manyEndpoints are probed by one vantage, every 5 s.
const manyEndpoints = 10_000

// TestBenchProbing measures what it costs one node, the leader, to be the only
// vantage of 10,000 endpoints, and whether it costs more, of anything, when all of
// them fail at once. It asserts nothing. `make bench` runs it.
func TestBenchProbing(t *testing.T) {
	if os.Getenv("MERIDIAN_BENCH") == "" {
		t.Skip("set MERIDIAN_BENCH=1, or run make bench")
	}
	var failing atomic.Bool
	var hits [1 << 12]atomic.Int64 // of each 100 ms
	began := time.Now()
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		hits[int(time.Since(began)/(100*time.Millisecond))%len(hits)].Add(1)
		if failing.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })

	c := newCluster(t)
	for i := range c.nodes {
		c.start(i)
	}
	eventually(t, 60*time.Second, "three voters", func() error { return c.voters(3) })
	lead := c.leader()
	pid := c.nodes[lead].cmd.Process.Pid
	if out, err := exec.Command("taskset", "-a", "-p", "-c", "0", strconv.Itoa(pid)).CombinedOutput(); err != nil {
		t.Logf("the node is not kept to one core: %v, %s", err, out)
	}
	c.must(c.do(lead, http.MethodPut, "/zones/"+c.zone, "text/dns", demoZone, nil))
	c.must(c.do(lead, http.MethodPut, "/config", "application/yaml", []byte(manyDocument(c, lead, l)), nil))
	ups := func(want string) {
		eventually(t, 120*time.Second, "every verdict is "+want, func() error {
			n, err := c.metric(lead, `meridian_probe_opinions\{status="`+want+`"\}`)
			if err == nil && n != manyEndpoints {
				err = fmt.Errorf("%v are", n)
			}
			return err
		})
	}
	ups("up")
	time.Sleep(100 * time.Second) // the bulk write and its raft snapshot are over, and as many samples are kept as ever will be
	const window = 60 * time.Second
	type reading struct{ cpu, entries, octets float64 }
	read := func() (r reading) {
		var st struct{ Commit uint64 }
		c.must(c.do(lead, http.MethodGet, "/cluster", "", nil, &st))
		octets, err := c.metric(lead, "meridian_probe_report_octets_total")
		c.must(err)
		return reading{cpu: cpuTime(t, pid).Seconds(), entries: float64(st.Commit), octets: octets}
	}
	measure := func(what string) reading {
		a, start := read(), time.Now()
		time.Sleep(window)
		b, took := read(), time.Since(start).Seconds()
		d := reading{cpu: (b.cpu - a.cpu) / took, entries: (b.entries - a.entries) / took, octets: (b.octets - a.octets) / took}
		t.Logf("%s: %.1f %% of a core, %.2f entries of Raft a second, %.0f octets of reports a second to two nodes", what, 100*d.cpu, d.entries, d.octets)
		return d
	}
	from := int(time.Since(began) / (100 * time.Millisecond))
	calm := measure("all up")
	peak, sum, n := int64(0), int64(0), 0
	for i := from; i < int(time.Since(began)/(100*time.Millisecond)); i++ {
		h := hits[i%len(hits)].Load()
		peak, sum, n = max(peak, h), sum+h, n+1
	}
	rss, err := c.metric(lead, "process_resident_memory_bytes")
	c.must(err)
	t.Logf("%d endpoints at 5 s: %.0f probes a second, in the busiest 100 ms %.2f times the mean; %.0f MiB resident", manyEndpoints, float64(sum)/float64(n)*10,
		float64(peak)*float64(n)/float64(sum), rss/(1<<20))
	failing.Store(true)
	fail := measure("from the moment that all fail")
	ups("down")
	still := measure("all down")
	ratio := func(a, b float64) float64 { return 100 * (a/b - 1) }
	for what, r := range map[string]reading{"while all fail": fail, "all down": still} {
		t.Logf("%s against all up: CPU %+.1f %%, entries %+.1f %%, octets %+.1f %%", what, ratio(r.cpu, calm.cpu), ratio(r.entries, calm.entries), ratio(r.octets, calm.octets))
	}
}

// manyDocument has all endpoints probed from one node's region alone, each at an address of its own.
func manyDocument(c *cluster, lead int, l net.Listener) string {
	var b strings.Builder
	for i, r := range c.regions {
		if i == 0 {
			b.WriteString("regions:\n")
		}
		fmt.Fprintf(&b, "  - {name: %s, place: {iata: %s}}\n", r.name, r.iata)
	}
	fmt.Fprintf(&b, "monitors:\n  - {name: web, http: {port: %d, path: /}, interval: 5s, timeout: 1s, fall: 3, rise: 2, vantages: {sameRegion: true}}\npools:\n",
		l.Addr().(*net.TCPAddr).Port)
	for i := range manyEndpoints / 100 {
		fmt.Fprintf(&b, "  - name: p%d\n    region: %s\n    monitor: web\n    endpoints:\n", i, c.regions[lead].name)
		for j := range 100 {
			n := i*100 + j
			fmt.Fprintf(&b, "      - {name: e%d, address: 127.200.%d.%d}\n", j, n/200, 1+n%200)
		}
	}
	b.WriteString("services:\n")
	for i := range manyEndpoints / 100 {
		fmt.Fprintf(&b, "  - {name: s%d.example.com, ttl: 30, steer: {pool: p%d}}\n", i, i)
	}
	return b.String()
}

// metric reads a metric of a node, by an expression for its name and labels.
func (c *cluster) metric(i int, name string) (float64, error) {
	res, err := http.Get("http://" + c.nodes[i].api + "/metrics")
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	m := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindSubmatch(body)
	if m == nil {
		return math.NaN(), fmt.Errorf("there is no metric %s", name)
	}
	return strconv.ParseFloat(string(m[1]), 64)
}
