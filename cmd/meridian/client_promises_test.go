package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/web"
	"github.com/meridian-gtm/meridian/web/webtest"
)

// changing are command lines of every command that changes the cluster, in an
// order in which they work, each with what comes in at standard input.
var changing = []struct{ line, input string }{
	{"zone import -", strings.Replace(webtest.Zone, " 1 7200", " 2 7200", 1)},
	{"zone import - --name example.org", strings.ReplaceAll(webtest.Zone, "example.com", "example.org")},
	{"zone delete example.org -y", ""},
	{"zone set example.com new.example.com 300 A 192.0.2.9", ""},
	{"zone set example.com mail.example.com 300 MX 20.mx2.example.net.", ""}, // the dot is a space, see below
	{"zone unset example.com mail.example.com MX", ""},
	{"apply -f -", strings.Replace(webtest.Document, "ttl: 30", "ttl: 20", 1)},
	{"apply --prune -y -f -", strings.Replace(webtest.Document, "ttl: 30", "ttl: 25", 1)},
	{"drain region/us-east --reason rehearsal", ""},
	{"undrain region/us-east", ""},
	{"drain pool/web-us-east --in 1h --reason planned", ""},
	{"share region/us-east 20 --reason rehearsal --over 10m", ""},
	{"lift region/us-east", ""},
	{"force up pool/web-eu --reason wrong", ""},
	{"force down service/www.example.com --reason rehearsal", ""},
	{"lift service/www.example.com", ""},
	{"lift pool/web-eu", ""},
	{"lift pool/web-us-east", ""},
	{"latency set 192.0.2.0/24 us-east=12.5", ""},
	{"latency set 192.0.2.0/24 us-east=13 eu-central=80", ""},
	{"latency forget 192.0.2.0/24", ""},
	{"load set pool/web-us-east=850", ""},
	{"load set pool/web-us-east=900", ""},
	{"signal billing-ok up", ""},
	{"signal billing-ok down --reason spent", ""},
	{"signal billing-ok --delete -y", ""},
	{"switch on window --reason rehearsal", ""},
	{"switch off window --reason done", ""},
	{"switch delete window", ""},
	{"secret set db-password", "hunter2"},
	{"secret delete db-password -y", ""},
	{"token create ci --role viewer", ""},
	{"token revoke $TOKEN -y", ""},
	{"resume web-us-east/a --reason checked", ""},
	{"user add anna --role viewer", "correct horse battery\n"},
	{"user set anna --role operator", ""},
	{"user set anna --disable", ""},
	{"user set anna --enable --role viewer", ""},
	{"user passwd anna", "another horse battery\n"},
	{"user remove anna -y", ""},
	{"oidc set -f -", oidcDocument},
	{"oidc set -f -", strings.Replace(oidcDocument, "viewer", "editor", 1)},
	{"oidc delete -y", ""},
	{"cluster remove ns2 -y", ""},
}

const oidcDocument = "issuer: https://id.example.com\nclientID: meridian\nredirectURL: https://gtm.example.com/api/v1/auth/oidc/callback\nroles: [{group: dns, role: viewer}]\n"

// cli runs a command line with an input.
func cli(t *testing.T, addr, line, input string) (out string, code int) {
	t.Helper()
	var b bytes.Buffer
	args := strings.Fields(strings.Replace(line, "20.mx2", "20§mx2", 1))
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "§", " ")
	}
	code = execute(t.Context(), append(args, "--addr", addr, "--token", webtest.Token), strings.NewReader(input), &b, &b)
	return b.String(), code
}

// TestADryRunSendsNothing holds every command that changes something to --dry-run, and that to its word.
func TestADryRunSendsNothing(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	node := loadedNode(t)
	api := web.New(web.Config{Node: node, Log: slog.New(slog.DiscardHandler)})
	sent := ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.URL.Query().Get("dryRun") != "true" {
			sent += r.Method + " " + r.URL.String() + "\n"
		}
		api.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	for line, input := range map[string]string{"drain region/us-east --reason rehearsal": "", "user add anna --role viewer": "correct horse battery\n"} {
		if out, code := cli(t, s.URL, line, input); code != 0 {
			t.Fatal(out)
		}
	}
	sent = ""
	seen := map[string]bool{}
	lines := changing
	for _, line := range []string{ // a rehearsal needs no draft to be there
		"draft create --title t --rollback 1", "draft approve d17", "draft reject d17 --comment why", "draft canary d17 --node ns1 --for 1m", "draft publish d17", "draft withdraw d17",
		"drill start away", "drill abort d17", "drill approve d17", "delete service/www.example.com",
	} {
		lines = append(lines[:len(lines):len(lines)], struct{ line, input string }{line, ""})
	}
	for _, c := range lines {
		line := strings.NewReplacer(" -y", "", "example.org -y", "example.com", "$TOKEN", "testtoke", "zone delete example.org", "zone delete example.com",
			"lift service/www.example.com", "lift region/us-east", "lift pool/web-eu", "lift region/us-east", "lift pool/web-us-east", "lift region/us-east").Replace(c.line)
		out, code := cli(t, s.URL, line+" --dry-run", c.input)
		if code != 0 || !strings.Contains(out, "Nothing has been done") || strings.Contains(out, "hunter2") || strings.Contains(out, "horse battery") {
			t.Errorf("meridian %s --dry-run: exit code %d: %s", line, code, out)
		}
		words := strings.Fields(line)
		seen[words[0]], seen[words[0]+" "+words[1]] = true, true
	}
	if sent != "" {
		t.Errorf("it was sent all the same:\n%s", sent)
	}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		path := strings.TrimPrefix(c.CommandPath(), "meridian ")
		if f := c.Flags().Lookup("dry-run"); f != nil && !seen[path] && path != "rollback" { // that asks the API, and has tests of its own
			t.Errorf("%s has --dry-run and is not tried here", path)
		}
		if c.HasParent() && !c.HasSubCommands() && seen[path] && c.Flags().Lookup("dry-run") == nil {
			t.Errorf("%s has no --dry-run", path)
		}
		if f := c.Flags().Lookup("yes"); f != nil && f.Shorthand != "y" {
			t.Errorf("%s has --yes without -y", path)
		}
	}
	walk(rootCommand())
}

// TestUndoTakesBack does each thing, then what it says to be its undoing, and compares what there is.
func TestUndoTakesBack(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	node := loadedNode(t)
	addr := apiServer(t, node).URL
	everything := func() string {
		all := ""
		for _, line := range []string{"get config", "zone list -o yaml", "get controls -o yaml", "get latency -o yaml", "get loads -o yaml", "get signals -o yaml", "switch list -o yaml", "get secrets -o yaml", "token list -o yaml", "user list -o yaml"} {
			out, code := cli(t, addr, line, "")
			if code != 0 {
				t.Fatal(out)
			}
			all += out
		}
		for _, line := range []string{"zone export example.com", "zone export example.org", "oidc show"} { // what may not be there
			out, _ := cli(t, addr, line, "")
			all += out
		}
		var steady []string // no revisions, times and ids of new controls
		for l := range strings.Lines(all) {
			if !strings.Contains(l, "revision") {
				steady = append(steady, volatile.ReplaceAllString(l, "…"))
			}
		}
		return strings.Join(steady, "")
	}
	for _, c := range changing {
		line := c.line
		if strings.Contains(line, "$TOKEN") {
			for _, v := range node.State().Tokens.All {
				if v.Name == "ci" {
					line = strings.Replace(line, "$TOKEN", v.ID, 1)
				}
			}
		}
		before := everything()
		out, code := cli(t, addr, line, c.input)
		switch {
		case strings.HasPrefix(line, "resume"): // nothing waits there; what it prints is in the transcripts
			continue
		case strings.HasPrefix(line, "cluster remove"):
			if !strings.Contains(out, "ns2 is alive") {
				t.Errorf("meridian %s: %s", line, out)
			}
			continue
		case code != 0:
			t.Fatalf("meridian %s: exit code %d: %s", line, code, out)
		}
		after := everything()
		if after == before && !strings.HasPrefix(line, "user passwd") { // of a password nothing is shown
			t.Errorf("meridian %s changes nothing that is compared here", line)
		}
		undone := false
		for l := range strings.Lines(out) {
			undoing, ok := strings.CutPrefix(l, "Undo: meridian ")
			if !ok {
				undone = undone || strings.HasPrefix(l, "There is no undo: ")
				continue
			}
			args := shellWords(undoing)
			if i := slices.Index(args, "--yes"); i < 0 && cautious(args) {
				args = append(args, "--yes")
			}
			var b bytes.Buffer
			if code := execute(t.Context(), append(args, "--addr", addr, "--token", webtest.Token), strings.NewReader(""), &b, &b); code != 0 {
				t.Errorf("meridian %s is undone by %s which fails: %s", line, undoing, b.String())
			}
			undone = true
		}
		if !undone {
			t.Errorf("meridian %s says nothing of undoing: %s", line, out)
		}
		if strings.Contains(out, "Undo: ") {
			if got := everything(); got != before {
				t.Errorf("meridian %s is not undone by what it says:\n%s%s", line, out, difference(before, got))
			}
			if out, code := cli(t, addr, line, c.input); code != 0 && !strings.Contains(line, "$TOKEN") { // for what comes after it
				t.Fatalf("meridian %s, again: %s", line, out)
			}
		}
	}
}

// TestDangerIsRefusedWithoutATerminal has each such command refuse with exit code 1, and change nothing.
func TestDangerIsRefusedWithoutATerminal(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	node := loadedNode(t)
	addr := apiServer(t, node).URL
	for _, line := range []string{"signal billing-ok up", "zone import -"} {
		if out, code := cli(t, addr, line, strings.ReplaceAll(webtest.Zone, "example.com", "example.org")); code != 0 {
			t.Fatal(out)
		}
	}
	index := node.State().Index
	for line, goes := range map[string]string{
		"zone delete example.org":    "zone example.org with 6 records",
		"signal billing-ok --delete": "no monitor goes by it",
		"secret delete nothing":      "the secret nothing",
		"token revoke testtoke":      "whoever has the token testtoke",
		"cluster remove ns3":         "2 voters would be left, of which 2 have to be up",
		"apply --prune -f -":         "5 objects: ",
	} {
		out, code := cli(t, addr, line, "regions: [{name: us-east}]\n")
		if code != 1 || !strings.Contains(out, goes) || !strings.Contains(out, "--yes") {
			t.Errorf("meridian %s: exit code %d: %s", line, code, out)
		}
	}
	if node.State().Index != index {
		t.Error("something was changed")
	}
}

// TestALongWriteIsNotHeldUpByANodeThatHangs looks who answers before it becomes patient.
func TestALongWriteIsNotHeldUpByANodeThatHangs(t *testing.T) {
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
	c.long(t.Context(), time.Hour)
	if _, err := read(c.GetCluster(t.Context())); err != nil || c.rotation.patience != time.Hour {
		t.Error(c.rotation.patience, err)
	}
}

// TestCompletionIsSilent asks where nobody answers, where nobody listens, and with no token.
func TestCompletionIsSilent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("MERIDIAN_CONFIG", filepath.Join(t.TempDir(), "none"))
	for _, c := range [][2]string{{l.Addr().String(), "x"}, {"127.0.0.1:1", "x"}, {"127.0.0.1:1", ""}, {"ftp://nonsense", "x"}} {
		t.Setenv("MERIDIAN_ADDR", c[0])
		t.Setenv("MERIDIAN_TOKEN", c[1])
		var b bytes.Buffer
		code := execute(t.Context(), []string{"__complete", "drain", ""}, strings.NewReader(""), &b, io.Discard)
		if code != 0 || b.String() != ":4\n" {
			t.Errorf("%q: exit code %d: %q", c, code, b.String())
		}
	}
}

func TestEveryFieldIsTold(t *testing.T) {
	all, err := schemas()
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	var walk func(path string, depth int)
	walk = func(path string, depth int) {
		s, needed, ok, err := fieldAt(path)
		if !ok || err != nil {
			t.Fatalf("%s: %v %v", path, ok, err)
		}
		var b bytes.Buffer
		if err := tellField(&globals{output: "table"}, &b, path, s, needed); err != nil {
			t.Error(err)
		}
		for l := range strings.Lines(b.String()) {
			if len([]rune(l)) > columns+1 {
				t.Errorf("%s: a line is too long: %s", path, l)
			}
		}
		if f := s.told(path, needed); f.Type == "" || f.Type == "any" {
			t.Errorf("%s has no type", path)
		}
		told++
		if depth > 3 {
			return
		}
		for _, p := range s.fields(all) {
			walk(path+"."+p.name, depth+1)
		}
	}
	for _, k := range objectKinds(all) {
		walk(k.name, 1)
	}
	if told < 300 {
		t.Errorf("only %d fields were found", told)
	}
	for path, want := range map[string]string{"pool.endpoints.weight": "0 to 1000000", "monitor.fall": "1 to 100", "pools.endpoints.weight": "0 to 1000000"} {
		if s, _, ok, _ := fieldAt(path); !ok || s.told(path, false).Range != want {
			t.Errorf("%s: %+v", path, s)
		}
	}
	for _, name := range []string{"www.example.com", "pool.example.com", "pool.", "POOL", "pool..name", "", ".", "endpoint.com", "name"} {
		if _, _, ok, _ := fieldAt(name); ok {
			t.Errorf("%q is taken for a field", name)
		}
	}
}

// TestSettings holds what is taken to flag, environment, context, default, in this order.
func TestSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "deep", "config.yaml")
	t.Setenv("MERIDIAN_CONFIG", file)
	p := contexts{Current: "prod", Contexts: map[string]apiContext{
		"prod": {Addr: "a:1,b:1", Token: "of-prod", CA: "prod.pem"}, "lab": {Addr: "lab:1", TokenEnv: "LAB"},
	}}
	if err := p.write(file); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	for _, c := range []struct {
		g    globals
		env  map[string]string
		want string // addr token ca
	}{
		{globals{}, nil, "a:1,b:1 of-prod prod.pem"},
		{globals{addr: "b:1"}, nil, "b:1 of-prod prod.pem"},
		{globals{addr: "c:1"}, nil, "c:1  "},                 // not one of its own
		{globals{addr: "https://a:1"}, nil, "https://a:1  "}, // nor is that
		{globals{addr: "c:1", token: "t"}, nil, "c:1 t "},
		{globals{}, map[string]string{"MERIDIAN_ADDR": "c:1", "MERIDIAN_TOKEN": "e"}, "c:1 e "},
		{globals{addr: "d:1", token: "t"}, map[string]string{"MERIDIAN_ADDR": "c:1", "MERIDIAN_TOKEN": "e"}, "d:1 t "},
		{globals{}, map[string]string{"MERIDIAN_TOKEN": "e", "MERIDIAN_CA": "e.pem"}, "a:1,b:1 e e.pem"},
		{globals{}, map[string]string{"MERIDIAN_CONTEXT": "lab", "LAB": "l"}, "lab:1 l "},
		{globals{context: "prod"}, map[string]string{"MERIDIAN_CONTEXT": "lab", "MERIDIAN_ADDR": "c:1", "MERIDIAN_TOKEN": "e"}, "a:1,b:1 of-prod prod.pem"},
	} {
		for _, name := range []string{"MERIDIAN_ADDR", "MERIDIAN_TOKEN", "MERIDIAN_CA", "MERIDIAN_CONTEXT", "LAB"} {
			t.Setenv(name, c.env[name])
		}
		s, err := c.g.settings()
		if got := fmt.Sprint(s.addr, " ", s.token, " ", s.ca); err != nil || got != c.want {
			t.Errorf("%+v %v: %q %v, want %q", c.g, c.env, got, err, c.want)
		}
	}
	for _, name := range []string{"MERIDIAN_ADDR", "MERIDIAN_TOKEN", "MERIDIAN_CONTEXT"} {
		t.Setenv(name, "")
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := (&globals{}).settings(); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a token that others can read is taken: %v", err)
	}
}

// volatile is what a change and its undoing may leave otherwise: times, and ids that are new each time.
var volatile = regexp.MustCompile(`"?\d{4}-\d\d-\d\dT[\d:.]+Z"?|\bc\d+\b|(age|startsIn|samples): \S+|\b[0-9a-f]{8}\b`)

// shellWords splits a line that undo wrote as a shell would.
func shellWords(line string) []string {
	var list []string
	for i, part := range strings.Split(strings.TrimSpace(line), "'") {
		if i%2 == 1 {
			list = append(list, part)
			continue
		}
		list = append(list, strings.Fields(part)...)
	}
	return list
}

// cautious says whether a command line asks before it does something.
func cautious(args []string) bool {
	c, _, err := rootCommand().Find(args)
	return err == nil && c.Flags().Lookup("yes") != nil
}

// What was refused is in the audit, and is listed unless somebody asks for the rest.
func TestTheAuditListsWhatWasRefused(t *testing.T) {
	s := httptest.NewServer(web.New(web.Config{Node: loadedNode(t), Log: slog.New(slog.DiscardHandler)}))
	t.Cleanup(s.Close)
	if out, code := cli(t, s.URL, "draft withdraw d99", ""); code != 1 {
		t.Fatal(out)
	}
	for line, listed := range map[string]bool{"audit": true, "audit --refused": true, "audit --refused=false": false} {
		if out, code := cli(t, s.URL, line, ""); code != 0 || strings.Contains(out, "refused: there is no draft") != listed {
			t.Errorf("meridian %s: exit code %d: %s", line, code, out)
		}
	}
}
