package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// docCommand is a command line of the documentation: "$ " and what a shell runs,
// in a fence marked "console". A comment at its end may say "exit code 2".
type docCommand struct {
	at      string // file:line
	command string
	exit    int
	output  []string // as the documentation shows it
}

var (
	consoleFence = regexp.MustCompile("(?ms)^```console\n(.*?)^```")
	namedFence   = regexp.MustCompile("(?ms)^```(?:yaml|dns|text)\n[#;] ([a-z./-]+)\n.*?^```")
	exitComment  = regexp.MustCompile(`# exit code (\d+)$`)
	tableHeading = regexp.MustCompile(`^[A-Z]{2,}( [A-Z]+)*(  +[A-Z ]+)+$`)
	metricName   = regexp.MustCompile(`meridian_[a-z_]+`)
	link         = regexp.MustCompile(`\]\(([^):]+)\)`)
	section      = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

func docFiles(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(files) == 0 {
		t.Fatal("no documentation was found", err)
	}
	for _, f := range append(files, filepath.Join(root, "README.md")) {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		texts[f] = string(b)
	}
	return texts
}

// docCommands are the commands of a page, in order.
func docCommands(file, text string) []docCommand {
	var list []docCommand
	for _, m := range consoleFence.FindAllStringSubmatchIndex(text, -1) {
		line := strings.Count(text[:m[2]], "\n")
		continued := false
		for l := range strings.Lines(text[m[2]:m[3]]) {
			line++
			l = strings.TrimSuffix(l, "\n")
			command, isCommand := strings.CutPrefix(l, "$ ")
			switch {
			case continued:
				list[len(list)-1].command += "\n" + l
			case isCommand:
				c := docCommand{at: fmt.Sprintf("%s:%d", filepath.Base(file), line), command: command}
				if e := exitComment.FindStringSubmatch(command); e != nil {
					c.exit, _ = strconv.Atoi(e[1])
				}
				list = append(list, c)
			case len(list) > 0:
				list[len(list)-1].output = append(list[len(list)-1].output, l)
			}
			continued = (isCommand || continued) && strings.HasSuffix(l, `\`)
		}
	}
	return list
}

// run runs the command against the cluster and says how it differs from what the documentation says.
func (d docCommand) run(c *cluster, dir string) error {
	file, err := binary()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", d.command)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(file)+":"+os.Getenv("PATH"), "XDG_CACHE_HOME="+filepath.Join(dir, "cache"),
		"MERIDIAN_ADDR=http://"+c.nodes[0].api, "MERIDIAN_TOKEN="+token, "MERIDIAN_CONFIG="+filepath.Join(dir, "contexts.yaml"))
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		return err
	}
	if got := cmd.ProcessState.ExitCode(); got != d.exit {
		return fmt.Errorf("exit code %d, want %d\n%s", got, d.exit, out)
	}
	printed := map[string]bool{}
	for l := range strings.Lines(string(out)) {
		printed[strings.Join(strings.Fields(l), " ")] = true
	}
	for _, l := range d.output {
		// Names, times and numbers are those of the day it was written; headings and errors are not.
		if (tableHeading.MatchString(l) || strings.HasPrefix(l, "Error: ")) && !printed[strings.Join(strings.Fields(l), " ")] {
			return fmt.Errorf("%q is not printed any more:\n%s", l, out)
		}
	}
	return nil
}

// TestDocsCommands runs the commands of docs/ against a cluster of three real
// nodes, page by page. A yaml, dns or text fence that begins with a comment of a file's name is that file.
func TestDocsCommands(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.up(fast, 5)
	ran := 0
	for file, text := range docFiles(t) {
		if filepath.Base(file) != gameDay {
			ran += runPage(t, c, file, text)
		}
	}
	if ran < 30 {
		t.Errorf("only %d commands were found; is the search broken?", ran)
	}
	c.must(c.healthy()) // what a page did it has undone

	shown := get(t, "http://"+c.nodes[0].api+"/metrics")
	for file, text := range docFiles(t) {
		for _, name := range metricName.FindAllString(text, -1) {
			if !strings.Contains(shown, "# TYPE "+name+" ") {
				t.Errorf("%s: there is no metric %s", file, name)
			}
		}
	}
	for _, m := range regexp.MustCompile(`# TYPE (meridian_\S+)`).FindAllStringSubmatch(shown, -1) {
		if !strings.Contains(docFiles(t)[filepath.Join(root, "docs", "cluster.md")], "`"+m[1]+"`") {
			t.Errorf("docs/cluster.md does not list the metric %s", m[1])
		}
	}
}

// gameDay is the page that has a cluster of its own: what other pages declare would keep its windows open for long.
const gameDay = "first-game-day.md"

// TestFirstGameDay does what the page says, to the report.
func TestFirstGameDay(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.up(fast, 5)
	file := filepath.Join(root, "docs", gameDay)
	if ran := runPage(t, c, file, docFiles(t)[file]); ran < 8 {
		t.Errorf("only %d commands were found; is the search broken?", ran)
	}
	c.must(c.healthy())
}

// runPage runs the commands of a page in a folder with its files, and says how many there were.
func runPage(t *testing.T, c *cluster, file, text string) (ran int) {
	t.Helper()
	_, noCurl := exec.LookPath("curl")
	commands := docCommands(file, text)
	if len(commands) == 0 {
		return 0
	}
	dir := t.TempDir()
	for _, m := range namedFence.FindAllStringSubmatch(text, -1) {
		body := strings.TrimSuffix(m[0][strings.Index(m[0], "\n")+1:], "```")
		file := filepath.Join(dir, m[1])
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range commands {
		if strings.HasPrefix(d.command, "curl ") && noCurl != nil {
			t.Logf("%s: skipped, curl is not installed", d.at)
			continue
		}
		ran++
		if err := d.run(c, dir); err != nil {
			t.Errorf("%s: $ %s\n%v", d.at, d.command, err)
		}
	}
	return ran
}

func get(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(res.Status, err)
	}
	return string(b)
}

// TestDocsLinks follows every link from one file of the checkout to another, and to its sections.
func TestDocsLinks(t *testing.T) {
	for file, text := range docFiles(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			path, anchor, _ := strings.Cut(m[1], "#")
			if path == "" {
				path = filepath.Base(file)
			}
			b, err := os.ReadFile(filepath.Join(filepath.Dir(file), path))
			if info, e := os.Stat(filepath.Join(filepath.Dir(file), path)); err != nil && (e != nil || !info.IsDir()) {
				t.Errorf("%s: %v", file, err)
			}
			found := anchor == ""
			for _, s := range section.FindAllStringSubmatch(string(b), -1) {
				slug := strings.ReplaceAll(strings.ToLower(regexp.MustCompile(`[^\w -]`).ReplaceAllString(s[1], "")), " ", "-")
				found = found || slug == anchor
			}
			if !found {
				t.Errorf("%s: %s has no section %q", file, path, anchor)
			}
		}
	}
}
