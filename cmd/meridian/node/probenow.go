package node

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/probes"
	"github.com/meridian-gtm/meridian/raftstore/peer"
)

// probeRequest asks a vantage for one probe of a check at a revision.
type probeRequest struct {
	Check string `json:"check"`
	Key   uint64 `json:"key"`
}

// Probe makes one probe of an endpoint at once, at a vantage (this node by
// default), by a monitor (its only one by default), and tells what came of it.
func (n *Node) Probe(ctx context.Context, id, vantage, monitor string) (policy.ProbeResult, error) {
	s := n.State()
	pool, e, err := endpoint(s, id)
	if err != nil {
		return policy.ProbeResult{}, err
	}
	c, err := chosen(n.checks.of(s), policy.EndpointID(pool.Name, e.Name), monitor)
	if err != nil {
		return policy.ProbeResult{}, err
	}
	if c.Monitor.Signal != nil {
		return policy.ProbeResult{}, policy.Errorf(policy.Conflict, "monitor %s goes by the signal %s, which programs give: there is nothing to probe; meridian get signals shows it", c.Monitor.Name, c.Monitor.Signal.Name)
	}
	m, err := member(s, vantage, n.id())
	if err != nil {
		return policy.ProbeResult{}, err
	}
	var r policy.ProbeResult
	if m.ID == n.id() {
		r, err = n.prober.Now(ctx, *c)
	} else {
		limit, cancel := context.WithTimeout(ctx, time.Duration(c.Monitor.Timeout)+evidenceWithin)
		defer cancel()
		err = n.call(limit, m.Cluster, "probe", probeRequest{c.ID, c.Key}, &r)
		if lost := new(peer.CallError); errors.As(err, &lost) {
			err = policy.Errorf(policy.Unavailable, "vantage %s %s", m.Node, unreachable(lost.Err))
		}
	}
	r.Vantage = m.Node
	return r, err
}

// chosen is an endpoint's check by a monitor, or its only one.
func chosen(list *checkList, endpoint, monitor string) (*policy.Check, error) {
	var names []string
	for _, at := range list.of[endpoint] {
		c := &list.checks[at]
		if c.Monitor.Name == monitor || monitor == "" && len(list.of[endpoint]) == 1 {
			return c, nil
		}
		names = append(names, c.Monitor.Name)
	}
	switch {
	case len(names) == 0:
		return nil, policy.Errorf(policy.Conflict, "no monitor checks %s; give its pool a monitor", endpoint)
	case monitor == "":
		return nil, policy.Errorf(policy.Invalid, "%s has several monitors; name one of %s", endpoint, strings.Join(names, ", "))
	}
	return nil, policy.Errorf(policy.Invalid, "monitor %q does not check %s; it is checked by %s", monitor, endpoint, strings.Join(names, ", "))
}

// member finds a vantage by the label of its node; without one it is this node.
func member(s *policy.State, label, own string) (policy.Member, error) {
	var labels []string
	for id, m := range s.Members.All {
		if label == "" && id == own || label != "" && m.Node == label {
			return m, nil
		}
		labels = append(labels, m.Node)
	}
	slices.Sort(labels)
	if label == "" {
		return policy.Member{}, policy.Errorf(policy.Unavailable, "this node has not joined its cluster yet")
	}
	return policy.Member{}, policy.Errorf(policy.Invalid, "there is no vantage %q; there are %s", label, strings.Join(labels, ", "))
}

// askedProbe makes a probe for another node. It goes by the vantage's own
// list of checks: a caller names a check and cannot name a target.
func askedProbe(ctx context.Context, p *probes.Prober, find func(check string) *policy.Check, body []byte) ([]byte, error) {
	var ask probeRequest
	if err := json.Unmarshal(body, &ask); err != nil {
		return nil, policy.Errorf(policy.Invalid, "a request that cannot be read: %v", err)
	}
	c := find(ask.Check)
	if c == nil || c.Key != ask.Key {
		return nil, policy.Errorf(policy.Conflict, "the vantage does not have this check as it is now; it will in a moment: try again")
	}
	r, err := p.Now(ctx, *c)
	if err != nil {
		return nil, err
	}
	return json.Marshal(r)
}
