package change

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// unaudited are the kinds of change that the audit leaves out: what the cluster and
// programs say all the time, and the pieces of a write that is audited when it is whole.
var unaudited = map[string]bool{
	"verdicts.record": true, "latency.put": true, "load.put": true, "measured.expire": true, "signal.put": true,
	"cookies.roll": true, "stage.chunk": true, "session.put": true, "session.touch": true, "session.delete": true, // as many as somebody likes, and of no effect
	"notified.put": true, "drill.schedule": true, "report.put": true,
}

// audit records what a change did, or that it was refused. It gives how many edits were too many to keep.
func audit(was, is *policy.State, c *Change, body Body, refused *policy.Error) (omitted int) {
	kind := KindOf(body)
	if was.Feature < policy.FeatureReview || unaudited[kind] {
		return 0
	}
	e := policy.AuditEntry{
		Index: is.Index, Clock: is.Clock, Actor: c.Actor, From: c.From, Request: c.Request, Kind: kind, Object: subject(body), Reason: c.Reason, Override: c.Override,
	}
	if is.Revision != was.Revision {
		e.Revision = is.Revision
	}
	if refused != nil {
		e.Refused = refused.Error()
	} else {
		e.Edits, e.Omitted = edits(was, is)
	}
	if refused == nil && e.Revision == 0 && len(e.Edits) == 0 && e.Omitted == 0 {
		return 0 // nothing happened
	}
	is.Record(e)
	return e.Omitted
}

// subject is the one thing that a change is about, or "".
func subject(b Body) string {
	switch b := b.(type) {
	case *PutZone:
		if b.Zone != nil {
			return "zone/" + b.Zone.Name.String()
		}
	case *DeleteZone:
		return "zone/" + b.Name.String()
	case *EditZone:
		return "zone/" + b.Zone.String()
	case *PutControl:
		return b.Target
	case *DeleteControl:
		return "control/" + b.ID
	case *PutSecret:
		return "secret/" + b.Name
	case *DeleteSecret:
		return "secret/" + b.Name
	case *PutToken:
		return "token/" + b.ID
	case *DeleteToken:
		return "token/" + b.ID
	case *PutMember:
		return "member/" + b.ID
	case *DeleteMember:
		return "member/" + b.ID
	case *PutSwitch:
		return "switch/" + b.Name
	case *DeleteSwitch:
		return "switch/" + b.Name
	case *DeleteSignal:
		return "signal/" + b.Name
	case *ResumeEndpoint:
		return b.Endpoint
	case *PutUser:
		return "user/" + b.Name
	case *UpdateUser:
		return "user/" + b.Name
	case *DeleteUser:
		return "user/" + b.Name
	case *PutDraft:
		if b.ID != "" {
			return "draft/" + b.ID
		}
	case *ReviewDraft:
		return "draft/" + b.ID
	case *PublishDraft:
		return "draft/" + b.ID
	case *CloseDraft:
		return "draft/" + b.ID
	case *StartCanary:
		return "draft/" + b.ID
	case *EndCanary:
		return "draft/" + b.ID
	case *PutObject:
		if kind, name, err := only(&b.Config); err == nil {
			return kind.history.prefix + name
		}
	case *DeleteObject:
		what, name, _ := strings.Cut(b.Object, "/")
		return dashed.Replace(what) + "/" + name // "safety-rule/", as its edit has it
	case *StartDrill:
		return "drill-plan/" + b.Plan
	case *StepDrill:
		return "drill/" + b.ID
	case *SettleDrill:
		return "drill/" + b.ID
	case *ApproveDrill:
		return "drill/" + b.ID
	case *AbortDrill:
		return "drill/" + b.ID
	}
	return ""
}

// maxNewOwners is how many names a new zone may have for the audit to tell of each. Nothing is lost when it
// does not: to undo it, the zone goes.
const maxNewOwners = 10_000

// edits is what differs between two states, or how much when it is too much to keep.
func edits(was, is *policy.State) (list []policy.AuditEdit, omitted int) {
	size, n := 0, 0
	note := func(object, zone string, before, after json.RawMessage) {
		if bytes.Equal(before, after) {
			return
		}
		n++
		if size += len(object) + len(zone) + len(before) + 64; size <= policy.MaxAuditEdits {
			list = append(list, policy.AuditEdit{Object: object, Zone: zone, Before: before, After: policy.AuditSum(after)})
		}
	}
	for _, t := range objectTables {
		for _, key := range t.touched(was, is) {
			note(t.prefix+key, "", t.value(was, key), t.value(is, key))
		}
	}
	for _, key := range touched(was.Zones, is.Zones) {
		old, _ := was.Zones.Get(key)
		now, _ := is.Zones.Get(key)
		z := now
		if z == nil {
			z = old
		}
		zone := z.Name.String()
		whole := func() { note("zone/"+zone, "", zoneValue(old), zoneValue(now)) }
		if old == nil {
			whole()
		}
		if old != nil || now.Owners.Len() <= maxNewOwners {
			ZoneDiff(old, now, func(name policy.Name, a, b *policy.RRset) {
				set := a
				if set == nil {
					set = b
				}
				note(rrsetID(name, set.Type), zone, rrsetValue(a), rrsetValue(b))
			})
		}
		if now == nil { // at the end: who goes backwards makes the zone first
			whole()
		}
	}
	if size > policy.MaxAuditEdits {
		return nil, n
	}
	return list, 0
}

// ZoneDiff goes through the record sets that differ between two zones, by name
// and type; old or now is nil for a set that is not there. A nil zone is an empty one.
func ZoneDiff(was, is *policy.Zone, differ func(name policy.Name, old, now *policy.RRset)) {
	none := policy.NewZone("")
	if was == nil {
		was = none
	}
	if is == nil {
		is = none
	}
	for _, key := range touched(was.Owners, is.Owners) {
		a, _ := was.Owners.Get(key)
		b, _ := is.Owners.Get(key)
		if a == nil {
			a = &policy.Owner{}
		}
		if b == nil {
			b = &policy.Owner{}
		}
		name := policy.NameOfKey(key)
		for _, typ := range typesOfBoth(a, b) {
			old, now := a.Find(typ), b.Find(typ)
			if old == nil || now == nil || !bytes.Equal(policy.AppendRRset(nil, *old), policy.AppendRRset(nil, *now)) {
				differ(name, old, now)
			}
		}
	}
}

func typesOfBoth(a, b *policy.Owner) (types []uint16) {
	for _, o := range []*policy.Owner{a, b} {
		for i := range o.RRsets {
			types = append(types, o.RRsets[i].Type)
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}

func sorted(keys []string) []string {
	slices.Sort(keys)
	return slices.Compact(keys)
}

// Current is an object of the audit as it is in a state; nil when there is none.
func Current(s *policy.State, edit policy.AuditEdit) json.RawMessage {
	if zone, ok := strings.CutPrefix(edit.Object, "zone/"); ok {
		return zoneValue(zoneNamed(s, zone))
	}
	if name, typ, ok := ParseRRsetID(edit.Object); ok {
		z := zoneNamed(s, edit.Zone)
		if z == nil || z.Owner(name) == nil {
			return nil
		}
		return rrsetValue(z.Owner(name).Find(typ))
	}
	for _, t := range objectTables {
		if key, ok := strings.CutPrefix(edit.Object, t.prefix); ok {
			return t.value(s, key)
		}
	}
	return nil
}

func zoneNamed(s *policy.State, text string) *policy.Zone {
	name, err := policy.ParseName(text)
	if err != nil {
		return nil
	}
	z, _ := s.Zones.Get(name.Key())
	return z
}

// Audit goes through the entries of the audit, the newest first, with what the
// objects of each were after it, by AuditEdit.ID.
func Audit(s *policy.State, yield func(r policy.AuditRecord, e policy.AuditEntry, after map[string]json.RawMessage) bool) error {
	later := map[string]json.RawMessage{} // what an object was before the entries that were seen
	return backward(s, func(r policy.AuditRecord, e policy.AuditEntry) (bool, error) {
		after := make(map[string]json.RawMessage, len(e.Edits))
		for _, edit := range e.Edits {
			id := edit.ID()
			v, seen := later[id]
			if !seen {
				v = Current(s, edit)
			}
			if v != nil && policy.AuditSum(v) == edit.After { // else it was changed by what is not audited, or goes by a newer form
				after[id] = v
			}
			later[id] = edit.Before
		}
		return yield(r, e, after), nil
	})
}

// backward goes through the entries, the newest first, for as long as it is told to.
func backward(s *policy.State, see func(r policy.AuditRecord, e policy.AuditEntry) (on bool, err error)) error {
	if s.AuditHead == nil {
		return nil
	}
	for seq := s.AuditHead.Seq; seq >= s.AuditHead.First; seq-- {
		r, ok := s.Audit.Get(policy.AuditKey(seq))
		if !ok {
			return policy.Errorf(policy.Conflict, "entry %d of the audit is missing", seq)
		}
		e, err := r.Decode()
		if err != nil {
			return policy.Errorf(policy.Conflict, "entry %d of the audit cannot be read: %v", seq, err)
		}
		if on, err := see(r, e); err != nil || !on {
			return err
		}
	}
	return nil
}
