package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// call makes a call with headers, and gives the answer's own and its body, whatever its status.
func (c *cluster) call(i int, method, path, body string, headers map[string]string) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+c.nodes[i].api+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res, b, err
}

// onceWrite is a write that is sent with a key until it is acknowledged.
type onceWrite struct {
	key, kind          string // kind of change
	method, path, body string
	index              uint64
	replayed           bool
}

// onceWrites are writes of several kinds. Each leaves what only it can have left.
func onceWrites(run, n int) (list []*onceWrite) {
	for i := range n {
		w := &onceWrite{key: fmt.Sprintf("once-%d-%d", run, i)}
		switch i % 3 {
		case 0:
			w.kind, w.method, w.path = "zone.edit", http.MethodPut, "/zones/example.com/rrsets/"+w.key+".example.com/TXT"
			w.body = fmt.Sprintf(`{"ttl":60,"records":["\"%s\""]}`, w.key)
		case 1:
			w.kind, w.method, w.path = "object.put", http.MethodPut, "/pools/"+w.key
			w.body = fmt.Sprintf(`{"name":%q,"endpoints":[{"name":"a","address":"10.%d.%d.%d"}]}`, w.key, run, i/250, i%250)
		default: // another control for each time that it is done
			w.kind, w.method, w.path = "control.put", http.MethodPost, "/controls"
			w.body = fmt.Sprintf(`{"target":"region/us-east","action":"drain","reason":%q,"expiresIn":"2h"}`, w.key)
		}
		list = append(list, w)
	}
	return list
}

// errAgain is of a write that has to be sent again: it failed, or what became of it is not known.
var errAgain = errors.New("not acknowledged")

func (c *cluster) send(i int, w *onceWrite) error {
	res, b, err := c.call(i, w.method, w.path, w.body, map[string]string{"Idempotency-Key": w.key})
	if err != nil {
		return fmt.Errorf("%w: %w", errAgain, err)
	}
	if res.StatusCode == http.StatusServiceUnavailable {
		return fmt.Errorf("%w: %s", errAgain, b)
	}
	var r struct {
		Index    uint64
		Replayed bool
	}
	if res.StatusCode/100 != 2 || json.Unmarshal(b, &r) != nil {
		return &httpError{res.StatusCode, string(b)}
	}
	if w.index != 0 && (w.index != r.Index || !r.Replayed) {
		return fmt.Errorf("%s is of index %d, and again of %d (replayed: %v)", w.key, w.index, r.Index, r.Replayed)
	}
	w.index, w.replayed = r.Index, w.replayed || r.Replayed
	return nil
}

// audited are the entries of the audit from an index on, of what was done, by their keys.
func (c *cluster) audited(i int, after uint64) map[string][]string {
	c.t.Helper()
	res, b, err := c.call(i, http.MethodGet, "/audit?refused=false", "", map[string]string{"Accept": "application/x-ndjson"})
	if err != nil || res.StatusCode != http.StatusOK {
		c.t.Fatalf("%v, %s", err, b)
	}
	found := map[string][]string{}
	for line := range bytes.Lines(b) {
		var l struct {
			Entry struct {
				Index         uint64
				Request, Kind string
			}
		}
		c.must(json.Unmarshal(line, &l))
		if l.Entry.Index > after {
			key, _, _ := strings.Cut(l.Entry.Request, "#")
			found[key] = append(found[key], l.Entry.Kind)
		}
	}
	return found
}

// sameState waits until all nodes hold the same state, and gives its index.
func (c *cluster) sameState() (index uint64) {
	c.t.Helper()
	eventually(c.t, 60*time.Second, "all nodes hold the same state", func() error {
		for i := range c.nodes {
			var st struct {
				Leader  string
				Members []struct {
					Node, Hash string
					Reachable  bool
					Applied    uint64
				}
			}
			if err := c.do(i, http.MethodGet, "/cluster", "", nil, &st); err != nil {
				return err
			}
			if len(st.Members) != 3 || st.Leader == "" {
				return fmt.Errorf("node %d: %+v", i, st)
			}
			first := st.Members[0]
			for _, m := range st.Members {
				if m.Hash == "" || m.Hash != first.Hash || m.Applied != first.Applied || i > 0 && m.Applied != index {
					return fmt.Errorf("node %d: %+v", i, st)
				}
			}
			index = first.Applied
		}
		return nil
	})
	return index
}

// upAudited is up, and waits until writes are audited.
func (c *cluster) upAudited() {
	c.t.Helper()
	c.up(fast, 5)
	tries := 0
	eventually(c.t, 30*time.Second, "writes are audited", func() error {
		tries++
		if text, err := c.run(1, "token", "create", fmt.Sprintf("try-%d", tries), "--role", "viewer"); err != nil {
			return errors.New(text)
		}
		if len(c.audited(1, 0)) == 0 {
			return errors.New("no entry yet")
		}
		return nil
	})
}

// TestE2EOnce: of many writes at once through all nodes, while the leader is killed,
// each that was acknowledged is in the state exactly once, and nothing that nobody sent.
func TestE2EOnce(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.upAudited()
	n, times := 100, 1
	if runs() > 1 {
		n, times = 500, min(runs(), 10)
	}
	for run := range times {
		before := c.sameState()
		dead := c.leader()
		writes := onceWrites(run, n)
		var acknowledged, again, lost atomic.Int64
		kill := make(chan struct{})
		var all sync.WaitGroup
		for i, w := range writes {
			all.Go(func() {
				lose := i%10 == 0 // its first answer does not reach whoever sent it
				deadline := time.Now().Add(90 * time.Second)
				for at := i % 3; ; at = (at + 1) % 3 {
					err := c.send(at, w)
					switch {
					case err == nil && lose:
						lose = false
						lost.Add(1)
					case err == nil:
						if acknowledged.Add(1) == int64(n/4) {
							close(kill)
						}
						return
					case !errors.Is(err, errAgain) || time.Now().After(deadline):
						t.Errorf("%s: %v", w.key, err)
						return
					default:
						again.Add(1)
						time.Sleep(20 * time.Millisecond) // the pace of a client that tries again
					}
				}
			})
		}
		done := make(chan struct{})
		go func() { all.Wait(); close(done) }()
		select {
		case <-kill:
		case <-done: // with errors, or they would have come so far
		}
		c.nodes[dead].kill()
		<-done
		if t.Failed() {
			return
		}
		c.start(dead)
		c.sameState()
		replayed := 0
		for _, w := range writes {
			if w.replayed {
				replayed++
			}
		}
		if again.Load() == 0 || replayed < int(lost.Load()) {
			t.Errorf("the leader's death came too late: %d writes were sent again, %d answers were lost and %d are replays", again.Load(), lost.Load(), replayed)
		}
		t.Logf("run %d: %d writes, %d attempts that failed or whose outcome was unknown, %d answers lost, %d replays", run, n, again.Load(), lost.Load(), replayed)
		for i := range c.nodes {
			c.onlyOnce(i, before, run, writes)
		}
	}
}

// onlyOnce looks for each write, and for what none of them is, at a node.
func (c *cluster) onlyOnce(i int, before uint64, run int, writes []*onceWrite) {
	t := c.t
	t.Helper()
	found := c.audited(i, before)
	sent := map[string]string{}
	for _, w := range writes {
		sent[w.key] = w.path
		if got := found[w.key]; !slices.Equal(got, []string{w.kind}) {
			t.Errorf("node %d: the audit has %v of %s, not one %s", i, got, w.key, w.kind)
		}
		delete(found, w.key)
	}
	for key, kinds := range found {
		if key != "" || slices.ContainsFunc(kinds, func(k string) bool { return k == "zone.edit" || k == "object.put" || k == "control.put" }) {
			t.Errorf("node %d: nobody sent %q: %v", i, key, kinds)
		}
	}
	var page struct{ Items []struct{ Index uint64 } }
	for _, w := range writes[:min(30, len(writes))] {
		if c.must(c.do(i, http.MethodGet, "/audit?refused=false&request="+w.key, "", nil, &page)); len(page.Items) != 1 || page.Items[0].Index != w.index {
			t.Errorf("node %d: %+v of %s, which was acknowledged as index %d", i, page.Items, w.key, w.index)
		}
	}
	// The objects hold what was written, and there are no others.
	prefix := fmt.Sprintf("once-%d-", run)
	have := map[string]string{}
	note := func(key, value string) {
		if !strings.HasPrefix(key, prefix) {
			return
		}
		if _, twice := have[key]; twice {
			t.Errorf("node %d: %s is there twice", i, key)
		}
		have[key] = value
	}
	after := ""
	for {
		var p struct {
			Items []struct {
				Name    string
				Records []string
			}
			Next string
		}
		c.must(c.do(i, http.MethodGet, "/zones/example.com/rrsets?type=TXT&limit=1000&after="+after, "", nil, &p))
		for _, v := range p.Items {
			note(strings.TrimSuffix(v.Name, ".example.com."), strings.Join(v.Records, " "))
		}
		if after = p.Next; after == "" {
			break
		}
	}
	var pools struct {
		Items []struct {
			Name      string
			Endpoints []struct{ Address string }
		}
	}
	c.must(c.do(i, http.MethodGet, "/pools", "", nil, &pools))
	for _, p := range pools.Items {
		note(p.Name, p.Endpoints[0].Address)
	}
	var controls struct {
		Items []struct{ Reason, Target string }
	}
	c.must(c.do(i, http.MethodGet, "/controls", "", nil, &controls))
	for _, k := range controls.Items {
		note(k.Reason, k.Target)
	}
	for _, w := range writes {
		if v := have[w.key]; v == "" || !strings.Contains(w.body, strings.Trim(v, `"`)) {
			t.Errorf("node %d holds %q of %s, which wrote %s", i, v, w.key, w.body)
		}
		delete(have, w.key)
	}
	for key := range maps.Keys(have) {
		t.Errorf("node %d holds %s, which nobody wrote", i, key)
	}
}
