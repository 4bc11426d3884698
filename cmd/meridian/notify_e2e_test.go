package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/cmd/meridian/node/notify"
)

// told is a notice as a webhook gets it.
type told struct {
	ID, Event, What, Key, Text string
	Firing, Resolves           bool
}

// hook is a receiver of signed webhooks that a test runs.
type hook struct {
	url     string
	mu      sync.Mutex
	refuses bool
	asked   int // requests, taken or not
	bad     []string
	notices map[string]told   // by id
	bodies  map[string]string // of messages, by id
	again   int               // messages that came more than once
}

const hookSecret = "hook-secret-0123456789"

func startHook(t *testing.T) *hook {
	h := &hook{notices: map[string]told{}, bodies: map[string]string{}}
	server := httptest.NewServer(http.HandlerFunc(h.take))
	t.Cleanup(server.Close)
	h.url = server.URL + "/hook"
	return h
}

func (h *hook) take(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.asked++; h.refuses {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	var m struct {
		ID, Text string
		Notices  []told
		More     int
	}
	signature := req.Header.Get("X-Meridian-Signature")
	stamp, _, _ := strings.Cut(strings.TrimPrefix(signature, "t="), ",")
	at, _ := strconv.ParseInt(stamp, 10, 64)
	switch {
	case err != nil || json.Unmarshal(body, &m) != nil || len(m.Notices) == 0:
		h.bad = append(h.bad, fmt.Sprintf("no message: %v, %s", err, body))
	case signature != notify.Sign(hookSecret, time.Unix(at, 0), body) || time.Since(time.Unix(at, 0)).Abs() > 5*time.Minute:
		h.bad = append(h.bad, fmt.Sprintf("signed with %q: %s", signature, body))
	case m.ID == "" || m.ID != req.Header.Get("X-Meridian-Id"):
		h.bad = append(h.bad, fmt.Sprintf("its ids are %q and %q", m.ID, req.Header.Get("X-Meridian-Id")))
	}
	if _, seen := h.bodies[m.ID]; seen {
		h.again++
	}
	h.bodies[m.ID] = string(body)
	for _, v := range m.Notices {
		if was, seen := h.notices[v.ID]; seen && (was.Key != v.Key || was.What != v.What) {
			h.bad = append(h.bad, fmt.Sprintf("one id for two notices: %+v, %+v", was, v))
		}
		h.notices[v.ID] = v
	}
}

func (h *hook) refuse(yes bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refuses, h.asked = yes, 0
}

// count is how many notices came of something, each once.
func (h *hook) count(key, what string) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, v := range h.notices {
		if v.Key == key && v.What == what {
			n++
		}
	}
	return n
}

// TestE2ENotifications: a webhook is told of a backend that stops and is back, whichever node leads, whatever dies
// between: at least once, and by ids exactly once.
func TestE2ENotifications(t *testing.T) {
	t.Parallel()
	h := startHook(t)
	c := newCluster(t)
	c.up(fast, 5)
	eventually(t, 30*time.Second, "the secret is put", func() error {
		return c.do(0, http.MethodPut, "/secrets/hook", "application/json", fmt.Appendf(nil, `{"value":%q}`, hookSecret), nil)
	})
	eventually(t, 30*time.Second, "the receiver is put", func() error {
		return c.do(1, http.MethodPut, "/notifications/hook", "application/json", fmt.Appendf(nil, `{"name":"hook","webhook":{"url":%q,"secret":{"secret":"hook"}}}`, h.url), nil)
	})
	comes := func(key, what string, want int) {
		t.Helper()
		eventually(t, 60*time.Second, fmt.Sprintf("told that %s is %s", key, what), func() error {
			if n := h.count(key, what); n != want {
				return fmt.Errorf("%d times", n)
			}
			return nil
		})
	}
	// Each region once, as the second failure of one would earn it a flap penalty.
	name := func(i int) string { return "endpoint/web-" + c.regions[i].name + "/a" }
	c.regions[0].breaks(t)
	comes(name(0), "down", 1)
	comes("pool/web-"+c.regions[0].name, "down", 1)
	comes("region/"+c.regions[0].name, "down", 1)
	c.regions[0].heal(t)
	comes(name(0), "up", 1)
	comes("region/"+c.regions[0].name, "up", 1)

	// The leader dies: it is told who leads, and of what happens then.
	dead := c.leader()
	c.nodes[dead].kill()
	comes("leader", "changed", 1)
	c.regions[1].breaks(t)
	comes(name(1), "down", 1)
	comes("member/"+c.nodes[dead].name, "lost", 1)
	c.start(dead)
	comes("member/"+c.nodes[dead].name, "back", 1)
	c.regions[1].heal(t)
	comes(name(1), "up", 1)
	eventually(t, 60*time.Second, "all is well", c.healthy)

	// It dies again with news that nobody has taken: the next leader has it.
	h.refuse(true)
	dead = c.leader()
	c.regions[2].breaks(t)
	eventually(t, 60*time.Second, "a message that is refused", func() error {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.asked == 0 {
			return errors.New("none was sent")
		}
		return nil
	})
	c.nodes[dead].kill()
	h.refuse(false)
	comes(name(2), "down", 1)
	c.start(dead)
	c.regions[2].heal(t)
	comes(name(2), "up", 1)

	h.mu.Lock()
	defer h.mu.Unlock()
	for _, text := range h.bad {
		t.Error(text)
	}
	twice := map[string]int{}
	for _, v := range h.notices {
		if v.Event == "endpoint" || v.Event == "pool" || v.Event == "region" {
			twice[v.Key+" "+v.What]++
		}
	}
	for what, n := range twice {
		if n != 1 {
			t.Errorf("%s: told with %d ids", what, n)
		}
	}
	t.Logf("%d messages with %d notices, %d came again", len(h.bodies), len(h.notices), h.again)
	if t.Failed() {
		for _, id := range slices.Sorted(maps.Keys(h.notices)) {
			t.Logf("%+v", h.notices[id])
		}
	}
	for _, p := range c.nodes {
		if b, err := os.ReadFile(p.log.Name()); err != nil || strings.Contains(string(b), hookSecret) {
			t.Errorf("the log of %s has the secret in it, %v", p.name, err)
		}
	}
}
