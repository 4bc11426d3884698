package document

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/meridian-gtm/meridian/policy"
)

func lines(edits []Edit) []string {
	var s []string
	for _, e := range edits {
		s = append(s, fmt.Sprintf("%s %s %s: %s -> %s", e.Op, e.Object, e.Field, e.Old, e.New))
	}
	return s
}

func TestDiffGoesByNames(t *testing.T) {
	old, new := designConfig(), designConfig()
	slices.Reverse(new.Regions)
	slices.Reverse(new.Pools)
	if got := Diff(old, new); len(got) != 0 {
		t.Errorf("objects in another order differ: %q", lines(got))
	}
	new.Regions = append(new.Regions[1:], policy.Region{Name: "ap<1>"}) // without eu-central
	new.Monitors[0].Fall = 4
	new.Monitors[0].HTTP.Status = policy.Statuses(200, 204)
	web := &new.Pools[1]
	web.Monitor = ""
	web.Endpoints[0].Weight = ptr(2)
	web.Endpoints[1].Labels = map[string]string{"tier": "silver", "a.b": "c"}
	new.Pools[0].Endpoints[1] = policy.Endpoint{Name: "c", Hostname: policy.MustName("y.example")}
	s := &new.Services[0]
	s.Steer.Nearest[0].Bias = -5
	s.Steer.Nearest[1].Failover = append(s.Steer.Nearest[1].Failover, policy.Branch{Steering: policy.Steering{Pool: "web-eu"}, Weight: ptr(3)})
	new.SafetyRules = nil
	want := []string{
		`add region/ap<1> :  -> {"name":"ap<1>"}`,
		`remove region/eu-central : {"name":"eu-central","place":{"lat":50.11,"lon":8.68},"provider":"gcp"} -> `,
		`change monitor/web http.status: [200] -> [200,204]`,
		`change monitor/web fall: 3 -> 4`,
		`remove pool/web-eu endpoints[lb]: {"name":"lb","hostname":"x.elb.example.net"} -> `,
		`add pool/web-eu endpoints[c]:  -> {"name":"c","hostname":"y.example"}`,
		`remove pool/web-us-east monitor: "web" -> `,
		`change pool/web-us-east endpoints[a].weight: 1 -> 2`,
		`change pool/web-us-east endpoints[b].labels.tier: "gold" -> "silver"`,
		`add pool/web-us-east endpoints[b].labels["a.b"]:  -> "c"`,
		`change service/www.example.com steer.nearest[web-us-east].bias: 10 -> -5`,
		`add service/www.example.com steer.nearest[failover].failover[web-eu#2]:  -> {"pool":"web-eu","weight":3}`,
		`remove safety-rule/keep-one : {"name":"keep-one","service":"www.example.com","atLeast":{"regions":1},"appliesTo":["operator","drill"]} -> `,
	}
	if got := lines(Diff(old, new)); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestDiffNotesAnotherOrderOfBranches(t *testing.T) {
	steer := func(pools ...string) *policy.Config {
		var s policy.Steering
		for _, p := range pools {
			s.Failover = append(s.Failover, policy.Branch{Steering: policy.Steering{Pool: p}})
		}
		return &policy.Config{Services: []policy.Service{{Name: policy.MustName("a.example"), Steer: s}}}
	}
	got := lines(Diff(steer("x", "y", "z"), steer("z", "w", "x")))
	want := []string{
		`remove service/a.example steer.failover[y]: {"pool":"y"} -> `,
		`add service/a.example steer.failover[w]:  -> {"pool":"w"}`,
		`change service/a.example steer.failover: ["x","z"] -> ["z","x"]`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestDiffTakesBothFormsOfABranchForTheSame(t *testing.T) {
	if got := Diff(withTo(), canonical(withTo())); len(got) != 0 {
		t.Errorf("got %q", lines(got))
	}
}

// uniqueNames leaves out of a configuration what has the name of an earlier object.
func uniqueNames(c *policy.Config) *policy.Config {
	return &policy.Config{
		Regions: unique(c.Regions, regionName), Monitors: unique(c.Monitors, monitorName), Pools: unique(c.Pools, poolName),
		Services: unique(c.Services, serviceName), SafetyRules: unique(c.SafetyRules, ruleName),
	}
}

func unique[T any](list []T, name func(*T) string) []T {
	seen := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(list), func(o T) bool {
		n := name(&o)
		defer func() { seen[n] = true }()
		return seen[n]
	})
}

func encoded(t *rapid.T, c *policy.Config) string {
	b, err := Encode(c, JSON)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDiffIsEmptyExactlyForTheSameConfiguration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := uniqueNames(genConfig.Draw(t, "a"))
		b := uniqueNames(genConfig.Draw(t, "b"))
		if rapid.Bool().Draw(t, "near") { // the same but for one part
			near := *a
			near.Pools = b.Pools
			b = &near
		}
		same := encoded(t, Merge(nil, a)) == encoded(t, Merge(nil, b)) // sorted by name
		edits := Diff(a, b)
		if same != (len(edits) == 0) {
			t.Fatalf("same %v, edits %q", same, lines(edits))
		}
		back := Diff(b, a)
		if len(back) != len(edits) {
			t.Fatalf("%d edits forth, %d back:\n%q\n%q", len(edits), len(back), lines(edits), lines(back))
		}
		undo := map[string]string{Add: Remove, Remove: Add, Change: Change}
		for _, e := range edits {
			if !slices.Contains(back, Edit{undo[e.Op], e.Object, e.Field, e.New, e.Old}) {
				t.Fatalf("no way back from %+v in %q", e, lines(back))
			}
		}
	})
}

func TestMergeReplacesByName(t *testing.T) {
	base := designConfig()
	over := &policy.Config{
		Regions:  []policy.Region{{Name: "us-east"}, {Name: "ap"}},
		Services: []policy.Service{{Names: []policy.Name{policy.MustName("WWW.example.com"), policy.MustName("b")}, Steer: policy.Steering{Pool: "web-eu"}}},
	}
	got := Merge(base, over)
	want := designConfig()
	want.Regions = []policy.Region{{Name: "ap"}, want.Regions[1], {Name: "us-east"}}
	slices.Reverse(want.Monitors)
	slices.Reverse(want.Pools)
	want.Services = over.Services
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if !reflect.DeepEqual(base, designConfig()) {
		t.Error("base was changed")
	}
	if got := Merge(nil, nil); !reflect.DeepEqual(got, new(policy.Config)) {
		t.Errorf("got %+v", got)
	}
}

// The dumb oracle is a map: over's object if it has one, or else base's.
func TestMergeIsAMapUpdate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base, over := uniqueNames(genConfig.Draw(t, "base")), uniqueNames(genConfig.Draw(t, "over"))
		want := map[string]string{}
		for _, c := range []*policy.Config{base, over} {
			for _, e := range Diff(nil, c) {
				want[e.Object] = e.New
			}
		}
		merged := Merge(base, over)
		got := map[string]string{}
		for _, e := range Diff(nil, merged) {
			got[e.Object] = e.New
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %v\nwant %v", got, want)
		}
		if again := Merge(merged, over); encoded(t, again) != encoded(t, merged) {
			t.Fatal("merging a second time changes something")
		}
		shuffled := *base
		shuffled.Pools = slices.Clone(base.Pools)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		r.Shuffle(len(shuffled.Pools), func(i, j int) {
			shuffled.Pools[i], shuffled.Pools[j] = shuffled.Pools[j], shuffled.Pools[i]
		})
		if encoded(t, Merge(&shuffled, over)) != encoded(t, merged) {
			t.Fatal("the order of base shows")
		}
	})
}
