package web_test

import (
	"strings"
	"testing"
)

// What cannot be read is told in the API's own words, with what would do.
func TestUnreadableParameters(t *testing.T) {
	r := loaded(t)
	for path, want := range map[string]string{
		"/revisions/99999999999999999999": `revision is a whole number from 0 to 18446744073709551615, not "99999999999999999999"`,
		"/revisions/-1":                   `revision is a whole number from 0 to 18446744073709551615, not "-1"`,
		"/revisions?limit=many":           `limit is a whole number`,
		"/audit?refused=maybe":            `refused is true or false, not "maybe"`,
		"/audit?since=yesterday":          `since is a moment as RFC 3339 has it (2026-01-02T03:04:05Z), not "yesterday"`,
	} {
		res := r.call("GET", path, "")
		res.refused(400, "bad-request")
		if body := string(res.body); !strings.Contains(strings.ReplaceAll(body, `\"`, `"`), want) || strings.Contains(body, "strconv") {
			t.Errorf("%s: %s", path, body)
		}
	}
}

// HTTP keeps most control characters out of headers; the rest is refused here.
func TestReasonIsOneLine(t *testing.T) {
	r := loaded(t)
	for _, reason := range []string{"a\tb", "a\xffb", "a\u0085b"} {
		res := r.call("DELETE", "/controls/none", "", "X-Reason", reason)
		res.refused(400, "bad-request")
		if !strings.Contains(string(res.body), "one line") {
			t.Errorf("%q: %s", reason, res.body)
		}
	}
	r.call("DELETE", "/controls/none", "", "X-Reason", "für Anna").refused(404, "not-found")
}
