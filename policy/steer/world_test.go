package steer

import (
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

func of[T any](v T) *T { return &v }

// world is a state in the making, for tests: pools in a line of text each.
type world struct {
	s       *policy.State
	domains map[string]string // failure domains that count as down
	next    byte
}

// newWorld has the regions us (Washington), eu (Frankfurt), ap (Singapore), us2
// (Washington too) and nowhere (without a place).
func newWorld() *world {
	w := &world{s: policy.NewState()}
	for name, iata := range map[string]string{"us": "IAD", "eu": "FRA", "ap": "SIN", "us2": "IAD", "nowhere": ""} {
		r := policy.Region{Name: name, Provider: "cloud-" + name}
		if iata != "" {
			r.Place = &policy.Place{IATA: iata}
		}
		w.s.Regions.Set(name, policy.Object[policy.Region]{Rev: 1, Spec: r})
	}
	w.s.Monitors.Set("m", policy.Object[policy.Monitor]{Rev: 1, Spec: policy.Monitor{Name: "m", TCP: &policy.TCPCheck{Port: 1}}})
	return w
}

// pool adds a monitored pool. Each endpoint is "NAME STATUS [FAMILY] [w=N]
// [ramp=N] [in=REGION] [gold] [drained]", where FAMILY is 4 (by default), 6, 46, cname
// or nothing, with the types of its records behind it: 46+MX+TXT.
func (w *world) pool(name, region string, minAvailable int, endpoints ...string) *world {
	p := policy.Pool{Name: name, Region: region, Monitor: "m", MinAvailable: policy.Amount{Count: minAvailable}}
	for _, text := range endpoints {
		f := strings.Fields(text)
		w.next++
		e := policy.Endpoint{Name: f[0]}
		v := policy.Verdict{Check: name + "/" + f[0] + "@m", Ramp: 100}
		v4, v6 := netip.AddrFrom4([4]byte{192, 0, 2, w.next}), netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: w.next})
		family := "4"
		for _, word := range f[1:] {
			key, value, _ := strings.Cut(word, "=")
			if head, types, ok := strings.Cut(word, "+"); ok {
				e.Records = map[string][]string{}
				for _, typ := range strings.Split(types, "+") {
					e.Records[typ] = []string{"some"}
				}
				family = head
				continue
			}
			switch key {
			case "up", "down", "unknown":
				_ = v.Status.UnmarshalText([]byte(key))
			case "4", "6", "46", "cname":
				family = key
			case "w":
				var n int
				_, _ = fmt.Sscan(value, &n)
				e.Weight = &n
			case "ramp":
				_, _ = fmt.Sscan(value, &v.Ramp)
			case "since": // seconds
				_, _ = fmt.Sscan(value, &v.Since)
				v.Since *= int64(time.Second)
			case "in":
				e.Region = value
			case "gold":
				e.Labels = map[string]string{"tier": "gold"}
			case "drained":
				w.drain("endpoint/" + name + "/" + f[0])
			default:
				panic("a word that means nothing: " + word)
			}
		}
		switch family {
		case "4":
			e.Address = v4
		case "6":
			e.Address = v6
		case "46":
			e.Addresses = []netip.Addr{v4, v6}
		case "cname":
			e.Hostname = policy.MustName("lb.example.net")
		}
		p.Endpoints = append(p.Endpoints, e)
		if v.Status != policy.Unknown {
			w.s.Verdicts.Set(v.Check, v)
		}
	}
	w.s.Pools.Set(name, policy.Object[policy.Pool]{Rev: 1, Spec: p})
	return w
}

func (w *world) drain(target string) *world {
	id := fmt.Sprintf("c%d", w.s.Controls.Len()+1)
	w.s.Controls.Set(id, policy.Control{ID: id, Target: target, Action: policy.Drain})
	return w
}

func pool(name string) policy.Branch { return policy.Branch{Steering: policy.Steering{Pool: name}} }

func failover(b ...policy.Branch) policy.Steering { return policy.Steering{Failover: b} }
func weighted(b ...policy.Branch) policy.Steering { return policy.Steering{Weighted: b} }
func nearest(b ...policy.Branch) policy.Steering  { return policy.Steering{Nearest: b} }

func weight(n int, b policy.Branch) policy.Branch { b.Weight = &n; return b }
func bias(n int, b policy.Branch) policy.Branch   { b.Bias = n; return b }
func in(iata string, b policy.Branch) policy.Branch {
	b.Place = &policy.Place{IATA: iata}
	return b
}
func branch(s policy.Steering) policy.Branch { return policy.Branch{Steering: s} }
func atLeast(n int, s policy.Steering) policy.Steering {
	s.MinAvailable = n
	return s
}

func (w *world) tree(t interface{ Fatalf(string, ...any) }, s policy.Steering) *Tree {
	return w.treeOf(t, &policy.Service{Steer: s})
}

func (w *world) treeOf(t interface{ Fatalf(string, ...any) }, svc *policy.Service) *Tree {
	pools := map[string]*Pool{}
	tree, err := Build(svc, func(name string) *Pool {
		o, ok := w.s.Pools.Get(name)
		if !ok {
			return nil
		}
		if pools[name] == nil {
			pools[name] = NewPool(w.s, &o.Spec, answersOf(&o.Spec), Beside{Domains: w.domains, Service: svc.ID()})
		}
		return pools[name]
	}, w.s.Template)
	if err != nil {
		t.Fatalf("Build: %v", err)
	}
	return tree
}

// answersOf has the text of records for their data: nothing here looks into it.
func answersOf(p *policy.Pool) (list []Answers) {
	for i := range p.Endpoints {
		e := &p.Endpoints[i]
		a := Answers{CNAME: e.Hostname}
		for k := range policy.AnswerKinds {
			set := policy.RRset{Type: k.Type()}
			if k.Family() {
				set = e.AddressSet(k)
			}
			for _, text := range e.Records[k.String()] {
				set.Data = append(set.Data, []byte(text))
			}
			if len(set.Data) > 0 {
				a.Sets = append(a.Sets, set)
			}
		}
		list = append(list, a)
	}
	return list
}

// shares is a result as endpoint ids (without "endpoint/") and probabilities.
func shares(r Result) map[string]float64 {
	m := map[string]float64{}
	for _, p := range r.Picks {
		m[strings.TrimPrefix(p.Pool.Members[p.Member].ID, "endpoint/")] += p.Probability
	}
	return m
}

func close2(a, b map[string]float64) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || math.Abs(v-w) > 1e-9 {
			return false
		}
	}
	return true
}

func text(m map[string]float64) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s %.4f", k, m[k]))
	}
	return strings.Join(parts, ", ")
}

// expect reads "us/a 0.25, us/b 0.75"; "us/a" alone has the whole.
func expect(t *testing.T, want string) map[string]float64 {
	t.Helper()
	m := map[string]float64{}
	if want == "" {
		return m
	}
	for part := range strings.SplitSeq(want, ", ") {
		name, p := part, 1.0
		if k, v, ok := strings.Cut(part, " "); ok {
			name = k
			var num, den float64
			if n, _ := fmt.Sscanf(v, "%g/%g", &num, &den); n == 2 {
				p = num / den
			} else if _, err := fmt.Sscan(v, &p); err != nil {
				t.Fatal(err)
			}
		}
		m[name] = p
	}
	return m
}
