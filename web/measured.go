package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/document"
	"github.com/meridian-gtm/meridian/policy/geo"
	"github.com/meridian-gtm/meridian/web/api"
)

const (
	maxMeasured = 4 << 20 // octets of a body of measurements or loads
	maxPageRTTs = 10_000  // round trips, after which a page of latencies ends
	maxBeacon   = policy.MaxLatencyRegions
)

// latencyPut is an api.LatencyPut that tells what is missing from what is 0.
type latencyPut struct {
	Measurements []measurement   `json:"measurements"`
	MaxAge       policy.Duration `json:"maxAge"`
}

type measurement struct {
	Client  *string  `json:"client"`
	Country *string  `json:"country"`
	ASN     *int64   `json:"asn"`
	Region  *string  `json:"region"`
	Ms      *float64 `json:"ms"`
}

// subject is whose measurement it is, as text, or "" when it does not say so in just one way.
func (m measurement) subject() string {
	var list []string
	if m.Client != nil {
		kind, _, _ := strings.Cut(*m.Client, "/")
		if kind == "country" || kind == "asn" {
			return "" // a client is a network
		}
		list = append(list, *m.Client)
	}
	if m.Country != nil {
		list = append(list, "country/"+*m.Country)
	}
	if m.ASN != nil {
		list = append(list, "asn/"+strconv.FormatInt(*m.ASN, 10))
	}
	if len(list) != 1 {
		return ""
	}
	return list[0]
}

func (s *server) PutLatency(c *gin.Context, params api.PutLatencyParams) {
	var in latencyPut
	data, err := readJSON(c, maxMeasured, &in)
	if err != nil {
		s.refuse(c, err)
		return
	}
	b := change.PutLatency{MaxAge: in.MaxAge, Measurements: make([]change.Measurement, len(in.Measurements))}
	for i, m := range in.Measurements {
		out := change.Measurement{Subject: m.subject()}
		if m.Region != nil {
			out.Region, out.Samples = *m.Region, 1
		}
		if m.Ms != nil {
			out.Ms, out.Samples = *m.Ms, 1
		}
		b.Measurements[i] = out
	}
	s.putMeasured(c, params.IdempotencyKey, data, b)
}

func (s *server) PutLoad(c *gin.Context, params api.PutLoadParams) {
	var b change.PutLoad
	data, err := readJSON(c, maxMeasured, &b)
	if err != nil {
		s.refuse(c, err)
		return
	}
	s.putMeasured(c, params.IdempotencyKey, data, b)
}

// putMeasured brings a change in. The pointers of its mistakes are those of what was sent.
func (s *server) putMeasured(c *gin.Context, key string, data []byte, b change.Body) {
	ch, err := s.envelope(c, "", key, sum(data))
	if err != nil {
		s.refuse(c, err)
		return
	}
	ch.Body = b
	out, err := s.try(c, ch, len(data))
	if err != nil {
		s.refuse(c, document.Locate(data, "", err))
		return
	}
	s.render(c, http.StatusOK, s.settle(c, out))
}

// pageSize is how much of a list is wanted: what the parameter limit says, or what is usual where it says nothing.
func pageSize(c *gin.Context, limit, usual int) (int, error) {
	if c.Query("limit") == "" {
		return usual, nil
	}
	if limit < 1 || limit > maxPage {
		return 0, policy.Errorf(badRequest, "limit is a number from 1 to %d", maxPage)
	}
	return limit, nil
}

func (s *server) ListLatency(c *gin.Context, params api.ListLatencyParams) {
	limit, err := pageSize(c, params.Limit, defaultPage)
	if err != nil {
		s.refuse(c, err)
		return
	}
	var start, only string
	for name, to := range map[string]*string{"subject": &only, "after": &start} {
		if text := c.Query(name); text != "" {
			subject, err := policy.ParseSubject(text)
			if err != nil {
				s.refuse(c, policy.Errorf(badRequest, "the parameter %s: %v", name, err))
				return
			}
			*to = subject.String()
		}
	}
	state, now := s.cfg.Node.State(), s.cfg.Now()
	page := api.LatencyPage{Items: []api.Latency{}}
	rtts := 0
	state.Latencies.From(max(start, only), func(key string, l policy.Latency) bool {
		switch {
		case key == start:
			return true
		case only != "" && key != only:
			return false
		case len(page.Items) == limit || rtts >= maxPageRTTs:
			page.Next = page.Items[len(page.Items)-1].Subject
			return false
		}
		rtts += len(l.Regions)
		page.Items = append(page.Items, renderLatency(l, now))
		return true
	})
	c.Header("X-Index", strconv.FormatUint(state.Index, 10))
	s.render(c, http.StatusOK, page)
}

func renderLatency(l policy.Latency, now time.Time) api.Latency {
	out := api.Latency{Subject: l.Subject, Regions: make([]api.RoundTrip, 0, len(l.Regions))}
	for _, r := range l.Regions {
		out.Regions = append(out.Regions, api.RoundTrip{
			Region: r.Region, Ms: r.Ms, Samples: r.Samples, At: time.Unix(0, r.At).UTC(), ExpiresAt: time.Unix(0, r.Due()).UTC(), Age: age(r.At, now),
		})
	}
	return out
}

// age is how long ago the State's clock was at, to the second. That clock may be ahead of this node's.
func age(at int64, now time.Time) string {
	return max(0, now.Sub(time.Unix(0, at))).Truncate(time.Second).String()
}

func (s *server) ListLoad(c *gin.Context) {
	state, now := s.cfg.Node.State(), s.cfg.Now()
	list := api.LoadList{Items: make([]api.Load, 0, state.Loads.Len())}
	for _, l := range state.Loads.All {
		list.Items = append(list.Items, api.Load{
			Target: l.Target, Value: l.Value, At: time.Unix(0, l.At).UTC(), ExpiresAt: time.Unix(0, l.Due()).UTC(), Age: age(l.At, now),
		})
	}
	c.Header("X-Index", strconv.FormatUint(state.Index, 10))
	s.render(c, http.StatusOK, list)
}

// PostBeacon takes in what one client has measured. It waits for nothing: the node gathers beacons and brings in what has moved.
func (s *server) PostBeacon(c *gin.Context) {
	var in api.Beacon
	data, err := readJSON(c, maxSmall, &in)
	state := s.cfg.Node.State()
	if err == nil {
		err = change.Admit(state, change.PutLatency{})
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	for _, m := range in.Measurements {
		if !s.within(c, "region/"+m.Region) {
			return
		}
	}
	var p policy.Problems
	from := beaconClient(in.Client, c.Request, &p)
	if n := len(in.Measurements); n < 1 || n > maxBeacon {
		p.Add("/measurements", "there are %d measurements; 1 to %d may be", n, maxBeacon)
	}
	var rtts []policy.RTT
	for i, m := range in.Measurements {
		at := fmt.Sprintf("/measurements/%d", i)
		if !state.Regions.Has(m.Region) {
			p.Add(at+"/region", "%s", change.NoRegion(state, m.Region))
		}
		if err := policy.Measurable(m.Ms); err != nil {
			p.Add(at+"/ms", "%v", err)
		}
		rtts = append(rtts, policy.RTT{Region: m.Region, Ms: m.Ms})
	}
	if err := p.Err("the beacon is not valid; nothing of it is taken in"); err != nil {
		s.refuse(c, document.Locate(data, "", err))
		return
	}
	s.cfg.Node.Beacon(from, rtts)
	s.render(c, http.StatusAccepted, api.BeaconTaken{Client: from.String(), Measurements: len(rtts)})
}

// beaconClient is the address that a beacon counts for. One that no route leads
// to, loopback too, is that of a proxy or of a network that no resolver is asked
// from, and would count for clients that are elsewhere.
func beaconClient(text string, r *http.Request, p *policy.Problems) netip.Addr {
	whose := "the client"
	if text == "" {
		ap, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil {
			p.Add("/client", "the client's address is missing")
			return netip.Addr{}
		}
		text, whose = ap.Addr().WithZone("").Unmap().String(), "the address that the call comes from"
	}
	a, err := netip.ParseAddr(text)
	switch {
	case err != nil || a.Zone() != "":
		p.Add("/client", "%q is not an address, as in 91.10.3.77 or 2a02:8100::1", text)
	case geo.Unroutable(a, a.BitLen()):
		p.Add("/client", "%s, %s, is one that no route leads to; send the address under which the client is seen on the Internet, or put latencies of private networks with PUT %s/latency", whose, a, base)
	}
	return a
}
