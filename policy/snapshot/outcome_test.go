package snapshot

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/steer"
)

// TestSeveral: each endpoint is in an answer with n times its probability, and
// never more than surely; no answer has one twice, or more or fewer than n.
func TestSeveral(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.IntRange(1, 1000), 1, 40).Draw(t, "weights")
		n := rapid.IntRange(1, 12).Draw(t, "n")
		total := 0.0
		for _, w := range weights {
			total += float64(w)
		}
		var picks []steer.Pick
		for i, w := range weights {
			picks = append(picks, steer.Pick{Member: i, Probability: float64(w) / total})
		}
		variants := several(picks, n)
		if len(variants) > len(picks)+1 {
			t.Fatalf("%d variants of %d endpoints", len(variants), len(picks))
		}
		got, sum := make([]float64, len(picks)), 0.0
		for _, v := range variants {
			sum += v.probability
			if len(v.picks) != min(n, len(picks)) {
				t.Fatalf("an answer of %d, not of %d", len(v.picks), min(n, len(picks)))
			}
			seen := map[int]bool{}
			for _, p := range v.picks {
				if seen[p.Member] {
					t.Fatalf("endpoint %d twice in an answer", p.Member)
				}
				seen[p.Member] = true
				got[p.Member] += v.probability
			}
		}
		if math.Abs(sum-1) > 1e-6 {
			t.Fatalf("the variants add up to %v", sum)
		}
		// The plain way: cap at 1, give the rest out again, until nothing is above.
		want, sure := make([]float64, len(picks)), map[int]bool{}
		for again := true; again; {
			again = false
			left, rest := float64(min(n, len(picks))-len(sure)), 0.0
			for i, p := range picks {
				if !sure[i] {
					rest += p.Probability
				}
			}
			for i, p := range picks {
				if sure[i] {
					continue
				}
				if want[i] = p.Probability * left / rest; want[i] > 1-1e-12 {
					want[i], sure[i], again = 1, true, true
					break
				}
			}
		}
		for i := range want {
			if math.Abs(got[i]-want[i]) > 1e-6 {
				t.Fatalf("endpoint %d of weights %v is in %v of the answers of %d, not in %v", i, weights, got[i], n, want[i])
			}
		}
	})
}

// sharesOf are endpoints of one pool by their weights; a weight of 0 leaves one out.
func sharesOf(p *steer.Pool, weights []int) (list []steer.Share) {
	total := 0
	for _, w := range weights {
		total += w
	}
	for i, w := range weights {
		if w > 0 {
			list = append(list, steer.Share{Name: p.Members[i].ID, Part: float64(w) / float64(total), Pool: p, Member: i})
		}
	}
	return list
}

func poolOf(name string, n int) *steer.Pool {
	p := &steer.Pool{Name: name}
	for i := range n {
		p.Members = append(p.Members, steer.Member{ID: fmt.Sprintf("endpoint/%s/%d", name, i)})
		p.Answers = append(p.Answers, steer.Answers{})
	}
	return p
}

// drawn is who gets what: the endpoint of each of many client networks.
func drawn(shares []steer.Share, clients int) []string {
	b := outcomes{svc: &Service{}, known: map[setKey]int32{}}
	o := outcome{draw: b.choices(shares, policy.IPv4), first: len(shares)}
	list := make([]string, clients)
	k := policy.Sticky{}.WithDefaults()
	for i := range list {
		a := netip.AddrFrom4([4]byte{byte(i >> 16), byte(i >> 8), byte(i), 7})
		hash, _ := stickyHash(&k, a, 32)
		list[i] = b.svc.Sets[o.stick(hash)].Endpoints[0]
	}
	return list
}

// TestStickyFitsTheWeights by Pearson's chi-squared test, at five standard deviations.
func TestStickyFitsTheWeights(t *testing.T) {
	p, q := poolOf("p", 5), poolOf("q", 3)
	weights, other := []int{1, 2, 3, 4, 10}, []int{5, 5, 1}
	shares := []steer.Share{{Name: "pool/p", Part: 0.3, Of: sharesOf(p, weights)}, {Name: "pool/q", Part: 0.7, Of: sharesOf(q, other)}}
	want := map[string]float64{}
	for i, w := range weights {
		want[p.Members[i].ID] = 0.3 * float64(w) / 20
	}
	for i, w := range other {
		want[q.Members[i].ID] = 0.7 * float64(w) / 11
	}
	const clients = 200_000
	got := map[string]float64{}
	for _, e := range drawn(shares, clients) {
		got[e]++
	}
	chi := 0.0
	for e, part := range want {
		chi += (got[e] - part*clients) * (got[e] - part*clients) / (part * clients)
	}
	free := float64(len(want) - 1)
	if chi > free+5*math.Sqrt(2*free) {
		t.Errorf("chi-squared is %.1f with %v degrees of freedom: %v", chi, free, got)
	}
}

// TestStickyMovesOnlyItsShare: a change of one weight, or of one member, moves
// clients to it or from it, and nobody between two others at the same level.
func TestStickyMovesOnlyItsShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 8).Draw(t, "members")
		p, q := poolOf("p", n), poolOf("q", 3)
		before := rapid.SliceOfN(rapid.IntRange(1, 20), n, n).Draw(t, "weights")
		after := append([]int(nil), before...)
		changed := rapid.IntRange(0, n-1).Draw(t, "which")
		after[changed] = rapid.SampledFrom([]int{0, 1, 5, 40}).Draw(t, "to")
		tree := func(weights []int) []steer.Share {
			inner := sharesOf(p, weights)
			return []steer.Share{{Name: "pool/p", Part: 0.5, Of: inner}, {Name: "pool/q", Part: 0.5, Of: sharesOf(q, []int{1, 2, 3})}}
		}
		const clients = 4000
		was, is := drawn(tree(before), clients), drawn(tree(after), clients)
		moved := 0.0
		for i := range was {
			if was[i] == is[i] {
				continue
			}
			moved++
			if id := p.Members[changed].ID; was[i] != id && is[i] != id {
				t.Fatalf("client %d went from %s to %s, and neither has changed", i, was[i], is[i])
			}
		}
		share := func(weights []int) float64 {
			sum := 0
			for _, w := range weights {
				sum += w
			}
			return 0.5 * float64(weights[changed]) / float64(sum)
		}
		if want := math.Abs(share(after)-share(before)) * clients; moved > want+6*math.Sqrt(want+1) {
			t.Fatalf("%v clients moved; the change is worth %v of them", moved, want)
		}
	})
}

// TestStickyFamilies: the same network in any form, and all of it, is one client;
// bits that are not known make no difference.
func TestStickyFamilies(t *testing.T) {
	k := policy.Sticky{}.WithDefaults()
	of := func(a string, bits int) uint64 {
		h, _ := stickyHash(&k, netip.MustParseAddr(a), bits)
		return h
	}
	for _, same := range [][2]string{{"192.0.2.1", "192.0.2.200"}, {"192.0.2.1", "::ffff:192.0.2.9"}, {"192.0.2.1", "64:ff9b::192.0.2.1"}, {"2001:db8:1:2::1", "2001:db8:1:ff::2"}} {
		a, b := netip.MustParseAddr(same[0]), netip.MustParseAddr(same[1])
		if of(same[0], a.BitLen()) != of(same[1], b.BitLen()) {
			t.Errorf("%s and %s are two clients", a, b)
		}
	}
	if of("192.0.2.1", 32) == of("192.0.3.1", 32) || of("2001:db8:1:2::1", 128) == of("2001:db8:1:102::1", 128) {
		t.Error("two networks are one client")
	}
	if of("192.0.2.1", 16) != of("192.0.9.9", 16) {
		t.Error("bits that the query did not give count")
	}
	for a, want := range map[string]uint8{"192.0.2.1": 24, "64:ff9b::192.0.2.1": 120, "2001:db8::1": 56} {
		x := netip.MustParseAddr(a)
		if _, length := stickyHash(&k, x, x.BitLen()); length != want {
			t.Errorf("%s counts in %d bits, not %d", a, length, want)
		}
	}
}

func BenchmarkStick(b *testing.B) {
	for _, n := range []int{2, 8, 64, 256} {
		p := poolOf("p", n)
		weights := make([]int, n)
		for i := range weights {
			weights[i] = i + 1
		}
		shares := sharesOf(p, weights)
		made := outcomes{svc: &Service{}, known: map[setKey]int32{}}
		o := outcome{draw: made.choices(shares, policy.IPv4), first: len(shares)}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			r := rand.Uint64()
			for i := range b.N {
				o.stick(r + uint64(i))
			}
		})
	}
}
