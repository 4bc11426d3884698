package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/web/webtest"
)

// ask makes a call with the token, on the side; its answer comes on the channel.
func ask(s *server, path string) <-chan *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", base+path, nil)
	r.Header.Set("Authorization", "Bearer "+webtest.Token)
	done := make(chan *httptest.ResponseRecorder, 1)
	go func() { done <- serve(s, r) }()
	return done
}

func do(t *testing.T, s *server, b change.Body) {
	t.Helper()
	if out, err := s.cfg.Node.Propose(t.Context(), change.Change{Body: b}); err != nil || out.Refused != nil {
		t.Fatal(err, out.Refused)
	}
}

func regionNamed(name string) change.PutConfig {
	return change.PutConfig{Config: policy.Config{Regions: []policy.Region{{Name: name}}}, Merge: true}
}

// answered fails unless an answer with a status has come, or with 0 unless none has.
func answered(t *testing.T, what string, ch <-chan *httptest.ResponseRecorder, status int) {
	t.Helper()
	synctest.Wait()
	select {
	case w := <-ch:
		if w.Code != status {
			t.Errorf("%s: %d %s, want %d", what, w.Code, w.Body, status)
		}
	default:
		if status != 0 {
			t.Errorf("%s: no answer", what)
		}
	}
}

func TestCallsWaitForNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testServer()
		s.cfg.Registry = nil // each call makes an engine, which registers itself
		query := func() string { return fmt.Sprintf("?wait=30s&index=%d", s.cfg.Node.State().Index) }
		config, tokens := ask(s, "/config"+query()), ask(s, "/tokens"+query())
		answered(t, "nothing happened", config, 0)
		grant(t, s, "another", policy.RoleViewer, 0)
		answered(t, "another part of the state changed", config, 0)
		answered(t, "a token was made", tokens, 200)
		do(t, s, regionNamed("a"))
		answered(t, "the configuration changed", config, 200)

		late := ask(s, "/config"+query())
		time.Sleep(29 * time.Second)
		answered(t, "before the time is over", late, 0)
		time.Sleep(time.Second)
		answered(t, "after the time is over", late, 200)

		answered(t, "an index of before", ask(s, fmt.Sprintf("/config?wait=30s&index=%d", s.cfg.Node.State().Index-1)), 200)
		ahead := ask(s, fmt.Sprintf("/config?wait=30s&index=%d", s.cfg.Node.State().Index+1)) // another node was asked before
		do(t, s, regionNamed("b"))
		answered(t, "the index that was seen elsewhere", ahead, 0)
		do(t, s, regionNamed("c"))
		answered(t, "a later one", ahead, 200)

		// Who waits with a token that is revoked sees nothing any more.
		grant(t, s, "admin", policy.RoleAdmin, 0)
		waits := ask(s, "/config"+query())
		synctest.Wait()
		do(t, s, change.DeleteToken{ID: "testtoke"})
		do(t, s, regionNamed("d"))
		answered(t, "with a token that was revoked", waits, 401)
		if n := s.waiting.Load(); n != 0 {
			t.Errorf("%d calls still wait", n)
		}
	})
}

func TestWaitsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testServer()
		s.cfg.Registry = nil // each call makes an engine, which registers itself
		for _, c := range []struct {
			query, text string
		}{
			{"?wait=30s", "goes with index"}, {"?index=7", "a time of at most 5m0s"}, {"?wait=301s&index=7", "a time of at most 5m0s"},
			{"?wait=-1s&index=7", "a time"}, {"?wait=soon&index=7", "a time"}, {"?wait=1s&index=-7", "goes with index"}, {"?wait=1s&wait=2s&index=7", "2 times"},
		} {
			w := <-ask(s, "/config"+c.query)
			if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), c.text) {
				t.Errorf("%s: %d %s", c.query, w.Code, w.Body)
			}
		}
		for _, route := range []string{"/explain?name=a.&wait=1s&index=1", "/events?wait=1s&index=1"} { // what no part of the state is
			if w := <-ask(s, route); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "there is no parameter") {
				t.Errorf("%s: %d %s", route, w.Code, w.Body)
			}
		}
		s.waiting.Store(maxWaiting)
		if w := <-ask(s, "/config?wait=30s&index=99"); w.Code != http.StatusServiceUnavailable || s.waiting.Load() != maxWaiting {
			t.Errorf("one too many: %d, and %d wait", w.Code, s.waiting.Load())
		}
	})
}

// Every GET that answers from the state can be waited at, and says its index.
func TestWhatCanBeWaitedAt(t *testing.T) {
	for route := range wakes {
		if method, _, _ := strings.Cut(route, " "); method != http.MethodGet {
			t.Errorf("%s is no GET", route)
		}
		if leastRoles[route] == "" {
			t.Errorf("%s is no route", route)
		}
	}
}
