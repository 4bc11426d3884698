package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The world in which windows are measured: five nodes, four regions of two
// providers and three caching resolvers, each a host of its own on a bridge. All
// have public addresses, so that nothing is allowed that is not by default.

const (
	windowTTL = 2 // seconds
	// Names below app go to us-east first, and names below alt to us-west; a name that
	// nobody has asked for is in no cache.
	appName, altName = "app.example.com.", "alt.example.com."
	legacyName       = "legacy.example.com" // static records with an address of us-east
)

// world is that world. Its cluster has no regions: sites are instead.
type world struct {
	*cluster
	sites  [4]*site
	caches []*callers
	round  int // endpoints have another name in each: the second failure of one would earn it a flap penalty
}

// site is a region's HTTP server, which notes every hit.
type site struct {
	name, provider, iata, host string
	mu                         sync.Mutex
	sick                       bool // its health check fails, and it serves
	hits                       map[string]hit
}

// hit is the last request that came from a resolver's clients.
type hit struct {
	at       time.Time
	question string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	for _, r := range resolvers {
		lookPeer(t, r.program)
	}
	w := &world{cluster: &cluster{t: t, dir: t.TempDir(), zone: "example.com"}}
	net := newLAN(t)
	w.sites = [4]*site{
		{name: "us-east", provider: "aws", iata: "IAD"}, {name: "us-west", provider: "aws", iata: "SFO"},
		{name: "eu-central", provider: "gcp", iata: "FRA"}, {name: "ap-southeast", provider: "gcp", iata: "SIN"},
	}
	for i, s := range w.sites {
		s.host, s.hits = fmt.Sprintf("45.33.%d.80", 21+i), map[string]hit{}
		s.serve(t, net.host(s.name, s.host))
	}
	for i := range 5 {
		w.node(net, i)
	}
	t.Cleanup(w.killAll)
	for i, r := range resolvers {
		host := fmt.Sprintf("8.8.8.%d", 11+i) // places it in the United States
		w.caches = append(w.caches, newCallers(w, r, net.host(r.program, host), host))
	}
	here := w.caches[0].ns
	w.client = &http.Client{Transport: &http.Transport{DialContext: here.dialContext}}
	for i := range w.nodes {
		w.start(i)
	}
	eventually(t, 90*time.Second, "five voters", func() error { return w.voters(5) })
	w.must(w.do(0, http.MethodPut, "/zones/"+w.zone, "text/dns", []byte(w.zoneText()), nil))
	w.renew()
	for _, c := range w.caches {
		c.start()
	}
	w.settled()
	return w
}

func (w *world) node(net *lan, i int) {
	host := fmt.Sprintf("45.33.%d.53", 11+i)
	p := &process{name: fmt.Sprintf("ns%d", i+1), dns: host + ":53", api: host + ":8080", cluster: host + ":7300"}
	p.ns = net.host(p.name, host)
	p.dataDir, p.config = filepath.Join(w.dir, p.name), filepath.Join(w.dir, p.name+".yaml")
	how := "bootstrap: true"
	if i > 0 {
		how = fmt.Sprintf("join: [%q]", w.nodes[0].cluster)
	}
	writeFile(w.t, p.config, fmt.Sprintf("node: %s\nregion: %s\ndataDir: %s\ndns: {listen: [%q], rateLimit: {exempt: [8.8.8.0/24]}}\napi: {listen: %q, insecure: true}\ncluster: {listen: %q, %s}\n",
		p.name, w.sites[i%4].name, p.dataDir, p.dns, p.api, p.cluster, how))
	w.nodes = append(w.nodes, p)
}

func (w *world) zoneText() string {
	var b strings.Builder
	b.WriteString("$TTL 2\n@ 300 IN SOA ns1 hostmaster 1 3600 900 1209600 60\n")
	for _, p := range w.nodes {
		host, _, _ := net.SplitHostPort(p.dns)
		fmt.Fprintf(&b, "@ 300 IN NS %s\n%s 300 IN A %s\n", p.name, p.name, host)
	}
	fmt.Fprintf(&b, "@ IN MX 10 www\n*.mx IN MX 10 www\n*.srv IN SRV 10 5 80 www\nlegacy IN A %s\nlegacy IN HTTPS 1 . ipv4hint=%[1]s\n", w.sites[0].host)
	return b.String()
}

// renew puts the configuration in force with endpoints that have not failed yet, and waits until all are up.
func (w *world) renew() {
	w.t.Helper()
	w.round++
	var b strings.Builder
	b.WriteString("regions:\n")
	for _, s := range w.sites {
		fmt.Fprintf(&b, "  - {name: %s, place: {iata: %s}, provider: %s}\n", s.name, s.iata, s.provider)
	}
	b.WriteString("monitors:\n  - {name: web, http: {port: 80, path: /healthz}, interval: 1s, timeout: 900ms, fall: 2, rise: 1}\npools:\n")
	for _, s := range w.sites {
		fmt.Fprintf(&b, "  - {name: web-%s, region: %[1]s, monitor: web, endpoints: [{name: r%d, address: %s, records: {HTTPS: [\"1 . ipv4hint=%[3]s\"]}}]}\n", s.name, w.round, s.host)
	}
	fmt.Fprintf(&b, "services:\n  - {names: [www.example.com, \"*.app.example.com\"], ttl: %d, steer: {nearest: [", windowTTL)
	for _, s := range w.sites {
		fmt.Fprintf(&b, "{pool: web-%s}, ", s.name)
	}
	fmt.Fprintf(&b, "]}}\n  - {name: \"*.alt.example.com\", ttl: %d, steer: {failover: [", windowTTL)
	for _, i := range []int{1, 0, 2, 3} {
		fmt.Fprintf(&b, "{pool: web-%s}, ", w.sites[i].name)
	}
	b.WriteString("]}}\n")
	w.must(w.do(0, http.MethodPut, "/config", "application/yaml", []byte(b.String()), nil))
	eventually(w.t, 60*time.Second, "every endpoint is up by the cluster's verdict", func() error { return w.allUp(len(w.sites)) })
}

// endpoint is the name of a site's endpoint.
func (w *world) endpoint(s *site) string { return fmt.Sprintf("endpoint/web-%s/r%d", s.name, w.round) }

// settled waits until the clients of every resolver go to both regions that they are to go to.
func (w *world) settled() {
	w.t.Helper()
	since := time.Now()
	eventually(w.t, 60*time.Second, "clients come to both regions", func() error {
		for _, c := range w.caches {
			if err := c.trouble(); err != nil {
				return err
			}
			for _, s := range w.sites[:2] {
				if !s.last(c.name).at.After(since) {
					return fmt.Errorf("no client of %s has come to %s", c.name, s.name)
				}
			}
			for _, s := range w.sites[2:] {
				if last := s.last(c.name).at; time.Since(last) < windowTTL*time.Second+time.Second {
					return fmt.Errorf("a client of %s still comes to %s", c.name, s.name)
				}
			}
		}
		return nil
	})
}

func (s *site) serve(t *testing.T, ns *namespace) {
	t.Helper()
	l, err := ns.listen(s.host + ":80")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		now := time.Now()
		s.mu.Lock()
		defer s.mu.Unlock()
		switch {
		case req.URL.Path != "/healthz":
			s.hits[req.Header.Get("Client")] = hit{now, req.Header.Get("Question")}
		case s.sick:
			rw.WriteHeader(http.StatusServiceUnavailable)
		}
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })
}

// breaks makes the health check fail, or not any more.
func (s *site) breaks(sick bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sick = sick
}

// last is the last hit by clients of a resolver.
func (s *site) last(resolver string) hit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits[resolver]
}

// at is the site with an address, or nil.
func (w *world) at(host string) *site {
	if i := slices.IndexFunc(w.sites[:], func(s *site) bool { return s.host == host }); i >= 0 {
		return w.sites[i]
	}
	return nil
}

func (n *namespace) dialContext(_ context.Context, network, addr string) (net.Conn, error) {
	return n.dial(network, addr)
}
