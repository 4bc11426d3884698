package change

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/meridian-gtm/meridian/policy"
)

// Change is a value that changes State: an envelope and a body.
type Change struct {
	Request string  // chosen by the client or the node; the same one is applied once
	Actor   string  // who: a token's id, or a node's label for the leader's duties
	From    string  // address that the call came from, for the audit
	Clock   int64   // stamped by the leader; nanoseconds
	IfMatch *uint64 // the revision this was based on; refused with policy.Stale when it is another now
	Reason  string  // why, for the audit
	// Override names the safety rules that the change may break. The actor has to be an admin still where it is applied.
	Override []string      // from policy.FeatureDrill
	Scopes   policy.Scopes // what the actor may change; none: everything. Held against the body where it is applied
	Body     Body
}

// Body is the part of a change that is particular to its kind.
type Body interface {
	apply(d *making) error
}

// kind is an entry of the table of kinds: what stands for a body in the log.
type kind struct {
	name    string
	version int // of the body's encoding
	empty   func() Body
}

// kinds is every change there is. A body is encoded as JSON unless it has a
// binary form of its own. Entries are never renamed; a new encoding raises the version.
var kinds = []kind{
	{"cluster.init", 1, func() Body { return new(InitCluster) }},
	{"feature.raise", 1, func() Body { return new(RaiseFeature) }},
	{"member.put", 1, func() Body { return new(PutMember) }},
	{"member.delete", 1, func() Body { return new(DeleteMember) }},
	{"zone.put", 1, func() Body { return new(PutZone) }},
	{"zone.delete", 1, func() Body { return new(DeleteZone) }},
	{"zone.edit", 1, func() Body { return new(EditZone) }},
	{"config.put", 1, func() Body { return new(PutConfig) }},
	{"control.put", 1, func() Body { return new(PutControl) }},
	{"control.delete", 1, func() Body { return new(DeleteControl) }},
	{"control.expire", 1, func() Body { return new(ExpireControls) }},
	{"verdicts.record", 1, func() Body { return new(RecordVerdicts) }},
	{"secret.put", 1, func() Body { return new(PutSecret) }},
	{"secret.delete", 1, func() Body { return new(DeleteSecret) }},
	{"stage.chunk", 1, func() Body { return new(StageChunk) }},
	{"stage.commit", 1, func() Body { return new(CommitStaged) }},
	{"cookies.roll", 1, func() Body { return new(RollCookies) }},       // from policy.FeatureCookies
	{"latency.put", 1, func() Body { return new(PutLatency) }},         // from policy.FeatureSteering
	{"load.put", 1, func() Body { return new(PutLoad) }},               // likewise
	{"measured.expire", 1, func() Body { return new(ExpireMeasured) }}, // likewise
	{"verdict.resume", 1, func() Body { return new(ResumeEndpoint) }},  // from policy.FeatureHealth
	{"signal.put", 1, func() Body { return new(PutSignal) }},           // likewise
	{"signal.delete", 1, func() Body { return new(DeleteSignal) }},     // likewise
	{"token.put", 1, func() Body { return new(PutToken) }},             // from policy.FeatureAccess
	{"token.delete", 1, func() Body { return new(DeleteToken) }},       // likewise
	{"revision.rollback", 1, func() Body { return new(Rollback) }},     // from policy.FeatureReview
	{"object.put", 1, func() Body { return new(PutObject) }},           // from policy.FeatureReview
	{"object.delete", 1, func() Body { return new(DeleteObject) }},     // likewise
	{"user.put", 1, func() Body { return new(PutUser) }},               // from policy.FeatureReview
	{"user.update", 1, func() Body { return new(UpdateUser) }},         // likewise
	{"user.delete", 1, func() Body { return new(DeleteUser) }},         // likewise
	{"session.put", 1, func() Body { return new(PutSession) }},         // likewise
	{"session.touch", 1, func() Body { return new(TouchSessions) }},    // likewise
	{"session.delete", 1, func() Body { return new(DeleteSession) }},   // likewise
	{"oidc.put", 1, func() Body { return new(PutOIDC) }},               // likewise
	{"notified.put", 1, func() Body { return new(PutNotified) }},       // likewise
	{"draft.put", 1, func() Body { return new(PutDraft) }},             // from policy.FeatureReview
	{"draft.review", 1, func() Body { return new(ReviewDraft) }},       // likewise
	{"draft.publish", 1, func() Body { return new(PublishDraft) }},     // likewise
	{"draft.close", 1, func() Body { return new(CloseDraft) }},         // likewise
	{"canary.start", 1, func() Body { return new(StartCanary) }},       // likewise
	{"canary.end", 1, func() Body { return new(EndCanary) }},           // likewise
	{"switch.put", 1, func() Body { return new(PutSwitch) }},           // from policy.FeatureDrill
	{"switch.delete", 1, func() Body { return new(DeleteSwitch) }},     // likewise
	{"drill.start", 1, func() Body { return new(StartDrill) }},         // from policy.FeatureDrill
	{"drill.step", 1, func() Body { return new(StepDrill) }},           // likewise
	{"drill.result", 1, func() Body { return new(SettleDrill) }},       // likewise
	{"drill.approve", 1, func() Body { return new(ApproveDrill) }},     // likewise
	{"drill.abort", 1, func() Body { return new(AbortDrill) }},         // likewise
	{"drill.schedule", 1, func() Body { return new(NoteSchedules) }},   // likewise
	{"report.put", 1, func() Body { return new(PutReport) }},           // likewise
	{"batch", 1, func() Body { return new(Batch) }},
}

func kindOf(b Body) (kind, error) {
	t := reflect.TypeOf(b)
	for _, k := range kinds {
		e := reflect.TypeOf(k.empty())
		if t == e || t == e.Elem() {
			return k, nil
		}
	}
	return kind{}, fmt.Errorf("change: %T is in no table of kinds", b)
}

// KindOf is the name of a body's kind, as in "zone.put".
func KindOf(b Body) string {
	k, err := kindOf(b)
	if err != nil {
		return "unknown"
	}
	return k.name
}

// Admit refuses a body of a kind that some member may not be able to apply yet.
// Whoever proposes for an operator asks first: an older node that finds such a change in its log has to stop.
func Admit(s *policy.State, b Body) error {
	level := needs(b)
	if s.Feature >= level {
		return nil
	}
	for _, m := range s.Members.All {
		if m.Feature < level {
			return policy.Errorf(policy.Conflict, "%s needs feature level %d on every node, and node %s is at %d: upgrade it", KindOf(b), level, m.Node, m.Feature)
		}
	}
	return policy.Errorf(policy.Conflict, "%s needs feature level %d, and the cluster is at %d; the leader raises it within seconds: try again", KindOf(b), level, s.Feature)
}

func memberLevel(m policy.Member) int {
	if m.Agent || m.Budget != 0 {
		return policy.FeatureHealth
	}
	return 0
}

// needs is the feature level that a body belongs to.
func needs(b Body) (level int) {
	switch b := b.(type) {
	case PutLatency, *PutLatency, PutLoad, *PutLoad, ExpireMeasured, *ExpireMeasured:
		return policy.FeatureSteering
	case ResumeEndpoint, *ResumeEndpoint, PutSignal, *PutSignal, DeleteSignal, *DeleteSignal:
		return policy.FeatureHealth
	case PutUser, *PutUser, UpdateUser, *UpdateUser, DeleteUser, *DeleteUser, PutSession, *PutSession, TouchSessions, *TouchSessions,
		DeleteSession, *DeleteSession, PutOIDC, *PutOIDC:
		return policy.FeatureReview
	case PutToken:
		if len(b.Scopes) > 0 {
			return policy.FeatureReview
		}
		return policy.FeatureAccess
	case *PutToken:
		return needs(*b)
	case DeleteToken, *DeleteToken:
		return policy.FeatureAccess
	case Rollback, *Rollback, PutObject, *PutObject, DeleteObject, *DeleteObject, PutNotified, *PutNotified,
		PutDraft, *PutDraft, ReviewDraft, *ReviewDraft, PublishDraft, *PublishDraft, CloseDraft, *CloseDraft, EndCanary, *EndCanary:
		return policy.FeatureReview
	case PutSwitch, *PutSwitch, DeleteSwitch, *DeleteSwitch:
		return policy.FeatureDrill
	case StartCanary:
		level = policy.FeatureReview
		for _, text := range b.AbortWhen {
			level = max(level, policy.ConditionFeature(text))
		}
	case *StartCanary:
		return needs(*b)
	case StartDrill, *StartDrill, StepDrill, *StepDrill, SettleDrill, *SettleDrill, ApproveDrill, *ApproveDrill, AbortDrill, *AbortDrill,
		NoteSchedules, *NoteSchedules, PutReport, *PutReport:
		return policy.FeatureDrill
	case PutMember:
		return memberLevel(b.Member)
	case *PutMember:
		return memberLevel(b.Member)
	case PutConfig:
		return b.Config.Feature()
	case *PutConfig:
		return b.Config.Feature()
	case PutControl:
		return b.feature()
	case *PutControl:
		return b.feature()
	case DeleteControl:
		if b.Over != 0 {
			return policy.FeatureDrill
		}
	case *DeleteControl:
		return needs(*b)
	case Batch:
		for i := range b.Parts {
			level = max(level, needs(b.Parts[i].Body))
		}
	}
	return level
}

// format is the first octet of every encoded change.
const format = 1

type header struct {
	Kind     string        `json:"kind"`
	Version  int           `json:"v"`
	Request  string        `json:"request,omitempty"`
	Actor    string        `json:"actor,omitempty"`
	From     string        `json:"from,omitempty"`
	Clock    int64         `json:"clock,omitempty"`
	IfMatch  *uint64       `json:"ifMatch,omitempty"`
	Reason   string        `json:"reason,omitempty"`
	Scopes   policy.Scopes `json:"scopes,omitempty"`
	Override []string      `json:"override,omitempty"`
}

// Encode gives a change's bytes: the format octet, the length of the header as
// a varint, the header as JSON, then the body. It refuses what Decode could not read.
func Encode(c Change) ([]byte, error) {
	k, err := kindOf(c.Body)
	if err != nil {
		return nil, err
	}
	body, err := encodeBody(c.Body)
	if err != nil {
		return nil, err
	}
	if _, ok := k.empty().(binaryBody); !ok { // what cannot be read again would stop every node that finds it in its log
		if err := json.Unmarshal(body, k.empty()); err != nil {
			return nil, policy.Errorf(policy.Invalid, "%s cannot be written down: %v", k.name, err)
		}
	}
	return frame(header{k.name, k.version, c.Request, c.Actor, c.From, c.Clock, c.IfMatch, c.Reason, c.Scopes, c.Override}, body)
}

func frame(h header, body []byte) ([]byte, error) {
	head, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, 1+binary.MaxVarintLen64+len(head)+len(body))
	b = append(b, format)
	b = binary.AppendUvarint(b, uint64(len(head)))
	b = append(b, head...)
	return append(b, body...), nil
}

// EncodeBody gives the bytes that a big change is staged as: an encoded change with an empty envelope.
func EncodeBody(b Body) ([]byte, error) { return Encode(Change{Body: b}) }

type binaryBody interface {
	MarshalBinary() ([]byte, error)
	UnmarshalBinary([]byte) error
}

func encodeBody(b Body) ([]byte, error) {
	if m, ok := b.(interface{ MarshalBinary() ([]byte, error) }); ok {
		return m.MarshalBinary()
	}
	return json.Marshal(b)
}

// Decode reads what Encode wrote. A format, kind or version that is not known
// is policy.Unsupported; broken bytes are too, since they mean the same to a log: stop here.
func Decode(b []byte) (Change, error) { return decode(b, nil) }

// decode is Decode of the kinds that only holds, or with nil of all. A body of another kind is not looked into.
func decode(b []byte, only map[string]bool) (Change, error) {
	if len(b) == 0 || b[0] != format {
		return Change{}, policy.Errorf(policy.Unsupported, "a change in a format this version does not know; upgrade this node")
	}
	n, used := binary.Uvarint(b[1:])
	if used <= 0 || n > uint64(len(b)-1-used) {
		return Change{}, policy.Errorf(policy.Unsupported, "a change with a broken header")
	}
	var h header
	if err := json.Unmarshal(b[1+used:1+used+int(n)], &h); err != nil {
		return Change{}, policy.Errorf(policy.Unsupported, "a change with a broken header: %v", err)
	}
	c := Change{Request: h.Request, Actor: h.Actor, From: h.From, Clock: h.Clock, IfMatch: h.IfMatch, Reason: h.Reason, Scopes: h.Scopes, Override: h.Override}
	body := b[1+used+int(n):]
	if only != nil && !only[h.Kind] {
		return c, policy.Errorf(policy.Unsupported, "a change of kind %q where none can be", h.Kind)
	}
	for _, k := range kinds {
		if k.name != h.Kind {
			continue
		}
		if h.Version != k.version {
			return c, policy.Errorf(policy.Unsupported, "change %s in version %d; this node knows version %d: upgrade it", h.Kind, h.Version, k.version)
		}
		c.Body = k.empty()
		var err error
		if u, ok := c.Body.(binaryBody); ok {
			err = u.UnmarshalBinary(body)
		} else {
			err = json.Unmarshal(body, c.Body)
		}
		if err != nil {
			return c, policy.Errorf(policy.Unsupported, "change %s has a broken body: %v", h.Kind, err)
		}
		return c, nil
	}
	return c, policy.Errorf(policy.Unsupported, "change %q is not known to this version; upgrade this node", h.Kind)
}
