package main

import (
	"bytes"
	"flag"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/health"
	"github.com/meridian-gtm/meridian/web"
	"github.com/meridian-gtm/meridian/web/webtest"
)

var updateTranscripts = flag.Bool("update-transcripts", false, "write what the commands print into testdata/cli")

// TestTranscripts runs the command lines of testdata/cli and compares what they
// print. A file is a session with a new cluster: "$ meridian ..." runs a command
// (">file" keeps its output, "<file" is its input), "% ..." does something to the
// cluster, and the files that stand below are there to be used.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/cli/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			path, err := filepath.Abs(file)
			if err != nil {
				t.Fatal(err)
			}
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := newSession(t, archive).play(string(archive.Comment))
			if *updateTranscripts {
				archive.Comment = []byte(got)
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := string(archive.Comment); got != want {
				t.Errorf("%s differs (go test ./cmd/meridian -run Transcripts -update-transcripts writes what it is now):\n%s", file, difference(want, got))
			}
		})
	}
}

type session struct {
	t     *testing.T
	node  *webtest.Node
	url   string
	cache string
	dir   string
}

func newSession(t *testing.T, archive *txtar.Archive) *session {
	s := &session{t: t, node: webtest.New(), cache: t.TempDir(), dir: t.TempDir()}
	h := web.New(web.Config{Node: s.node, Log: slog.New(slog.DiscardHandler)})
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	s.url = server.URL
	t.Chdir(s.dir)
	t.Setenv("XDG_CACHE_HOME", s.cache)
	t.Setenv("MERIDIAN_CONFIG", filepath.Join(s.cache, "config.yaml"))
	t.Setenv("MERIDIAN_ADDR", s.url)
	t.Setenv("MERIDIAN_TOKEN", webtest.Token)
	for name, text := range map[string]string{"example.com.zone": webtest.Zone, "meridian.yaml": webtest.Document} {
		s.file(name, []byte(text))
	}
	for _, f := range archive.Files {
		s.file(f.Name, f.Data)
	}
	return s
}

func (s *session) file(name string, text []byte) {
	if err := os.WriteFile(filepath.Join(s.dir, name), text, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// play does what the transcript's lines say and gives the transcript as it is now.
func (s *session) play(transcript string) string {
	var b strings.Builder
	quiet := true // what is no output: empty lines and comments before a command
	for line := range strings.Lines(transcript) {
		switch line = strings.TrimSuffix(line, "\n"); {
		case strings.HasPrefix(line, "$ meridian "):
			b.WriteString(line + "\n" + s.run(strings.TrimPrefix(line, "$ meridian ")) + "\n")
			quiet = false
		case strings.HasPrefix(line, "% "):
			s.do(strings.Fields(line)[1:])
			b.WriteString(line + "\n")
		case strings.HasPrefix(line, "# "):
			b.WriteString(line + "\n")
			quiet = true
		case quiet && line != "":
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

func (s *session) do(words []string) {
	switch words[0] {
	case "cutoff":
		s.node.CutOff(words[1], true)
	case "outage":
		s.node.Outage(policy.Errorf(policy.Unavailable, "no leader: a majority of the voters cannot be reached"))
	case "verdict":
		var status policy.Status
		if err := status.UnmarshalText([]byte(words[2])); err != nil {
			s.t.Fatal(err)
		}
		s.node.Verdict(words[1], status)
	case "judge":
		state := s.node.State()
		s.node.Record(health.Step(state, state.Checks(), nil, health.Rule{}, state.Clock)...) // of signals: nobody reports
	case "hold":
		s.node.Hold(words[1], words[2], words[3:]...)
	case "setenv":
		s.t.Setenv(words[1], strings.ReplaceAll(strings.Join(words[2:], " "), "$URL", s.url))
	default:
		s.t.Fatalf("the transcript says %q", words)
	}
}

// run runs a command line and gives what it prints, with the exit code unless that is 0.
func (s *session) run(line string) string {
	var out, errs bytes.Buffer
	var input []byte
	args, keep := []string{}, ""
	for _, w := range words(strings.ReplaceAll(line, "$URL", s.url)) {
		switch {
		case strings.HasPrefix(w, ">"):
			keep = w[1:]
		case strings.HasPrefix(w, "<"):
			var err error
			if input, err = os.ReadFile(w[1:]); err != nil {
				s.t.Fatal(err)
			}
		default:
			args = append(args, strings.ReplaceAll(w, "$CACHE", s.cache))
		}
	}
	code := execute(s.t.Context(), args, bytes.NewReader(input), &out, &errs)
	if keep != "" {
		s.file(keep, out.Bytes())
		out.Reset()
	}
	text := out.String() + errs.String()
	if code != 0 {
		text += fmt.Sprintf("[exit code %d]\n", code)
	}
	return strings.NewReplacer(s.url, "$URL", s.cache, "$CACHE", s.dir, "$DIR").Replace(text)
}

// words splits a command line as a shell would, as far as double quotes go.
func words(line string) []string {
	var list []string
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			list[len(list)-1] += part
			continue
		}
		fields := strings.Fields(part)
		if i > 0 && len(fields) > 0 && !strings.HasPrefix(part, " ") {
			list[len(list)-1] += fields[0]
			fields = fields[1:]
		}
		list = append(list, fields...)
		if strings.HasSuffix(part, " ") || len(list) == 0 {
			list = append(list, "")
		}
	}
	var full []string
	for _, w := range list {
		if w != "" {
			full = append(full, w)
		}
	}
	return full
}

// difference shows the first line in which two texts differ, with what is around it.
func difference(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	around := func(l []string) string { return strings.Join(l[max(0, min(i-4, len(l))):min(len(l), i+8)], "\n") }
	return fmt.Sprintf("line %d\n--- is\n%s\n--- was\n%s", i+1, around(b), around(a))
}
