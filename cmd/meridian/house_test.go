package main

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/meridian-gtm/meridian/cmd/meridian/node"
	"github.com/meridian-gtm/meridian/policy/document"
	"github.com/meridian-gtm/meridian/policy/zonefile"
)

// root is the top of the checkout.
const root = "../.."

const module = "github.com/meridian-gtm/meridian/"

// pkg is what `go list` says of a package.
type pkg struct {
	ImportPath, Doc, Dir string
	Imports              []string
}

func (p pkg) room() string { return strings.TrimPrefix(p.ImportPath, module) }

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Doc,Dir,Imports", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

// may is, for each room, what of our own it may import directly. A room that is
// not here may not exist: a new one needs a row, and two users.
var may = map[string][]string{
	"policy":                    {},
	"policy/health":             {"policy", "policy/geo"}, // which vantages are near
	"policy/geo":                {"policy"},
	"policy/geo/gen":            {"policy/geo"},
	"policy/steer":              {"policy", "policy/geo"},
	"policy/safety":             {"policy", "policy/steer"},
	"policy/drill":              {"policy", "policy/safety"},
	"policy/zonefile":           {"policy"},
	"policy/document":           {"policy", "policy/zonefile"}, // an endpoint's records are text that zonefile reads
	"policy/change":             {"policy", "policy/safety", "policy/drill", "policy/health", "policy/steer", "policy/document", "policy/zonefile"},
	"policy/snapshot":           {"policy", "policy/geo", "policy/steer", "policy/health", "policy/zonefile"}, // they stay text in State and become wire here
	"dnsserver":                 {"policy", "policy/snapshot", "policy/geo", "dnsserver/answer", "dnsserver/wire", "dnsserver/cookie", "dnsserver/limit"},
	"dnsserver/answer":          {"policy", "policy/snapshot", "policy/geo", "dnsserver/wire", "dnsserver/cookie", "dnsserver/limit"},
	"dnsserver/wire":            {"policy"},
	"dnsserver/cookie":          {},
	"dnsserver/limit":           {},
	"probes":                    {"policy", "policy/health"},
	"probes/peertest":           {},
	"raftstore":                 {"policy", "policy/change", "policy/health", "policy/safety", "raftstore/peer"},
	"raftstore/peer":            {"policy"},
	"web/api":                   {},
	"web/api/gen":               {},
	"web":                       {"policy", "policy/change", "policy/drill", "policy/safety", "policy/snapshot", "policy/document", "policy/zonefile", "policy/geo", "policy/health", "web/api"},
	"web/webtest":               {"policy", "policy/change", "policy/drill", "policy/snapshot", "policy/document", "policy/zonefile", "policy/geo", "web"},
	"cmd/meridian":              {"cmd/meridian/node", "cmd/meridian/migrate", "web/api", "policy", "policy/document", "policy/zonefile", "policy/geo"},
	"cmd/meridian/migrate":      {"policy", "policy/document", "policy/zonefile", "policy/geo"},
	"cmd/meridian/node":         nil, // the wiring knows everybody
	"cmd/meridian/node/notify":  {"policy", "policy/health"},
	"cmd/meridian/node/journal": {"policy", "policy/change"},
	"cmd/meridian/node/history": {"policy"},
}

// bans are imports of others' packages that a room must not have, each with the reason.
var bans = []struct {
	rooms   string // regular expression
	import_ string // regular expression
	why     string
}{
	{`^policy$`, `^(net|net/http|os|log/slog|math/rand.*|crypto/rand|github.com/miekg/dns|github.com/hashicorp/.*|github.com/gin-gonic/.*)$`, "nouns know nothing of the outside"},
	{`^policy/(health|steer|safety|drill|change|snapshot)$`, `^(net|net/http|os|log/slog|math/rand.*|crypto/rand)$`, "rules are pure: every node must come to the same result"},
	{`^policy/(health|steer|safety|geo|change|snapshot|document)$`, `^github.com/miekg/dns$`, "zonefile is the only room of policy that knows miekg/dns"},
	{`^policy/geo$`, `^(os|net)$`, "geo takes bytes and opens no files"},
	{`^(policy.*|dnsserver.*|probes|web.*|cmd/.*)$`, `^github.com/hashicorp/raft.*$`, "raftstore is the only room with hashicorp/raft"},
	{`^(policy.*|dnsserver.*|probes|raftstore.*|cmd/.*)$`, `^github.com/gin-gonic/.*$`, "web is the only room with gin"},
}

// clocks may be read nowhere in these rooms, by whatever import.
var clocks = regexp.MustCompile(`\btime\.(Now|Since|Until|After|Tick|NewTimer|NewTicker|Sleep)\(`)

func TestHouseImports(t *testing.T) {
	for _, p := range packages(t) {
		allowed, ok := may[p.room()]
		if !ok {
			t.Errorf("%s is not in the plan of the house", p.room())
			continue
		}
		for _, i := range p.Imports {
			if own, ok := strings.CutPrefix(i, module); ok && allowed != nil && !slices.Contains(allowed, own) {
				t.Errorf("%s must not import %s", p.room(), own)
			}
			for _, b := range bans {
				if regexp.MustCompile(b.rooms).MatchString(p.room()) && regexp.MustCompile(b.import_).MatchString(i) {
					t.Errorf("%s must not import %s: %s", p.room(), i, b.why)
				}
			}
		}
	}
}

func TestHouseClocks(t *testing.T) {
	for _, p := range packages(t) {
		if !regexp.MustCompile(`^policy(/(health|steer|safety|geo|change|snapshot|document|zonefile))?$`).MatchString(p.room()) {
			continue
		}
		files, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if m := clocks.Find(text); m != nil && !strings.HasSuffix(f, "_test.go") {
				t.Errorf("%s reads a clock (%s): time comes in as a value", f, m)
			}
		}
	}
}

func TestHouseDocs(t *testing.T) {
	for _, p := range packages(t) {
		if p.Doc == "" {
			t.Errorf("package %s has no doc comment", p.room())
		}
	}
}

// The top level is fixed.
func TestHouseTopLevel(t *testing.T) {
	allowed := []string{"cmd", "dnsserver", "probes", "policy", "raftstore", "web", "deploy", "docs", "go.mod", "go.sum", "Makefile", "LICENSE",
		"NOTICE", "README.md", "CHANGELOG.md", ".ci", ".gitignore"}
	out, err := exec.Command("git", "-C", root, "ls-files").Output()
	if err != nil {
		t.Skip("not a git checkout")
	}
	for _, f := range strings.Fields(string(out)) {
		top, _, _ := strings.Cut(f, "/")
		if !slices.Contains(allowed, top) {
			t.Errorf("%s: %s is not part of the fixed top level", f, top)
		}
		if st, err := os.Stat(filepath.Join(root, f)); err == nil && st.Size() > 10<<20 {
			t.Errorf("%s has %d octets; 10 MiB is the most", f, st.Size())
		}
	}
}

// TestFSMIsThin keeps the state machine what it is: decode, apply, swap.
func TestHouseThinFSM(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "raftstore/fsm.go"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\n"); n >= 100 {
		t.Errorf("raftstore/fsm.go has %d lines; under 100 is the plan", n)
	}
}

// Every example configuration in the documentation and in deploy/ loads.
func TestHouseExamples(t *testing.T) {
	var files []string
	for _, dir := range []string{"docs", "deploy"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				files = append(files, path)
			}
			return err
		})
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	files = append(files, filepath.Join(root, "README.md"))
	found := 0
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for i, example := range examples(f, string(text)) {
			found++
			if err := loads(example); err != nil {
				t.Errorf("%s, example %d: %v\n%s", f, i+1, err, example.text)
			}
		}
	}
	if found < 6 {
		t.Errorf("only %d examples were found; is the search broken?", found)
	}
}

type example struct{ kind, text string }

var fence = regexp.MustCompile("(?ms)^( *)```(yaml|dns)\n(.*?)^ *```")

func examples(file, text string) []example {
	switch filepath.Ext(file) {
	case ".yaml":
		return []example{{"yaml", text}}
	case ".zone":
		return []example{{"dns", text}}
	case ".md":
		var list []example
		for _, m := range fence.FindAllStringSubmatch(text, -1) {
			list = append(list, example{m[2], regexp.MustCompile("(?m)^"+m[1]).ReplaceAllString(m[3], "")})
		}
		return list
	}
	return nil
}

// loads reads an example as what it is: a zone, a node's file, or a part of the document.
func loads(e example) error {
	if e.kind == "dns" {
		_, _, err := zonefile.Parse(strings.NewReader(e.text), "", "example", zonefile.Limits{})
		return err
	}
	if regexp.MustCompile(`(?m)^node:`).MatchString(e.text) {
		_, err := node.ParseConfig([]byte(e.text), "example")
		return err
	}
	c, err := document.Decode([]byte(e.text), "example")
	if err == nil && len(c.Regions) > 0 { // a whole document, not a part
		err = c.Validate()
	}
	return err
}

func TestHouseMetricNames(t *testing.T) {
	cfg := &node.Config{Node: "lint", DataDir: t.TempDir(), DNS: node.DNS{Listen: []string{freePort(t, "127.0.0.1")}},
		API: node.API{Listen: freePort(t, "127.0.0.1")}, Cluster: node.Cluster{Listen: freePort(t, "127.0.0.1"), Bootstrap: true}}
	if err := cfg.Complete(); err != nil {
		t.Fatal(err)
	}
	n, err := node.New(*cfg, node.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	families, err := n.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "meridian_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	if len(families) < 10 {
		t.Errorf("only %d metrics were found", len(families))
	}
}
