package snapshot_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/snapshot"
	"github.com/meridian-gtm/meridian/policy/steer"
)

// A safety rule for automation changes an answer only where nothing is available: what is down is never put back beside what
// is up. And the way in which a state came to be makes no difference to it.
func TestRulesForAutomationPutNothingDeadBesideTheLiving(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		without := drawState(t)
		local := drawLocal(t, without, 0)
		with := without.Clone()
		with.SafetyRules.Set("keep", policy.Object[policy.SafetyRule]{Rev: 1, Spec: policy.SafetyRule{
			Name: "keep", AppliesTo: []string{policy.ForAutomation}, AtLeast: &policy.AtLeast{Regions: rapid.IntRange(1, 4).Draw(t, "regions"), Capacity: policy.Percent(rapid.IntRange(0, 90).Draw(t, "share"))},
		}})
		plain, kept := compile(t, nil, without, local), compile(t, nil, with, local)
		again := compile(t, plain, with, local) // on its way from another state
		client := drawClient(t)
		for i, svc := range plain.Services.All() {
			for _, f := range both {
				if _, ok := svc.Kind(f.Type()); !ok {
					continue
				}
				a, b := explain(t, plain, svc, f, client), explain(t, kept, kept.Services.At(int32(i)), f, client)
				if c := explain(t, again, again.Services.At(int32(i)), f, client); !sameShares(b, c) {
					t.Fatalf("by another way it is %+v, not %+v", c.Distribution, b.Distribution)
				}
				acts := slices.ContainsFunc(b.Reasons, func(r string) bool { return strings.Contains(r, "safety rule keep acts") })
				resort := a.Tier == steer.LastResort.String() || a.Tier == steer.Withheld.String()
				if !sameShares(a, b) && (!acts || !resort) {
					t.Fatalf("tier %q without the rule: %+v became %+v", a.Tier, a.Distribution, b.Distribution)
				}
			}
		}
	})
}

func sameShares(a, b *snapshot.Explanation) bool {
	return slices.EqualFunc(a.Distribution, b.Distribution, func(x, y snapshot.Share) bool {
		return x.Probability == y.Probability && slices.Equal(x.Endpoints, y.Endpoints)
	})
}
