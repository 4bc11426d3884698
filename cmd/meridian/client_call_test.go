package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/web"
	"github.com/meridian-gtm/meridian/web/webtest"
)

// meridianAt runs a command line against addresses.
func meridianAt(t *testing.T, addr string, args ...string) (out string, code int) {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("MERIDIAN_CONFIG", filepath.Join(t.TempDir(), "config.yaml"))
	var b bytes.Buffer
	code = execute(t.Context(), append(args, "--addr", addr, "--token", webtest.Token), strings.NewReader(""), &b, &b)
	return b.String(), code
}

func apiServer(t *testing.T, node *webtest.Node) *httptest.Server {
	s := httptest.NewServer(web.New(web.Config{Node: node, Log: slog.New(slog.DiscardHandler)}))
	t.Cleanup(s.Close)
	return s
}

// loadedNode is a node with a zone and a configuration, brought in by the commands themselves.
func loadedNode(t *testing.T) *webtest.Node {
	t.Helper()
	node := webtest.New()
	addr := apiServer(t, node).URL
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for _, c := range []struct{ text, line string }{{webtest.Zone, "zone import -"}, {webtest.Document, "apply -f -"}} {
		var b bytes.Buffer
		args := append(strings.Fields(c.line), "--addr", addr, "--token", webtest.Token)
		if code := execute(t.Context(), args, strings.NewReader(c.text), &b, &b); code != 0 {
			t.Fatal(b.String())
		}
	}
	return node
}

// TestTheNextAddressTakesOver is A-10: any node that is left takes a drain.
func TestTheNextAddressTakesOver(t *testing.T) {
	node := loadedNode(t)
	good := apiServer(t, node)
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	t.Cleanup(refusing.Close)
	out, code := meridianAt(t, "http://127.0.0.1:1,"+refusing.URL+","+good.URL, "drain", "region/us-east", "--reason", "x")
	if code != 0 || !strings.Contains(out, "Drained region/us-east") {
		t.Errorf("exit code %d: %s", code, out)
	}
	out, code = meridianAt(t, "http://127.0.0.1:1,"+refusing.URL, "cluster", "status")
	if code != 1 || !strings.Contains(out, "nothing listens at http://127.0.0.1:1") {
		t.Errorf("exit code %d: %s", code, out)
	}
}

// TestALostAnswerIsNotASecondWrite cuts the connection after the write was done: the next node is asked with the same key.
func TestALostAnswerIsNotASecondWrite(t *testing.T) {
	node := loadedNode(t)
	inner := web.New(web.Config{Node: node, Log: slog.New(slog.DiscardHandler)})
	lossy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(lossy.Close)
	good := apiServer(t, node)
	out, code := meridianAt(t, lossy.URL+","+good.URL, "drain", "region/us-east", "--reason", "x", "-o", "json")
	var made struct{ Replayed bool }
	if err := json.Unmarshal([]byte(out), &made); code != 0 || err != nil || !made.Replayed {
		t.Errorf("exit code %d, %v: %s", code, err, out)
	}
	if n := node.State().Controls.Len(); n != 1 {
		t.Errorf("%d controls", n)
	}
}

// TestAnAddressThatHangsIsPassedOver has a server that accepts and says nothing.
func TestAnAddressThatHangsIsPassedOver(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	g := &globals{addr: "http://" + l.Addr().String() + "," + apiServer(t, webtest.New()).URL, token: webtest.Token, output: "table"}
	c, err := g.connect()
	if err != nil {
		t.Fatal(err)
	}
	c.rotation.patience = 50 * time.Millisecond
	if _, err := read(c.GetCluster(t.Context())); err != nil {
		t.Error(err)
	}
}

// TestApplyOverwritesNobody has somebody else's change come between the plan and the write (I-03).
func TestApplyOverwritesNobody(t *testing.T) {
	node := loadedNode(t)
	inner := web.New(web.Config{Node: node, Log: slog.New(slog.DiscardHandler)})
	var once atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && r.URL.Query().Get("dryRun") != "true" && once.CompareAndSwap(false, true) {
			cfg := *node.State().Config()
			cfg.Regions[0].Provider = "theirs"
			if out, err := node.Do(change.Change{Body: change.PutConfig{Config: cfg}}); err != nil || out.Refused != nil {
				t.Error(err, out.Refused)
			}
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	g := []string{"apply", "--prune", "-f", "-", "--addr", s.URL, "--token", webtest.Token}
	var b bytes.Buffer
	code := execute(t.Context(), g, strings.NewReader(strings.Replace(webtest.Document, "ttl: 30", "ttl: 20", 1)), &b, &b)
	if code != 1 || !strings.Contains(b.String(), "the change was based on") {
		t.Errorf("exit code %d: %s", code, b.String())
	}
	if r := node.State().Region("eu-central"); r.Provider != "theirs" {
		t.Errorf("their change is lost: %+v", r)
	}
}

// nameServer answers A for everything with one address, and scope 20 when there is a client subnet.
func nameServer(t *testing.T, address string) string {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &dns.Server{PacketConn: pc, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		rr, _ := dns.NewRR(q.Question[0].Name + " 30 IN A " + address)
		m.Answer = append(m.Answer, rr)
		if opt := q.IsEdns0(); opt != nil {
			m.SetEdns0(1232, false)
			for _, o := range opt.Option {
				if e, ok := o.(*dns.EDNS0_SUBNET); ok {
					echo := *e
					echo.SourceScope = 20
					m.IsEdns0().Option = append(m.IsEdns0().Option, &echo)
				}
			}
		}
		_ = w.WriteMsg(m)
	})}
	go func() { _ = s.ActivateAndServe() }()
	t.Cleanup(func() { _ = s.Shutdown() })
	return pc.LocalAddr().String()
}

func TestDig(t *testing.T) {
	a, b, c := nameServer(t, "192.0.2.1"), nameServer(t, "192.0.2.1"), nameServer(t, "192.0.2.2")
	run := func(args ...string) (string, int) {
		return meridianAt(t, "http://127.0.0.1:1", append([]string{"dig"}, args...)...)
	}
	out, code := run("www.example.com", "--client", "91.10.0.0/24", "--server", a+","+b)
	if code != 0 || !strings.Contains(out, "All 2 that answered agree.") || !strings.Contains(out, "/20") {
		t.Errorf("exit code %d: %s", code, out)
	}
	out, code = run("www.example.com", "a", "--server", a, "--server", c)
	if code != 0 || !strings.Contains(out, "They differ:") || !strings.Contains(out, c+": 192.0.2.2 (NOERROR)") {
		t.Errorf("exit code %d: %s", code, out)
	}
	dead, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := dead.LocalAddr().String()
	dead.Close()
	if out, code = run("www.example.com", "--server", a+","+gone); code != 1 || !strings.Contains(out, "no answer") {
		t.Errorf("exit code %d: %s", code, out)
	}
	var list []digAnswer
	out, _ = run("www.example.com", "--server", a, "-o", "json")
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 1 || fmt.Sprint(list[0].Answers) != "[192.0.2.1]" {
		t.Errorf("%v %s", err, out)
	}
	for _, wrong := range [][]string{{"a..b"}, {"x", "NONSENSE"}, {"x", "--client", "Berlin"}, {}} {
		if out, code := run(append(wrong, "--server", a)...); code != 1 {
			t.Errorf("%q: exit code %d: %s", wrong, code, out)
		}
	}
}

func TestReachableAt(t *testing.T) {
	for _, c := range [][3]string{
		{"127.0.0.1:5301", "192.0.2.1:7300", "127.0.0.1:5301"}, {"0.0.0.0:53", "192.0.2.1:7300", "192.0.2.1:53"},
		{"[::]:53", "[2001:db8::1]:7300", "[2001:db8::1]:53"}, {":53", "192.0.2.1:7300", "192.0.2.1:53"}, {"ns1.example.com:53", "192.0.2.1:1", "ns1.example.com:53"},
	} {
		if got := reachableAt(c[0], c[1]); got != c[2] {
			t.Errorf("reachableAt(%s, %s) = %s, want %s", c[0], c[1], got, c[2])
		}
	}
}

func TestTablesFit(t *testing.T) {
	var b bytes.Buffer
	long := strings.Repeat("ü", 90)
	table(&b, []string{"A", "B", "C"}, [][]string{{"1", long, long}, {"2", "short", long}})
	for l := range strings.Lines(b.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(l, "\n")); n > columns {
			t.Errorf("a line of %d columns: %s", n, l)
		}
	}
	b.Reset()
	table(&b, []string{"A", "B"}, [][]string{{"1", ""}, {"22", "x"}})
	if b.String() != "A   B\n1\n22  x\n" {
		t.Errorf("%q", b.String())
	}
}

func TestRounded(t *testing.T) {
	for text, want := range map[string]string{"759.577123ms": "760ms", "0s": "0s", "12ms": "12ms", "1.23456s": "1.23s", "1h2m3.5s": "1h2m0s", "soon": "soon", "40.123µs": "40.1µs"} {
		if got := rounded(text); got != want {
			t.Errorf("rounded(%s) = %s, want %s", text, got, want)
		}
	}
}

// TestEveryCommandTeaches holds every command to its help: what it does, at length where it changes something, and examples.
func TestEveryCommandTeaches(t *testing.T) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		if c.Short == "" {
			t.Errorf("%s has no Short", c.CommandPath())
		}
		if c.HasSubCommands() || len(c.Flags().FlagUsages()) == 0 && c.Long == "" {
			return
		}
		for l := range strings.Lines(c.Long + "\n" + c.Example) {
			if utf8.RuneCountInString(l) > columns+20 {
				t.Errorf("%s: a line of its help is too long: %s", c.CommandPath(), l)
			}
		}
	}
	root := rootCommand()
	walk(root)
	for _, name := range []string{"serve", "demo", "apply", "plan", "get", "explain", "dig", "drain", "undrain", "zone", "cluster", "check", "version"} {
		c, _, err := root.Find([]string{name})
		if err != nil || c == root {
			t.Errorf("there is no command %s", name)
			continue
		}
		if !c.HasSubCommands() && c.Example == "" && name != "version" && name != "demo" {
			t.Errorf("%s has no examples", name)
		}
	}
	var b bytes.Buffer
	if code := execute(context.Background(), []string{"nonsense"}, strings.NewReader(""), &b, &b); code != 1 || !strings.Contains(b.String(), "nonsense") {
		t.Errorf("exit code %d: %s", code, b.String())
	}
	b.Reset()
	if code := execute(context.Background(), []string{"version"}, strings.NewReader(""), &b, &b); code != 0 || !strings.Contains(b.String(), "DB-IP") {
		t.Errorf("exit code %d: %s", code, b.String())
	}
}
