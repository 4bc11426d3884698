package node

import (
	"context"

	"github.com/meridian-gtm/meridian/policy/change"
)

// canaries ends those whose condition has come true or whose time is over, and publishes what has passed.
func (d *duties) canaries(ctx context.Context) {
	s, now := d.state(), d.clock()
	for _, v := range s.Drafts.All {
		body := change.Canary(s, v, now)
		if body == nil {
			continue
		}
		err := d.ask(ctx, body)
		if _, publish := body.(change.PublishDraft); publish && err != nil && ctx.Err() == nil {
			_ = d.ask(ctx, change.EndCanary{ID: v.ID, Problem: "it has passed, and could not be published: " + err.Error()})
		}
	}
}
