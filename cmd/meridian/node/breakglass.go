package node

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/safety"
)

const (
	glassTokenFile    = "breakglass.token"
	glassControlsFile = "breakglass.json" // the drains in force on this node alone
	maxLocalControls  = 100
)

// breakGlass lets whoever has this node's own token drain on this node alone while it has no leader. Token
// and drains are files of the node's; nothing of them is ever in Raft.
type breakGlass struct {
	acts      // what was done so, and which calls were refused
	label     string
	keeper    *keeper
	log       *slog.Logger
	now       func() time.Time
	state     func() *policy.State
	leader    func() string // label, or "" without one
	publish   func(ctx context.Context, list []policy.Control) error
	tokenHash [sha256.Size]byte
	mu        sync.Mutex
	controls  []policy.Control
}

// load reads the token, which it makes at the first start, and the drains that were in force.
func (g *breakGlass) load() error {
	token, err := g.keeper.read(glassTokenFile)
	if err == nil && len(strings.TrimSpace(string(token))) == 0 {
		token = []byte("mbg_" + base64.RawURLEncoding.EncodeToString(random(32)) + "\n")
		err = g.keeper.write(glassTokenFile, token)
	}
	if err != nil {
		return fmt.Errorf("the break-glass token: %w", err)
	}
	g.tokenHash = sha256.Sum256([]byte(strings.TrimSpace(string(token))))
	data, err := g.keeper.read(glassControlsFile)
	if err == nil && data != nil {
		err = json.Unmarshal(data, &g.controls)
	}
	if err != nil { // answers matter more than a drain that cannot be read
		g.log.Error("the drains of this node alone cannot be read; none is in force", "file", g.keeper.path(glassControlsFile), "error", err)
		g.controls = nil
	}
	return nil
}

// Node is the node's label.
func (g *breakGlass) Node() string { return g.label }

// Is says whether a token is this node's own.
func (g *breakGlass) Is(token string) bool {
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(sum[:], g.tokenHash[:]) == 1
}

// Controls are the drains in force on this node alone.
func (g *breakGlass) Controls() []policy.Control {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.live()
}

func (g *breakGlass) live() (list []policy.Control) {
	now := g.now().UnixNano()
	for _, c := range g.controls {
		if c.ExpiresAt > now {
			list = append(list, c)
		}
	}
	return list
}

// Drain puts a drain in force on this node alone, and returns when it answers so.
func (g *breakGlass) Drain(ctx context.Context, c policy.Control, lasts policy.Duration) (policy.Control, error) {
	if leader := g.leader(); leader != "" {
		return c, policy.Errorf(policy.Conflict, "this node has a leader, %s, so that the whole cluster can be told: drain with an operator's token (meridian drain %s)", leader, c.Target)
	}
	if lasts == 0 {
		lasts = policy.LocalDrainLife
	}
	switch {
	case lasts < 0 || lasts > policy.MaxLocalDrainLife:
		return c, policy.Errorf(policy.Invalid, "a drain of one node alone lasts up to %v, not %v", policy.MaxLocalDrainLife, lasts)
	case strings.TrimSpace(c.Reason) == "":
		return c, policy.Errorf(policy.Invalid, "a drain needs a reason (--reason, or \"reason\"): whoever is on call next will want to know")
	}
	if _, err := policy.ParseTarget(c.Target); err != nil {
		return c, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	list := g.live()
	if len(list) >= maxLocalControls {
		return c, policy.Errorf(policy.Conflict, "there are %d drains on this node alone, which is the most; lift some", len(list))
	}
	c.ID, c.Action = policy.LocalID(rand.Text()[:8]), policy.Drain
	c.CreatedAt, c.ExpiresAt = g.now().UnixNano(), g.now().Add(time.Duration(lasts)).UnixNano()
	before := g.state().WithControls(list)
	next := append(list, c)
	after := g.state().WithControls(next)
	if !covers(after, c.Target) {
		return c, policy.Errorf(policy.NotFound, "there is no endpoint in %s; meridian get pools shows what there is", c.Target)
	}
	if err := safety.Check(before, after, safety.For{Alone: true}); err != nil {
		return c, err
	}
	return c, g.set(ctx, next)
}

// covers says whether any endpoint is within a target.
func covers(s *policy.State, target string) bool {
	t, err := policy.ParseTarget(target)
	if err != nil {
		return false
	}
	for range s.Covered(t) {
		return true
	}
	return false
}

// Lift ends a drain of this node alone.
func (g *breakGlass) Lift(ctx context.Context, id string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	var left []policy.Control
	for _, c := range g.live() {
		if c.ID != id {
			left = append(left, c)
		}
	}
	if len(left) == len(g.live()) {
		return policy.Errorf(policy.NotFound, "there is no control %q on this node; it may have expired or been lifted", id)
	}
	return g.set(ctx, left)
}

// set keeps what is in force on the disk, and answers by it. A disk that is full is no reason not to act.
func (g *breakGlass) set(ctx context.Context, list []policy.Control) error {
	g.controls = list
	data, err := json.Marshal(list)
	if err == nil {
		err = g.keeper.write(glassControlsFile, data)
	}
	if err != nil {
		g.log.Error("the drains of this node alone could not be kept; they end if it restarts", "error", err)
	}
	ctx, cancel := context.WithTimeout(ctx, settleFor)
	defer cancel()
	return g.publish(ctx, list)
}

// step lets go what has expired. It waits for nothing: the pulse of the node calls it.
func (g *breakGlass) step(ctx context.Context) {
	if !g.mu.TryLock() { // somebody is at it, and this is called again soon
		return
	}
	defer g.mu.Unlock()
	list := g.live()
	if len(list) == len(g.controls) {
		return
	}
	for _, c := range g.controls {
		if c.ExpiresAt <= g.now().UnixNano() {
			g.log.Warn("a drain of this node alone has expired", "id", c.ID, "target", c.Target)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	cancel() // nobody waits for it
	_ = g.set(ctx, list)
}

// warnings are for whoever asks how the cluster is.
func (g *breakGlass) warnings() (list []string) {
	for _, c := range g.Controls() {
		list = append(list, fmt.Sprintf("this node alone drains %s (%s, by %s) until %s: %s; lift it here (meridian undrain %s), or drain it everywhere",
			c.Target, c.ID, c.Actor, time.Unix(0, c.ExpiresAt).UTC().Format(time.RFC3339), c.Reason, c.ID))
	}
	return list
}
