package probes

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// probeRedis logs in, pings, and asks for the role. The protocol (RESP2) is a few
// lines; clients for it keep pools of connections.
func probeRedis(ctx context.Context, t *Target) error {
	c := t.Check.Monitor.Redis
	password, err := t.open(c.Password)
	if err != nil {
		return err
	}
	var conn net.Conn
	if conn, err = t.dial(ctx, c.Port); err != nil {
		return err
	}
	defer conn.Close()
	defer cutAtEnd(ctx, conn)()
	if c.TLS != policy.TLSDisable {
		if conn, err = t.handshake(ctx, conn, t.serverName(c.SNI, ""), c.TLS == policy.TLSVerify); err != nil {
			return err
		}
	}
	r := redisConn{conn, bufio.NewReader(io.LimitReader(conn, maxSession))}
	if c.Password != nil {
		words := []string{"AUTH", password}
		if c.User != "" {
			words = []string{"AUTH", c.User, password}
		}
		if _, err := r.call(words...); err != nil {
			return err
		}
	}
	sent := time.Now()
	if _, err := r.call("PING"); err != nil {
		return err
	}
	t.Trace.FirstByte = time.Since(sent)
	if c.Role == "" {
		return nil
	}
	info, err := r.call("INFO", "replication")
	if err != nil {
		return err
	}
	s, err := redisStanding(info)
	if err != nil {
		return err
	}
	t.Trace.Status = map[bool]string{true: policy.RoleReplica, false: policy.RolePrimary}[s.replica]
	if err := s.judge(c.Role, c.MaxLag); err != nil {
		return err
	}
	if c.Role == policy.RoleReplica && !s.lagKnown {
		return fail(policy.CauseLag, 0, "%s", s.why)
	}
	return nil
}

func redisStanding(info string) (standing, error) {
	var s standing
	fields := map[string]string{}
	for line := range strings.Lines(info) {
		if k, v, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok {
			fields[k] = v
		}
	}
	switch fields["role"] {
	case "master":
		return s, nil
	case "slave":
		s.replica = true
	default:
		return s, fail(policy.CauseProtocol, 0, "%s", notRedis)
	}
	seconds, err := strconv.Atoi(fields["master_last_io_seconds_ago"])
	switch {
	case fields["master_link_status"] != "up":
		s.why = "it has no link to its primary"
	case err != nil || seconds < 0:
		s.why = "it has not heard of its primary yet"
	default:
		s.lagKnown, s.lag = true, time.Duration(seconds)*time.Second
	}
	return s, nil
}

type redisConn struct {
	w io.Writer
	r *bufio.Reader
}

const notRedis = "the answer is not Redis's"

// call sends a command and gives the text of its reply.
func (c redisConn) call(words ...string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	if _, err := io.WriteString(c.w, b.String()); err != nil {
		return "", err
	}
	line, err := c.r.ReadSlice('\n') // a line over 4 KiB is none of Redis's
	if err != nil {
		return "", known(err, policy.CauseProtocol, notRedis)
	}
	text := strings.TrimRight(string(line), "\r\n")
	if text == "" {
		return "", fail(policy.CauseProtocol, 0, "%s", notRedis)
	}
	switch rest := text[1:]; text[0] {
	case '+':
		return rest, nil
	case '-':
		return "", redisError(rest)
	case '$':
		n, err := strconv.Atoi(rest)
		if err != nil || n < 0 || n > 64<<10 {
			return "", fail(policy.CauseProtocol, 0, "%s", notRedis)
		}
		buf := make([]byte, n+2)
		if _, err := io.ReadFull(c.r, buf); err != nil {
			return "", known(err, policy.CauseProtocol, notRedis)
		}
		return string(buf[:n]), nil
	}
	return "", fail(policy.CauseProtocol, 0, "%s", notRedis)
}

// redisError has words for the errors that operators meet, by their first word.
func redisError(text string) error {
	code, _, _ := strings.Cut(text, " ")
	switch code {
	case "LOADING":
		return fail(policy.CauseContent, 0, "is loading its data (LOADING)")
	case "NOAUTH":
		return fail(policy.CauseContent, 0, "the server wants a password (NOAUTH)")
	case "WRONGPASS":
		return fail(policy.CauseContent, 0, "the server does not let the user in: wrong user or password (WRONGPASS)")
	case "NOPERM":
		return fail(policy.CauseContent, 0, "the user may not ask for this; allow it PING and INFO (NOPERM)")
	case "MASTERDOWN":
		return fail(policy.CauseContent, 0, "it has no link to its primary (MASTERDOWN)")
	case "DENIED":
		return fail(policy.CauseContent, 0, "the server is in protected mode and does not let this node's address in (DENIED)")
	case "ERR":
		return fail(policy.CauseContent, 0, "the server refuses the command (ERR)")
	}
	return fail(policy.CauseContent, 0, "the server answers with an error")
}
