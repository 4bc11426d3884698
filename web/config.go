package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/document"
	"github.com/meridian-gtm/meridian/policy/snapshot"
	"github.com/meridian-gtm/meridian/web/api"
)

func (s *server) GetConfig(c *gin.Context) { s.config(c, s.cfg.Node.State()) }

// config answers with the document of a state.
func (s *server) config(c *gin.Context, state *policy.State) {
	media, ok := s.accept(c, mediaJSON, mediaYAML)
	if !ok {
		return
	}
	format := document.JSON
	if media == mediaYAML {
		format = document.YAML
	}
	text, err := document.Encode(state.Config(), format)
	if err != nil {
		s.refuse(c, err)
		return
	}
	read(c, state, state.ConfigRevision)
	c.Data(http.StatusOK, media, text)
}

func (s *server) PutConfig(c *gin.Context, params api.PutConfigParams) {
	if params.DryRun {
		if !s.planning(c) {
			return
		}
		defer func() { <-s.plans }()
	}
	doc, data, err := readDocument(c)
	if err == nil {
		err = document.Locate(data, "", checkAlone(doc, params.Merge))
	}
	var ch change.Change
	if err == nil {
		ch, err = s.envelope(c, params.IfMatch, params.IdempotencyKey, sum(data))
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	ch.Body = change.PutConfig{Config: *doc, Merge: params.Merge, Force: params.Force}
	if params.DryRun {
		s.plan(c, ch, doc, params.Merge, data)
		return
	}
	before := s.cfg.Node.State().Config()
	out, err := s.try(c, ch, len(data))
	if err != nil {
		s.refuse(c, locate(err, data, doc, before, params.Merge))
		return
	}
	r := s.settle(c, out)
	r.Warnings = append(r.Warnings, s.warnings()...)
	s.render(c, http.StatusOK, r)
}

// maxPlans is how many plans are worked out at once.
const maxPlans = 2

// planning waits for a place to plan in, as long as a caller may be expected to.
func (s *server) planning(c *gin.Context) bool {
	wait, cancel := context.WithTimeout(c.Request.Context(), 20*time.Second)
	defer cancel()
	select {
	case s.plans <- struct{}{}:
		return true
	case <-wait.Done():
		s.refuse(c, policy.Errorf(policy.TooMany, "%d plans are being worked out here, which is the limit; try again, or ask another node", maxPlans))
		return false
	}
}

// plan is an api.ConfigResult that says so when there are no changes.
type plan struct {
	api.ConfigResult
	Changes []api.Edit        `json:"changes"`
	Effects []snapshot.Effect `json:"effects"`
}

// readDocument reads the body as a configuration document; data is its text.
func readDocument(c *gin.Context) (doc *policy.Config, data []byte, err error) {
	data, media, err := readBody(c, document.MaxSize, mediaYAML, mediaJSON)
	if err == nil && media == mediaJSON {
		err = checkJSON(data)
	}
	if err == nil {
		doc, err = document.Decode(data, "")
	}
	return doc, data, err
}

// would is what a change makes of the state at hand, which stays as it is.
func (s *server) would(ch change.Change) (*policy.State, policy.Outcome, error) {
	state := s.cfg.Node.State()
	ch.Request = ""
	next, out, err := change.Apply(state, state.Index+1, ch)
	if err == nil && out.Refused != nil {
		err = out.Refused
	}
	return next, out, err
}

// warnings are those of what this node answers from now.
func (s *server) warnings() []string {
	snap, err := s.cfg.Node.Snapshot()
	if err != nil {
		return nil
	}
	return snap.Warnings()
}

// plan says what a change of the configuration would do, by applying it to the
// state at hand and letting the result go.
func (s *server) plan(c *gin.Context, ch change.Change, doc *policy.Config, merge bool, data []byte) {
	state := s.cfg.Node.State()
	before := state.Config()
	next, out, err := s.would(ch)
	if err != nil {
		s.refuse(c, locate(err, data, doc, before, merge))
		return
	}
	s.foreseen(c, state, next, out, state.ConfigRevision)
}

// checkAlone finds the mistakes that a document has whatever the state is: all
// of them when it stands for itself, and names that are there twice when it is merged.
func checkAlone(doc *policy.Config, merge bool) error {
	if !merge {
		return doc.Validate()
	}
	var p policy.Problems
	for _, k := range kinds {
		seen := map[string]int{}
		for i, name := range k.names(doc) {
			if first, ok := seen[name]; ok {
				p.Add(fmt.Sprintf("/%s/%d", k.key, i), "%q is the name of /%s/%d already", name, k.key, first)
			} else {
				seen[name] = i
			}
		}
	}
	return p.Err("the configuration is not valid")
}

// locate turns the pointers of a refusal, which are into the whole
// configuration in order of names, into pointers and lines of the document that was sent.
func locate(err error, data []byte, doc, before *policy.Config, merge bool) error {
	refusal, ok := err.(*policy.Error)
	if !ok || len(refusal.Problems) == 0 {
		return err
	}
	if !merge {
		before = nil
	}
	move := movePointers(document.Merge(before, doc), doc)
	moved := *refusal
	moved.Problems = slices.Clone(refusal.Problems)
	for i := range moved.Problems {
		p := &moved.Problems[i]
		var elsewhere string
		if p.Pointer, elsewhere = move(p.Pointer); elsewhere != "" {
			p.Message = elsewhere + ", which is not in this document: " + p.Message
		}
	}
	return document.Locate(data, "", &moved)
}

// movePointers gives what turns "/pools/3/region" of one configuration into the pointer to
// the same object in another. An object that is not there is named instead. The names of a kind
// are listed once, as there may be a mistake in each of very many objects.
func movePointers(from, to *policy.Config) func(pointer string) (moved, elsewhere string) {
	type naming struct {
		what string
		was  []string
		at   map[string]int
	}
	known := map[string]*naming{}
	name := func(key string) *naming {
		if n, ok := known[key]; ok {
			return n
		}
		known[key] = nil
		for _, k := range kinds {
			if k.key == key {
				n := &naming{k.what, k.names(from), map[string]int{}}
				for i, name := range slices.Backward(k.names(to)) {
					n.at[name] = i
				}
				known[key] = n
			}
		}
		return known[key]
	}
	return func(pointer string) (moved, elsewhere string) {
		parts := strings.SplitN(strings.TrimPrefix(pointer, "/"), "/", 3)
		if len(parts) < 2 {
			return pointer, ""
		}
		n := name(parts[0])
		if n == nil {
			return pointer, ""
		}
		i, err := strconv.Atoi(parts[1])
		if err != nil || i < 0 || i >= len(n.was) {
			return pointer, ""
		}
		j, ok := n.at[n.was[i]]
		if !ok {
			return "", fmt.Sprintf("%s %q", n.what, n.was[i])
		}
		parts[1] = strconv.Itoa(j)
		return "/" + strings.Join(parts, "/"), ""
	}
}

// kinds are the lists of a document, with what their objects go by.
var kinds = []objectKind{
	regions.kind(), providers.kind(), monitors.kind(), pools.kind(), templates.kind(), services.kind(), safetyRules.kind(), reviewRules.kind(), drillPlans.kind(), places.kind(), receivers.kind(),
}
