package change

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/meridian-gtm/meridian/policy"
)

// PutConfig replaces the configuration document, or merges one into it by
// name. It goes in whole or not at all.
type PutConfig struct {
	Config policy.Config `json:"config"`
	Merge  bool          `json:"merge,omitempty"` // keep the objects that Config does not name
	// Force lets one change delete more than GuardedDeletes allows (I-04).
	Force bool `json:"force,omitempty"`
}

// GuardedDeletes is how many of n objects of a kind one change may delete
// without force: the larger of 10 and 20 %.
func GuardedDeletes(n int) int { return max(10, n/5) }

// guard refuses to delete more than GuardedDeletes of n objects without force.
func guard(gone, n int, what string, force bool) error {
	if limit := GuardedDeletes(n); gone > limit && !force {
		return policy.Errorf(policy.Unsafe, "this would delete %d of %d %ss; more than %d in one change need force (--force, or ?force=true)", gone, n, what, limit)
	}
	return nil
}

func (b PutConfig) apply(d *making) error {
	if err := d.match("the configuration", d.base.ConfigRevision); err != nil {
		return err
	}
	before, changed := d.Clone(), 0
	for _, k := range objectKinds {
		n, err := k.put(d, &b.Config, b.Merge, b.Force)
		if err != nil {
			return err
		}
		changed += n
	}
	return d.configured(before, changed, b.Force)
}

// configured judges the configuration that a change has made, and finishes what hangs on it. This is the one place
// where a configuration is let in. changed is how many of its objects are others than before.
func (d *making) configured(before *policy.State, changed int, force bool) error {
	if changed == 0 {
		d.outcome.Revision = d.ConfigRevision
		return nil
	}
	d.revise()
	return d.fits(before, true, force)
}

// put sets one kind of object to a list and counts what changed. An object
// that is the same as before keeps its revision.
func put[T any](d *making, tree *policy.Tree[policy.Object[T]], list []T, what string, name func(T) string, merge, force bool, rev uint64) (int, error) {
	changed, before := 0, tree.Len()
	keep := make(map[string]bool, len(list))
	for i, v := range list {
		n := name(v)
		if _, err := json.Marshal(v); err != nil { // a number that is none, which no log or hash can hold
			return 0, policy.Errorf(policy.Invalid, "%s %q cannot be written down: %v", what, n, err)
		}
		if keep[n] {
			return 0, &policy.Error{Kind: policy.Invalid, Message: "the configuration is not valid", Problems: []policy.Problem{
				{Pointer: fmt.Sprintf("/%ss/%d", what, i), Message: fmt.Sprintf("%s %q is there twice", what, n)}}}
		}
		keep[n] = true
		old, ok := tree.Get(n)
		if ok && same(old.Spec, v) {
			continue
		}
		tree.Set(n, policy.Object[T]{Rev: rev, Spec: v})
		changed++
	}
	if merge {
		return changed, nil
	}
	var gone []string
	for n := range tree.All {
		if !keep[n] {
			gone = append(gone, n)
		}
	}
	if err := guard(len(gone), before, what, force); err != nil {
		return 0, err
	}
	for _, n := range gone {
		tree.Delete(n)
		d.IDs.Delete(what + "/" + n)
	}
	return changed + len(gone), nil
}

func same(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

func (d *making) checkSecrets(c *policy.Config) error {
	var p policy.Problems
	check := func(at string, secrets iter.Seq2[string, *policy.SecretRef]) {
		for pointer, ref := range secrets {
			if !d.Secrets.Has(ref.Secret) {
				p.Add(at+pointer, "there is no secret %q; put it first (PUT /api/v1/secrets/%s)", ref.Secret, ref.Secret)
			}
		}
	}
	for i := range c.Monitors {
		check(fmt.Sprintf("/monitors/%d", i), c.Monitors[i].Secrets())
	}
	for i := range c.DrillPlans {
		check(fmt.Sprintf("/drillPlans/%d", i), c.DrillPlans[i].Secrets())
	}
	for i := range c.Notifications {
		check(fmt.Sprintf("/notifications/%d", i), c.Notifications[i].Secrets())
	}
	return p.Err("the configuration is not valid")
}

// number gives ids to what is new and takes those of endpoints that are gone,
// unless those are more than one change may delete.
func (d *making) number(c *policy.Config, force bool) error {
	endpoints := map[string]bool{}
	for _, p := range c.Pools {
		for _, e := range p.Endpoints {
			endpoints[policy.EndpointID(p.Name, e.Name)] = true
		}
	}
	var gone []string
	before := 0
	d.IDs.From("endpoint/", func(id string, _ uint32) bool {
		if id >= "endpoint0" {
			return false
		}
		before++
		if !endpoints[id] {
			gone = append(gone, id)
		}
		return true
	})
	if err := guard(len(gone), before, "endpoint", force); err != nil {
		return err
	}
	for _, r := range c.Regions {
		d.id("region/" + r.Name)
	}
	for _, m := range c.Monitors {
		d.id("monitor/" + m.Name)
	}
	for _, p := range c.Pools {
		d.id("pool/" + p.Name)
		for _, e := range p.Endpoints {
			d.id(policy.EndpointID(p.Name, e.Name))
		}
	}
	for i := range c.Services {
		d.id("service/" + c.Services[i].ID())
	}
	for _, id := range gone {
		d.IDs.Delete(id)
	}
	return nil
}

// dropOrphanVerdicts forgets verdicts on checks that no longer exist.
func (d *making) dropOrphanVerdicts() {
	live := d.liveChecks()
	var gone []string
	for id := range d.Verdicts.All {
		if !live[id] {
			gone = append(gone, id)
		}
	}
	for _, id := range gone {
		d.Verdicts.Delete(id)
	}
}

func (d *making) liveChecks() map[string]bool {
	live := map[string]bool{}
	for _, o := range d.Pools.All {
		addChecks(live, &o.Spec)
	}
	return live
}

func addChecks(live map[string]bool, pool *policy.Pool) {
	for i := range pool.Endpoints {
		names, _ := pool.SetOf(&pool.Endpoints[i]).Names()
		for _, m := range names {
			live[policy.CheckID(pool, &pool.Endpoints[i], m)] = true
		}
	}
}
