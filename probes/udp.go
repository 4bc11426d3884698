package probes

import (
	"bytes"
	"context"
	"encoding/hex"
	"regexp"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// probeUDP sends one datagram. The first that comes back decides.
func probeUDP(ctx context.Context, t *Target) error {
	c := t.Check.Monitor.UDP
	send, good, err := datagrams(c)
	if err != nil {
		return err
	}
	conn, err := t.dialTo(ctx, "udp", t.Check.Host, t.port(c.Port))
	if err != nil {
		return err
	}
	defer conn.Close()
	defer cutAtEnd(ctx, conn)()
	if _, err := conn.Write(send); err != nil {
		return err
	}
	sent := time.Now()
	buf := make([]byte, 64<<10)
	n, err := conn.Read(buf)
	if err != nil {
		return err
	}
	t.Trace.FirstByte = time.Since(sent)
	if !good(buf[:n]) {
		return fail(policy.CauseContent, 0, "the answer is not the one that is wanted")
	}
	return nil
}

// datagrams are what is sent, and what is a good answer.
func datagrams(c *policy.UDPCheck) (send []byte, good func([]byte) bool, err error) {
	send, expect := []byte(c.Send), []byte(c.Expect)
	if c.SendHex != "" {
		send, err = hex.DecodeString(c.SendHex)
	}
	if c.ExpectHex != "" && err == nil {
		expect, err = hex.DecodeString(c.ExpectHex)
	}
	if err != nil {
		return nil, nil, refuse("not probed: the monitor's hexadecimal digits are not valid")
	}
	if c.Matches == "" {
		return send, func(b []byte) bool { return bytes.Contains(b, expect) }, nil
	}
	re, err := regexp.Compile(c.Matches)
	if err != nil {
		return nil, nil, refuse("not probed: the monitor's regular expression is not valid")
	}
	return send, re.Match, nil
}
