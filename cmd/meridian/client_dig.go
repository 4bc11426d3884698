package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/web/api"
)

// question is what dig asks.
type digQuery struct {
	servers []string
	client  string
	tcp     bool
	name    string
	qtype   uint16
}

// digAnswer is what one server answered.
type digAnswer struct {
	Node    string   `json:"node,omitempty"`
	Server  string   `json:"server"`
	Status  string   `json:"status"`
	TTL     uint32   `json:"ttl"`
	Scope   *uint8   `json:"scope,omitempty"`
	Answers []string `json:"answers"`
	Took    string   `json:"took,omitempty"`
	Error   string   `json:"error,omitempty"`
}

func digCommand(g *globals) *cobra.Command {
	var q digQuery
	c := &cobra.Command{
		Use:   "dig NAME [TYPE]",
		Short: "Ask every node, by DNS",
		Long: `Ask a name of every node of the cluster by DNS, and say whether they agree. With
--server the named servers are asked instead, and no API is needed.

--client sends EDNS Client Subnet: the address or prefix of the client to answer
for. Names that are steered by weights may well be answered differently each time.
The exit code is 1 when a node does not answer.`,
		Example: `  meridian dig www.example.com
  meridian dig www.example.com AAAA --client 91.10.0.0/24
  meridian dig example.com SOA --server 127.0.0.1:5301 --tcp`,
		Args: nameAndType,
		RunE: func(cmd *cobra.Command, args []string) error {
			q.name, q.qtype = dns.Fqdn(args[0]), dns.TypeA
			if len(args) > 1 {
				t, ok := dns.StringToType[strings.ToUpper(args[1])]
				if !ok {
					return fmt.Errorf("%q is not a record type, such as A, AAAA or MX", args[1])
				}
				q.qtype = t
			}
			if _, ok := dns.IsDomainName(q.name); !ok {
				return fmt.Errorf("%q is not a DNS name", args[0])
			}
			return q.run(cmd, g)
		},
	}
	c.Flags().StringSliceVar(&q.servers, "server", nil, "ask these (host:port) instead of the cluster's members")
	c.Flags().StringVar(&q.client, "client", "", "client address or prefix to send as EDNS Client Subnet")
	c.Flags().BoolVar(&q.tcp, "tcp", false, "ask over TCP")
	return c
}

func (q *digQuery) run(cmd *cobra.Command, g *globals) error {
	msg, err := q.message()
	if err != nil {
		return err
	}
	list, err := q.targets(cmd.Context(), g)
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	for i := range list {
		all.Go(func() { q.ask(cmd.Context(), msg.Copy(), &list[i]) })
	}
	all.Wait()
	out := cmd.OutOrStdout()
	if g.output != "table" {
		body, err := json.MarshalIndent(list, "", "  ")
		if err != nil {
			return err
		}
		if _, err := g.structured(out, append(body, '\n')); err != nil {
			return err
		}
	} else {
		printDig(out, list)
	}
	for _, a := range list {
		if a.Error != "" {
			return fmt.Errorf("%s does not answer", first(a.Node, a.Server))
		}
	}
	return nil
}

// message is the query, with a client subnet if one is given.
func (q *digQuery) message() (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(q.name, q.qtype)
	m.RecursionDesired = false
	m.SetEdns0(1232, false)
	if q.client == "" {
		return m, nil
	}
	p, err := netip.ParsePrefix(q.client)
	if err != nil {
		a, err := netip.ParseAddr(q.client)
		if err != nil {
			return nil, fmt.Errorf("--client %q is neither an address nor a prefix (91.10.0.1, 91.10.0.0/24)", q.client)
		}
		p = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())
	}
	family := uint16(1)
	if p.Addr().Is6() {
		family = 2
	}
	m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_SUBNET{
		Code: dns.EDNS0SUBNET, Family: family, SourceNetmask: uint8(p.Bits()), Address: p.Masked().Addr().AsSlice(),
	})
	return m, nil
}

// targets are the servers to ask: those of the command line, or each member's first.
func (q *digQuery) targets(ctx context.Context, g *globals) ([]digAnswer, error) {
	var list []digAnswer
	for _, s := range q.servers {
		if _, _, err := net.SplitHostPort(s); err != nil {
			s = net.JoinHostPort(strings.Trim(s, "[]"), "53")
		}
		list = append(list, digAnswer{Server: s})
	}
	if len(list) > 0 {
		return list, nil
	}
	conn, err := g.connect()
	if err != nil {
		return nil, err
	}
	status, _, err := decode[api.ClusterStatus](read(conn.GetCluster(ctx)))
	if err != nil {
		return nil, err
	}
	for _, m := range status.Members {
		if len(m.Dns) > 0 {
			list = append(list, digAnswer{Node: m.Node, Server: reachableAt(m.Dns[0], m.Cluster)})
		}
	}
	if len(list) == 0 {
		return nil, errors.New("no member says where it answers DNS; name the servers with --server")
	}
	return list, nil
}

// reachableAt is where a node that listens on every address can be asked: at the address of its cluster port.
func reachableAt(listen, cluster string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if a, err := netip.ParseAddr(host); host != "" && (err != nil || !a.IsUnspecified()) {
		return listen
	}
	if other, _, err := net.SplitHostPort(cluster); err == nil && other != "" {
		host = other
	}
	return net.JoinHostPort(host, port)
}

// ask fills in what a server answers. An answer that was cut short is asked for again over TCP.
func (q *digQuery) ask(ctx context.Context, msg *dns.Msg, a *digAnswer) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	network := "udp"
	if q.tcp {
		network = "tcp"
	}
	res, took, err := (&dns.Client{Net: network, Timeout: 2 * time.Second, UDPSize: 1232}).ExchangeContext(ctx, msg, a.Server)
	if err == nil && res.Truncated && network == "udp" {
		res, took, err = (&dns.Client{Net: "tcp", Timeout: 2 * time.Second}).ExchangeContext(ctx, msg, a.Server)
	}
	a.Answers = []string{}
	if err != nil {
		a.Status, a.Error = "no answer", err.Error()
		return
	}
	a.Status, a.Took = dns.RcodeToString[res.Rcode], took.Round(10*time.Microsecond).String()
	if res.Rcode == dns.RcodeSuccess && len(res.Answer) == 0 {
		a.Status = "NODATA"
	}
	for i, rr := range res.Answer {
		if h := rr.Header(); i == 0 || h.Ttl < a.TTL {
			a.TTL = h.Ttl
		}
		a.Answers = append(a.Answers, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	slices.Sort(a.Answers)
	if opt := res.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if s, ok := o.(*dns.EDNS0_SUBNET); ok {
				a.Scope = &s.SourceScope
			}
		}
	}
}

func printDig(w io.Writer, list []digAnswer) {
	var rows [][]string
	said := map[string][]string{}
	for _, a := range list {
		scope, ttl := "-", "-"
		if a.Scope != nil {
			scope = "/" + strconv.Itoa(int(*a.Scope))
		}
		if len(a.Answers) > 0 {
			ttl = strconv.FormatUint(uint64(a.TTL), 10)
		}
		answers := strings.Join(a.Answers, " ")
		if a.Error != "" {
			answers = a.Error
		} else {
			key := orDash(answers) + " (" + a.Status + ")"
			said[key] = append(said[key], first(a.Node, a.Server))
		}
		rows = append(rows, []string{orDash(a.Node), a.Server, a.Status, ttl, scope, orDash(answers)})
	}
	slices.SortStableFunc(rows, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	table(w, []string{"NODE", "SERVER", "STATUS", "TTL", "SCOPE", "ANSWER"}, rows)
	switch answered := len(list) - countErrors(list); {
	case len(said) > 1:
		fmt.Fprintln(w, "They differ:")
		for _, key := range sortedKeys(said) {
			fmt.Fprintf(w, "  %s: %s\n", strings.Join(said[key], ", "), key)
		}
		fmt.Fprintln(w, "A name that is steered by weights may; otherwise see meridian cluster status.")
	case answered > 1:
		fmt.Fprintf(w, "All %d that answered agree.\n", answered)
	}
}

func countErrors(list []digAnswer) (n int) {
	for _, a := range list {
		if a.Error != "" {
			n++
		}
	}
	return n
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
