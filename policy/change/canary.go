package change

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// StartCanary puts a draft in use at some nodes before all others.
type StartCanary struct {
	ID        string          `json:"id"`
	Nodes     []string        `json:"nodes"` // labels
	For       policy.Duration `json:"for"`
	Hold      bool            `json:"hold,omitempty"`
	AbortWhen []string        `json:"abortWhen,omitempty"`
}

// EndCanary takes a draft back from the nodes, for a problem or because an operator wants it ("").
type EndCanary struct {
	ID      string `json:"id"`
	Problem string `json:"problem,omitempty"`
	Passed  bool   `json:"passed,omitempty"` // its time is over, and the draft waits
}

func (b StartCanary) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	v, _, after, err := d.publishable(b.ID)
	if err != nil {
		return err
	}
	if v.Canary != nil && v.Canary.State == policy.CanaryRunning {
		return policy.Errorf(policy.Conflict, "the draft %s is in use at %s already", v.ID, strings.Join(v.Canary.Nodes, ", "))
	}
	var p policy.Problems
	if b.For < policy.MinCanary || b.For > policy.MaxCanary {
		p.Add("/for", "a canary of %v is not within %v to %v", b.For, policy.MinCanary, policy.MaxCanary)
	}
	d.checkCanaryNodes(&p, v.ID, b.Nodes)
	if len(b.AbortWhen) > policy.MaxAbortWhen {
		p.Add("/abortWhen", "there are %d conditions; %d are the most", len(b.AbortWhen), policy.MaxAbortWhen)
	}
	for i, text := range b.AbortWhen {
		if problem, err := d.Condition(text, d.Clock); err != nil {
			p.Add(fmt.Sprintf("/abortWhen/%d", i), "%v", err)
		} else if problem != "" {
			p.Add(fmt.Sprintf("/abortWhen/%d", i), "%s already", problem)
		}
	}
	if err := p.Err("the canary is not valid"); err != nil {
		return err
	}
	if err := d.mayBecome(after, &v); err != nil {
		return err
	}
	v.Canary = &policy.Canary{
		Nodes: b.Nodes, Actor: d.change.Actor, StartedAt: d.Clock, EndsAt: d.Clock + int64(b.For), Hold: b.Hold, AbortWhen: b.AbortWhen, State: policy.CanaryRunning,
	}
	d.Drafts.Set(v.ID, v)
	d.outcome.Revision = d.Revision
	return nil
}

func (d *making) checkCanaryNodes(p *policy.Problems, id string, nodes []string) {
	serving := map[string]bool{}
	for _, m := range d.Members.All {
		serving[m.Node] = serving[m.Node] || !m.Agent
	}
	if len(nodes) == 0 {
		p.Add("/nodes", "a canary needs the labels of some nodes")
	}
	for i, n := range nodes {
		at := fmt.Sprintf("/nodes/%d", i)
		switch {
		case !serving[n]:
			p.Add(at, "there is no node %q that answers DNS", n)
		case slices.Contains(nodes[:i], n):
			p.Add(at, "%q is there twice", n)
		}
		for other, v := range d.Drafts.All {
			if other != id && v.Running(n) {
				p.Add(at, "%q has the draft %s in use", n, other)
			}
		}
	}
	if len(nodes) > 0 && len(nodes) >= len(serving) {
		p.Add("/nodes", "a canary at every node is none; leave some out, or publish the draft")
	}
}

func (b EndCanary) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	v, err := d.openDraft(b.ID)
	if err != nil {
		return err
	}
	if v.Canary == nil || v.Canary.State != policy.CanaryRunning {
		return policy.Errorf(policy.Conflict, "the draft %s is in use at no node", v.ID)
	}
	c := *v.Canary
	c.State, c.Problem, c.EndsAt = policy.CanaryAborted, b.Problem, d.Clock
	switch {
	case b.Passed:
		c.State = policy.CanaryPassed
	case b.Problem == "":
		c.Problem = "ended by " + d.change.Actor
	}
	v.Canary = &c
	d.Drafts.Set(v.ID, v)
	d.outcome.Revision = d.Revision
	return nil
}

// CanaryGrace is how long after its end a node goes on with a canary whose end it does not hear of.
const CanaryGrace = policy.Duration(30 * time.Second)

// CanaryEnds is when a node stops by itself answering by a draft, at the latest; 0 when it does not.
func CanaryEnds(s *policy.State, node string) int64 {
	if v, ok := tried(s, node); ok {
		return v.Canary.EndsAt + int64(CanaryGrace)
	}
	return 0
}

// tried is the draft that is in use at a node.
func tried(s *policy.State, node string) (policy.Draft, bool) {
	for _, v := range s.Drafts.All {
		if v.Running(node) {
			return v, true
		}
	}
	return policy.Draft{}, false
}

// Canary is what is to be done about a canary now, at a time of State's clock; nil: nothing.
func (t *Trial) Canary(s *policy.State, v policy.Draft, now int64) Body {
	if v.Closed != "" || v.Canary == nil || v.Canary.State != policy.CanaryRunning {
		return nil
	}
	for _, text := range v.Canary.AbortWhen {
		problem, err := s.Condition(text, now)
		if err != nil {
			problem = text + " cannot be told: " + err.Error()
		}
		if problem != "" {
			return EndCanary{ID: v.ID, Problem: problem}
		}
	}
	for _, actor := range []string{v.Author, v.Canary.Actor} {
		if !s.MayEdit(actor) {
			return EndCanary{ID: v.ID, Problem: actor + " may not change anything any more"}
		}
	}
	if _, reject := s.Approvers(v); len(reject) > 0 {
		return EndCanary{ID: v.ID, Problem: strings.Join(reject, ", ") + " rejected it"}
	}
	if err := t.fits(s, v); err != nil {
		return EndCanary{ID: v.ID, Problem: "it does not fit any more: " + err.Error()}
	}
	switch {
	case now < v.Canary.EndsAt:
		return nil
	case v.Canary.Hold:
		return EndCanary{ID: v.ID, Passed: true}
	}
	return PublishDraft{ID: v.ID}
}
