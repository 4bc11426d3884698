package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	"golang.org/x/tools/txtar"
)

// TestScripts runs the scripts of testdata/script, one after the other, on a
// cluster of three real nodes, and compares what each command prints with what the
// script says (-update-transcripts writes what it is now). Beside testscript's own
// commands there are
//
//	meridian ARGS            run it; what it prints, with the exit code unless that is 0, is stdout for cmp
//	until FILE TEXT          wait until a file has a text
//	settled                  heal all, lift all, and wait until every node holds all endpoints to be up
//	break REGION, heal REGION
//	remember NAME            keep stdout in a variable of the environment
//	normal FILE              take out of a file what differs from run to run
func TestScripts(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.up(fast, 5)
	c.must(c.do(0, http.MethodPut, "/config", "application/yaml", []byte(c.scripted()), nil))
	eventually(t, time.Minute, "every endpoint is up by the cluster's verdict", c.agreed)
	file, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	n := c.normaliser()
	testscript.RunT(inTurn{t}, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *updateTranscripts,
		Setup: func(e *testscript.Env) error {
			if err := c.settle(); err != nil {
				return err
			}
			e.Setenv("PATH", filepath.Dir(file)+string(filepath.ListSeparator)+e.Getenv("PATH"))
			e.Setenv("MERIDIAN_ADDR", "http://"+c.nodes[0].api)
			e.Setenv("MERIDIAN_TOKEN", token)
			e.Setenv("ADMIN_TOKEN", token)
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("XDG_CACHE_HOME", filepath.Join(e.WorkDir, ".cache"))
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, ".config"))
			for i, p := range c.nodes {
				e.Setenv(fmt.Sprintf("NODE%d", i+1), "http://"+p.api)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"meridian": func(ts *testscript.TestScript, _ bool, args []string) {
				text := ""
				err := ts.Exec("meridian", args...)
				text = ts.ReadFile("stdout") + ts.ReadFile("stderr")
				var exit *exec.ExitError
				if errors.As(err, &exit) {
					text += fmt.Sprintf("[exit code %d]\n", exit.ExitCode())
				} else {
					ts.Check(err)
				}
				if strings.Contains(text, token) {
					ts.Fatalf("the token is shown:\n%s", text)
				}
				_, err = ts.Stdout().Write([]byte(n.normal(text, ts.Getenv("WORK"))))
				ts.Check(err)
			},
			"until": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(within(20*time.Second, func() error {
					if b, err := os.ReadFile(ts.MkAbs(args[0])); err != nil || !strings.Contains(string(b), args[1]) {
						return fmt.Errorf("%s has no %q: %q (%v)", args[0], args[1], b, err)
					}
					return nil
				}))
			},
			"remember": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
			},
			"settled": func(ts *testscript.TestScript, _ bool, _ []string) { ts.Check(c.settle()) },
			"break":   func(_ *testscript.TestScript, _ bool, args []string) { c.region(args[0]).breaks(t) },
			"heal":    func(_ *testscript.TestScript, _ bool, args []string) { c.region(args[0]).heal(t) },
			"normal": func(ts *testscript.TestScript, _ bool, args []string) {
				text := n.normal(ts.ReadFile(args[0]), ts.Getenv("WORK"))
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
			},
		},
	})
}

// within polls until fn gives nil, and gives its last error when it does not in time.
func within(limit time.Duration, fn func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := fn()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond) // the poll's pace; the deadline decides
	}
}

// inTurn runs scripts one after the other: they share a cluster.
type inTurn struct{ *testing.T }

func (inTurn) Parallel()     {}
func (inTurn) Verbose() bool { return testing.Verbose() }
func (t inTurn) Run(name string, f func(testscript.T)) {
	t.T.Run(name, func(t *testing.T) { f(inTurn{t}) })
}

func (c *cluster) region(name string) *region {
	i := slices.IndexFunc(c.regions[:], func(r *region) bool { return r.name == name })
	if i < 0 {
		c.t.Fatalf("there is no region %q", name)
	}
	return c.regions[i]
}

// scripted is the scripts' configuration: addresses of the documentation, probed at the regions' backends.
func (c *cluster) scripted() string {
	addresses := []string{"192.0.2.10", "198.51.100.10", "203.0.113.10"}
	providers := []string{"aws, azs: [a, b]", "gcp", "azure"}
	_, port, _ := net.SplitHostPort(c.regions[0].addr)
	var regions, pools, steer strings.Builder
	for i, r := range c.regions {
		fmt.Fprintf(&regions, "  - {name: %s, place: {iata: %s}, provider: %s}\n", r.name, r.iata, providers[i])
		fmt.Fprintf(&pools, "  - {name: web-%s, region: %s, monitor: web, endpoints: [{name: a, address: %s, probe: {address: %s}}]}\n", r.name, r.name, addresses[i], r.host())
		fmt.Fprintf(&steer, "        - {pool: web-%s}\n", r.name)
	}
	return "regions:\n" + regions.String() +
		"monitors:\n  - {name: web, http: {port: " + port + ", path: /healthz}, interval: 1s, timeout: 500ms, fall: 3, rise: 2}\n" +
		"pools:\n" + pools.String() + "services:\n  - name: www.example.com\n    ttl: 30\n    steer:\n      nearest:\n" + steer.String()
}

// agreed is nil when every node holds every endpoint to be up, all vantages see it so, and nothing is drained.
func (c *cluster) agreed() error {
	if err := c.healthy(); err != nil {
		return err
	}
	for i := range c.nodes {
		var h struct {
			Items []struct {
				Endpoint, Effective string
				Checks              []struct {
					Reports []struct {
						Fresh, Abstaining bool
						Status            string
					}
				}
			}
		}
		if err := c.do(i, http.MethodGet, "/health", "", nil, &h); err != nil {
			return err
		}
		for _, e := range h.Items {
			see := 0
			for _, r := range e.Checks[0].Reports {
				if r.Fresh && !r.Abstaining && r.Status == "up" {
					see++
				}
			}
			if e.Effective != "up" || see != len(c.nodes) {
				return fmt.Errorf("%s is %s and %d see it up", e.Endpoint, e.Effective, see)
			}
		}
	}
	return nil
}

// settle takes back what the script before left.
func (c *cluster) settle() error {
	for _, r := range c.regions {
		r.mu.Lock()
		broken := r.refuser != nil
		r.mu.Unlock()
		if broken {
			r.heal(c.t)
		}
	}
	var list struct{ Items []struct{ ID string } }
	if err := c.do(0, http.MethodGet, "/controls", "", nil, &list); err != nil {
		return err
	}
	for _, v := range list.Items {
		if err := c.do(0, http.MethodDelete, "/controls/"+v.ID, "", nil, nil); err != nil {
			return err
		}
	}
	return within(time.Minute, c.agreed)
}

// scriptedCommands are the command lines of the scripts with what they print.
func scriptedCommands(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	shown := map[string]string{}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parts := map[string]string{}
		for _, f := range a.Files {
			parts[f.Name] = string(f.Data)
		}
		command := ""
		for line := range strings.Lines(string(a.Comment)) {
			line = strings.TrimSpace(line)
			switch name, isCmp := strings.CutPrefix(line, "cmp stdout "); {
			case strings.HasPrefix(line, "meridian "):
				command = line
				shown[command] = ""
			case isCmp && command != "":
				shown[command] = parts[name]
			}
		}
	}
	return shown
}

var quoteFence = regexp.MustCompile("(?ms)^```text\n(\\$ meridian .*?)^```")

// TestDocsQuotes holds docs/cli.md to the scripts: what it shows of a command is what the script's says, in whole or from its start to a line of three dots.
func TestDocsQuotes(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "cli.md"))
	if err != nil {
		t.Fatal(err)
	}
	shown := scriptedCommands(t)
	quotes := 0
	for _, m := range quoteFence.FindAllStringSubmatch(string(text), -1) {
		for _, part := range strings.Split("\n"+m[1], "\n$ ")[1:] {
			command, output, _ := strings.Cut(part, "\n")
			quotes++
			real, ok := shown[command]
			if !ok {
				t.Errorf("docs/cli.md shows %q, which no script runs", command)
				continue
			}
			output = strings.TrimRight(output, "\n")
			if start, cut := strings.CutSuffix(output, "\n..."); cut && strings.HasPrefix(real, start+"\n") {
				continue
			}
			if real = strings.TrimRight(real, "\n"); real != output {
				t.Errorf("docs/cli.md: %s prints other than shown:\n%s", command, difference(output, real))
			}
		}
	}
	if quotes < 20 {
		t.Errorf("only %d quotes were found; is the search broken?", quotes)
	}
}

// TestEveryCommandIsScripted holds every command of the client to a script, and to docs/cli.md.
func TestEveryCommandIsScripted(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "cli.md"))
	if err != nil {
		t.Fatal(err)
	}
	shown := scriptedCommands(t)
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		path := c.CommandPath()
		if c.HasSubCommands() || !c.Runnable() || slices.Contains([]string{"meridian serve", "meridian demo"}, path) || strings.HasPrefix(path, "meridian import ") {
			return // they run for long, and have tests of their own
		}
		found := false
		for command := range shown {
			found = found || command == path || strings.HasPrefix(command, path+" ")
		}
		if !found {
			t.Errorf("no script runs %s", path)
		}
		if !strings.Contains(string(text), path) {
			t.Errorf("docs/cli.md does not name %s", path)
		}
	}
	walk(rootCommand())
}
