package change

import (
	"github.com/meridian-gtm/meridian/policy"
)

// InitCluster is the first change of a cluster: its identity, its first member and its first token.
type InitCluster struct {
	Cluster policy.Cluster `json:"cluster"`
	Member  policy.Member  `json:"member"`
	Token   policy.Token   `json:"token"`
	Feature int            `json:"feature,omitempty"` // level in force from the start; 0 is 1
}

func (b InitCluster) apply(d *making) error {
	if d.Cluster.ID != "" {
		return policy.Errorf(policy.Conflict, "the cluster exists already, with id %s", d.Cluster.ID)
	}
	if b.Feature > policy.FeatureLevel {
		return policy.Errorf(policy.Unsupported, "feature level %d is above this version's %d; upgrade this node", b.Feature, policy.FeatureLevel)
	}
	d.revise()
	d.Cluster = b.Cluster
	d.Feature = max(1, b.Feature)
	d.Epoch = 1
	d.Members.Set(b.Member.ID, b.Member)
	d.Tokens.Set(b.Token.ID, b.Token)
	return nil
}

// RaiseFeature puts a feature level in force once every member can apply it.
type RaiseFeature struct {
	Level int `json:"level"`
}

func (b RaiseFeature) apply(d *making) error {
	if b.Level > policy.FeatureLevel {
		return policy.Errorf(policy.Unsupported, "feature level %d is above this version's %d; upgrade this node", b.Level, policy.FeatureLevel)
	}
	for _, m := range d.Members.All {
		if m.Feature < b.Level {
			return policy.Errorf(policy.Conflict, "node %s is at feature level %d; upgrade it before level %d", m.Node, m.Feature, b.Level)
		}
	}
	if b.Level > d.Feature {
		d.Feature = b.Level
	}
	return nil
}

// PutMember records a node, when it joins and when what it says of itself changes.
type PutMember struct {
	policy.Member
}

func (b PutMember) apply(d *making) error {
	if b.ID == "" || b.Node == "" {
		return policy.Errorf(policy.Invalid, "a member needs an id and a node label")
	}
	if d.Removed.Has(b.ID) {
		return policy.Errorf(policy.Conflict, "member %s was removed from the cluster; its node joins again with an empty data directory, under a new id", b.ID)
	}
	if err := b.Member.Check(); err != nil {
		return err
	}
	if b.Agent && b.Feature < d.Feature {
		return policy.Errorf(policy.Conflict, "the agent can apply feature level %d, and the cluster is at %d; upgrade it", b.Feature, d.Feature)
	}
	for _, m := range d.Members.All {
		if b.Agent && m.ID != b.ID && m.Cluster == b.Cluster {
			return policy.Errorf(policy.Conflict, "%s is at %s already; give the agent an address of its own (cluster.advertise)", m.Node, m.Cluster)
		}
		if m.ID != b.ID && m.Node == b.Node {
			return policy.Errorf(policy.Conflict, "node %q is in the cluster already with id %s; remove that member first, or start this node with another label", b.Node, m.ID)
		}
	}
	d.Members.Set(b.ID, b.Member)
	return nil
}

// DeleteMember takes a node out of the cluster for good: its id is not let in again.
type DeleteMember struct {
	ID string `json:"id"`
}

func (b DeleteMember) apply(d *making) error {
	if !d.Members.Delete(b.ID) {
		return policy.Errorf(policy.NotFound, "there is no member with id %q", b.ID)
	}
	d.Removed.Set(b.ID, d.Clock)
	return nil
}

// PutSecret keeps a credential, sealed by the node that took it.
type PutSecret struct {
	policy.Secret
}

func (b PutSecret) apply(d *making) error {
	if err := policy.CheckLabel(b.Name); err != nil {
		return policy.Errorf(policy.Invalid, "%v", err)
	}
	if len(b.Sealed) == 0 || len(b.Sealed) > 64<<10 {
		return policy.Errorf(policy.Invalid, "secret %q has %d octets; 1 to 65536 may be", b.Name, len(b.Sealed))
	}
	if err := d.match("the state", d.base.Revision); err != nil {
		return err
	}
	d.revise()
	d.Secrets.Set(b.Name, b.Secret)
	return nil
}

// DeleteSecret forgets a credential that no monitor uses.
type DeleteSecret struct {
	Name string `json:"name"`
}

func (b DeleteSecret) apply(d *making) error {
	if !d.Secrets.Has(b.Name) {
		return policy.Errorf(policy.NotFound, "there is no secret %q", b.Name)
	}
	if err := d.match("the state", d.base.Revision); err != nil {
		return err
	}
	for _, m := range d.Monitors.All {
		for _, ref := range m.Spec.Secrets() {
			if ref.Secret == b.Name {
				return policy.Errorf(policy.Conflict, "monitor %q uses the secret %q", m.Spec.Name, b.Name)
			}
		}
	}
	if o := d.Cluster.OIDC; o != nil && o.ClientSecret != nil && o.ClientSecret.Secret == b.Name {
		return policy.Errorf(policy.Conflict, "the log-in by OIDC uses the secret %q", b.Name)
	}
	for _, r := range d.Receivers.All {
		for _, ref := range r.Spec.Secrets() {
			if ref.Secret == b.Name {
				return policy.Errorf(policy.Conflict, "notification %q uses the secret %q", r.Spec.Name, b.Name)
			}
		}
	}
	d.revise()
	d.Secrets.Delete(b.Name)
	return nil
}
