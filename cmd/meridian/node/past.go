package node

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/cmd/meridian/node/history"
	"github.com/meridian-gtm/meridian/policy"
)

// historyDir is where a node keeps the history of health.
const historyDir = "history"

// historyRequest asks a node for what it kept of checks. Times are ages by the clock of who asks, in nanoseconds.
type historyRequest struct {
	Checks []string      `json:"checks"`
	From   time.Duration `json:"from"`
	To     time.Duration `json:"to"`
	Step   time.Duration `json:"step"`
}

// historyAnswer is what it kept, by check. Points are steps of the node's own clock.
type historyAnswer map[string]historyOf

type historyOf struct {
	Points []policy.HistoryPoint `json:"points"`
	Edges  []policy.VerdictEdge  `json:"edges"`
}

// keepHistory keeps the history of health until ctx ends.
func (n *Node) keepHistory(ctx context.Context) error {
	var known *checkList
	return n.past.Run(ctx, func() (checks []string, verdict func(string) (policy.Status, bool)) {
		s := n.State()
		if list := n.checks.of(s); list != known {
			known, checks = list, make([]string, 0, len(list.checks))
			for i := range list.checks {
				checks = append(checks, list.checks[i].ID)
			}
		}
		return checks, func(check string) (policy.Status, bool) {
			v, ok := s.Verdicts.Get(check)
			return v.Status, ok
		}
	})
}

// sampled takes note of a sample of this vantage's own, unless it says nothing of the target.
func (n *Node) sampled(check string, s policy.Sample, _, _ policy.Opinion) {
	if !s.Refused && !s.Blind {
		n.past.Sample(check, s.OK, time.Duration(s.Took))
	}
}

// tellHistory is what this node has.
func (n *Node) tellHistory(ask historyRequest) (historyAnswer, error) {
	now := time.Now()
	from, to := now.Add(-ask.From), now.Add(-ask.To)
	answer := historyAnswer{}
	for _, check := range ask.Checks {
		points, err := n.past.Read(check, now, from, to, ask.Step)
		if err != nil {
			return nil, err
		}
		edges, err := n.past.Edges(check, from.UnixNano(), to.UnixNano())
		if err != nil {
			return nil, err
		}
		h := historyOf{Edges: edges, Points: []policy.HistoryPoint{}}
		for _, p := range points {
			h.Points = append(h.Points, policy.HistoryPoint{
				At: p.At, Judged: p.Judged, Status: p.Status(), Down: p.Down, Probed: p.Probed, Latency: policy.Duration(p.Latency), Max: policy.Duration(p.Max), Loss: p.Loss,
			})
		}
		answer[check] = h
	}
	return answer, nil
}

// History asks every node what it kept of an endpoint's checks, for two seconds at most.
func (n *Node) History(ctx context.Context, q policy.HistoryQuery) (policy.EndpointHistory, error) {
	s := n.State()
	pool, e, err := endpoint(s, q.Endpoint)
	if err != nil {
		return policy.EndpointHistory{}, err
	}
	now := time.Now()
	step := history.Step(now.Sub(q.From), q.To.Sub(q.From), time.Duration(q.Step))
	h := policy.EndpointHistory{
		Endpoint: policy.EndpointID(pool.Name, e.Name), From: q.From.UTC(), To: q.To.UTC(), Step: policy.Duration(step), Checks: []policy.CheckHistory{}, Missing: []string{},
	}
	ask := historyRequest{From: now.Sub(q.From), To: now.Sub(q.To), Step: step}
	checks := n.checks.of(s)
	for _, at := range checks.of[h.Endpoint] {
		ask.Checks = append(ask.Checks, checks.checks[at].ID)
		h.Checks = append(h.Checks, policy.CheckHistory{Check: checks.checks[at].ID, Monitor: checks.checks[at].Monitor.Name, Timeline: []policy.TimelinePoint{}, Vantages: []policy.VantageHistory{}})
	}
	if len(ask.Checks) == 0 {
		return h, nil
	}
	told, missing := n.askHistory(ctx, s, ask)
	h.Missing = append(h.Missing, missing...)
	for i := range h.Checks {
		joinHistory(&h.Checks[i], told)
	}
	return h, nil
}

type toldHistory struct {
	node   string
	answer historyAnswer
}

// askHistory asks all nodes; this one's own answer is first, then those of others in order of labels. Agents keep none.
func (n *Node) askHistory(ctx context.Context, s *policy.State, ask historyRequest) (told []toldHistory, missing []string) {
	ctx, cancel := context.WithTimeout(ctx, settleFor)
	defer cancel()
	members := nodesOf(s, n.id())
	slices.SortFunc(members, func(a, b policy.Member) int { return strings.Compare(a.Node+a.ID, b.Node+b.ID) })
	members = append([]policy.Member{{ID: n.id(), Node: n.cfg.Node}}, members...)
	answers, failed := make([]historyAnswer, len(members)), make([]error, len(members))
	var all sync.WaitGroup
	for i, m := range members {
		all.Go(func() {
			if m.ID == n.id() {
				answers[i], failed[i] = n.tellHistory(ask)
			} else {
				failed[i] = n.call(ctx, m.Cluster, "history", ask, &answers[i])
			}
		})
	}
	all.Wait()
	for i, m := range members {
		if failed[i] != nil {
			missing = append(missing, m.Node)
			continue
		}
		told = append(told, toldHistory{m.Node, answers[i]})
	}
	return told, missing
}

// joinHistory puts what nodes told of a check together: each vantage by itself, and of each step of the verdict what the first
// that knows it says, since all follow the same.
func joinHistory(c *policy.CheckHistory, told []toldHistory) {
	line := map[int64]policy.TimelinePoint{}
	seen := map[uint64]bool{}
	for _, t := range told {
		v := policy.VantageHistory{Vantage: t.node, Points: []policy.VantagePoint{}}
		of := t.answer[c.Check]
		for _, p := range of.Points {
			if _, ok := line[p.At.UnixNano()]; !ok && p.Judged {
				line[p.At.UnixNano()] = policy.TimelinePoint{At: p.At, Status: p.Status, Down: p.Down}
			}
			if p.Probed {
				v.Points = append(v.Points, policy.VantagePoint{At: p.At, Latency: p.Latency, Max: p.Max, Loss: p.Loss})
			}
		}
		if len(v.Points) > 0 {
			c.Vantages = append(c.Vantages, v)
		}
		for _, e := range of.Edges {
			if !seen[e.Index] {
				seen[e.Index] = true
				c.Changes = append(c.Changes, e)
			}
		}
	}
	for _, p := range line {
		c.Timeline = append(c.Timeline, p)
	}
	slices.SortFunc(c.Timeline, func(a, b policy.TimelinePoint) int { return a.At.Compare(b.At) })
	slices.SortFunc(c.Vantages, func(a, b policy.VantageHistory) int { return strings.Compare(a.Vantage, b.Vantage) })
	slices.SortStableFunc(c.Changes, func(a, b policy.VerdictEdge) int { return b.At.Compare(a.At) })
	c.Changes = append([]policy.VerdictEdge{}, c.Changes[:min(len(c.Changes), policy.MaxChanges)]...)
}

func (n *Node) answerHistory() {
	n.port.Handle("history", func(_ context.Context, _ string, body []byte) ([]byte, error) {
		var ask historyRequest
		if err := json.Unmarshal(body, &ask); err != nil || ask.Step < history.Finest || ask.From < ask.To || ask.From > history.Span+time.Hour || int64((ask.From-ask.To)/ask.Step) > history.MaxPoints+1 {
			return nil, policy.Errorf(policy.Invalid, "a request that cannot be read: %v", err)
		}
		answer, err := n.tellHistory(ask)
		if err != nil {
			return nil, err
		}
		return json.Marshal(answer)
	})
}
