package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/webtest"
)

// terminal opens a pseudoterminal: what is written to the one comes out of the other.
func terminal(t *testing.T) (keyboard, tty *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { keyboard.Close() })
	n, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	if tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	return keyboard, tty
}

// paper is output that can be read while it is written.
type paper struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (p *paper) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.Write(b)
}

func (p *paper) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.String()
}

// has is nil once a text has been written.
func (p *paper) has(text string) error {
	if s := p.String(); !strings.Contains(s, text) {
		return fmt.Errorf("there is no %q in:\n%s", text, s)
	}
	return nil
}

// onTTY runs a command at a terminal and gives all that the terminal was sent.
func onTTY(t *testing.T, addr string, args ...string) string {
	t.Helper()
	keyboard, tty := terminal(t)
	shown := &paper{}
	done := make(chan struct{})
	go func() { _, _ = io.Copy(shown, keyboard); close(done) }()
	if code := execute(t.Context(), append(args, "--addr", addr, "--token", webtest.Token), tty, tty, tty); code != 0 {
		t.Errorf("exit code %d", code)
	}
	tty.Close()
	<-done // the terminal's end
	return strings.ReplaceAll(shown.String(), "\r\n", "\n")
}

func TestColoursAreForTerminals(t *testing.T) {
	node := loadedNode(t)
	node.Verdict("web-us-east/a@web", policy.Down)
	addr := apiServer(t, node).URL
	plainly, _ := meridianAt(t, addr, "get", "health")
	if strings.Contains(plainly, "\x1b") {
		t.Errorf("colours where there is no terminal: %q", plainly)
	}
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	coloured := onTTY(t, addr, "get", "health")
	if !strings.Contains(coloured, "\x1b[31mdown\x1b[0m") {
		t.Errorf("down has no colour: %q", coloured)
	}
	sgr := regexp.MustCompile(`\x1b\[3[123]m([a-z-]+)\x1b\[0m`)
	for _, m := range sgr.FindAllStringSubmatch(coloured, -1) {
		if statusColours[m[1]] == "" {
			t.Errorf("%q has a colour and is no status", m[1])
		}
	}
	if got := sgr.ReplaceAllString(coloured, "$1"); got != plainly {
		t.Errorf("a terminal shows other than words in colours:\n%q\n%q", got, plainly)
	}
	t.Setenv("NO_COLOR", "1")
	if got := onTTY(t, addr, "get", "health"); got != plainly {
		t.Errorf("NO_COLOR is not heard: %q", got)
	}
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "dumb")
	if got := onTTY(t, addr, "get", "health"); got != plainly {
		t.Errorf("TERM=dumb is not heard: %q", got)
	}
}

func TestWhatDeletesAsksAtATerminal(t *testing.T) {
	node := webtest.New()
	addr := apiServer(t, node).URL
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	var b bytes.Buffer
	if code := execute(t.Context(), []string{"zone", "import", "-", "--addr", addr, "--token", webtest.Token}, strings.NewReader(webtest.Zone), &b, &b); code != 0 {
		t.Fatal(b.String())
	}
	for _, c := range []struct {
		answer string
		zones  int
		code   int
	}{{"n\n", 1, 1}, {"\n", 1, 1}, {"y\n", 0, 0}} {
		keyboard, tty := terminal(t)
		if _, err := keyboard.WriteString(c.answer); err != nil {
			t.Fatal(err)
		}
		b.Reset()
		code := execute(t.Context(), []string{"zone", "delete", "example.com", "--addr", addr, "--token", webtest.Token}, tty, &b, &b)
		if n := node.State().Zones.Len(); n != c.zones || code != c.code || !strings.Contains(b.String(), "This deletes zone example.com with 6 records.") {
			t.Errorf("%q: %d zones, exit code %d: %s", c.answer, n, code, b.String())
		}
	}
}

func TestWatchPaintsATerminal(t *testing.T) {
	node := loadedNode(t)
	addr := apiServer(t, node).URL
	keyboard, tty := terminal(t)
	shown := &paper{}
	go func() { _, _ = io.Copy(shown, keyboard) }()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() {
		ended <- execute(ctx, []string{"get", "controls", "-w", "200ms", "--addr", addr, "--token", webtest.Token}, tty, tty, tty)
	}()
	eventually(t, 20*time.Second, "a first page", func() error { return shown.has("\x1b[H") })
	eventually(t, 20*time.Second, "a first page", func() error { return shown.has("There are no controls.") })
	if out, code := meridianAt(t, addr, "drain", "region/us-east", "--reason", "a test"); code != 0 {
		t.Fatal(out)
	}
	eventually(t, 20*time.Second, "the drain", func() error { return shown.has("a test") })
	stop()
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d", code)
	}
}
