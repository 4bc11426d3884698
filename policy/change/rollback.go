package change

import (
	"slices"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// Rollback makes the configuration document and the zones what they were at a
// revision, as a new revision. Controls, tokens, secrets and members stay as they are.
type Rollback struct {
	Revision uint64 `json:"revision"`
	// Force lets it delete more than GuardedDeletes allows (I-04).
	Force bool `json:"force,omitempty"`
}

// At is a state with the configuration document and the zones as they were at a revision. All
// else is as it is now.
func At(s *policy.State, revision uint64) (*policy.State, error) {
	switch {
	case revision > s.Revision:
		return nil, policy.Errorf(policy.NotFound, "there is no revision %d yet; the state is at %d", revision, s.Revision)
	case revision == s.Revision:
		return s, nil
	case s.AuditHead == nil:
		return nil, policy.Errorf(policy.NotFound, "no revisions are kept yet: they are from feature level %d on, and the cluster is at %d", policy.FeatureReview, s.Feature)
	case revision < s.AuditHead.Since:
		return nil, policy.Errorf(policy.NotFound, "revision %d cannot be brought back any more; the oldest that can is %d (older changes are forgotten, or there was one of more than is kept)", revision, s.AuditHead.Since)
	}
	at := s.Clone()
	err := backward(s, func(_ policy.AuditRecord, e policy.AuditEntry) (bool, error) {
		if e.Revision == 0 || e.Revision <= revision {
			return e.Revision == 0, nil
		}
		for _, edit := range slices.Backward(e.Edits) {
			if err := undo(at, edit, revision); err != nil {
				return false, policy.Errorf(policy.Conflict, "%s of revision %d cannot be undone: %v", edit.Object, e.Revision, err)
			}
		}
		return true, nil
	})
	return at, err
}

// undo makes an object what it was before an edit.
func undo(s *policy.State, edit policy.AuditEdit, rev uint64) error {
	if text, ok := strings.CutPrefix(edit.Object, "zone/"); ok {
		name, err := policy.ParseName(text)
		if err != nil {
			return err
		}
		if edit.Before == nil {
			s.Zones.Delete(name.Key())
		} else {
			z := policy.NewZone(name)
			z.Rev = rev
			s.Zones.Set(name.Key(), z)
		}
		return nil
	}
	if name, typ, ok := ParseRRsetID(edit.Object); ok {
		z := zoneNamed(s, edit.Zone)
		if z == nil {
			return policy.Errorf(policy.Conflict, "there is no zone %s", edit.Zone)
		}
		set, err := ParseRRsetValue(typ, edit.Before)
		if err != nil {
			return err
		}
		z = z.Copy()
		if err := z.Set(name, set); err != nil {
			return err
		}
		z.Rev = rev
		s.Zones.Set(z.Name.Key(), z)
		return nil
	}
	for _, t := range objectTables {
		if key, ok := strings.CutPrefix(edit.Object, t.prefix); ok && t.set != nil {
			return t.set(s, key, edit.Before, rev)
		}
	}
	return nil
}

func (b Rollback) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	if err := d.match("the state", d.base.Revision); err != nil {
		return err
	}
	at, err := At(d.base, b.Revision)
	if err != nil {
		return err
	}
	before, next := d.Clone(), d.next()
	configured, err := d.takeObjects(at, b.Force, next)
	if err != nil {
		return err
	}
	zones, err := d.takeZones(at, b.Force, next)
	if err != nil {
		return err
	}
	if !configured && !zones {
		d.outcome.Revision = d.Revision
		d.outcome.Warnings = append(d.outcome.Warnings, "the configuration and the zones are as they were at that revision already")
		return nil
	}
	d.revise()
	return d.fits(before, configured, b.Force)
}

// takeObjects makes the objects of the document those of another state, and says whether any differed.
func (d *making) takeObjects(at *policy.State, force bool, rev uint64) (bool, error) {
	differ := false
	for _, t := range objectTables {
		if t.set == nil {
			continue
		}
		var gone, kept int
		for _, key := range t.touched(d.base, at) {
			was, is := t.value(d.State, key), t.value(at, key)
			if string(was) == string(is) {
				continue
			}
			differ = true
			if err := t.set(d.State, key, is, rev); err != nil {
				return false, policy.Errorf(policy.Conflict, "%s%s cannot be brought back: %v", t.prefix, key, err)
			}
			if is == nil {
				gone++
				d.IDs.Delete(t.prefix + key)
			}
		}
		if gone == 0 {
			continue
		}
		kept = t.count(d.base)
		if err := guard(gone, kept, strings.TrimSuffix(t.prefix, "/"), force); err != nil {
			return false, err
		}
	}
	return differ, nil
}

// takeZones does likewise with zones.
func (d *making) takeZones(at *policy.State, force bool, rev uint64) (bool, error) {
	differ, gone := false, 0
	for _, key := range touched(d.base.Zones, at.Zones) {
		was, _ := d.Zones.Get(key)
		is, _ := at.Zones.Get(key)
		switch {
		case is == nil && was == nil, is != nil && was != nil && is.Owners.Sum() == was.Owners.Sum():
			continue
		case is == nil:
			gone++
			d.Zones.Delete(key)
			d.IDs.Delete("zone/" + was.Name.String())
		default:
			z := is.Copy()
			z.Rev, z.ID = rev, d.id("zone/"+is.Name.String())
			d.Zones.Set(key, z)
		}
		differ = true
	}
	return differ, guard(gone, d.base.Zones.Len(), "zone", force)
}

// fits brings a draft in order whose objects, or zones, were changed as a whole: it
// refuses what does not fit together or would hurt, and numbers what is new.
func (d *making) fits(before *policy.State, objects, force bool) error {
	whole := d.Config()
	if err := whole.Validate(); err != nil {
		return err
	}
	if err := d.checkServices(whole.Services); err != nil {
		return err
	}
	if err := d.checkFlattened(); err != nil {
		return err
	}
	if err := d.checkReviewRules(); err != nil {
		return err
	}
	if !objects {
		return nil
	}
	if err := d.checkSecrets(whole); err != nil {
		return err
	}
	d.ConfigRevision = d.Revision
	if err := d.number(whole, force); err != nil {
		return err
	}
	d.dropOrphanVerdicts()
	d.dropOrphanMeasured(before)
	d.dropOrphanNotified()
	return nil
}
