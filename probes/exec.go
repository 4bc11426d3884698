package probes

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/meridian-gtm/meridian/policy"
)

// probeExec runs a program of the node's. The monitor names it, and the node's own
// configuration says what the name stands for, so that whoever may configure
// monitors cannot run what he likes. When it ends or its time is over, all that it
// started in its process group is killed.
func probeExec(ctx context.Context, t *Target) error {
	c := t.Check.Monitor.Exec
	path, ok := t.Exec[c.Command[0]]
	if !ok {
		return refuse("not probed: this node does not allow the command %q; add it to probing.exec in the node's configuration", c.Command[0])
	}
	addr, err := t.resolve(ctx, t.Check.Port)
	if err != nil {
		return err
	}
	stderr := &firstLine{}
	cmd := exec.CommandContext(ctx, path, c.Command[1:]...)
	cmd.Env = []string{
		"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "MERIDIAN_ENDPOINT=" + t.Check.Endpoint,
		"MERIDIAN_HOST=" + t.Check.Host, "MERIDIAN_ADDRESS=" + addr.String(), "MERIDIAN_PORT=",
	}
	if t.Check.Port != 0 {
		cmd.Env[len(cmd.Env)-1] += strconv.Itoa(t.Check.Port)
	}
	cmd.Dir, cmd.Stderr = "/", stderr
	cmd.WaitDelay = 100 * time.Millisecond // for what left the group and holds stderr open
	own(cmd)
	if err := cmd.Start(); err != nil {
		var errno syscall.Errno
		if errors.As(err, &errno) {
			return refuse("not probed: %s cannot be run: %s", path, errno.Error())
		}
		return refuse("not probed: %s cannot be run", path)
	}
	reap(cmd)
	err = cmd.Wait()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return nil
	case !errors.As(err, &exit):
		return err
	}
	said := stderr.String()
	t.Trace.Status = strconv.Itoa(exit.ExitCode())
	if exit.ExitCode() < 0 {
		return fail(policy.CauseExec, uint16(max(0, exit.ExitCode())), "%s was ended by a signal", c.Command[0])
	}
	if said == "" {
		return fail(policy.CauseExec, uint16(max(0, exit.ExitCode())), "%s ended with status %d", c.Command[0], exit.ExitCode())
	}
	return fail(policy.CauseExec, uint16(max(0, exit.ExitCode())), "%s ended with status %d: %s", c.Command[0], exit.ExitCode(), said)
}

// firstLine keeps the first line of what is written, up to a bound.
type firstLine struct{ b []byte }

func (f *firstLine) Write(b []byte) (int, error) {
	if room := 256 - len(f.b); room > 0 {
		f.b = append(f.b, b[:min(len(b), room)]...)
	}
	return len(b), nil
}

func (f *firstLine) String() string {
	line, _, _ := bytes.Cut(bytes.TrimLeft(f.b, "\r\n"), []byte("\n"))
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, string(line)))
}
