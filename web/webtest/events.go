package webtest

import (
	"context"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// Tell makes something happen.
func (n *Node) Tell(ev policy.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tell(ev)
}

// Forget takes the first events out of memory.
func (n *Node) Forget(events uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.forgotten = events
}

func (n *Node) tell(ev policy.Event) {
	ev.Seq, ev.Node = uint64(len(n.events)+1), "ns1"
	ev.At = Start.Add(time.Duration(ev.Seq) * time.Second)
	n.events = append(n.events, ev)
	close(n.more)
	n.more = make(chan struct{})
}

// Events gives the events after a sequence number, then the new ones.
func (n *Node) Events(ctx context.Context, after uint64) <-chan policy.Event {
	out := make(chan policy.Event)
	go func() {
		defer close(out)
		for {
			n.mu.Lock()
			list, more := n.events[min(max(after, n.forgotten), uint64(len(n.events))):], n.more
			n.mu.Unlock()
			for _, ev := range list {
				select {
				case out <- ev:
					after = ev.Seq
				case <-ctx.Done():
					return
				}
			}
			select {
			case <-more:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}
