package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

// watch is -w of a command that shows something: it shows it again, at once when
// the API says that something happened, and otherwise at an interval.
type watch struct{ every string }

const (
	watchEvery = "2s"                   // unless -w says another interval
	watchPace  = 200 * time.Millisecond // between two looks at the least, however much happens
)

func watchFlag(c *cobra.Command) *watch {
	w := &watch{}
	c.Flags().StringVarP(&w.every, "watch", "w", "", "go on showing it; look again at each event, and at this interval at the latest")
	c.Flags().Lookup("watch").NoOptDefVal = watchEvery
	return w
}

// joinWatch makes "-w 5s" the one argument that the flags take it as.
func joinWatch(args []string) []string {
	var list []string
	for i := 0; i < len(args); i++ {
		if (args[i] == "-w" || args[i] == "--watch") && i+1 < len(args) {
			if _, err := time.ParseDuration(args[i+1]); err == nil {
				list = append(list, "--watch="+args[i+1])
				i++
				continue
			}
		}
		list = append(list, args[i])
	}
	return list
}

// run draws once, or again and again with -w until it is interrupted. What draw
// prints with the command's output goes to the screen or, elsewhere, is printed when it has changed.
func (w *watch) run(cmd *cobra.Command, g *globals, draw func() error) error {
	if w.every == "" {
		return draw()
	}
	var every policy.Duration
	if err := every.UnmarshalText([]byte(w.every)); err != nil || time.Duration(every) < watchPace {
		return fmt.Errorf("--watch %q is not an interval of %v or more; write 2s", w.every, watchPace)
	}
	conn, err := g.connect()
	if err != nil {
		return err
	}
	ctx, stop := interrupted(cmd.Context())
	defer stop()
	cmd.SetContext(ctx)
	s := &screen{out: cmd.OutOrStdout(), errs: cmd.ErrOrStderr(), format: g.output, title: strings.Join(append([]string{cmd.CommandPath()}, cmd.Flags().Args()...), " ")}
	defer cmd.SetOut(s.out)
	woken := conn.wake(ctx, time.Duration(every))
	for {
		p := &page{colour: colourful(s.out)}
		cmd.SetOut(p)
		err := draw()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && (s.seen == "" || !passes(err)):
			return err
		case err != nil:
			s.failed(err)
		default:
			s.show(p.String())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Duration(every)):
		case <-woken:
			select { // what else happens meanwhile is seen with it
			case <-ctx.Done():
				return nil
			case <-time.After(watchPace):
			}
		}
	}
}

// passes says whether an error may pass by itself: nodes come back, objects that are gone do not.
func passes(err error) bool {
	var r *refusal
	return !errors.As(err, &r) || r.Kind == "unavailable" || r.Kind == "not-leader" || r.Kind == "rate-limited"
}

// wake says when something happened in the cluster, as far as a node that can be
// reached tells: its event stream is taken up again after pause when it ends.
func (c *client) wake(ctx context.Context, pause time.Duration) <-chan struct{} {
	woken := make(chan struct{}, 1)
	go func() {
		for ctx.Err() == nil {
			if res, err := c.StreamEvents(ctx, &api.StreamEventsParams{}); err == nil {
				for lines := bufio.NewScanner(res.Body); lines.Scan(); {
					if !strings.HasPrefix(lines.Text(), "data:") {
						continue
					}
					select {
					case woken <- struct{}{}:
					default: // it is to look anyway
					}
				}
				res.Body.Close()
			}
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	}()
	return woken
}

// screen is where a watch shows what it sees.
type screen struct {
	out, errs     io.Writer
	title, format string
	seen          string // the last page
	trouble       string // that was told last
}

// Ages grow while nothing happens, and so does Raft's log, in which reports of health go by; each probe has its latency,
// and each look at a clock its own.
var (
	growing = regexp.MustCompile(`\b[0-9][0-9.a-zµ]*s ago| [+-][0-9.]+[mµn]?s\b|"?(age|lastHeard|stateAge|latency|difference|uncertainty)"?: ?"[^"]*"|\b(age|lastHeard|stateAge|latency|difference|uncertainty): [^,}\n]*|"?\bcommit"?: \d+`)
	blanks  = regexp.MustCompile(` +`)
)

// steady is a page without what grows while nothing happens.
func steady(text string) string {
	return blanks.ReplaceAllString(growing.ReplaceAllString(text, ""), " ")
}

func (s *screen) show(text string) {
	if onTerminal(s.out) {
		s.draw(text, "")
		s.seen, s.trouble = text, ""
		return
	}
	s.trouble = ""
	if s.seen != "" && steady(text) == steady(s.seen) {
		return
	}
	switch {
	case s.format == "yaml":
		fmt.Fprintln(s.out, "---")
	case s.seen != "" && s.format == "table":
		fmt.Fprintln(s.out)
	}
	fmt.Fprint(s.out, text)
	s.seen = text
}

// failed keeps the last page and says what is wrong now, once on a pipe.
func (s *screen) failed(err error) {
	if onTerminal(s.out) {
		s.draw(s.seen, "This is old: "+err.Error())
	} else if s.trouble != err.Error() {
		fmt.Fprintf(s.errs, "Going on: %v\n", err)
	}
	s.trouble = err.Error()
}

// draw paints the screen over, as much of the page as it holds.
func (s *screen) draw(text, trouble string) {
	lines := []string{s.title + "   " + time.Now().UTC().Format("15:04:05Z") + "   Ctrl-C ends it"}
	if trouble != "" {
		lines = append(lines, strings.Split(trouble, "\n")...)
	}
	lines = append(lines, "")
	lines = append(lines, strings.Split(strings.TrimSuffix(text, "\n"), "\n")...)
	if f, ok := s.out.(*os.File); ok {
		if _, rows, err := term.GetSize(int(f.Fd())); err == nil && rows > 3 && len(lines) >= rows {
			hidden := len(lines) - rows + 2
			lines = append(lines[:rows-2], fmt.Sprintf("… and %s more", count(hidden, "line")))
		}
	}
	fmt.Fprint(s.out, "\x1b[H"+strings.Join(lines, "\x1b[K\n")+"\x1b[K\n\x1b[J")
}
