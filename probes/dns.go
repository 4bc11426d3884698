package probes

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/policy"
)

// probeDNS asks one question and judges the answer.
func probeDNS(ctx context.Context, t *Target) error {
	c := t.Check.Monitor.DNS
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(t.expand(c.Name)), dns.StringToType[c.Type])
	q.RecursionDesired = c.Recursion
	if c.Protocol == "udp" {
		q.SetEdns0(1232, false)
	}
	want, err := wanted(q.Question[0], c.Answers)
	if err != nil {
		return err
	}
	conn, err := t.dialTo(ctx, c.Protocol, t.Check.Host, t.port(c.Port))
	if err != nil {
		return err
	}
	defer conn.Close()
	defer cutAtEnd(ctx, conn)()
	resp, err := t.ask(conn, q)
	if err != nil {
		return err
	}
	return judgeDNS(resp, c, want)
}

// ask sends a query and waits for its answer; over UDP, what is none is passed over.
func (t *Target) ask(conn net.Conn, q *dns.Msg) (*dns.Msg, error) {
	d := &dns.Conn{Conn: conn, UDPSize: 1232}
	if err := d.WriteMsg(q); err != nil {
		return nil, known(err, policy.CauseProtocol, "the query cannot be written")
	}
	sent := time.Now()
	_, datagrams := conn.(*net.UDPConn)
	for {
		resp, err := d.ReadMsg()
		if t.Trace.FirstByte == 0 {
			t.Trace.FirstByte = time.Since(sent)
		}
		if err == nil && resp.Response && resp.Id == q.Id && len(resp.Question) == 1 && sameQuestion(resp.Question[0], q.Question[0]) {
			t.Trace.Status = dns.RcodeToString[resp.Rcode]
			return resp, nil
		}
		none := err == nil || known(err, policy.CauseProtocol, notDNS).Error() == notDNS
		switch {
		case none && datagrams:
		case none:
			return nil, fail(policy.CauseProtocol, 0, notDNS)
		default:
			return nil, known(err, policy.CauseProtocol, notDNS)
		}
	}
}

const notDNS = "the answer is not DNS, or not to the question"

func sameQuestion(a, b dns.Question) bool {
	return strings.EqualFold(a.Name, b.Name) && a.Qtype == b.Qtype && a.Qclass == b.Qclass
}

// wanted reads the answers that are wanted as records of the name asked for.
func wanted(q dns.Question, answers []string) ([]dns.RR, error) {
	var list []dns.RR
	for i, a := range answers {
		rr, err := dns.NewRR(q.Name + " 0 IN " + dns.TypeToString[q.Qtype] + " " + a)
		if err != nil || rr == nil {
			return nil, refuse("not probed: answer %d of the monitor is no data of a record of type %s", i+1, dns.TypeToString[q.Qtype])
		}
		list = append(list, rr)
	}
	return list, nil
}

func judgeDNS(resp *dns.Msg, c *policy.DNSCheck, want []dns.RR) error {
	code, ok := dns.RcodeToString[resp.Rcode]
	if !ok {
		code = fmt.Sprintf("code %d", resp.Rcode)
	}
	if !slices.Contains(c.RCode, code) {
		return fail(policy.CauseContent, 0, "%s, want %s", code, strings.Join(c.RCode, " or "))
	}
	if len(want) == 0 {
		return nil
	}
	of := 0
	for _, rr := range resp.Answer {
		if rr.Header().Rrtype != dns.StringToType[c.Type] {
			continue // an alias on the way
		}
		of++
		for _, w := range want {
			*w.Header() = *rr.Header() // it is the data that counts
			if dns.IsDuplicate(w, rr) {
				return nil
			}
		}
	}
	if resp.Truncated {
		return fail(policy.CauseContent, 0, "the answer is truncated; use protocol: tcp")
	}
	return fail(policy.CauseContent, 0, "none of the %d %s records in the answer is wanted", of, c.Type)
}
