package node

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/drill"
	"github.com/meridian-gtm/meridian/policy/snapshot"
)

// preflight checks what State does not say: who would go where and whether there is room, and whether the cluster is whole.
func (n *Node) preflight(ctx context.Context, s *policy.State, plan *policy.DrillPlan) (list []policy.DrillCheck) {
	status := n.Cluster(ctx)
	list = append(list, quorum(status), servers(status, plan))
	before, err := n.Draft(s)
	if err == nil {
		var after *snapshot.Snapshot
		if after, err = n.Draft(drill.Evacuated(s, plan)); err == nil {
			effects, _ := after.EffectsFrom(before)
			return append(list, room(s, plan, effects, n.State().Clock))
		}
	}
	return append(list, policy.DrillCheck{Name: drill.CheckCapacity, Result: policy.CheckFail, Text: "who would go where cannot be worked out: " + err.Error()})
}

// Preflight is every check of a plan, for somebody who asks before.
func (n *Node) Preflight(ctx context.Context, plan *policy.DrillPlan) []policy.DrillCheck {
	s := n.State()
	return append(drill.Preflight(s, plan, "", time.Now().UnixNano()), n.preflight(ctx, s, plan)...)
}

// quorum wants as many voters reachable as leave a majority when one more goes.
func quorum(c policy.ClusterStatus) policy.DrillCheck {
	voters, there := 0, 0
	var lost []string
	for _, m := range c.Members {
		if !m.Voter {
			continue
		}
		voters++
		if m.Reachable {
			there++
		} else {
			lost = append(lost, m.Node)
		}
	}
	out := policy.DrillCheck{Name: drill.CheckQuorum, Result: policy.CheckOK, Text: fmt.Sprintf("%d of %d voters are reachable", there, voters)}
	if len(lost) > 0 {
		out.Text += "; not " + strings.Join(lost, ", ")
	}
	switch {
	case there < voters/2+1:
		out.Result = policy.CheckFail
	case len(lost) > 0:
		out.Result = policy.CheckWarn
	}
	return out
}

// servers wants other nodes that answer DNS when a plan silences some.
func servers(c policy.ClusterStatus, plan *policy.DrillPlan) policy.DrillCheck {
	silent := map[string]bool{}
	for _, st := range plan.Compile() {
		if st.SilenceNode != "" {
			silent[st.SilenceNode] = true
		}
	}
	left := 0
	for _, m := range c.Members {
		if !m.Agent && m.Reachable && !silent[m.Node] {
			left++
		}
	}
	out := policy.DrillCheck{Name: drill.CheckServers, Result: policy.CheckOK, Text: fmt.Sprintf("%d nodes go on answering", left)}
	if left == 0 {
		out.Result, out.Text = policy.CheckFail, "no other node that can be reached would answer"
	}
	return out
}

// room works out what the regions that remain would have to carry: of each region that is taken out its load goes where
// its clients go, by the share of clients.
func room(s *policy.State, plan *policy.DrillPlan, effects []snapshot.Effect, now int64) policy.DrillCheck {
	gone := map[string]float64{}             // region: load
	moves := map[string]map[string]float64{} // from, to: share, of all services
	total := map[string]float64{}            // from
	gains := map[string]float64{}            // to
	for _, e := range effects {
		for _, m := range e.Moves {
			if moves[m.From] == nil {
				moves[m.From] = map[string]float64{}
			}
			moves[m.From][m.To] += m.Share
			total[m.From] += m.Share
			gains[m.To] += m.Share / float64(len(effects))
		}
	}
	load := func(region string) (float64, bool) {
		l, ok := s.Loads.Get("region/" + region)
		return l.Value, ok && l.Due() > now
	}
	for from := range moves {
		gone[from], _ = load(from)
	}
	out := policy.DrillCheck{Name: drill.CheckCapacity, Result: policy.CheckOK}
	var texts []string
	for _, to := range slices.Sorted(maps.Keys(gains)) {
		text := fmt.Sprintf("%s gets %.0f %% of all clients more", to, 100*gains[to])
		region := s.Region(to)
		now, known := load(to)
		if region == nil || region.Capacity == nil || !known {
			out.Result = worse(out.Result, policy.CheckWarn)
			texts = append(texts, text+" (its load or capacity is not known)")
			continue
		}
		then := now
		for from, share := range moves {
			if total[from] > 0 {
				then += gone[from] * share[to] / total[from]
			}
		}
		limits := region.Capacity.WithDefaults()
		switch {
		case then > limits.Limit*limits.High:
			out.Result = policy.CheckFail
		case then > limits.Limit*limits.Low:
			out.Result = worse(out.Result, policy.CheckWarn)
		}
		texts = append(texts, fmt.Sprintf("%s, %.4g of %.4g instead of %.4g", text, then, limits.Limit, now))
	}
	if out.Text = strings.Join(texts, "; "); out.Text == "" {
		out.Text = "no client would be sent anywhere else"
	}
	return out
}

func worse(a, b string) string {
	if a == policy.CheckFail {
		return a
	}
	return b
}

// window asks every node when it published a change, and with which TTL it handed out before what that takes out.
func (n *Node) window(ctx context.Context, s *policy.State, r *policy.Drill, index uint64, back bool) (until time.Time, lost []string, err error) {
	plan := &r.Plan
	if !back {
		w := n.Window(ctx, policy.WindowQuery{Index: index, Endpoints: drill.Endpoints(s, plan), By: drill.Controls(r)})
		for i := range w.Nodes {
			if at := w.Nodes[i].ClosesAt; at.After(until) {
				until = at
			}
		}
		switch {
		case w.State == policy.WindowPublishing:
			return until, nil, fmt.Errorf("not every node has published it yet")
		case len(w.StillServed) > 0:
			return until, nil, fmt.Errorf("%v are still served", w.StillServed)
		case until.IsZero():
			until = time.Now()
		}
		return until, w.Unreachable(), nil
	}
	nodes := n.Settle(ctx, index)
	for _, p := range nodes {
		switch {
		case p.PublishedAt.After(until):
			until = p.PublishedAt
		case p.PublishedAt.IsZero() && p.Reachable:
			return until, nil, fmt.Errorf("%s has not published it yet", p.Node)
		case p.PublishedAt.IsZero():
			lost = append(lost, p.Node)
		}
	}
	if until.IsZero() {
		return until, nil, fmt.Errorf("no node has published it yet")
	}
	slices.Sort(lost)
	return until.Add(time.Duration(drill.Window(s, plan))), lost, nil
}

// webhook makes the call of a step, with a key that is the same whoever makes it and how often.
func (n *Node) webhook(ctx context.Context, r *policy.Drill, step int) (int, error) {
	return n.notifier.Call(ctx, drill.Webhook(r, step))
}

// residual is who came to endpoints between two times of State's clock, which is near the wall clock that logs go by.
func (n *Node) residual(ctx context.Context, endpoints []string, from, to int64) []policy.Residual {
	q := policy.ResidualQuery{Since: time.Unix(0, from)}
	if to != 0 {
		q.Until = time.Unix(0, to)
	}
	s := n.State()
	for _, id := range endpoints {
		q.Names = append(q.Names, s.NamesOf(id)...)
	}
	return n.Residual(ctx, q).Items
}

// firstFailed goes by the samples that the vantages still have.
func (n *Node) firstFailed(ctx context.Context, endpoint string, decided int64) (first int64) {
	h, err := n.Evidence(ctx, endpoint)
	if err != nil {
		return 0
	}
	for _, c := range h.Checks {
		for _, v := range c.Samples {
			if at := failedSince(v.Samples, decided); at != 0 && (first == 0 || at < first) {
				first = at
			}
		}
	}
	return first
}

// failedSince is when the run of failures began that a decision came after; samples are the newest first.
func failedSince(samples []policy.Evidence, decided int64) (first int64) {
	for _, e := range samples {
		at := e.At.UnixNano()
		switch {
		case e.Refused || at > decided: // it says nothing, or came later
		case e.OK:
			return first
		default:
			first = at
		}
	}
	return first
}

// acting is what safety rules for automation do now, a line each.
func (n *Node) acting() (list []string) {
	snap := n.publisher.snapshot()
	if snap == nil {
		return nil
	}
	all := snap.Kept()
	for _, rule := range slices.Sorted(maps.Keys(all)) {
		for _, kept := range all[rule] {
			if kept.Acts {
				list = append(list, "the rule "+rule+" acted: "+kept.Text)
			}
		}
	}
	return list
}
