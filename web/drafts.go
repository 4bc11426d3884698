package web

import (
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/document"
	"github.com/meridian-gtm/meridian/policy/snapshot"
	"github.com/meridian-gtm/meridian/web/api"
)

// draftRequest is an api.DraftWrite in our nouns.
type draftRequest struct {
	Title    string       `json:"title"`
	Changes  []changeItem `json:"changes"`
	Rollback *uint64      `json:"rollback"`
	Force    bool         `json:"force"`
}

// CreateDraft puts a change where others can look at it.
func (s *server) CreateDraft(c *gin.Context, params api.CreateDraftParams) {
	s.putDraft(c, "", http.StatusCreated, "", params.IdempotencyKey)
}

// PutDraft puts another change into a draft.
func (s *server) PutDraft(c *gin.Context, id api.DraftPath, params api.PutDraftParams) {
	s.putDraft(c, id, http.StatusOK, params.IfMatch, params.IdempotencyKey)
}

func (s *server) putDraft(c *gin.Context, id string, status int, ifMatch, key string) {
	var in draftRequest
	data, err := readJSON(c, policy.MaxDraftSize, &in)
	var body []byte
	if err == nil {
		body, err = in.body(data, s.cfg.Node.State().IDs.Len())
	}
	var ch change.Change
	if err == nil {
		ch, err = s.envelope(c, ifMatch, key, sum(data))
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	ch.Body = change.PutDraft{ID: id, Title: in.Title, Body: body}
	before := s.cfg.Node.State().Config()
	out, err := s.try(c, ch, len(body))
	if err != nil {
		s.refuse(c, document.Locate(data, "", changesRequest{Changes: in.Changes}.place(err, before)))
		return
	}
	w := s.settle(c, out)
	if id == "" {
		c.Header("Location", base+"/drafts/"+out.Made)
	}
	s.render(c, status, api.DraftWritten{Id: out.Made, Index: w.Index, Replayed: w.Replayed})
}

// body is the change that was sent, encoded. objects is how many the configuration has.
func (in *draftRequest) body(data []byte, objects int) ([]byte, error) {
	if (in.Rollback == nil) == (in.Changes == nil) {
		return nil, policy.Errorf(policy.Invalid, "a draft holds one of changes and rollback")
	}
	if in.Rollback != nil {
		return change.EncodeBody(change.Rollback{Revision: *in.Rollback, Force: in.Force})
	}
	var p policy.Problems
	if in.Force {
		p.Add("/force", "force goes with rollback; a change of the configuration has its own")
	}
	r := &changesReader{problems: &p, objects: objects}
	batch := r.read(changesRequest{Changes: in.Changes})
	if err := document.Locate(data, "", p.Err("the changes are not valid")); err != nil {
		return nil, err
	}
	return change.EncodeBody(batch)
}

// ListDrafts lists the drafts, the newest first.
func (s *server) ListDrafts(c *gin.Context) {
	state := s.cfg.Node.State()
	list := api.DraftList{Items: []api.Draft{}}
	for _, v := range state.Drafts.All {
		list.Items = append(list.Items, renderDraft(state, v))
	}
	slices.SortFunc(list.Items, func(a, b api.Draft) int { return b.CreatedAt.Compare(a.CreatedAt) })
	read(c, state, state.Revision)
	s.render(c, http.StatusOK, list)
}

// draftShown is an api.DraftShown with effects in our nouns.
type draftShown struct {
	api.DraftShown
	Effects []snapshot.Effect `json:"effects"`
}

// GetDraft shows a draft and what it would change now.
func (s *server) GetDraft(c *gin.Context, id api.DraftPath) {
	state := s.cfg.Node.State()
	v, ok := state.Drafts.Get(id)
	if !ok {
		s.refuse(c, policy.Errorf(policy.NotFound, "there is no draft %q", id))
		return
	}
	shown := draftShown{DraftShown: api.DraftShown{Draft: renderDraft(state, v), Changes: []api.Edit{}, Warnings: []string{}}, Effects: []snapshot.Effect{}}
	if v.Closed == "" {
		shown.Conditions = conditions(state, v)
		next, _, err := s.would(change.Change{Actor: v.Author, Body: change.PublishDraft{ID: id}})
		if err == nil {
			shown.Fits = true
		} else if p, known := problemOf(err); known {
			shown.Problem = p.Detail
			next, _ = change.Drafted(state, v) // what it would change if everybody agreed
		}
		if next != nil {
			err = s.look(&shown, state, next)
			if err != nil {
				s.refuse(c, err)
				return
			}
		}
	}
	read(c, state, v.Version)
	s.render(c, http.StatusOK, shown)
}

// look works out what differs between the state and what a draft makes of it.
func (s *server) look(shown *draftShown, state, next *policy.State) error {
	var more int
	if shown.Changes, more = differences(state, next); more > 0 {
		shown.Warnings = append(shown.Warnings, "more differences are not listed")
	}
	draft, err := s.cfg.Node.Draft(next)
	if err != nil {
		return err
	}
	now, err := s.cfg.Node.Draft(state) // this node may have the draft in use
	if err != nil {
		return err
	}
	effects, _ := draft.EffectsFrom(now)
	shown.Effects = append(shown.Effects, effects...)
	shown.Health = besides(now, draft)
	return nil
}

// maxBesides is for how many services a draft's health is held against the state's.
const maxBesides = 100

// besides says how healthy what is behind each service is that a draft changes.
func besides(now, draft *snapshot.Snapshot) (list []api.DraftHealth) {
	for _, id := range draft.Differing(now) {
		if len(list) == maxBesides {
			break
		}
		h := api.DraftHealth{Service: id}
		h.Up, h.Endpoints = now.Healthy(id)
		h.DraftUp, h.DraftEndpoints = draft.Healthy(id)
		list = append(list, h)
	}
	return list
}

// conditions says how what would abort a draft's canary stands.
func conditions(state *policy.State, v policy.Draft) (list []api.ConditionState) {
	if v.Canary == nil || v.Canary.State != policy.CanaryRunning {
		return nil
	}
	for _, text := range v.Canary.AbortWhen {
		problem, err := state.Condition(text, state.Clock)
		if err != nil {
			problem = err.Error()
		}
		list = append(list, api.ConditionState{Condition: text, Problem: problem})
	}
	return list
}

// WithdrawDraft closes a draft.
func (s *server) WithdrawDraft(c *gin.Context, id api.DraftPath, params api.WithdrawDraftParams) {
	s.onDraft(c, "", params.IdempotencyKey, nil, change.CloseDraft{ID: id})
}

// PublishDraft makes the change that a draft holds.
func (s *server) PublishDraft(c *gin.Context, id api.DraftPath, params api.PublishDraftParams) {
	s.onDraft(c, params.IfMatch, params.IdempotencyKey, nil, change.PublishDraft{ID: id})
}

// EndCanary takes a draft back.
func (s *server) EndCanary(c *gin.Context, id api.DraftPath, params api.EndCanaryParams) {
	s.onDraft(c, "", params.IdempotencyKey, nil, change.EndCanary{ID: id})
}

// ReviewDraft approves a draft, or rejects it.
func (s *server) ReviewDraft(c *gin.Context, id api.DraftPath, params api.ReviewDraftParams) {
	var in struct {
		Verdict string `json:"verdict"`
		Comment string `json:"comment"`
	}
	data, err := readJSON(c, maxSmall, &in)
	if err == nil && in.Verdict != "approve" && in.Verdict != "reject" {
		err = policy.Errorf(policy.Invalid, "the verdict is approve or reject, not %q", in.Verdict)
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	s.onDraft(c, params.IfMatch, params.IdempotencyKey, data, change.ReviewDraft{ID: id, Approve: in.Verdict == "approve", Comment: in.Comment})
}

// StartCanary puts a draft in use at some nodes.
func (s *server) StartCanary(c *gin.Context, id api.DraftPath, params api.StartCanaryParams) {
	var in struct {
		Nodes     []string        `json:"nodes"`
		For       policy.Duration `json:"for"`
		Hold      bool            `json:"hold"`
		AbortWhen []string        `json:"abortWhen"`
	}
	data, err := readJSON(c, maxSmall, &in)
	if err != nil {
		s.refuse(c, err)
		return
	}
	s.onDraft(c, params.IfMatch, params.IdempotencyKey, data, change.StartCanary{ID: id, Nodes: in.Nodes, For: in.For, Hold: in.Hold, AbortWhen: in.AbortWhen})
}

func (s *server) onDraft(c *gin.Context, ifMatch, key string, data []byte, body change.Body) {
	ch, err := s.envelope(c, ifMatch, key, sum(data))
	if err != nil {
		s.refuse(c, err)
		return
	}
	ch.Body = body
	s.put(c, http.StatusOK, ch, 0)
}

func renderDraft(state *policy.State, v policy.Draft) api.Draft {
	shown := api.Draft{
		Id: v.ID, Title: v.Title, Author: v.Author, AuthorName: actorName(state, v.Author), CreatedAt: clockTime(v.CreatedAt), Base: v.Base, Version: v.Version, State: "open",
		ClosedAt: clockTime(v.ClosedAt), Revision: v.Revision, Reviews: []api.Review{},
	}
	if v.Closed != "" {
		shown.State = api.DraftState(v.Closed)
	}
	for _, r := range v.Reviews {
		shown.Reviews = append(shown.Reviews, api.Review{Actor: r.Actor, ActorName: actorName(state, r.Actor), At: clockTime(r.At), Approve: r.Approve, Comment: r.Comment})
	}
	if k := v.Canary; k != nil {
		shown.Canary = &api.Canary{
			Nodes: k.Nodes, Actor: k.Actor, StartedAt: clockTime(k.StartedAt), EndsAt: clockTime(k.EndsAt), Hold: k.Hold, AbortWhen: k.AbortWhen,
			State: api.CanaryState(k.State), Problem: k.Problem,
		}
	}
	return shown
}

// clockTime is a time of State's clock; 0 is none.
func clockTime(clock int64) time.Time {
	if clock == 0 {
		return time.Time{}
	}
	return time.Unix(0, clock).UTC()
}
