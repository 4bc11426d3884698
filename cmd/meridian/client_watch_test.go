package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web"
	"github.com/meridian-gtm/meridian/web/webtest"
)

// watching runs a watch until stop is called, which gives its exit code.
func watching(t *testing.T, addr string, args ...string) (out, errs *paper, stop func() int) {
	ctx, cancel := context.WithCancel(t.Context())
	out, errs = &paper{}, &paper{}
	ended := make(chan int, 1)
	go func() {
		ended <- execute(ctx, append(args, "--addr", addr, "--token", webtest.Token), strings.NewReader(""), out, errs)
	}()
	return out, errs, func() int {
		cancel()
		return <-ended
	}
}

// TestWatchGoesOnOverLostNodes takes the first node away, then the second too, and brings that back.
func TestWatchGoesOnOverLostNodes(t *testing.T) {
	node := loadedNode(t)
	first, second := apiServer(t, node), apiServer(t, node)
	addr := first.URL + "," + second.URL
	out, errs, stop := watching(t, addr, "get", "controls", "-w", "200ms")
	eventually(t, 20*time.Second, "a first page", func() error { return out.has("There are no controls.") })

	first.CloseClientConnections()
	first.Close()
	if text, code := meridianAt(t, addr, "drain", "region/us-east", "--reason", "first is gone"); code != 0 {
		t.Fatal(text)
	}
	eventually(t, 20*time.Second, "the drain, from the second node", func() error { return out.has("first is gone") })
	if errs.String() != "" {
		t.Errorf("one node of two is missed: %s", errs)
	}

	at := second.Listener.Addr().String()
	second.CloseClientConnections()
	second.Close()
	eventually(t, 20*time.Second, "the trouble", func() error { return errs.has("nothing listens at " + second.URL) })
	listener, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	back := &httptest.Server{Listener: listener, Config: &http.Server{Handler: web.New(web.Config{Node: node, Log: slog.New(slog.DiscardHandler)})}}
	back.Start()
	t.Cleanup(back.Close)
	if text, code := meridianAt(t, addr, "undrain", "region/us-east"); code != 0 {
		t.Fatal(text)
	}
	eventually(t, 20*time.Second, "the lifting", func() error {
		if n := strings.Count(out.String(), "There are no controls."); n != 2 {
			return fmt.Errorf("%d times: %s", n, out)
		}
		return nil
	})
	if code := stop(); code != 0 {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

// TestWatchPrintsChangesAlone looks often, while only ages grow, and sees an event at once.
func TestWatchPrintsChangesAlone(t *testing.T) {
	node := loadedNode(t)
	addr := apiServer(t, node).URL
	for _, format := range []string{"table", "json", "yaml"} {
		looks := make(chan struct{}, 1000)
		counted := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/cluster") {
				looks <- struct{}{}
			}
			web.New(web.Config{Node: node, Log: slog.New(slog.DiscardHandler)}).ServeHTTP(w, r)
		}))
		out, _, stop := watching(t, counted.URL, "cluster", "status", "-w", "200ms", "-o", format)
		for range 4 {
			<-looks
		}
		before := strings.Count(out.String(), "ap-southeast")
		if code := stop(); code != 0 || before != 1 {
			t.Errorf("%s: exit code %d, printed %d times:\n%s", format, code, before, out)
		}
		counted.Close()
	}
	out, _, stop := watching(t, addr, "get", "controls", "-w", "1h", "-o", "yaml")
	eventually(t, 20*time.Second, "a first page", func() error { return out.has("items: []") })
	if text, code := meridianAt(t, addr, "drain", "region/us-east", "--reason", "woken"); code != 0 {
		t.Fatal(text)
	}
	node.Tell(policy.Event{Type: "control", Text: "something happened"})
	eventually(t, 20*time.Second, "the drain, an hour early", func() error { return out.has("reason: woken") })
	if code := stop(); code != 0 || strings.Count(out.String(), "---\n") < 2 {
		t.Errorf("exit code %d: documents are not told apart:\n%s", code, out)
	}
}

// TestWatchEndsWithWhatDoesNotComeBack has the first look fail, and the object go.
func TestWatchEndsWithWhatDoesNotComeBack(t *testing.T) {
	node := loadedNode(t)
	addr := apiServer(t, node).URL
	if out, code := meridianAt(t, "http://127.0.0.1:1", "get", "controls", "-w"); code != 1 || !strings.Contains(out, "nothing listens") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if out, code := meridianAt(t, addr, "get", "controls", "--watch=1ms"); code != 1 || !strings.Contains(out, "is not an interval") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if text, code := meridianAt(t, addr, "drain", "region/us-east", "--reason", "x", "-o", "yaml"); code != 0 {
		t.Fatal(text)
	}
	var id string
	for _, c := range node.State().Controls.All {
		id = c.ID
	}
	out, errs, stop := watching(t, addr, "get", "control", id, "-w", "200ms")
	eventually(t, 20*time.Second, "the control", func() error { return out.has(id) })
	if text, code := meridianAt(t, addr, "undrain", id); code != 0 {
		t.Fatal(text)
	}
	eventually(t, 20*time.Second, "its end", func() error { return errs.has("there is no control") })
	if code := stop(); code != 1 {
		t.Errorf("exit code %d", code)
	}
}

// TestAgesAreNoChange compares pages that differ in what grows while nothing happens, and in what does not.
func TestAgesAreNoChange(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"ns1  voter  12      40ms ago   192.0.2.1:53", "ns1  voter  12      1.04s ago  192.0.2.1:53", true},
		{"ns1  voter  12      40ms ago", "ns1  voter  13      40ms ago", false},
		{"as knows it, which heard of a leader 0s ago", "as knows it, which heard of a leader 1m2s ago", true},
		{`{"lastHeard": "40ms", "node": "ns1"}`, `{"lastHeard": "1.2s", "node": "ns1"}`, true},
		{`{"lastHeard": "40ms", "node": "ns1"}`, `{"lastHeard": "40ms", "node": "ns2"}`, false},
		{`{"commit": 12, "applied": 12}`, `{"commit": 14, "applied": 12}`, true},
		{`{"commit": 12, "applied": 12}`, `{"commit": 12, "applied": 13}`, false},
		{"- {age: 12ms, fresh: true}", "- {age: 13ms, fresh: true}", true},
		{"- {age: 12ms, fresh: true}", "- {age: 12ms, fresh: false}", false},
		{"lastHeard: 12ms\nnode: ns1", "lastHeard: 13.5ms\nnode: ns1", true},
		{"web/a  up    up", "web/a  up    drained", false},
		{"v0.7.0  +1.2ms  to 2027-01-02", "v0.7.0  -310µs  to 2027-01-02", true},
		{"v0.7.0  +1.2ms  to 2027-01-02", "v0.7.1  +1.2ms  to 2027-01-02", false},
		{`{"difference": "-1.2ms", "uncertainty": "40µs", "off": false}`, `{"difference": "2s", "uncertainty": "1ms", "off": false}`, true},
		{"difference: -1.2ms\noff: false", "difference: 2s\noff: true", false},
	} {
		if got := steady(c.a) == steady(c.b); got != c.same {
			t.Errorf("%q and %q: %v", c.a, c.b, got)
		}
	}
}
