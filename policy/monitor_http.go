package policy

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// HTTPCheck is a request that must be answered with one of the statuses, and as
// the other keys say. The defaults of keys that came with FeatureHealth are their
// zero values, so that checks of before keep their revision.
type HTTPCheck struct {
	Port          int           `json:"port,omitempty"`   // default 80, or 443 for https
	Path          string        `json:"path,omitempty"`   // default /
	Host          string        `json:"host,omitempty"`   // Host header; "{service}" is the service's name; default the address
	SNI           string        `json:"sni,omitempty"`    // https: server name asked for and verified; "{service}" as above; default host
	Status        []StatusRange `json:"status,omitempty"` // default [200]
	Insecure      bool          `json:"insecure,omitempty"`
	Authorization *SecretRef    `json:"authorization,omitempty"` // value of the Authorization header

	Version         string            `json:"version,omitempty"`        // "1.1" (default) or "2": by ALPN for https, with prior knowledge for http
	Method          string            `json:"method,omitempty"`         // GET (default), HEAD, POST or OPTIONS
	RequestBody     string            `json:"requestBody,omitempty"`    // with POST; at most MaxRequestBody octets
	RequestHeaders  map[string]string `json:"requestHeaders,omitempty"` // sent to the origin of the first request only
	Headers         map[string]string `json:"headers,omitempty"`        // regular expressions that headers of the answer must match
	Body            *BodyCheck        `json:"body,omitempty"`
	MaxLatency      Duration          `json:"maxLatency,omitempty"`      // to the end of the answer, or of what is read of it; default the timeout
	FollowRedirects int               `json:"followRedirects,omitempty"` // how many, 0 (default) to MaxRedirects
}

// Bounds on HTTPCheck.
const (
	MaxRequestBody    = 4 << 10
	MaxRequestHeaders = 32
	MaxRedirects      = 5
)

// BodyCheck is what the first 64 KiB of an answer's body must be. All that is given must hold.
type BodyCheck struct {
	Contains string     `json:"contains,omitempty"`
	Matches  string     `json:"matches,omitempty"` // regular expression (RE2)
	JSON     *JSONCheck `json:"json,omitempty"`
}

// JSONCheck is a value that a JSON body must have at a path.
type JSONCheck struct {
	Path   string `json:"path"`   // as ParseJSONPath reads it
	Equals string `json:"equals"` // the text of a string; a number, true, false or null as it is written
}

func (c *HTTPCheck) isLater() bool {
	if c == nil {
		return false
	}
	for _, s := range c.Status {
		if s.low != s.high {
			return true
		}
	}
	return c.Version != "" || c.Method != "" || c.RequestBody != "" || c.RequestHeaders != nil || c.Headers != nil ||
		c.Body != nil || c.MaxLatency != 0 || c.FollowRedirects != 0
}

func (c *HTTPCheck) withDefaults(port int) *HTTPCheck {
	if c == nil {
		return nil
	}
	d := *c
	if d.Port == 0 {
		d.Port = port
	}
	if d.Path == "" {
		d.Path = "/"
	}
	if len(d.Status) == 0 {
		d.Status = Statuses(200)
	}
	if d.SNI == "" {
		d.SNI = d.Host
	}
	return &d
}

func (c *HTTPCheck) text() string { return portText(c.Port) + c.Path }

func (c *HTTPCheck) secret() (string, *SecretRef) { return "authorization", c.Authorization }

// StatusRange is the HTTP statuses from one to another. A document writes it as
// 200 or "200-299".
type StatusRange struct{ low, high int }

// Statuses are single statuses.
func Statuses(list ...int) []StatusRange {
	r := make([]StatusRange, len(list))
	for i, n := range list {
		r[i] = StatusRange{n, n}
	}
	return r
}

// Has says whether a status is in the range.
func (r StatusRange) Has(status int) bool { return r.low <= status && status <= r.high }

// String is "200" or "200-299".
func (r StatusRange) String() string {
	if r.low == r.high {
		return strconv.Itoa(r.low)
	}
	return fmt.Sprintf("%d-%d", r.low, r.high)
}

// MarshalJSON gives a number for a single status.
func (r StatusRange) MarshalJSON() ([]byte, error) {
	if r.low == r.high {
		return strconv.AppendInt(nil, int64(r.low), 10), nil
	}
	return json.Marshal(r.String())
}

// UnmarshalText reads either form.
func (r *StatusRange) UnmarshalText(text []byte) error {
	low, high, ranged := strings.Cut(string(text), "-")
	if !ranged {
		high = low
	}
	from, err := strconv.ParseUint(low, 10, 16)
	to, err2 := strconv.ParseUint(high, 10, 16)
	if err != nil || err2 != nil {
		return fmt.Errorf("%q is not a status; write a number (200) or a range (200-299)", text)
	}
	*r = StatusRange{int(from), int(to)}
	return nil
}

// UnmarshalJSON reads a string or a number.
func (r *StatusRange) UnmarshalJSON(b []byte) error { return textOrNumber(b, r.UnmarshalText) }
