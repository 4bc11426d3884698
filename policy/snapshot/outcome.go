package snapshot

import (
	"cmp"
	"math"
	"net/netip"
	"slices"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/geo"
	"github.com/meridian-gtm/meridian/policy/steer"
)

// MaxVariants is how many different answers one class of clients may get.
// Beyond it the least likely ones are left out.
const MaxVariants = 256

// outcome is a finished distribution: which sets, and up to which value of Query.Rand each of them reaches.
type outcome struct {
	sets  []int32
	until []uint64 // until[i] > Rand picks sets[i]; the last is MaxUint64
	probs []float64
	draw  []choice // of a sticky service: instead of until; the first level begins at 0
	first int      // how many choices the first level has
	ttl   uint32
	tier  steer.Tier
}

// choice is one of several that a client is drawn to by rendezvous hashing: an answer, or several choices more.
type choice struct {
	seed   uint64
	weight float64
	set    int32 // index into Service.Sets, or -1
	from   int32 // the choices behind it
	n      int32
}

// setKey is what an answer set is made of: endpoints, each by its pool and member, in the order of their shares.
type setKey string

// outcomes makes the outcomes of one service.
type outcomes struct {
	svc   *Service
	known map[setKey]int32
}

// outcome turns an evaluation into thresholds, adding the answer sets it needs.
func (b *outcomes) outcome(r steer.Result, k policy.AnswerKind) outcome {
	picks := r.Picks
	if len(picks) > MaxVariants {
		picks = slices.Clone(picks)
		slices.SortStableFunc(picks, func(a, b steer.Pick) int { return cmp.Compare(b.Probability, a.Probability) })
		picks = picks[:MaxVariants]
	}
	ttl := b.svc.TTL
	if least := b.svc.minTTL; r.Need > 0 && least < ttl {
		ttl = min(ttl, max(least, uint32(min(int64(r.Need/policy.Duration(1e9)), math.MaxUint32))))
	}
	o := outcome{tier: r.Tier, ttl: ttl}
	var variants []variant
	if n := b.svc.spec.Spec.Answers; n > 1 {
		variants = several(picks, n)
	} else {
		variants = single(picks)
	}
	reached, total := 0.0, 0.0
	for _, v := range variants {
		total += v.probability
	}
	for i, v := range variants {
		reached += v.probability / total
		until := uint64(math.MaxUint64)
		if i < len(variants)-1 {
			until = uint64(min(reached, 1-0x1p-53) * 0x1p64)
		}
		o.sets = append(o.sets, b.set(v.picks, k))
		o.until = append(o.until, until)
		o.probs = append(o.probs, v.probability/total)
	}
	if b.svc.sticky != nil && len(picks) > 1 {
		o.draw, o.first = b.choices(r.Shares, k), len(r.Shares)
	}
	return o
}

// choices lays the tree of shares out level by level.
func (b *outcomes) choices(shares []steer.Share, k policy.AnswerKind) []choice {
	type level struct {
		shares []steer.Share
		of     int // the choice that it is behind
	}
	var list []choice
	for todo := []level{{shares, -1}}; len(todo) > 0; todo = todo[1:] {
		if at := todo[0].of; at >= 0 {
			list[at].from, list[at].n = int32(len(list)), int32(len(todo[0].shares))
		}
		for _, s := range todo[0].shares {
			c := choice{seed: hashName(s.Name), weight: s.Part, set: -1}
			if s.Of == nil {
				c.set = b.set([]steer.Pick{{Pool: s.Pool, Member: s.Member}}, k)
			} else {
				todo = append(todo, level{s.Of, len(list)})
			}
			list = append(list, c)
		}
	}
	return list
}

// set is the index of the answer set of some endpoints.
func (b *outcomes) set(picks []steer.Pick, k policy.AnswerKind) int32 {
	var key []byte
	key = append(key, byte(k))
	for _, p := range picks {
		key = append(append(key, p.Pool.Members[p.Member].ID...), 0)
	}
	at, ok := b.known[setKey(key)]
	if !ok {
		at = int32(len(b.svc.Sets))
		b.known[setKey(key)] = at
		b.svc.Sets = append(b.svc.Sets, answerSet(picks, k, b.svc.TTL))
	}
	return at
}

func answerSet(picks []steer.Pick, k policy.AnswerKind, ttl uint32) AnswerSet {
	a := AnswerSet{Type: k.Type(), TTL: ttl}
	for _, p := range picks {
		m, own := &p.Pool.Members[p.Member], &p.Pool.Answers[p.Member]
		a.Endpoints = append(a.Endpoints, m.ID)
		if !slices.Contains(a.Regions, m.Region) {
			a.Regions = append(a.Regions, m.Region)
		}
		if own.CNAME != "" {
			a.CNAME = own.CNAME
			return a
		}
		if set := own.Find(k); set != nil {
			a.TTL = min(a.TTL, set.TTL)
			if len(picks) == 1 {
				a.Data = set.Data
				continue
			}
			for _, d := range set.Data { // two endpoints may have the same record
				if !slices.ContainsFunc(a.Data, func(other []byte) bool { return string(other) == string(d) }) {
					a.Data = append(a.Data, d)
				}
			}
		}
	}
	return a
}

// variant is some endpoints that make one answer.
type variant struct {
	picks       []steer.Pick
	probability float64
}

func single(picks []steer.Pick) []variant {
	var list []variant
	for i, p := range picks {
		list = append(list, variant{picks[i : i+1], p.Probability})
	}
	return list
}

// several puts n endpoints, or all if there are fewer, in each answer. Each is in an
// answer with n times its probability, and never more than surely: systematic
// sampling (Madow 1949) has that exactly, with no more variants than endpoints.
func several(picks []steer.Pick, n int) []variant {
	n = min(n, len(picks))
	if n == 0 {
		return nil
	}
	share := inclusion(picks, n)
	cuts := []float64{0, 1} // where the variant changes, as the start of the sample goes from 0 to 1
	end := make([]float64, len(picks))
	sum := 0.0
	for i, s := range share {
		sum += s
		end[i] = sum
		if f := sum - math.Floor(sum); f > 1e-9 && f < 1-1e-9 {
			cuts = append(cuts, f)
		}
	}
	slices.Sort(cuts)
	var list []variant
	for i := 1; i < len(cuts); i++ {
		width := cuts[i] - cuts[i-1]
		if width < 1e-9 {
			continue
		}
		v := variant{probability: width}
		at := (cuts[i] + cuts[i-1]) / 2
		for j, p := range picks {
			if end[j] > at {
				v.picks = append(v.picks, p)
				at++
			}
		}
		list = append(list, v)
	}
	return list
}

// inclusion is how likely each endpoint is to be in an answer of n: n times its
// probability, but at most 1, and what is above that goes to the others.
func inclusion(picks []steer.Pick, n int) []float64 {
	share := make([]float64, len(picks))
	left, rest := float64(n), 0.0
	for _, p := range picks {
		rest += p.Probability
	}
	for {
		sure := false
		by := left / rest
		for i, p := range picks {
			if share[i] == 0 && p.Probability*by >= 1-1e-12 {
				share[i], sure = 1, true
				left--
				rest -= p.Probability
			}
		}
		if !sure || left < 1e-9 {
			break
		}
	}
	for i, p := range picks {
		if share[i] == 0 && left > 1e-9 {
			share[i] = p.Probability * left / rest
		}
	}
	return share
}

// stick picks for a client by weighted rendezvous hashing, level by level: each
// choice draws the client by a hash of both, and a change of one choice's weight
// moves clients to or from that one alone. It does not allocate.
func (o *outcome) stick(client uint64) int32 {
	level := o.draw[:o.first]
	for {
		best, most := &level[0], unit(client, level[0].seed)
		for i := 1; i < len(level); i++ {
			c := &level[i]
			u := unit(client, c.seed)
			// The least -ln(u)/weight wins; mostly it takes no logarithm to see which.
			if u > most && c.weight >= best.weight || (u > most || c.weight > best.weight) && math.Log(u)*best.weight > math.Log(most)*c.weight {
				best, most = c, u
			}
		}
		if best.set >= 0 {
			return best.set
		}
		level = o.draw[best.from : best.from+best.n]
	}
}

// unit hashes a client and a choice to a number between 0 and 1.
func unit(client, seed uint64) float64 { return (float64(mix(client^seed)>>11) + 0.5) * 0x1p-53 }

// stickyHash is what stands for a client: the network that it is in, in as many
// bits as count as one client, and no more than are known. It also gives their number, in the address's own family.
func stickyHash(k *policy.Sticky, client netip.Addr, bits int) (hash uint64, length uint8) {
	if !client.IsValid() {
		return 0, 0
	}
	addr, known, shift := geo.Normalize(client, bits)
	want := k.IPv6
	if addr.Is4() {
		want = k.IPv4
	}
	p, err := addr.Prefix(min(want, known))
	if err != nil {
		return 0, 0
	}
	b := p.Addr().As16()
	for i := 0; i < 16; i += 8 {
		var w uint64
		for _, x := range b[i : i+8] {
			w = w<<8 | uint64(x)
		}
		hash = mix(hash ^ w)
	}
	return hash, uint8(want + shift)
}

// hashName is FNV-1a, well mixed.
func hashName(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return mix(h)
}

// mix is the finalizer of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
