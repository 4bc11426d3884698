package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

type resolver struct {
	program string
	config  func(dir, host string, servers []string) string
	args    func(file string) []string
}

// resolvers are caching resolvers that abide by TTLs, each told to ask servers for example.com.
var resolvers = []resolver{
	{"unbound", func(dir, host string, servers []string) string {
		return strings.Replace(unboundConfig(dir, host, "53", servers), "server:\n", "server:\n  minimal-responses: no\n", 1)
	}, func(file string) []string { return []string{"-d", "-c", file} }},
	{"kresd", kresdConfig, func(file string) []string { return []string{"-n", "-c", file, filepath.Dir(file)} }},
	{"named", cachingNamedConfig, func(file string) []string { return []string{"-g", "-4", "-c", file} }},
}

// kresdConfig takes TTLs as they come: by default kresd makes 5 s of what is
// less. It forwards, because it caches nothing of a STUB.
func kresdConfig(_, host string, servers []string) string {
	var list []string
	for _, s := range servers {
		h, port, _ := net.SplitHostPort(s)
		list = append(list, fmt.Sprintf("'%s@%s'", h, port))
	}
	return fmt.Sprintf(`net.listen('%s', 53, { kind = 'dns' })
cache.size = 20 * MB
cache.min_ttl(0)
trust_anchors.remove('.')
for _, m in ipairs({ 'priming', 'ta_signal_query', 'ta_update', 'ta_sentinel', 'detect_time_skew', 'detect_time_jump' }) do modules.unload(m) end
policy.add(policy.suffix(policy.FORWARD({ %s }), { todname('example.com') }))
`, host, strings.Join(list, ", "))
}

func cachingNamedConfig(dir, host string, servers []string) string {
	var list strings.Builder
	for _, s := range servers {
		h, _, _ := net.SplitHostPort(s)
		fmt.Fprintf(&list, "%s; ", h)
	}
	return fmt.Sprintf(`options { directory %q; listen-on { %s; }; listen-on-v6 { none; }; pid-file "pid"; session-keyfile none; lock-file none;
  recursion yes; allow-query { any; }; allow-recursion { any; }; minimal-responses no; dnssec-validation no; empty-zones-enable no; notify no; };
controls { };
zone "example.com" { type static-stub; server-addresses { %s}; };
`, dir, host, list.String())
}

// callers are the clients behind one resolver. They ask it for names that
// nobody has asked for, 50 a second, and for the latest of these again and again;
// and they send a request to every address that they are given.
type callers struct {
	w    *world
	name string // the resolver's program
	addr string // where it is asked
	ns   *namespace
	http *http.Client

	mu      sync.Mutex
	fetched map[string][]fetch // the latest that named a site's address, by its host, the last keepFetches
	problem error              // since trouble was asked for last
}

// fetch is a question that the resolver had to ask a node for.
type fetch struct {
	name     string
	qtype    uint16
	asked    time.Time
	answered time.Time
	direct   bool // the address is in the answer to the question, not in what came along
}

// keepFetches is how many names of each site are asked for again: the last
// 100 ms have no more, so that what is fetched last before a publication is among them.
const keepFetches = 4

func newCallers(w *world, r resolver, ns *namespace, host string) *callers {
	dir := w.t.TempDir()
	var servers []string
	for _, p := range w.nodes {
		servers = append(servers, p.dns)
	}
	file := filepath.Join(dir, "conf")
	writeFile(w.t, file, r.config(dir, host, servers))
	program, _ := program(r.program)
	ns.start(nil, append([]string{program}, r.args(file)...)...)
	return &callers{
		w: w, name: r.program, addr: host + ":53", ns: ns, fetched: map[string][]fetch{},
		http: &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DialContext: ns.dialContext, MaxIdleConnsPerHost: 4}},
	}
}

// start lets them ask until the test ends, when the resolver has shown that it caches.
func (c *callers) start() {
	c.w.t.Helper()
	conn, err := c.ns.dial("udp", c.addr)
	c.w.must(err)
	defer conn.Close()
	eventually(c.w.t, 60*time.Second, c.name+" gives an answer that it has had for a second", func() error {
		_ = conn.SetDeadline(time.Now().Add(time.Second))
		m, _, err := new(dns.Client).ExchangeWithConn(new(dns.Msg).SetQuestion("cached."+appName, dns.TypeA), &dns.Conn{Conn: conn})
		if err == nil && (len(m.Answer) == 0 || m.Answer[0].Header().Ttl == windowTTL) {
			err = fmt.Errorf("it answers %v", m.Answer)
		}
		return err
	})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { c.every(ctx, 20*time.Millisecond, c.fresh()) })
	running.Go(func() { c.every(ctx, 50*time.Millisecond, c.again) })
	c.w.t.Cleanup(func() { cancel(); running.Wait() })
}

func (c *callers) every(ctx context.Context, d time.Duration, do func(*dns.Conn) error) {
	conn, err := c.ns.dial("udp", c.addr)
	if err != nil {
		c.note(err)
		return
	}
	defer conn.Close()
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := do(&dns.Conn{Conn: conn}); err != nil {
			c.note(err)
		}
	}
}

// fresh asks for one name after the other, in several ways.
func (c *callers) fresh() func(*dns.Conn) error {
	ways := []struct {
		below string
		qtype uint16
	}{
		{appName, dns.TypeA}, {altName, dns.TypeA}, {appName, dns.TypeHTTPS}, {appName, dns.TypeA}, {altName, dns.TypeA},
		{"srv.example.com.", dns.TypeSRV}, {appName, dns.TypeA}, {altName, dns.TypeA}, {altName, dns.TypeHTTPS}, {"mx.example.com.", dns.TypeMX},
	}
	n := 0
	return func(conn *dns.Conn) error {
		way := ways[n%len(ways)]
		n++
		f := fetch{name: fmt.Sprintf("n%d.%s", n, way.below), qtype: way.qtype}
		hosts, err := c.call(conn, &f)
		if err != nil {
			return err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, h := range hosts {
			if c.fetched[h] = append(c.fetched[h], f); len(c.fetched[h]) > keepFetches {
				c.fetched[h] = c.fetched[h][1:]
			}
		}
		return nil
	}
}

// again asks for the latest names once more, for as long as they name what they did.
func (c *callers) again(conn *dns.Conn) error {
	c.mu.Lock()
	var list []fetch
	for _, s := range c.w.sites[:2] {
		list = append(list, c.fetched[s.host]...)
	}
	c.mu.Unlock()
	for _, f := range list {
		if _, err := c.call(conn, &f); err != nil {
			return err
		}
	}
	return nil
}

// call asks the resolver, and sends a request to each address of a site that the answer has anywhere.
func (c *callers) call(conn *dns.Conn, f *fetch) (hosts []string, err error) {
	q := new(dns.Msg).SetQuestion(f.name, f.qtype)
	q.SetEdns0(1232, false)
	f.asked = time.Now()
	_ = conn.SetDeadline(f.asked.Add(2 * time.Second))
	if err := conn.WriteMsg(q); err != nil {
		return nil, err
	}
	var m *dns.Msg
	for m == nil || m.Id != q.Id { // what is late is of a question before
		if m, err = conn.ReadMsg(); err != nil {
			return nil, fmt.Errorf("%s does not answer %s %s: %w", c.name, f.name, dns.TypeToString[f.qtype], err)
		}
	}
	f.answered = time.Now()
	if m.Rcode != dns.RcodeSuccess || len(m.Answer) == 0 {
		return nil, fmt.Errorf("%s answers %s %s with %s and %d records", c.name, f.name, dns.TypeToString[f.qtype], dns.RcodeToString[m.Rcode], len(m.Answer))
	}
	given := map[string]bool{}
	for i, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		for _, rr := range section {
			for _, host := range hostsIn(rr) {
				if c.w.at(host) != nil && !given[host] {
					given[host] = true
					hosts = append(hosts, host)
					f.direct = f.direct || i == 0
				}
			}
		}
	}
	for _, host := range hosts {
		if err := c.visit(host, f); err != nil {
			return hosts, err
		}
	}
	return hosts, nil
}

// hostsIn are the addresses that a client finds in a record.
func hostsIn(rr dns.RR) (list []string) {
	switch rr := rr.(type) {
	case *dns.A:
		list = append(list, rr.A.String())
	case *dns.HTTPS:
		for _, kv := range rr.Value {
			if hint, ok := kv.(*dns.SVCBIPv4Hint); ok {
				for _, ip := range hint.Hint {
					list = append(list, ip.String())
				}
			}
		}
	}
	return list
}

func (c *callers) visit(host string, f *fetch) error {
	req, err := http.NewRequest(http.MethodGet, "http://"+host+"/", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Client", c.name)
	req.Header.Set("Question", f.name+" "+dns.TypeToString[f.qtype]+", asked "+f.asked.Format("15:04:05.000")+", answered "+f.answered.Format("15:04:05.000"))
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("a client of %s was sent to %s, which does not answer: %w", c.name, host, err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	return res.Body.Close()
}

func (c *callers) note(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.problem = errors.Join(c.problem, err)
}

// trouble is what went wrong since it was asked for last.
func (c *callers) trouble() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.problem
	c.problem = nil
	return err
}

// latest is the last fetch that gave a site's address in answer to the very question.
func (c *callers) latest(host string) (last fetch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.fetched[host] {
		if f.direct {
			last = f
		}
	}
	return last
}

// lookout asks one node 200 times a second for a name of each kind, and notes when its answers changed.
type lookout struct {
	mu    sync.Mutex
	spans map[string][]span // by the name asked for, in order
}

// span is answers with one address, the first and the last.
type span struct {
	host        string
	first, last time.Time
}

func (w *world) lookout(i int) (*lookout, func()) {
	w.t.Helper()
	conn, err := w.caches[0].ns.dial("udp", w.nodes[i].dns)
	w.must(err)
	out := &lookout{spans: map[string][]span{}}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		var packets [][]byte
		for _, name := range []string{"www.example.com.", "watch." + altName} {
			p, _ := new(dns.Msg).SetQuestion(name, dns.TypeA).Pack()
			packets = append(packets, p)
		}
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ctx.Err() == nil; n++ {
			_, _ = conn.Write(packets[n%len(packets)]) // what is lost, the next makes up for
			<-tick.C
		}
		conn.Close()
	})
	running.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, err := conn.Read(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			var m dns.Msg
			if err == nil && m.Unpack(buf[:n]) == nil && len(m.Question) == 1 {
				out.saw(m.Question[0].Name, strings.Join(addresses(&m), " "), time.Now())
			}
		}
	})
	return out, func() { cancel(); running.Wait() }
}

func (o *lookout) saw(name, host string, at time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := o.spans[name]
	if n := len(list); n > 0 && list[n-1].host == host {
		list[n-1].last = at
		return
	}
	o.spans[name] = append(list, span{host, at, at})
}

// left is when a node's answers with an address ended, and the first without it came; zero when they did not.
func (o *lookout) left(host string) (last, without time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, list := range o.spans {
		if len(list) > 1 && list[0].host == host {
			if list[0].last.After(last) {
				last = list[0].last
			}
			if list[1].first.After(without) {
				without = list[1].first
			}
		}
	}
	return last, without
}
