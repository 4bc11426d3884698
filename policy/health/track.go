package health

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/meridian-gtm/meridian/policy"
)

// MaxError is the longest error text, in octets, that a sample or a ballot carries.
const MaxError = 120

// Track is one vantage's settled opinion of one check: rise and fall over the
// samples the vantage took itself. It is a value; the zero Track knows nothing.
// A check whose revision changes starts again from the zero Track.
type Track struct {
	status  policy.Status
	against int // samples in a row that speak against status
	cause   policy.Cause
	detail  uint16
	latency uint32 // microseconds
}

// Next is the track after one more sample.
//
// The first success of an unknown track settles it up at once, so that a fresh
// node or a new endpoint serves soon; everything else needs proof: rule.Fall
// failures in a row to go down, rule.Rise successes in a row to come back up.
// A refused sample is no evidence about the target: it leaves nothing but the reason.
// Nor is the failure of a vantage that is cut off: were it to count, all targets
// would be voted down at the moment in which the vantage has its network back.
func (t Track) Next(s policy.Sample, rule policy.Monitor) Track {
	switch failed := s.OK == rule.Invert; {
	case s.Refused:
		return Track{cause: policy.CauseNotSent, detail: s.Detail}
	case s.Blind && failed:
		return Track{cause: causeOf(s), detail: s.Detail}
	}
	says, need := policy.Down, rule.Fall
	if s.OK {
		says, need = policy.Up, rule.Rise
		t.latency = policy.Micros(s.Took)
		if t.status == policy.Unknown {
			need = 1
		}
	} else {
		t.cause, t.detail = causeOf(s), s.Detail
	}
	if says == t.status {
		t.against = 0
	} else if t.against++; t.against >= need {
		t.status, t.against = says, 0
	}
	if t.status == policy.Up && s.OK {
		t.cause, t.detail = policy.CauseNone, 0 // healthy: an old failure explains nothing
	}
	return t
}

func causeOf(s policy.Sample) policy.Cause {
	if s.Cause == policy.CauseNone {
		return policy.CauseOther
	}
	return s.Cause
}

// Opinion is what the track says of the check it belongs to.
func (t Track) Opinion(check policy.Check) policy.Opinion {
	return policy.Opinion{
		Key: check.Key, Status: t.status, Against: uint8(min(t.against, math.MaxUint8)), Cause: t.cause, Detail: t.detail, Latency: t.latency,
	}
}

// Status is what the track has settled on.
func (t Track) Status() policy.Status { return t.status }

// Clip cuts an error text to MaxError octets without splitting a character. The
// result is a copy when it was cut, so that a long text is not kept alive.
func Clip(text string) string {
	if len(text) <= MaxError {
		return text
	}
	const dots = "..."
	n := MaxError - len(dots)
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return strings.Clone(text[:n]) + dots
}
