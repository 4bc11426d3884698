package node

import (
	"context"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
)

// canaries ends those whose condition has come true or whose time is over, and publishes what has passed.
func (d *duties) canaries(ctx context.Context) {
	s, now := d.state(), d.clock()
	before := d.trials
	d.trials = map[string]*change.Trial{}
	for _, v := range s.Drafts.All {
		t := before[v.ID]
		if t == nil {
			t = &change.Trial{}
		}
		body := t.Canary(s, v, now)
		if v.Canary != nil && v.Canary.State == policy.CanaryRunning {
			d.trials[v.ID] = t
		}
		if body == nil {
			continue
		}
		err := d.ask(ctx, body)
		if _, publish := body.(change.PublishDraft); publish && err != nil && ctx.Err() == nil {
			_ = d.ask(ctx, change.EndCanary{ID: v.ID, Problem: "it has passed, and could not be published: " + err.Error()})
		}
	}
}

// headEvery is how often the head of the audit goes to the log, if it is another one.
const headEvery = int64(time.Hour)

// tellHead writes the head of the audit to the log, which is kept elsewhere: who cuts entries off its
// end cannot take that back (S-20).
func (d *duties) tellHead() {
	h, now := d.state().AuditHead, d.clock()
	if h == nil || h.Hash == d.head || d.headAt != 0 && now-d.headAt < headEvery {
		return
	}
	d.head, d.headAt = h.Hash, now
	d.log.Info("the head of the audit", "seq", h.Seq, "hash", h.Hash)
}
