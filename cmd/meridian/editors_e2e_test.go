package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// TestE2ETwoEditors: who reads, changes and writes back with If-Match, and does so
// anew on 412, loses nothing of another's, whether they edit one object or two.
func TestE2ETwoEditors(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.upAudited()
	const rounds = 50
	for _, path := range []string{"/pools/shared", "/pools/own-0", "/pools/own-1"} {
		c.must(c.do(0, http.MethodPut, path, "application/json", fmt.Appendf(nil, `{"name":%q,"endpoints":[{"name":"editor-0","address":"10.1.0.0"},{"name":"editor-1","address":"10.2.0.0"}]}`, strings.TrimPrefix(path, "/pools/")), nil))
	}
	// RRsets of one zone share its revision: two editors of different names are in each other's way, and lose nothing either.
	for _, name := range []string{"shared", "own-0", "own-1"} {
		c.must(c.do(0, http.MethodPut, "/zones/example.com/rrsets/"+name+".example.com/TXT", "application/json", []byte(`{"ttl":60,"records":["\"0 0\""]}`), nil))
	}
	var refused atomic.Int64
	// add counts one up of a field, and says whether it was taken.
	add := func(node int, path, field string, edit func(string) (string, error)) {
		for {
			res, b, err := c.call(node, http.MethodGet, path, "", nil)
			if err != nil || res.StatusCode != http.StatusOK {
				t.Errorf("%s: %v, %s", path, err, b)
				return
			}
			body, err := edit(string(b))
			if err != nil {
				t.Errorf("%s of %s: %v", field, path, err)
				return
			}
			put, b, err := c.call(node, http.MethodPut, path, body, map[string]string{"If-Match": res.Header.Get("ETag")})
			switch {
			case err != nil:
				t.Errorf("%s: %v", path, err)
				return
			case put.StatusCode == http.StatusOK:
				return
			case put.StatusCode != http.StatusPreconditionFailed:
				t.Errorf("%s: %d %s", path, put.StatusCode, b)
				return
			}
			refused.Add(1)
		}
	}
	pool := func(editor int) func(string) (string, error) { // the last octet of an address counts
		return func(text string) (string, error) {
			var p struct {
				Name      string `json:"name"`
				Endpoints []struct {
					Name    string     `json:"name"`
					Address netip.Addr `json:"address"`
				} `json:"endpoints"`
			}
			if err := json.Unmarshal([]byte(text), &p); err != nil {
				return "", err
			}
			p.Endpoints[editor].Address = p.Endpoints[editor].Address.Next()
			b, err := json.Marshal(p)
			return string(b), err
		}
	}
	set := func(editor int) func(string) (string, error) {
		return func(text string) (string, error) {
			var s struct{ Records []string }
			var n [2]int
			if err := json.Unmarshal([]byte(text), &s); err != nil {
				return "", err
			}
			_, err := fmt.Sscanf(s.Records[0], `"%d %d"`, &n[0], &n[1])
			n[editor]++
			return fmt.Sprintf(`{"ttl":60,"records":["\"%d %d\""]}`, n[0], n[1]), err
		}
	}
	var all sync.WaitGroup
	for editor := range 2 {
		name := fmt.Sprintf("editor-%d", editor)
		own := fmt.Sprintf("own-%d", editor)
		all.Go(func() {
			for range rounds {
				add(editor, "/pools/shared", name, pool(editor))
				add(editor, "/pools/"+own, name, pool(editor))
				add(editor, "/zones/example.com/rrsets/shared.example.com/TXT", name, set(editor))
				add(editor, "/zones/example.com/rrsets/"+own+".example.com/TXT", name, set(editor))
			}
		})
	}
	all.Wait()
	c.sameState()
	if refused.Load() == 0 {
		t.Error("no write was refused, so the editors were never in each other's way")
	}
	t.Logf("%d writes were refused with 412 and made anew", refused.Load())
	for i := range c.nodes {
		for name, want := range map[string][2]int{"shared": {rounds, rounds}, "own-0": {rounds, 0}, "own-1": {0, rounds}} {
			var p struct{ Endpoints []struct{ Address string } }
			c.must(c.do(i, http.MethodGet, "/pools/"+name, "", nil, &p))
			for editor, n := range want {
				if got, want := p.Endpoints[editor].Address, fmt.Sprintf("10.%d.0.%d", editor+1, n); got != want {
					t.Errorf("node %d: pool %s has %s, want %s", i, name, got, want)
				}
			}
			var s struct{ Records []string }
			c.must(c.do(i, http.MethodGet, "/zones/example.com/rrsets/"+name+".example.com/TXT", "", nil, &s))
			if want := fmt.Sprintf(`"%d %d"`, want[0], want[1]); len(s.Records) != 1 || s.Records[0] != want {
				t.Errorf("node %d: RRset %s counts %v, want %s", i, name, s.Records, want)
			}
		}
	}
}
