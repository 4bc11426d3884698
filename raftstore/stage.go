package raftstore

import (
	"context"
	"crypto/rand"
	"crypto/sha256"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
)

// Big bodies go to the log in pieces, so that a verdict never waits behind
// megabytes in one entry: staged piece by piece, then swapped in by one small commit.
const (
	stageOver  = 256 << 10 // octets of an encoded body from which it is staged
	stageChunk = 128 << 10
	stageTries = 3
)

// stage brings a big change in. It runs on the node that has the change, so
// that each piece may go to whichever node leads then.
func (s *Store) stage(ctx context.Context, c change.Change, body []byte) (policy.Outcome, error) {
	if len(body) > change.MaxStaged {
		return policy.Outcome{}, policy.Errorf(policy.Invalid, "a change of %d octets is over the limit of %d", len(body), change.MaxStaged)
	}
	if o, ok := s.State().Requests.Get(c.Request); ok && c.Request != "" {
		o.Replayed = true
		return o, nil
	}
	sum := sha256.Sum256(body)
	id := "stage-" + rand.Text()
	chunks := 0
	for try := 1; ; try++ {
		var err error
		if chunks, err = s.stageChunks(ctx, c.Actor, id, body); err == nil {
			break
		}
		// A piece whose outcome was unknown may be there already when it is
		// sent again, which then conflicts: from the beginning.
		retry := policy.KindOf(err) == policy.Conflict || policy.KindOf(err) == policy.Unavailable
		if !retry || try == stageTries || ctx.Err() != nil {
			if policy.KindOf(err) == policy.Unavailable { // pieces without their commit change nothing, whatever became of them
				err = policy.Errorf(policy.Unavailable, "nothing was changed: the pieces of a change of %d octets could not all be written (%v); try again when the cluster has a leader whose disk has room", len(body), err)
			}
			return policy.Outcome{}, err
		}
	}
	c.Body = &change.CommitStaged{ID: id, SHA256: sum[:], Chunks: chunks}
	return s.propose(ctx, c, len(body))
}

func (s *Store) stageChunks(ctx context.Context, actor, id string, body []byte) (chunks int, err error) {
	for seq := 0; len(body) > 0; seq++ {
		n := min(stageChunk, len(body))
		o, err := s.propose(ctx, change.Change{Actor: actor, Body: &change.StageChunk{ID: id, Seq: seq, Data: body[:n]}}, 0)
		if err != nil {
			return 0, err
		}
		if o.Refused != nil {
			return 0, o.Refused
		}
		body = body[n:]
		chunks++
	}
	return chunks, nil
}
