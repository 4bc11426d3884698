package node

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/snapshot"
)

// How a node looks at the answers of all nodes from outside.
const (
	maxLooking = 8 // at once: each asks every node
	keepLooks  = 200
	lookFast   = 50 * time.Millisecond // between two questions to a node, at first
	lookSlow   = time.Second
	fastFor    = 3 * time.Second
	lookAfter  = 2 * time.Second  // after the TTL window
	longestAsk = 15 * time.Minute // for one
	dnsWithin  = time.Second
)

// onlooker asks every node's DNS what clients would be answered, while something leaves the answers and while a drill has
// a nameserver silent: what reports say of a failover as clients saw it.
type onlooker struct {
	node  string
	state func() *policy.State
	tell  func(l *looked) // nil: nobody. For tests

	todo chan *looked

	mu   sync.Mutex
	busy int
	list []*looked // the latest, in order of their beginning
}

// looked is what one thing looks like from here.
type looked struct {
	policy.Outlook // of the decision; its Node and counts are not set
	before         *snapshot.Snapshot
	names          []string // that the answers may call the endpoint
	until          time.Time

	mu  sync.Mutex
	saw map[string]*policy.Outlook // by node
}

func newOnlooker(node string, state func() *policy.State) *onlooker {
	return &onlooker{node: node, state: state, todo: make(chan *looked, maxLooking)}
}

// leaves begins to look at what left this node's answers: for each decision at one service and endpoint of it. It does not wait.
func (o *onlooker) leaves(l leaving, gone []departed) {
	seen := map[string]bool{}
	for _, e := range gone {
		if key := e.cause + " " + e.by; e.cause != policy.LeftIsland && !seen[key] {
			seen[key] = true
			names := o.state().NamesOf(e.endpoint)[1:] // its id is in no answer
			if len(names) == 0 {                       // it is not declared any more
				continue
			}
			o.begin(&looked{
				Outlook: policy.Outlook{Service: e.service, Endpoint: e.endpoint, Cause: e.cause, By: e.by, Decided: e.decided},
				before:  l.old, names: names, until: e.until.Add(lookAfter),
			})
		}
	}
}

// drills begins to look at the nodes while a drill has some of them silent.
func (o *onlooker) drills() {
	s := o.state()
	for _, r := range s.Drills.All {
		by := "drill/" + r.ID
		if len(r.Silent) == 0 || r.Over() || o.looking(by) {
			continue
		}
		for id := range s.Services.All { // any: that it is answered is what counts
			o.begin(&looked{Outlook: policy.Outlook{Service: id, By: by}, until: time.Unix(0, r.ExpiresAt)})
			break
		}
	}
}

func (o *onlooker) looking(by string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.ContainsFunc(o.list, func(l *looked) bool { return l.By == by })
}

func (o *onlooker) begin(l *looked) {
	l.Observer, l.saw = o.node, map[string]*policy.Outlook{}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.busy == maxLooking {
		return
	}
	o.busy++
	if o.list = append(o.list, l); len(o.list) > keepLooks {
		o.list = o.list[1:]
	}
	o.todo <- l // as many as may be busy fit in
}

// Run looks until ctx ends.
func (o *onlooker) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { _ = every(ctx, drillTick, o.drills) })
	for {
		select {
		case <-ctx.Done():
			return nil
		case l := <-o.todo:
			all.Go(func() {
				o.look(ctx, l)
				o.mu.Lock()
				o.busy--
				o.mu.Unlock()
			})
		}
	}
}

// look asks every node until it is over.
func (o *onlooker) look(ctx context.Context, l *looked) {
	ctx, cancel := context.WithTimeout(ctx, longestAsk)
	defer cancel()
	client := l.client()
	l.before = nil // it is large
	began := time.Now()
	var all sync.WaitGroup
	for _, m := range nodesOf(o.state(), "") {
		addr := dnsAddress(m)
		if addr == "" {
			continue
		}
		all.Go(func() {
			for ctx.Err() == nil && time.Now().Before(l.until) && o.going(l) {
				l.ask(ctx, m.Node, addr, client)
				pause := lookSlow
				if time.Since(began) < fastFor {
					pause = lookFast
				}
				select {
				case <-ctx.Done():
				case <-time.After(pause):
				}
			}
		})
	}
	all.Wait()
	if o.tell != nil {
		o.tell(l)
	}
}

// going says whether what is looked at goes on.
func (o *onlooker) going(l *looked) bool {
	id, ok := strings.CutPrefix(l.By, "drill/")
	if !ok {
		return true
	}
	r, ok := o.state().Drills.Get(id)
	return ok && !r.Over() && len(r.Silent) > 0
}

// client is a client that what left was answered to, and whether it asks for IPv6. Without one the nodes are asked for this one's own address.
func (l *looked) client() (c snapshot.Client) {
	if l.before != nil {
		c, _ = l.before.ClientOf(l.Service, l.Endpoint)
	}
	return c
}

// ask asks a node once.
func (l *looked) ask(ctx context.Context, node, addr string, client snapshot.Client) {
	ctx, cancel := context.WithTimeout(ctx, dnsWithin)
	defer cancel()
	kind := dns.TypeA
	if client.Kind == policy.IPv6 {
		kind = dns.TypeAAAA
	}
	q := new(dns.Msg).SetQuestion(dns.Fqdn(l.Service), kind)
	q.RecursionDesired = false
	q.SetEdns0(1232, false)
	if client.Address.IsValid() {
		q.IsEdns0().Option = append(q.IsEdns0().Option, &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: net.IP(client.Address.AsSlice()).Mask(net.CIDRMask(24, 32))})
	}
	r, _, err := new(dns.Client).ExchangeContext(ctx, q, addr)
	if err != nil && ctx.Err() == context.Canceled { // this node stops
		return
	}
	at := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.saw[node]
	if v == nil {
		v = &policy.Outlook{}
		l.saw[node] = v
	}
	v.Asked++
	if err != nil || r.Rcode != dns.RcodeSuccess {
		return
	}
	v.Answered++
	if slices.ContainsFunc(r.Answer, l.named) {
		v.Named, v.Without = at, time.Time{}
	} else if v.Without.IsZero() {
		v.Without = at
	}
}

// named says whether a record names what left.
func (l *looked) named(rr dns.RR) bool {
	name := ""
	switch v := rr.(type) {
	case *dns.A:
		name = v.A.String()
	case *dns.AAAA:
		name = v.AAAA.String()
	case *dns.CNAME:
		name = v.Target
	}
	return slices.ContainsFunc(l.names, func(n string) bool {
		return strings.EqualFold(strings.TrimSuffix(n, "."), strings.TrimSuffix(name, "."))
	})
}

// dnsAddress is where other nodes ask a node's DNS; one that listens everywhere is asked where the cluster knows it.
func dnsAddress(m policy.Member) string {
	for _, addr := range m.DNS {
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			continue
		}
		if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
			if host, _, err = net.SplitHostPort(m.Cluster); err != nil {
				continue
			}
		}
		return net.JoinHostPort(host, port)
	}
	return ""
}

// told is what was seen, with ages in place of times: another node's clock is another.
func (o *onlooker) told() []outlookTold {
	o.mu.Lock()
	looks := slices.Clone(o.list)
	o.mu.Unlock()
	now := time.Now()
	age := func(at time.Time) *time.Duration {
		if at.IsZero() {
			return nil
		}
		d := now.Sub(at)
		return &d
	}
	var list []outlookTold
	for _, l := range looks {
		l.mu.Lock()
		for node, v := range l.saw {
			t := outlookTold{Outlook: l.Outlook, NamedAgo: age(v.Named), WithoutAgo: age(v.Without)}
			t.Node, t.Asked, t.Answered = node, v.Asked, v.Answered
			list = append(list, t)
		}
		l.mu.Unlock()
	}
	return list
}

type outlookTold struct {
	policy.Outlook
	NamedAgo   *time.Duration `json:"namedAgo,omitempty"`
	WithoutAgo *time.Duration `json:"withoutAgo,omitempty"`
}

func (t outlookTold) by(now time.Time) policy.Outlook {
	v := t.Outlook
	v.Named, v.Without = time.Time{}, time.Time{}
	if t.NamedAgo != nil {
		v.Named = now.Add(-*t.NamedAgo)
	}
	if t.WithoutAgo != nil {
		v.Without = now.Add(-*t.WithoutAgo)
	}
	return v
}
