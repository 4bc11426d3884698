package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/web/api"
)

// A token that one node made is good at all of them at once, for what its role may,
// and no more at any of them when the command that revokes it returns.
func TestE2ETokens(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.up(fast, 5)
	eventually(t, 30*time.Second, "the feature level is raised", func() error {
		_, err := c.run(1, "token", "create", "first", "--role", "viewer")
		return err
	})
	text, err := c.run(1, "token", "create", "ci", "--role", "operator", "--expires-in", "1h", "-o", "json")
	var made api.TokenMade
	if err != nil || json.Unmarshal([]byte(text), &made) != nil {
		t.Fatalf("%s, %v", text, err)
	}
	status := func(i int, method, path string) int {
		req, err := http.NewRequest(method, "http://"+c.nodes[i].api+"/api/v1"+path, strings.NewReader("{}"))
		c.must(err)
		req.Header.Set("Authorization", "Bearer "+made.Token)
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0
		}
		res.Body.Close()
		return res.StatusCode
	}
	for i := range c.nodes {
		for call, want := range map[string]int{"GET /regions": 200, "PUT /config": 403, "GET /tokens": 403, "POST /controls": 422} {
			method, path, _ := strings.Cut(call, " ")
			if got := status(i, method, path); got != want {
				t.Errorf("node %d: %s as an operator: %d, want %d", i, call, got, want)
			}
		}
	}
	if text, err := c.run(2, "token", "list"); err != nil || !strings.Contains(text, made.Id) || strings.Contains(text, made.Token) {
		t.Errorf("%s, %v", text, err)
	}
	if text, err := c.run(0, "token", "revoke", made.Id, "--yes"); err != nil {
		t.Fatalf("%s, %v", text, err)
	}
	for i := range c.nodes {
		if got := status(i, "GET", "/regions"); got != http.StatusUnauthorized {
			t.Errorf("node %d: %d by a token that is revoked", i, got)
		}
	}
	for i := range c.nodes {
		c.nodes[i].kill()
		c.start(i)
		eventually(t, 60*time.Second, "the node is back", func() error {
			if got := status(i, "GET", "/regions"); got != http.StatusUnauthorized {
				return fmt.Errorf("status %d", got)
			}
			return nil
		})
	}
}
