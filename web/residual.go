package web

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/document"
	"github.com/meridian-gtm/meridian/web/api"
)

const (
	maxObserved     = 4 << 20 // octets of a body of observations
	maxSource       = 64      // octets of what a source is called
	maxObservedName = 255     // octets of an endpoint or a service
	observedAhead   = 5 * time.Minute
	maxResidual     = 1000 // clients of an answer
	maxCount        = 1e9
)

// observation is an api.Observation in our nouns.
type observation struct {
	At       time.Time `json:"at"`
	Client   string    `json:"client"`
	Endpoint string    `json:"endpoint"`
	Service  string    `json:"service"`
	Count    *int      `json:"count"`
	Source   string    `json:"source"`
}

// PutObservations takes in who was seen to come where. It waits for nothing, and nothing of it is in the state.
func (s *server) PutObservations(c *gin.Context) {
	data, media, err := readBody(c, maxObserved, mediaJSON, mediaNDJSON)
	var list []observation
	if err == nil {
		list, err = readObservations(data, media)
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	var p policy.Problems
	if n := len(list); n < 1 || n > policy.MaxObserveBatch {
		p.Add("/observations", "there are %d observations; 1 to %d may be", n, policy.MaxObserveBatch)
	}
	now := s.cfg.Now()
	batch := make([]policy.Observation, len(list))
	for i := range list {
		batch[i] = list[i].read(fmt.Sprintf("/observations/%d", i), now, &p)
	}
	if err := p.Err("the observations are not valid; none was taken in"); err != nil {
		if media == mediaJSON {
			err = document.Locate(data, "", err)
		}
		s.refuse(c, err)
		return
	}
	s.cfg.Node.Observe(batch)
	s.render(c, http.StatusAccepted, api.ObservationsTaken{Observations: len(batch)})
}

// readObservations reads a body, strictly.
func readObservations(data []byte, media string) (list []observation, err error) {
	if media == mediaJSON {
		if err := checkJSON(data); err != nil {
			return nil, err
		}
		var in struct {
			Observations []observation `json:"observations"`
		}
		err = document.DecodeInto(data, "", &in)
		return in.Observations, err
	}
	n := 0
	for line := range bytes.Lines(data) {
		n++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		var o observation
		if err := checkJSON(line); err != nil {
			return nil, policy.Errorf(badRequest, "line %d is not JSON", n)
		}
		if err := document.DecodeInto(line, "", &o); err != nil {
			return nil, policy.Errorf(policy.Invalid, "line %d: %v", n, err)
		}
		if list = append(list, o); len(list) > policy.MaxObserveBatch {
			break
		}
	}
	return list, nil
}

func (o *observation) read(at string, now time.Time, p *policy.Problems) policy.Observation {
	out := policy.Observation{At: cmp.Or(o.At, now), Endpoint: o.Endpoint, Count: 1, Source: o.Source}
	if out.At.Before(now.Add(-time.Duration(policy.ObservationsKept))) || out.At.After(now.Add(observedAhead)) {
		p.Add(at+"/at", "%s is not within the last 24 hours, nor 5 minutes ahead; older ones are not kept", out.At.UTC().Format(time.RFC3339))
	}
	prefix, err := netip.ParsePrefix(o.Client)
	if err != nil {
		a, e := netip.ParseAddr(o.Client)
		if err = e; err == nil {
			prefix = netip.PrefixFrom(a.WithZone(""), a.BitLen())
		}
	}
	if err != nil {
		p.Add(at+"/client", "%q is no address and no prefix; write 192.0.2.7 or 192.0.2.0/24", o.Client)
	} else {
		out.Client = policy.ClientPrefix(prefix)
	}
	if a, err := netip.ParseAddr(o.Endpoint); err == nil {
		out.Endpoint = a.Unmap().String() // one spelling
	} else if len(o.Endpoint) > maxObservedName {
		p.Add(at+"/endpoint", "it has %d octets; %d are the most", len(o.Endpoint), maxObservedName)
	} else if name, err := policy.ParseName(o.Endpoint); err == nil && o.Endpoint != "" && !strings.HasPrefix(o.Endpoint, "endpoint/") {
		out.Endpoint = name.String()
	}
	if o.Service != "" {
		name, err := policy.ParseName(o.Service)
		if err != nil {
			p.Add(at+"/service", "%v", err)
		}
		out.Service = name.String()
	}
	if o.Endpoint == "" && o.Service == "" {
		p.Add(at, "it says neither endpoint nor service; name what the client came to")
	}
	if o.Count != nil {
		if out.Count = *o.Count; out.Count < 1 || out.Count > maxCount {
			p.Add(at+"/count", "%d is not from 1 to 1,000,000,000", out.Count)
		}
	}
	if len(o.Source) > maxSource {
		p.Add(at+"/source", "it has %d octets; %d are the most", len(o.Source), maxSource)
	}
	return out
}

// GetResidual says who still comes to what was drained.
func (s *server) GetResidual(c *gin.Context, params api.GetResidualParams) {
	state := s.cfg.Node.State()
	q, endpoints, err := s.residualQuery(c, state, params)
	if err != nil {
		s.refuse(c, err)
		return
	}
	found := s.cfg.Node.Residual(c.Request.Context(), q)
	out := api.ResidualList{
		Since: shown(q.Since), Endpoints: append([]string{}, endpoints...), Total: len(found.Items), Missing: append([]string{}, found.Missing...),
	}
	out.Items = renderResiduals(found.Items[:min(len(found.Items), maxResidual)], q.Since)
	s.render(c, http.StatusOK, out)
}

func renderResiduals(list []policy.Residual, since time.Time) []api.Residual {
	items := []api.Residual{}
	for _, r := range list {
		items = append(items, api.Residual{
			Client: r.Client.String(), Asn: r.ASN, Country: r.Country, To: r.To, Source: r.Source, Count: r.Count,
			FirstAt: shown(r.First), LastAt: shown(r.Last), After: r.Last.Sub(since).Truncate(time.Second).String(),
		})
	}
	return items
}

func (s *server) residualQuery(c *gin.Context, state *policy.State, params api.GetResidualParams) (q policy.ResidualQuery, endpoints []string, err error) {
	switch {
	case (params.Control == "") == (params.Target == ""):
		return q, nil, policy.Errorf(badRequest, "one of control=ID and target=TARGET is needed")
	case params.Control != "":
		v, ok := state.Controls.Get(params.Control)
		if !ok {
			return q, nil, policy.Errorf(policy.NotFound, "there is no control %q; it may have expired or been lifted: ask with target and since, as GET /windows tells", params.Control)
		}
		w := s.window(c.Request.Context(), state, v)
		if w.ClosesAt.IsZero() {
			return q, nil, policy.Errorf(policy.Conflict, "the window of %s is %s and has no end yet, so nobody comes after it; ask with target and since", v.ID, w.State)
		}
		q.Since, endpoints = w.ClosesAt.Round(0), state.WindowOf(v, 0).Endpoints
	default:
		if params.Since.IsZero() {
			return q, nil, policy.Errorf(badRequest, "target goes with since, from when on clients count: since=2026-01-02T03:04:05Z")
		}
		q.Since = params.Since
		if name, ok := strings.CutPrefix(params.Target, "service/"); ok {
			if !state.Services.Has(name) {
				return q, nil, policy.Errorf(policy.NotFound, "there is no service %q", name)
			}
			q.Services = []string{name}
			return q, nil, nil
		}
		t, err := policy.ParseTarget(params.Target)
		if err != nil {
			return q, nil, policy.Errorf(badRequest, "the parameter target: %v", err)
		}
		endpoints = state.EndpointsOf(t)
	}
	for _, id := range endpoints {
		q.Names = append(q.Names, state.NamesOf(id)...)
	}
	slices.Sort(q.Names)
	q.Names = slices.Compact(q.Names)
	return q, endpoints, nil
}
