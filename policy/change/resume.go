package change

import (
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// ResumeEndpoint lets an endpoint come up again by its monitors whose resume is
// manual. Whether it is up stays for the vantages to say.
type ResumeEndpoint struct {
	Endpoint string `json:"endpoint"` // "endpoint/POOL/NAME"
}

func (b ResumeEndpoint) apply(d *making) error {
	if strings.TrimSpace(d.change.Reason) == "" {
		return policy.Errorf(policy.Invalid, "a resume needs a reason (--reason, or \"reason\"): whoever is on call next will want to know")
	}
	if err := Admit(d.State, b); err != nil {
		return err
	}
	if err := d.match("the state", d.base.Revision); err != nil {
		return err
	}
	pool, e, err := d.endpoint(b.Endpoint)
	if err != nil {
		return err
	}
	manual, down := 0, 0
	names, _ := pool.SetOf(e).Names()
	for _, name := range names {
		if m, ok := d.Monitors.Get(name); !ok || m.Spec.Resume != policy.Manual {
			continue
		}
		manual++
		v, _ := d.Verdicts.Get(policy.CheckID(pool, e, name))
		if v.Status != policy.Down {
			continue
		}
		down++
		v.Resumed = true
		d.Verdicts.Set(v.Check, v)
	}
	switch {
	case manual == 0:
		return policy.Errorf(policy.Conflict, "no monitor of %s has resume: manual, so that it comes up by itself; a drain of it is lifted by undrain", b.Endpoint)
	case down == 0:
		return policy.Errorf(policy.Conflict, "%s is not down by a monitor with resume: manual; there is nothing to resume", b.Endpoint)
	}
	d.revise()
	return nil
}

// endpoint finds an endpoint by its id; when there is none it names those there are.
func (d *making) endpoint(id string) (*policy.Pool, *policy.Endpoint, error) {
	t, err := policy.ParseTarget(id)
	if err != nil || t.Kind != "endpoint" {
		return nil, nil, policy.Errorf(policy.Invalid, "%q is not an endpoint; write endpoint/POOL/NAME", id)
	}
	o, ok := d.Pools.Get(t.Name)
	if !ok {
		return nil, nil, d.exists(id)
	}
	var known []string
	for i := range o.Spec.Endpoints {
		e := &o.Spec.Endpoints[i]
		if e.Name == t.Sub {
			return &o.Spec, e, nil
		}
		known = append(known, policy.EndpointID(t.Name, e.Name))
	}
	if len(known) > 8 {
		known = append(known[:8], "…")
	}
	return nil, nil, policy.Errorf(policy.NotFound, "there is no %s; there are %s", id, strings.Join(known, ", "))
}
