package policy

import (
	"fmt"
	"strconv"
)

// Cause says why a probe failed, in one octet: reports and verdicts carry it in
// the place of a text, so that their size does not follow what goes wrong.
type Cause uint8

// The causes. Their numbers are on the wire: new ones go to the end.
const (
	CauseNone        Cause = iota
	CauseTimeout           // nothing came in time
	CauseRefused           // the connection was refused
	CauseReset             // the connection was cut
	CauseUnreachable       // no way to the target
	CauseDNS               // its name has no address, or cannot be resolved
	CauseTLS               // the handshake failed
	CauseCertificate       // it showed a certificate that does not hold
	CauseStatus            // another status than wanted; Detail is the HTTP status
	CauseContent           // another answer than wanted: a header, the body
	CauseProtocol          // the answer is not of the protocol
	CauseRole              // it answers, but is not what it should be (a primary)
	CauseLag               // it answers, but is too far behind
	CauseNotSent           // this node may not or cannot probe it: nothing is known of the target
	CauseExec              // a command failed; Detail is its exit code
	CauseOther
	causes // how many there are
)

var causeTexts = [causes]struct{ name, text string }{
	CauseNone:        {"none", ""},
	CauseTimeout:     {"timeout", "timeout"},
	CauseRefused:     {"refused", "connection refused"},
	CauseReset:       {"reset", "connection reset"},
	CauseUnreachable: {"unreachable", "unreachable"},
	CauseDNS:         {"dns", "no address for its name"},
	CauseTLS:         {"tls", "TLS handshake failed"},
	CauseCertificate: {"certificate", "certificate is not valid"},
	CauseStatus:      {"status", "status not as wanted"},
	CauseContent:     {"content", "content not as wanted"},
	CauseProtocol:    {"protocol", "answer is not of the protocol"},
	CauseRole:        {"role", "not in the role wanted"},
	CauseLag:         {"lag", "too far behind"},
	CauseNotSent:     {"not-sent", "not probed: see the samples of this vantage"},
	CauseExec:        {"exec", "command failed"},
	CauseOther:       {"other", "failed"},
}

// Text is the cause in a few words for people, with its detail: "status 503". It
// is short whatever the detail is.
func (c Cause) Text(detail uint16) string {
	switch {
	case c == CauseStatus && detail != 0:
		return "status " + strconv.Itoa(int(detail))
	case c == CauseExec && detail != 0:
		return "command ended with code " + strconv.Itoa(int(detail))
	case c < causes:
		return causeTexts[c].text
	}
	return fmt.Sprintf("failed (cause %d of a later version)", uint8(c))
}

// String is the cause's name: "timeout".
func (c Cause) String() string {
	if c < causes {
		return causeTexts[c].name
	}
	return fmt.Sprintf("cause(%d)", uint8(c))
}

// MarshalText gives String.
func (c Cause) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads String.
func (c *Cause) UnmarshalText(text []byte) error {
	for i := range causes {
		if causeTexts[i].name == string(text) {
			*c = i
			return nil
		}
	}
	var n uint8
	if _, err := fmt.Sscanf(string(text), "cause(%d)", &n); err != nil {
		return fmt.Errorf("%q is not a cause of a failed probe", text)
	}
	*c = Cause(n)
	return nil
}
