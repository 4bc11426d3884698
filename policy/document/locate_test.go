package document

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
)

func TestLocateFindsWhatValidateFound(t *testing.T) {
	text := `pools:
  - endpoints: [{name: a, address: 192.0.2.1, region: nowhere}]
services:
  - name: www.example.com
    steer:
      nearest:
        - pool: gone
        - to:
            failover:
              - {pool: away, weight: 1}
          bias: 200
    lastResort: {pool: away}
    "x~/y": 1
`
	c, err := Decode([]byte(strings.Replace(text, "    \"x~/y\": 1\n", "", 1)), "f")
	if err != nil {
		t.Fatal(err)
	}
	got := problems(t, Locate([]byte(text), "f", c.Validate()))
	for _, want := range []string{
		`f:2:5: /pools/0/name: `, // is not there, so the pool's own place
		`f:2:55: /pools/0/endpoints/0/region: there is no region "nowhere"`,
		`f:7:17: /services/0/steer/nearest/0/pool: there is no pool "gone"`,
		`f:10:24: /services/0/steer/nearest/1/failover/0/pool: there is no pool "away"`,
		`f:10:38: /services/0/steer/nearest/1/failover/0/weight: `,
		`f:11:17: /services/0/steer/nearest/1/bias: `,
		`f:12:24: /services/0/lastResort/pool: there is no pool "away"`,
	} {
		found := false
		for _, g := range got {
			found = found || strings.HasPrefix(g, want)
		}
		if !found {
			t.Errorf("missing %s", want)
		}
	}
	if t.Failed() {
		t.Log(strings.Join(got, "\n"))
	}
}

func TestLocatePointers(t *testing.T) {
	text := "a:\n  b: [1, {c: 2}]\n  \"x~/y\": 3\nd:\n  - e: 1\n"
	for _, tc := range []struct {
		pointer      string
		line, column int
	}{
		{"", 0, 0}, {"/none", 0, 0}, {"/a", 1, 1}, {"/a/b", 2, 3}, {"/a/b/0", 2, 7}, {"/a/b/1", 2, 10}, {"/a/b/1/c", 2, 14},
		{"/a/b/9", 2, 3}, {"/a/x~0~1y", 3, 11}, {"/d", 4, 1}, {"/d/0", 5, 5}, {"/d/0/f/g", 5, 5}, {"/d/-1", 4, 1},
	} {
		in := &policy.Error{Kind: policy.Conflict, Message: "m", Problems: []policy.Problem{{Pointer: tc.pointer}}}
		var out *policy.Error
		if !errors.As(Locate([]byte(text), "f", fmt.Errorf("wrapped: %w", in)), &out) {
			t.Fatal("no *policy.Error")
		}
		want := policy.Problem{Pointer: tc.pointer, File: "f", Line: tc.line, Column: tc.column}
		if out.Problems[0] != want || out.Kind != policy.Conflict || out.Message != "m" {
			t.Errorf("%q: got %+v", tc.pointer, out)
		}
		if in.Problems[0].File != "" {
			t.Error("the error that was given has changed")
		}
	}
	kept := &policy.Error{Problems: []policy.Problem{{Pointer: "/a", File: "other", Line: 7, Column: 7}}}
	if got := problemsOf(Locate([]byte(text), "f", kept)); got[0] != kept.Problems[0] {
		t.Errorf("got %+v", got)
	}
	if err := Locate(nil, "f", nil); err != nil {
		t.Error(err)
	}
	other := errors.New("x")
	if err := Locate(nil, "f", other); err != other {
		t.Error(err)
	}
}

func problemsOf(err error) []policy.Problem {
	var e *policy.Error
	errors.As(err, &e)
	return e.Problems
}
