package web

import (
	"slices"
	"strings"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

// Each change of the configuration is judged with all of it, in the log too: a thousand of them would stop everybody else's writes for minutes.
func TestManyChangesOfALargeConfiguration(t *testing.T) {
	read := func(n, objects int, item changeItem) policy.Problems {
		var p policy.Problems
		r := &changesReader{problems: &p, objects: objects}
		r.read(changesRequest{Changes: slices.Repeat([]changeItem{item}, n)})
		return p
	}
	gone := changeItem{DeleteObject: &api.ObjectRef{Object: "pool/spare"}}
	if p := read(51, 20_000, gone); len(p) != 1 || p[0].Pointer != "/changes" || !strings.Contains(p[0].Message, "50 at a time") {
		t.Errorf("51 of 20,000: %v", p)
	}
	for _, fits := range []struct{ n, objects int }{{50, 20_000}, {1, 5_000_000}, {10_000, 100}, {3, 0}} {
		if p := read(fits.n, fits.objects, gone); len(p) > 0 {
			t.Errorf("%d of %d: %v", fits.n, fits.objects, p)
		}
	}
	if p := read(10_000, 20_000, changeItem{DeleteControl: &api.ControlRef{Id: "c1"}}); len(p) > 0 {
		t.Errorf("10,000 controls, which are judged together: %v", p)
	}
}
