package web

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/snapshot"
	"github.com/meridian-gtm/meridian/policy/zonefile"
	"github.com/meridian-gtm/meridian/web/api"
)

const (
	maxReaches = 64 // answers that are kept for those who ask the same
	maxAssumed = 32
)

// reachShown is an api.Answers in our nouns.
type reachShown struct {
	*snapshot.Reach
	Draft      string           `json:"draft,omitempty"`
	Difference *snapshot.Effect `json:"difference,omitempty"`
}

// reaches keeps what was worked out of the snapshot in use, one at a time: it is the same for all who look at a map.
type reaches struct {
	mu   sync.Mutex
	of   *snapshot.Snapshot
	made map[string]*reachShown
}

// get gives what is known, or makes it.
func (r *reaches) get(snap *snapshot.Snapshot, key string, work func() (*reachShown, error)) (*reachShown, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of != snap || len(r.made) >= maxReaches {
		r.of, r.made = snap, map[string]*reachShown{}
	}
	if v := r.made[key]; v != nil {
		return v, nil
	}
	v, err := work()
	if err == nil {
		r.made[key] = v
	}
	return v, err
}

// GetAnswers says who answers each country: of one service, or of all.
func (s *server) GetAnswers(c *gin.Context, params api.GetAnswersParams) {
	typ := policy.TypeA
	var err error
	if params.Type != "" {
		if typ, err = zonefile.ParseType(params.Type); err != nil {
			s.refuse(c, policy.Errorf(badRequest, "the parameter type: %v", err))
			return
		}
	}
	service := ""
	switch {
	case params.Service != "":
		name, err := policy.ParseName(params.Service)
		if err != nil {
			s.refuse(c, policy.Errorf(badRequest, "the parameter service: %v", err))
			return
		}
		service = name.String()
	case len(params.Assume) > 0 || params.Type != "":
		s.refuse(c, policy.Errorf(badRequest, "assume and type go with service; without it the answers of all services are added up"))
		return
	}
	if len(params.Assume) > maxAssumed {
		s.refuse(c, policy.Errorf(badRequest, "there are %d assumptions; %d are the most", len(params.Assume), maxAssumed))
		return
	}
	snap, err := s.cfg.Node.Snapshot()
	if err != nil {
		s.refuse(c, err)
		return
	}
	state := s.cfg.Node.State()
	draft, ok := state.Drafts.Get(params.Draft)
	switch {
	case params.Draft == "":
	case !ok:
		s.refuse(c, policy.Errorf(policy.NotFound, "there is no draft %q", params.Draft))
		return
	case draft.Closed != "":
		s.refuse(c, policy.Errorf(policy.Conflict, "draft %s is %s; ask about one that is open", draft.ID, draft.Closed))
		return
	}
	key := fmt.Sprintf("%q %d %q %q %d", service, typ, params.Assume, params.Draft, draft.Version)
	shown, err := s.reaches.get(snap, key, func() (*reachShown, error) {
		from := snap
		if params.Draft != "" {
			next, err := change.Drafted(state, draft)
			if next == nil {
				return nil, err // whether it may be published yet is another question
			}
			if from, err = s.cfg.Node.Draft(next); err != nil {
				return nil, err
			}
		}
		return reachOf(snap, from, service, typ, params)
	})
	if err != nil {
		s.refuse(c, err)
		return
	}
	c.Header("X-Index", strconv.FormatUint(shown.Index, 10))
	s.render(c, http.StatusOK, shown)
}

func reachOf(now, from *snapshot.Snapshot, service string, typ uint16, params api.GetAnswersParams) (*reachShown, error) {
	shown := &reachShown{Draft: params.Draft}
	if service == "" {
		shown.Reach = from.World()
		return shown, nil
	}
	reach, svc, err := from.Reach(service, typ, params.Assume)
	if err != nil {
		return nil, err
	}
	shown.Reach = reach
	if from != now || len(params.Assume) > 0 {
		e := from.ReachFrom(now, svc, typ)
		shown.Difference = &e
	}
	return shown, nil
}
