package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// glass is a node's break-glass with a clock, a leader that may be there, and what was published last.
type glass struct {
	*breakGlass
	at        time.Time
	boss      string
	published []policy.Control
}

func newGlass(t *testing.T, dir string) *glass {
	t.Helper()
	s := stateWith(1)
	g := &glass{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	g.breakGlass = &breakGlass{
		acts: acts{dir: dir}, label: "ns1", keeper: &keeper{dir: dir}, log: quiet(), now: func() time.Time { return g.at }, state: func() *policy.State { return s },
		leader: func() string { return g.boss }, publish: func(_ context.Context, list []policy.Control) error { g.published = slices.Clone(list); return nil },
	}
	if err := g.load(); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *glass) drain(target string, lasts policy.Duration) (policy.Control, error) {
	return g.Drain(context.Background(), policy.Control{Target: target, Reason: "cut off", Actor: "break-glass/ns1"}, lasts)
}

func TestBreakGlassToken(t *testing.T) {
	dir := t.TempDir()
	g := newGlass(t, dir)
	file := filepath.Join(dir, glassTokenFile)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	token := strings.TrimSpace(string(text))
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 || len(token) != 47 {
		t.Errorf("%v %v, %d characters", st.Mode(), err, len(token))
	}
	again := newGlass(t, dir)
	if !g.Is(token) || !again.Is(token) || g.Is("") || g.Is(token+"x") || newGlass(t, t.TempDir()).Is(token) {
		t.Error("the token is not this node's, or not this node's alone")
	}
}

func TestBreakGlassDrain(t *testing.T) {
	dir := t.TempDir()
	g := newGlass(t, dir)
	g.boss = "ns2"
	if _, err := g.drain("endpoint/web/a", 0); policy.KindOf(err) != policy.Conflict || !strings.Contains(err.Error(), "leader, ns2") {
		t.Errorf("with a leader: %v", err)
	}
	g.boss = ""
	for _, c := range []struct {
		target string
		lasts  policy.Duration
		kind   policy.Kind
	}{
		{"endpoint/web/a", policy.Duration(25 * time.Hour), policy.Invalid}, {"endpoint/web/a", -1, policy.Invalid},
		{"endpoint/web/x", 0, policy.NotFound}, {"zone/example.com", 0, policy.Invalid},
		{"pool/web", 0, policy.Unsafe}, // it is all there is
	} {
		if _, err := g.drain(c.target, c.lasts); policy.KindOf(err) != c.kind {
			t.Errorf("%s for %v: %v, want %s", c.target, c.lasts, err, c.kind)
		}
	}
	if _, err := g.Drain(t.Context(), policy.Control{Target: "endpoint/web/a", Reason: " "}, 0); policy.KindOf(err) != policy.Invalid {
		t.Errorf("without a reason: %v", err)
	}
	if len(g.Controls()) != 0 || g.published != nil {
		t.Fatal("what is refused is in force")
	}
	first, err := g.drain("endpoint/web/a", 0)
	if err != nil || !first.Local() || first.ExpiresAt != g.at.Add(time.Hour).UnixNano() || len(g.published) != 1 {
		t.Fatalf("%+v %v", first, err)
	}
	second, err := g.drain("endpoint/web/b", policy.Duration(2*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	// The drains before count: the third is the last there is.
	if _, err := g.drain("endpoint/web/c", 0); policy.KindOf(err) != policy.Unsafe {
		t.Errorf("the last: %v", err)
	}
	if w := g.warnings(); len(w) != 2 || !strings.Contains(w[0], "endpoint/web/a") {
		t.Errorf("%q", w)
	}
	// A restart keeps them, and an hour ends the first.
	g = newGlass(t, dir)
	if got := g.Controls(); len(got) != 2 || got[0] != first {
		t.Fatalf("after a restart: %+v", got)
	}
	g.at = g.at.Add(time.Hour)
	g.step(t.Context())
	if got := g.Controls(); len(got) != 1 || got[0] != second || len(g.published) != 1 {
		t.Errorf("after an hour: %+v", got)
	}
	if newGlass(t, dir); len(newGlass(t, dir).controls) != 1 {
		t.Error("what has expired is on the disk yet")
	}
	g.boss = "ns2" // with a leader it may be lifted, too
	if err := g.Lift(t.Context(), second.ID); err != nil || len(g.published) != 0 || g.Lift(t.Context(), second.ID) == nil {
		t.Errorf("%v %+v", err, g.published)
	}
}

func TestBreakGlassWithADamagedFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, glassControlsFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if g := newGlass(t, dir); len(g.Controls()) != 0 {
		t.Error("drains of nothing")
	}
}

// The record of a node is bounded, keeps the newest, and outlives a line that was cut off.
func TestActs(t *testing.T) {
	a := &acts{dir: t.TempDir()}
	for i := range 6000 {
		if i%1000 != 0 { // fsync is slow, and not what this is about
			line := fmt.Sprintf(`{"at":"2026-01-02T03:04:05Z","kind":"refused","call":"GET /%d","text":"%s"}`+"\n", i, strings.Repeat("x", 400))
			f, err := os.OpenFile(filepath.Join(a.dir, actsFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			f.WriteString(line)
			f.Close()
			continue
		}
		if err := a.Note(policy.Act{At: time.Unix(int64(i), 0), Kind: policy.ActRefused, Call: fmt.Sprintf("GET /%d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.OpenFile(filepath.Join(a.dir, actsFile), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"at":"2026-`)
	f.Close()
	list, err := a.Acts()
	if err != nil || len(list) != maxShown || list[0].Call != "GET /5999" {
		t.Fatalf("%d, %v", len(list), err)
	}
	files, _ := filepath.Glob(filepath.Join(a.dir, "*"))
	if len(files) != 2 {
		t.Errorf("%q", files)
	}
	if err := a.Note(policy.Act{At: time.Unix(1, 0), Kind: policy.ActBreakGlass, Call: "POST /controls"}); err != nil {
		t.Fatal(err)
	}
}
