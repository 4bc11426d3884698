package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the program under test, built once.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "meridian-test-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "meridian")
	out, err := exec.Command("go", "build", "-o", file, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building: %w\n%s", err, out)
	}
	return file, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if file, err := binary(); err == nil {
		os.RemoveAll(filepath.Dir(file))
	}
	os.Exit(code)
}

const token = "e2e-token-0123456789"

// cluster is real `meridian serve` processes, three but where a test says otherwise, with their regions' backends.
type cluster struct {
	t       *testing.T
	dir     string
	client  *http.Client // for the nodes' APIs
	nodes   []*process
	regions [3]*region
	zone    string
	askers  map[int]*asker // of the load that was started last
}

type process struct {
	name              string
	ns                *namespace // nil is the network of this process
	dns, api, cluster string
	config            string
	workDir           string // what it is started in; "" is here
	dataDir           string
	cmd               *exec.Cmd
	log               *os.File
	exited            chan struct{}
}

// region is a region's HTTP backend, with its own log.
type region struct {
	name, iata, client string
	addr               string // address:port
	mu                 sync.Mutex
	server             *http.Server
	hits               []time.Time // of requests that are not probes
	refused            []time.Time // connections closed while broken
	refuser            net.Listener
}

var regionSeeds = [3]struct{ name, iata, client string }{
	{"us-east", "IAD", "8.8.8.0/24"}, {"eu-central", "FRA", "91.10.0.0/24"}, {"ap-southeast", "SIN", "165.21.0.0/24"},
}

// loopbacks hands out addresses in 127.0.0.0/8 that no other cluster of this process uses.
var loopbacks struct {
	sync.Mutex
	next int
}

// freePort looks below the ports that the kernel gives to those who dial, so
// that what stops and starts again finds its port free.
func freePort(t *testing.T, host string) string {
	t.Helper()
	for range 1000 {
		addr := net.JoinHostPort(host, strconv.Itoa(10000+rand.IntN(22000)))
		l, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		l.Close()
		u, err := net.ListenPacket("udp", addr)
		if err != nil {
			continue
		}
		u.Close()
		return addr
	}
	t.Fatalf("no port of %s is free for TCP and UDP", host)
	return ""
}

// newCluster makes the regions and the nodes' configurations, and starts nothing.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: t.TempDir(), client: http.DefaultClient, nodes: make([]*process, len(regionSeeds)), zone: "example.com"}
	loopbacks.Lock()
	base := loopbacks.next
	loopbacks.next += 3
	loopbacks.Unlock()
	port := ""
	for i, seed := range regionSeeds {
		r := &region{name: seed.name, iata: seed.iata, client: seed.client}
		n := base + i
		host := fmt.Sprintf("127.%d.%d.%d", 100+os.Getpid()%100, 1+n/200, 1+n%200)
		if port == "" {
			_, port, _ = net.SplitHostPort(freePort(t, host))
		}
		r.addr = net.JoinHostPort(host, port)
		c.regions[i] = r
		r.heal(t)
		t.Cleanup(r.stop)
	}
	for i := range c.nodes {
		p := &process{name: regionSeeds[i].name, dns: freePort(t, "127.0.0.1"), api: freePort(t, "127.0.0.1"), cluster: freePort(t, "127.0.0.1")}
		p.dataDir = filepath.Join(c.dir, p.name)
		how := "bootstrap: true"
		if i > 0 {
			how = fmt.Sprintf("join: [%q]", c.nodes[0].cluster)
		}
		text := fmt.Sprintf("node: %s\nregion: %s\ndataDir: %s\ndns: {listen: [%q]}\napi: {listen: %q}\ncluster: {listen: %q, %s}\nprobing: {allow: [\"127.0.0.0/8\"]}\n",
			p.name, p.name, p.dataDir, p.dns, p.api, p.cluster, how)
		p.config = filepath.Join(c.dir, p.name+".yaml")
		if err := os.WriteFile(p.config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c.nodes[i] = p
	}
	t.Cleanup(c.killAll)
	return c
}

// killAll ends the nodes, and shows their logs when the test has failed.
func (c *cluster) killAll() {
	for _, p := range c.nodes {
		p.kill()
		if c.t.Failed() && p.log != nil {
			b, _ := os.ReadFile(p.log.Name())
			c.t.Logf("log of %s:\n%s", p.name, tail(b, 6000))
		}
	}
}

func tail(b []byte, n int) []byte {
	if len(b) > n {
		return b[len(b)-n:]
	}
	return b
}

// start runs a node.
func (c *cluster) start(i int) {
	c.t.Helper()
	p := c.nodes[i]
	file, err := binary()
	if err != nil {
		c.t.Fatal(err)
	}
	if p.log == nil {
		if p.log, err = os.Create(filepath.Join(c.dir, p.name+".log")); err != nil {
			c.t.Fatal(err)
		}
	}
	p.cmd = p.ns.command(file, "serve", "--config", p.config)
	p.cmd.Dir = p.workDir
	p.cmd.Env = append(os.Environ(), "MERIDIAN_TOKEN="+token)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	p.exited = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) { _ = cmd.Wait(); close(done) }(p.cmd, p.exited)
}

// kill is kill -9.
func (p *process) kill() {
	if p.cmd != nil && p.cmd.Process != nil {
		_ = p.cmd.Process.Signal(syscall.SIGKILL)
		<-p.exited
	}
}

// eventually polls until fn gives nil.
func eventually(t *testing.T, limit time.Duration, what string, fn func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := fn()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v: %v", what, limit, err)
		}
		time.Sleep(20 * time.Millisecond) // the poll's pace; the deadline decides
	}
}

// up starts three nodes, loads zone and configuration, and waits until all of them answer by it.
func (c *cluster) up(monitor string, ttl int) {
	c.t.Helper()
	for i := range c.nodes {
		c.start(i)
	}
	eventually(c.t, 60*time.Second, "three voters", func() error { return c.voters(3) })
	c.must(c.do(0, http.MethodPut, "/zones/"+c.zone, "text/dns", demoZone, nil))
	c.must(c.do(0, http.MethodPut, "/config", "application/yaml", []byte(c.document(monitor, ttl)), nil))
	eventually(c.t, 60*time.Second, "every region's clients get their region at every node", func() error {
		for i := range c.nodes {
			for _, r := range c.regions {
				a, err := c.ask(i, r.client)
				if err != nil {
					return err
				}
				if len(a) != 1 || a[0] != r.host() {
					return fmt.Errorf("node %d gives %v for %s", i, a, r.name)
				}
			}
		}
		return nil
	})
	eventually(c.t, 60*time.Second, "every endpoint is up by the cluster's verdict", c.healthy)
}

// voters is nil when the first node knows of so many, and of a leader.
func (c *cluster) voters(want int) error {
	st, err := c.status(0)
	if err != nil {
		return err
	}
	voters := 0
	for _, m := range st.Members {
		if m.Voter {
			voters++
		}
	}
	if voters != want || st.Leader == "" {
		return fmt.Errorf("%d voters, leader %q", voters, st.Leader)
	}
	return nil
}

// healthy is nil when every node holds every endpoint to be up.
func (c *cluster) healthy() error { return c.allUp(len(c.regions)) }

// allUp is healthy with so many endpoints.
func (c *cluster) allUp(endpoints int) error {
	for i := range c.nodes {
		var h struct {
			Items []struct{ Endpoint, Measured string }
		}
		if err := c.do(i, http.MethodGet, "/health", "", nil, &h); err != nil {
			return err
		}
		if len(h.Items) != endpoints {
			return fmt.Errorf("node %d knows %d endpoints", i, len(h.Items))
		}
		for _, e := range h.Items {
			if e.Measured != "up" {
				return fmt.Errorf("node %d holds %s to be %s", i, e.Endpoint, e.Measured)
			}
		}
	}
	return nil
}

func (c *cluster) document(monitor string, ttl int) string {
	var b strings.Builder
	_, port, _ := net.SplitHostPort(c.regions[0].addr)
	fmt.Fprintf(&b, "regions:\n")
	for _, r := range c.regions {
		fmt.Fprintf(&b, "  - {name: %s, place: {iata: %s}}\n", r.name, r.iata)
	}
	fmt.Fprintf(&b, "monitors:\n  - {name: web, http: {port: %s, path: /healthz}, %s}\npools:\n", port, monitor)
	for _, r := range c.regions {
		fmt.Fprintf(&b, "  - {name: web-%s, region: %s, monitor: web, endpoints: [{name: a, address: %s}]}\n", r.name, r.name, r.host())
	}
	fmt.Fprintf(&b, "services:\n  - name: www.example.com\n    ttl: %d\n    steer:\n      nearest:\n", ttl)
	for _, r := range c.regions {
		fmt.Fprintf(&b, "        - {pool: web-%s}\n", r.name)
	}
	return b.String()
}

func (c *cluster) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// httpError is an answer that is not 2xx.
type httpError struct {
	status int
	body   string
}

func (e *httpError) Error() string { return fmt.Sprintf("status %d: %s", e.status, e.body) }

// do calls a node's API.
func (c *cluster) do(i int, method, path, media string, body []byte, into any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+c.nodes[i].api+"/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if media != "" {
		req.Header.Set("Content-Type", media)
	}
	res, err := c.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return &httpError{res.StatusCode, string(b)}
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(b, into)
}

type clusterStatus struct {
	Leader, Role, Problem string
	Members               []struct {
		Node      string
		Voter     bool
		Reachable bool
		Hash      string
	}
}

func (c *cluster) status(i int) (clusterStatus, error) {
	var st clusterStatus
	err := c.do(i, http.MethodGet, "/cluster", "", nil, &st)
	return st, err
}

// leader is the index of the node that leads.
func (c *cluster) leader() int {
	c.t.Helper()
	at := -1
	eventually(c.t, 30*time.Second, "a leader", func() error {
		for i, p := range c.nodes {
			st, err := c.status(i)
			if err == nil && st.Leader == p.name {
				at = i
				return nil
			}
		}
		return errors.New("no node says that it leads")
	})
	return at
}

// run runs the CLI against a node and gives what it printed.
func (c *cluster) run(i int, args ...string) (string, error) {
	file, err := binary()
	if err != nil {
		return "", err
	}
	cmd := c.nodes[i].ns.command(append([]string{file}, args...)...)
	cmd.Env = append(os.Environ(), "MERIDIAN_ADDR=http://"+c.nodes[i].api, "MERIDIAN_TOKEN="+token)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// event is one line of /events.
type event struct {
	Type, Text, Object string
	Index              uint64
	At                 time.Time
}

// events reads a node's events from now on until the test ends.
func (c *cluster) events(i int) <-chan event {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.nodes[i].api+"/api/v1/events", nil)
	c.must(err)
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := c.client.Do(req)
	c.must(err)
	out := make(chan event, 1024)
	go func() {
		defer close(out)
		defer res.Body.Close()
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			data, ok := strings.CutPrefix(lines.Text(), "data:")
			if !ok {
				continue
			}
			var e event
			if json.Unmarshal([]byte(strings.TrimSpace(data)), &e) == nil {
				out <- e
			}
		}
	}()
	return out
}

func (r *region) host() string {
	host, _, _ := net.SplitHostPort(r.addr)
	return host
}

// heal starts the region's HTTP server.
func (r *region) heal(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuser != nil {
		r.refuser.Close()
		r.refuser = nil
	}
	l, err := net.Listen("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	r.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path != "/healthz" {
			r.mu.Lock()
			r.hits = append(r.hits, time.Now())
			r.mu.Unlock()
		}
		fmt.Fprintln(w, r.name)
	})}
	go func(s *http.Server) { _ = s.Serve(l) }(r.server)
}

// breaks ends the region's server; what comes is accepted, noted and reset.
func (r *region) breaks(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.server.Close()
	r.refused = nil
	var l net.Listener
	var err error
	for range 100 {
		if l, err = net.Listen("tcp", r.addr); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	r.refuser = l
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			r.refused = append(r.refused, time.Now())
			r.mu.Unlock()
			_ = conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		}
	}()
}

func (r *region) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.server != nil {
		r.server.Close()
	}
	if r.refuser != nil {
		r.refuser.Close()
	}
}
