package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/zonefile"
	"github.com/meridian-gtm/meridian/probes"
)

const (
	delegationWithin = 5 * time.Second
	askWithin        = 1500 * time.Millisecond
	maxParents       = 4  // servers of the parent that are asked
	maxNameservers   = 13 // of the zone that are asked
	maxDelegations   = 4  // looks at once
)

// delegator asks other DNS servers what they know of a zone. Each address is judged when its socket is about to
// connect, by the rules for probes (S-16); a resolver that the node's system is configured with is the operator's own choice.
type delegator struct {
	guard  probes.Guard
	system []string // the system's resolvers, HOST:PORT
	port   string   // of nameservers; a seam
}

// Delegation asks the parent of a zone how it delegates it, and the servers there whether they serve it.
func (n *Node) Delegation(ctx context.Context, zone policy.Name, resolver netip.Addr) (policy.Delegation, error) {
	z, ok := n.State().Zones.Get(zone.Key())
	if !ok {
		return policy.Delegation{}, policy.Errorf(policy.NotFound, "there is no zone %q", zone)
	}
	if n.delegations.Add(1) > maxDelegations {
		n.delegations.Add(-1)
		return policy.Delegation{}, policy.Errorf(policy.TooMany, "%d delegations are being looked at here, which is the limit; try again", maxDelegations)
	}
	defer n.delegations.Add(-1)
	d := delegator{guard: probes.Guard{Allow: n.cfg.Probing.Allow, Own: ownPorts(n.cfg)}, port: "53"}
	if c, err := dns.ClientConfigFromFile("/etc/resolv.conf"); err == nil {
		for _, s := range c.Servers {
			d.system = append(d.system, net.JoinHostPort(s, c.Port))
		}
	}
	return d.look(ctx, z, resolver), nil
}

// look compares what the parent has with what the zone has.
func (d *delegator) look(ctx context.Context, z *policy.Zone, resolver netip.Addr) policy.Delegation {
	ctx, cancel := context.WithTimeout(ctx, delegationWithin)
	defer cancel()
	out := policy.Delegation{Zone: z.Name.String(), Wanted: wantedNS(z), Parents: []policy.ParentServer{}, Servers: []policy.DelegatedServer{}, Warnings: []string{}}
	via := d.system
	check := false // the system's resolvers may be on loopback or private
	if resolver.IsValid() {
		via, check = d.at([]string{resolver.String()}), true
	}
	ask := func(name string, typ uint16) (*dns.Msg, error) { return d.ask(ctx, via, check, true, name, typ) }
	labels := dns.SplitDomainName(z.Name.FQDN())
	parent, hosts := "", []string(nil)
	for i := 1; i <= len(labels); i++ { // the closest name above that is a zone
		name := dns.Fqdn(strings.Join(labels[i:], "."))
		m, err := ask(name, dns.TypeNS)
		if err != nil {
			out.State, out.Problem = policy.DelegationUnknown, fmt.Sprintf("no resolver answers (%v); name one with resolver=ADDRESS, or look from a machine with a network", err)
			return out
		}
		for _, rr := range m.Answer {
			if ns, ok := rr.(*dns.NS); ok && strings.EqualFold(rr.Header().Name, name) {
				parent, hosts = name, append(hosts, ns.Ns)
			}
		}
		if parent != "" {
			break
		}
	}
	if out.Parent = strings.TrimSuffix(parent, "."); parent == "" {
		out.State, out.Problem = policy.DelegationUnknown, "no parent zone can be found by this resolver"
		return out
	}
	slices.Sort(hosts)
	d.askParents(ctx, &out, z.Name.FQDN(), hosts[:min(len(hosts), maxParents)], ask)
	d.askServers(ctx, &out, z.Name.FQDN(), ask)
	judgeDelegation(&out)
	return out
}

// wantedNS are the names of the NS records at the zone's apex.
func wantedNS(z *policy.Zone) []string {
	list := []string{}
	if o, ok := z.Owners.Get(z.Name.Key()); ok {
		if set := o.Find(dns.TypeNS); set != nil {
			for _, data := range set.Data {
				if text, err := zonefile.FormatRData(dns.TypeNS, data); err == nil {
					list = append(list, tidy(text))
				}
			}
		}
	}
	slices.Sort(list)
	return list
}

func tidy(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// addresses resolves a host by the resolver.
func addresses(ask func(string, uint16) (*dns.Msg, error), host string) (list []string) {
	for _, typ := range []uint16{dns.TypeA, dns.TypeAAAA} {
		m, err := ask(host, typ)
		if err != nil {
			continue
		}
		for _, rr := range m.Answer {
			switch rr := rr.(type) {
			case *dns.A:
				list = append(list, rr.A.String())
			case *dns.AAAA:
				list = append(list, rr.AAAA.String())
			}
		}
	}
	return list
}

func (d *delegator) askParents(ctx context.Context, out *policy.Delegation, zone string, hosts []string, ask func(string, uint16) (*dns.Msg, error)) {
	out.Parents = make([]policy.ParentServer, len(hosts))
	var all sync.WaitGroup
	for i, host := range hosts {
		all.Go(func() {
			p := &out.Parents[i]
			*p = policy.ParentServer{Name: tidy(host), NS: []string{}, DS: []string{}, Glue: map[string][]string{}}
			to := addresses(ask, host)
			m, err := d.ask(ctx, d.at(to), true, false, zone, dns.TypeNS)
			if err != nil {
				p.Error = err.Error()
				return
			}
			for _, rr := range append(m.Answer, m.Ns...) {
				if ns, ok := rr.(*dns.NS); ok && strings.EqualFold(rr.Header().Name, zone) {
					p.NS = append(p.NS, tidy(ns.Ns))
				}
			}
			slices.Sort(p.NS)
			p.NS = slices.Compact(p.NS)
			for _, rr := range m.Extra {
				name := tidy(rr.Header().Name)
				switch rr := rr.(type) {
				case *dns.A:
					p.Glue[name] = append(p.Glue[name], rr.A.String())
				case *dns.AAAA:
					p.Glue[name] = append(p.Glue[name], rr.AAAA.String())
				}
			}
			if m, err := d.ask(ctx, d.at(to), true, false, zone, dns.TypeDS); err == nil {
				for _, rr := range m.Answer {
					if ds, ok := rr.(*dns.DS); ok {
						p.DS = append(p.DS, fmt.Sprintf("%d %d %d %s", ds.KeyTag, ds.Algorithm, ds.DigestType, strings.ToUpper(ds.Digest)))
					}
				}
			}
		})
	}
	all.Wait()
}

// askServers asks each server that the parent names whether it answers for the zone.
func (d *delegator) askServers(ctx context.Context, out *policy.Delegation, zone string, ask func(string, uint16) (*dns.Msg, error)) {
	glue := map[string][]string{}
	var names []string
	for _, p := range out.Parents {
		names = append(names, p.NS...)
		for name, list := range p.Glue {
			glue[name] = list
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	out.Servers = make([]policy.DelegatedServer, min(len(names), maxNameservers))
	var all sync.WaitGroup
	for i := range out.Servers {
		all.Go(func() {
			s := &out.Servers[i]
			*s = policy.DelegatedServer{Name: names[i], Addresses: glue[names[i]]}
			if len(s.Addresses) == 0 {
				s.Addresses = addresses(ask, dns.Fqdn(names[i]))
			}
			s.Addresses = append([]string{}, s.Addresses...)
			m, err := d.ask(ctx, d.at(s.Addresses), true, false, zone, dns.TypeSOA)
			switch {
			case err != nil:
				s.Error = err.Error()
			case !m.Authoritative || len(m.Answer) == 0:
				s.Error = fmt.Sprintf("it answers %s and not for the zone", dns.RcodeToString[m.Rcode])
			default:
				s.Answers = true
				if soa, ok := m.Answer[0].(*dns.SOA); ok {
					s.Serial = soa.Serial
				}
			}
		})
	}
	all.Wait()
}

// judgeDelegation says what is to be mended where.
func judgeDelegation(out *policy.Delegation) {
	warn := func(format string, args ...any) { out.Warnings = append(out.Warnings, fmt.Sprintf(format, args...)) }
	told := 0
	for _, p := range out.Parents {
		if p.Error != "" {
			continue
		}
		told++
		if len(p.NS) == 0 {
			warn("%s does not delegate %s: give the registrar the nameservers %s", p.Name, out.Zone, strings.Join(out.Wanted, ", "))
			continue
		}
		for _, ns := range out.Wanted {
			if !slices.Contains(p.NS, ns) {
				warn("%s lacks %s, which the zone has as NS: add it at the registrar, or take it out of the zone", p.Name, ns)
			}
			if (ns == out.Zone || strings.HasSuffix(ns, "."+out.Zone)) && slices.Contains(p.NS, ns) && len(p.Glue[ns]) == 0 {
				warn("%s has no address of %s, which lies in the zone itself: give the registrar its addresses (glue)", p.Name, ns)
			}
		}
		for _, ns := range p.NS {
			if !slices.Contains(out.Wanted, ns) {
				warn("%s names %s, which is no NS of the zone: take it out at the registrar, or add it to the zone", p.Name, ns)
			}
		}
		if len(p.DS) > 0 {
			warn("%s has DS records, and Meridian does not sign: validating resolvers fail for the whole zone; take them out at the registrar", p.Name)
		}
	}
	if told == 0 {
		out.State, out.Problem = policy.DelegationUnknown, "no server of the parent answers; ask from a machine that has a network"
		return
	}
	for _, s := range out.Servers {
		if !s.Answers {
			warn("%s, to which the parent sends clients, does not serve the zone: %s", s.Name, s.Error)
		}
	}
	slices.Sort(out.Warnings)
	out.Warnings = slices.Compact(out.Warnings)
	if out.State = policy.DelegationOK; len(out.Warnings) > 0 {
		out.State = policy.DelegationWrong
	}
}

func (d *delegator) at(addresses []string) (list []string) {
	for _, a := range addresses {
		list = append(list, net.JoinHostPort(a, d.port))
	}
	return list
}

// ask puts a question to the first of some servers that answers, over TCP when the answer is too long for UDP.
func (d *delegator) ask(ctx context.Context, servers []string, check, recurse bool, name string, typ uint16) (m *dns.Msg, err error) {
	err = errors.New("it has no address")
	dialer := &net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err == nil && check {
			err = d.guard.Check(to)
		}
		return err
	}}
	q := new(dns.Msg).SetQuestion(name, typ)
	q.RecursionDesired = recurse
	q.SetEdns0(1232, false)
	for _, server := range servers[:min(len(servers), 3)] {
		for _, network := range []string{"udp", "tcp"} {
			limited, cancel := context.WithTimeout(ctx, askWithin)
			client := dns.Client{Net: network, Dialer: dialer, Timeout: askWithin, UDPSize: 1232}
			m, _, err = client.ExchangeContext(limited, q, server)
			cancel()
			if err != nil || !m.Truncated {
				break
			}
		}
		if err == nil {
			return m, nil
		}
	}
	return nil, err
}
