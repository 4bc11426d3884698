package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// page is a page of a node's own, that a browser has open.
func (c *cluster) page(i int, method, path, body string, cookies []*http.Cookie) (int, string, []*http.Cookie) {
	req, err := http.NewRequest(method, "http://"+c.nodes[i].api+"/api/v1"+path, strings.NewReader(body))
	c.must(err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, k := range cookies {
		req.AddCookie(k)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error(), nil
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text), res.Cookies()
}

// typed runs a command with something on its standard input, and no token of its environment's own.
func (c *cluster) typed(i int, input string, args ...string) (string, error) {
	file, err := binary()
	if err != nil {
		return "", err
	}
	cmd := exec.Command(file, args...)
	cmd.Env = append(os.Environ(), "MERIDIAN_ADDR=http://"+c.nodes[i].api, "MERIDIAN_TOKEN="+token)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestE2EAccess: a session that one node began is good at all of them, after a restart too, and at none of them
// when it has ended. Of passwords, cookies and tokens nothing is in any file or log (S-19). A node that is cut off can
// be told to drain by whoever is on it, which ends as it should.
func TestE2EAccess(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.up(fast, 5)
	const password = "canary horse battery"
	eventually(t, 30*time.Second, "the feature level is raised", func() error {
		text, err := c.typed(1, password+"\n", "user", "add", "anna", "--role", "operator", "--scope", "region/us-east")
		if err != nil {
			return fmt.Errorf("%s", text)
		}
		return nil
	})
	status, text, cookies := c.page(2, "POST", "/session", `{"user":"anna","password":"`+password+`"}`, nil)
	if status != 201 || len(cookies) != 1 {
		t.Fatalf("%d %s", status, text)
	}
	everywhere := func(what string, want int) {
		t.Helper()
		for i := range c.nodes {
			eventually(t, 30*time.Second, what, func() error {
				if got, text, _ := c.page(i, "GET", "/session", "", cookies); got != want {
					return fmt.Errorf("node %d: %d %s", i, got, text)
				}
				return nil
			})
		}
	}
	everywhere("the session is good", 200)
	drain := func(i int, region string) (int, string) {
		status, text, _ := c.page(i, "POST", "/controls", `{"target":"region/`+region+`","action":"drain","reason":"canary","expiresIn":"1s"}`, cookies)
		return status, text
	}
	if status, text := drain(0, "eu-central"); status != 403 {
		t.Errorf("beyond her scopes: %d %s", status, text)
	}
	if status, text := drain(1, "us-east"); status != 201 || !strings.Contains(text, `"actor": "user/anna"`) {
		t.Errorf("within them: %d %s", status, text)
	}
	c.nodes[2].kill()
	c.start(2)
	everywhere("the session outlives a restart", 200)

	// The planted canaries, in everything that three nodes have written.
	glass := map[int]string{}
	for i, p := range c.nodes {
		b, err := os.ReadFile(filepath.Join(p.dataDir, "breakglass.token"))
		c.must(err)
		glass[i] = strings.TrimSpace(string(b))
	}
	looked := 0
	c.must(filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return nil // it was renamed meanwhile
		}
		looked++
		canaries := []string{password, cookies[0].Value, "$argon2id$"}
		if filepath.Base(path) != "breakglass.token" {
			canaries = append(canaries, glass[0], glass[1], glass[2])
		}
		for _, canary := range canaries {
			if bytes.Contains(b, []byte(canary)) {
				t.Errorf("%s holds %s", path, canary)
			}
		}
		return nil
	}))
	if looked < 15 {
		t.Errorf("only %d files were looked at", looked)
	}
	if text, err := c.run(0, "user", "remove", "anna", "--yes"); err != nil {
		t.Fatal(text)
	}
	everywhere("the session has ended", 401)

	// Two of three die. The one that is left answers on, and takes no write but from whoever is on it.
	breakGlass := func(i int, args ...string) (string, error) {
		file, err := binary()
		c.must(err)
		cmd := exec.Command(file, append(args, "--break-glass", "--token-file", filepath.Join(c.nodes[i].dataDir, "breakglass.token"))...)
		cmd.Env = []string{"MERIDIAN_ADDR=http://" + c.nodes[i].api, "HTTP_PROXY=http://192.0.2.1:1"} // nothing else, and no name to look up
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	drainHere := []string{"drain", "region/us-east", "--reason", "the canary is cut off", "--for", "1h"}
	if text, err := breakGlass(0, drainHere...); err == nil || !strings.Contains(text, "has a leader") {
		t.Errorf("with a leader: %s %v", text, err)
	}
	c.nodes[1].kill()
	c.nodes[2].kill()
	eventually(t, 60*time.Second, "it drains on its own", func() error {
		text, err := breakGlass(0, drainHere...)
		if err != nil {
			return fmt.Errorf("%s", text)
		}
		if !strings.Contains(text, "on this node alone") {
			t.Error(text)
		}
		return nil
	})
	away := func() error {
		a, err := c.ask(0, c.regions[0].client)
		if err == nil && (len(a) != 1 || slices.Contains(a, c.regions[0].host())) {
			err = fmt.Errorf("it answers %v", a)
		}
		return err
	}
	c.must(away())
	c.nodes[0].kill()
	c.start(0)
	eventually(t, 60*time.Second, "it does so after a restart, with no peer alive", away)
	if text, err := c.run(0, "cluster", "status"); err != nil || !strings.Contains(text, "this node alone drains region/us-east") {
		t.Errorf("%s %v", text, err)
	}
	c.start(1)
	c.start(2)
	eventually(t, 60*time.Second, "there is a leader, and an operator lifts it", func() error {
		if text, err := c.run(0, "undrain", "region/us-east"); err != nil {
			return fmt.Errorf("%s", text)
		}
		return nil
	})
	eventually(t, 60*time.Second, "every region's clients get their region", func() error {
		if a, err := c.ask(0, c.regions[0].client); err != nil || len(a) != 1 || a[0] != c.regions[0].host() {
			return fmt.Errorf("%v %v", a, err)
		}
		return nil
	})
	var record struct{ Items []struct{ Kind, Text string } }
	c.must(c.do(0, "GET", "/audit/node", "", nil, &record))
	if !slices.ContainsFunc(record.Items, func(a struct{ Kind, Text string }) bool {
		return a.Kind == "break-glass" && strings.Contains(a.Text, "the canary is cut off")
	}) {
		t.Errorf("%+v", record)
	}
}
