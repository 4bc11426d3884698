package web

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/document"
	"github.com/meridian-gtm/meridian/policy/snapshot"
	"github.com/meridian-gtm/meridian/policy/zonefile"
	"github.com/meridian-gtm/meridian/web/api"
)

// changesRequest is an api.Changes in our nouns.
type changesRequest struct {
	Reason  string       `json:"reason"`
	Changes []changeItem `json:"changes"`
}

// changeItem is one of its keys beside ifMatch.
type changeItem struct {
	IfMatch       *uint64         `json:"ifMatch"`
	EditZone      *api.ZoneEdit   `json:"editZone"`
	PutZone       *api.ZonePut    `json:"putZone"`
	DeleteZone    *api.ZoneRef    `json:"deleteZone"`
	Config        *configPut      `json:"config"`
	PutObject     *oneObject      `json:"putObject"`
	DeleteObject  *api.ObjectRef  `json:"deleteObject"`
	PutControl    *controlRequest `json:"putControl"`
	DeleteControl *api.ControlRef `json:"deleteControl"`
}

type configPut struct {
	Document policy.Config `json:"document"`
	Merge    bool          `json:"merge"`
	Force    bool          `json:"force"`
}

// oneObject is an api.ObjectPut in our nouns.
type oneObject struct {
	Region     *policy.Region        `json:"region"`
	Provider   *policy.Provider      `json:"provider"`
	Monitor    *policy.Monitor       `json:"monitor"`
	Pool       *policy.Pool          `json:"pool"`
	Template   *policy.Template      `json:"template"`
	Service    *policy.Service       `json:"service"`
	SafetyRule *policy.SafetyRule    `json:"safetyRule"`
	ReviewRule *policy.ReviewRule    `json:"reviewRule"`
	DrillPlan  *policy.DrillPlan     `json:"drillPlan"`
	Place      *policy.PlaceOverride `json:"place"`
	Receiver   *policy.Receiver      `json:"notification"`
	Force      bool                  `json:"force"`
}

// config is a document of what there is, with the keys that it came under.
func (o *oneObject) config() (c policy.Config, keys []string) {
	add := func(key string, there bool) {
		if there {
			keys = append(keys, key)
		}
	}
	add("region", one(&c.Regions, o.Region))
	add("provider", one(&c.Providers, o.Provider))
	add("monitor", one(&c.Monitors, o.Monitor))
	add("pool", one(&c.Pools, o.Pool))
	add("template", one(&c.Templates, o.Template))
	add("service", one(&c.Services, o.Service))
	add("safetyRule", one(&c.SafetyRules, o.SafetyRule))
	add("reviewRule", one(&c.ReviewRules, o.ReviewRule))
	add("drillPlan", one(&c.DrillPlans, o.DrillPlan))
	add("place", one(&c.Places, o.Place))
	add("notification", one(&c.Notifications, o.Receiver))
	return c, keys
}

func one[T any](list *[]T, v *T) bool {
	if v != nil {
		*list = []T{*v}
	}
	return v != nil
}

func (s *server) PostChanges(c *gin.Context, params api.PostChangesParams) {
	var in changesRequest
	data, err := readJSON(c, document.MaxSize, &in)
	var p policy.Problems
	r := &changesReader{problems: &p, objects: s.cfg.Node.State().IDs.Len()}
	var batch change.Batch
	if err == nil {
		batch = r.read(in)
		err = document.Locate(data, "", p.Err("the changes are not valid"))
	}
	var ch change.Change
	if err == nil {
		ch, err = s.envelope(c, params.IfMatch, params.IdempotencyKey, sum(data))
	}
	for _, item := range in.Changes {
		if err == nil && item.PutControl != nil {
			ch.Override = append(ch.Override, item.PutControl.Override...)
			err = mayOverride(c, ch.Override)
		}
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	ch.Reason, ch.Body = cmp.Or(strings.TrimSpace(in.Reason), ch.Reason), batch
	before := s.cfg.Node.State().Config()
	out, err := s.try(c, ch, len(data))
	if err != nil {
		s.refuse(c, document.Locate(data, "", in.place(err, before)))
		return
	}
	w := s.settle(c, out)
	result := api.ChangesResult{
		Revision: w.Revision, Index: w.Index, Warnings: append(w.Warnings, r.warnings...), Nodes: w.Nodes, Unpublished: w.Unpublished, Replayed: w.Replayed,
		Made: strings.Fields(out.Made),
	}
	for _, part := range batch.Parts {
		switch b := part.Body.(type) {
		case change.EditZone:
			result.Warnings = append(result.Warnings, s.editWarnings(b)...)
		case change.PutZone:
			result.Warnings = append(result.Warnings, snapshot.HintWarnings(s.cfg.Node.State(), b.Zone)...)
			result.Warnings = append(result.Warnings, s.ringWarnings(b.Zone.Name)...)
		}
	}
	if slices.ContainsFunc(in.Changes, func(i changeItem) bool { return i.Config != nil || i.PutObject != nil || i.DeleteObject != nil }) {
		result.Warnings = append(result.Warnings, s.warnings()...)
	}
	s.render(c, http.StatusOK, result)
}

// changesReader makes changes of what was sent, and notes every mistake that needs no state to be found.
type changesReader struct {
	problems *policy.Problems
	objects  int // in the configuration that there is, endpoints among them
	warnings []string
}

func (r *changesReader) read(in changesRequest) (b change.Batch) {
	p := r.problems
	if len(in.Reason) > maxReason {
		p.Add("/reason", "the reason has %d octets; %d are the most", len(in.Reason), maxReason)
	}
	switch n := len(in.Changes); {
	case n == 0:
		p.Add("/changes", "there are no changes")
	case n > change.MaxParts:
		p.Add("/changes", "there are %d changes; %d are the most at once", n, change.MaxParts)
		return b
	}
	if n := in.judgements(); n > 1 && n*r.objects > maxJudged {
		p.Add("/changes", "each of the %d changes of the configuration is judged with all %d objects that there are, and would keep others waiting for long; send them as one, {\"config\":{\"document\":…,\"merge\":true}}, or %d at a time", n, r.objects, max(1, maxJudged/r.objects))
		return b
	}
	for i, item := range in.Changes {
		at := fmt.Sprintf("/changes/%d", i)
		keys := item.keys()
		if len(keys) != 1 {
			p.Add(at, "a change has one of editZone, putZone, deleteZone, config, putObject, deleteObject, putControl and deleteControl; this has %d of them", len(keys))
			continue
		}
		part := change.Part{IfMatch: item.IfMatch}
		at += "/" + keys[0]
		switch {
		case item.EditZone != nil:
			part.Body = r.edit(at, item.EditZone)
		case item.PutZone != nil:
			part.Body = r.zone(at, item.PutZone)
		case item.DeleteZone != nil:
			part.Body = change.DeleteZone{Name: r.apex(at, item.DeleteZone.Zone)}
		case item.Config != nil:
			part.Body = r.config(at, item.Config)
		case item.PutObject != nil:
			part.Body = r.object(at, item.PutObject)
		case item.DeleteObject != nil:
			part.Body = change.DeleteObject{Object: item.DeleteObject.Object, Force: item.DeleteObject.Force}
		case item.PutControl != nil:
			v := item.PutControl
			part.Reason = strings.TrimSpace(v.Reason)
			if len(v.Reason) > maxReason {
				p.Add(at+"/reason", "the reason has %d octets; %d are the most", len(v.Reason), maxReason)
			}
			part.Body = v.body()
		default:
			part.Body = change.DeleteControl{ID: item.DeleteControl.Id}
		}
		b.Parts = append(b.Parts, part)
	}
	return b
}

// maxJudged is how many objects one request may have judged, one change after the other: about five seconds, in which nothing else is applied.
const maxJudged = 1_000_000

// judgements is how often the whole configuration is judged.
func (in changesRequest) judgements() (n int) {
	for _, i := range in.Changes {
		if i.Config != nil || i.PutObject != nil || i.DeleteObject != nil {
			n++
		}
	}
	return n
}

// keys are the kinds that an item has.
func (i changeItem) keys() (list []string) {
	for _, k := range []struct {
		key string
		has bool
	}{
		{"editZone", i.EditZone != nil}, {"putZone", i.PutZone != nil}, {"deleteZone", i.DeleteZone != nil},
		{"config", i.Config != nil}, {"putObject", i.PutObject != nil}, {"deleteObject", i.DeleteObject != nil},
		{"putControl", i.PutControl != nil}, {"deleteControl", i.DeleteControl != nil},
	} {
		if k.has {
			list = append(list, k.key)
		}
	}
	return list
}

func (r *changesReader) apex(at, text string) policy.Name {
	n, err := policy.ParseName(text)
	if err != nil {
		r.problems.Add(at+"/zone", "%v", err)
	}
	return n
}

func (r *changesReader) edit(at string, in *api.ZoneEdit) change.Body {
	p := r.problems
	e := change.EditZone{Zone: r.apex(at, in.Zone)}
	if e.Zone == "" {
		return e
	}
	before := len(*p)
	for i, q := range in.Prerequisites {
		at := fmt.Sprintf("%s/prerequisites/%d", at, i)
		out := change.Prerequisite{Require: change.Require(q.Require), Name: r.owner(at, e.Zone, q.Name)}
		out.Type, out.Data = r.records(at, q.Type, q.Records)
		e.Prerequisites = append(e.Prerequisites, out)
	}
	for i, u := range in.Updates {
		at := fmt.Sprintf("%s/updates/%d", at, i)
		out := change.Update{Op: change.Op(u.Op), Name: r.owner(at, e.Zone, u.Name)}
		out.Type, out.Data = r.records(at, u.Type, u.Records)
		switch wanted := out.Op == change.Add || out.Op == change.Replace; {
		case u.Ttl != nil:
			out.TTL = *u.Ttl
			if !wanted {
				p.Add(at+"/ttl", "a TTL has no place in %s", u.Op)
			}
		case wanted:
			p.Add(at+"/ttl", "the TTL is missing; it is in seconds")
		}
		e.Updates = append(e.Updates, out)
	}
	if len(*p) == before {
		for _, m := range e.Check() {
			m.Pointer = at + m.Pointer
			*p = append(*p, m)
		}
	}
	return e
}

func (r *changesReader) owner(at string, apex policy.Name, text string) policy.Name {
	n, err := ownerIn(apex, text)
	if err != nil {
		r.problems.Add(at+"/name", "%v", err)
	}
	return n
}

// records reads a type and RDATA, either of which may have no place; EditZone.Check says so.
func (r *changesReader) records(at, typ string, texts []string) (uint16, [][]byte) {
	if typ == "" {
		if len(texts) > 0 {
			r.problems.Add(at+"/type", "the records have no type")
		}
		return 0, nil
	}
	t, err := zonefile.ParseType(typ)
	if err != nil {
		r.problems.Add(at+"/type", "%v", err)
		return 0, nil
	}
	if len(texts) == 0 {
		return t, nil
	}
	return t, readRecords(at, t, texts, r.problems)
}

func (r *changesReader) zone(at string, in *api.ZonePut) change.Body {
	p := r.problems
	apex := r.apex(at, in.Zone)
	if apex == "" {
		return change.PutZone{}
	}
	var z *policy.Zone
	var warnings []policy.Problem
	if (in.Text == "") == (len(in.Rrsets) == 0) {
		p.Add(at, "a zone is given as one of text and rrsets")
	} else if in.Text != "" {
		var err error
		z, warnings, err = zonefile.Parse(strings.NewReader(in.Text), apex, "", zonefile.Limits{})
		var refusal *policy.Error
		if errors.As(err, &refusal) {
			for _, m := range refusal.Problems { // their lines are those of the text
				m.Pointer = at + "/text"
				*p = append(*p, m)
			}
		}
	} else {
		z, warnings = buildZone(at, apex, in.Rrsets, p)
	}
	for _, w := range warnings {
		r.warnings = append(r.warnings, fmt.Sprintf("%s: %s", apex, w))
	}
	return change.PutZone{Zone: z}
}

func (r *changesReader) object(at string, in *oneObject) change.Body {
	c, keys := in.config()
	if len(keys) != 1 {
		r.problems.Add(at, "one object is put at a time, under its kind (pool: {...}); this has %d", len(keys))
	}
	var refusal *policy.Error
	if errors.As(document.CheckObjects(&c), &refusal) {
		for _, m := range refusal.Problems {
			if len(keys) == 1 { // "/pools/0/x" of the document of it alone
				m.Pointer = at + "/" + keys[0] + strings.TrimPrefix(m.Pointer, "/"+keys[0]+"s/0")
			}
			*r.problems = append(*r.problems, m)
		}
	}
	return change.PutObject{Config: c, Force: in.Force}
}

func (r *changesReader) config(at string, in *configPut) change.Body {
	for _, err := range []error{checkAlone(&in.Document, in.Merge), document.CheckObjects(&in.Document)} {
		var refusal *policy.Error
		if errors.As(err, &refusal) {
			for _, m := range refusal.Problems {
				m.Pointer = at + "/document" + m.Pointer
				*r.problems = append(*r.problems, m)
			}
		}
	}
	return change.PutConfig{Config: in.Document, Merge: in.Merge, Force: in.Force}
}

// place turns the pointers of a refusal, "/changes/2/updates/0", into pointers
// into what was sent, "/changes/2/editZone/updates/0".
func (in changesRequest) place(err error, before *policy.Config) error {
	var refusal *policy.Error
	if !errors.As(err, &refusal) {
		return err
	}
	moved := *refusal
	moved.Problems = slices.Clone(refusal.Problems)
	moves := map[int]func(string) (string, string){} // by change
	for i := range moved.Problems {
		p := &moved.Problems[i]
		parts := strings.SplitN(p.Pointer, "/", 4) // "", "changes", "2", the rest
		if len(parts) < 3 || parts[1] != "changes" {
			continue
		}
		n, err := strconv.Atoi(parts[2])
		if err != nil || n < 0 || n >= len(in.Changes) {
			continue
		}
		item, rest := in.Changes[n], ""
		if len(parts) == 4 {
			rest = "/" + parts[3]
		}
		at := "/changes/" + parts[2] + "/" + item.keys()[0]
		switch {
		case item.PutObject != nil:
			_, keys := item.PutObject.config()
			at += "/" + keys[0]
		case item.Config != nil && rest != "":
			if moves[n] == nil {
				old := before
				if !item.Config.Merge {
					old = nil
				}
				moves[n] = movePointers(document.Merge(old, &item.Config.Document), &item.Config.Document)
			}
			var elsewhere string
			if rest, elsewhere = moves[n](rest); elsewhere != "" {
				p.Message = elsewhere + ", which is not in this document: " + p.Message
			}
			at += "/document"
		}
		p.Pointer = at + rest
	}
	return &moved
}
