package web

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/document"
	"github.com/meridian-gtm/meridian/policy/snapshot"
	"github.com/meridian-gtm/meridian/policy/zonefile"
	"github.com/meridian-gtm/meridian/web/api"
)

// maxZone bounds a master file, in octets. A zone in JSON is bounded as a document is.
const maxZone = zonefile.DefaultBytes

func (s *server) ListZones(c *gin.Context) {
	state := s.cfg.Node.State()
	list := api.ZoneList{Items: []api.ZoneSummary{}}
	for _, z := range state.Zones.All {
		list.Items = append(list.Items, api.ZoneSummary{Name: z.Name.String(), Revision: z.Rev, Records: z.Records})
	}
	read(c, state, state.Revision)
	s.render(c, http.StatusOK, list)
}

// apex reads the zone's name from the path.
func (s *server) apex(c *gin.Context) (policy.Name, bool) {
	n, err := policy.ParseName(c.Param("zone"))
	if err != nil {
		s.refuse(c, policy.Errorf(badRequest, "the path does not name a zone: %v", err))
	}
	return n, err == nil
}

func (s *server) GetZone(c *gin.Context, _ string) {
	media, ok := s.accept(c, mediaJSON, mediaZone)
	if !ok {
		return
	}
	apex, ok := s.apex(c)
	if !ok {
		return
	}
	state := s.cfg.Node.State()
	z, ok := state.Zones.Get(apex.Key())
	if !ok {
		s.refuse(c, noZone(apex))
		return
	}
	read(c, state, z.Rev)
	c.Header("Content-Type", media)
	c.Status(http.StatusOK)
	w := bufio.NewWriterSize(c.Writer, 64<<10)
	write := writeZoneJSON
	if media == mediaZone {
		write = zonefile.Write
	}
	err := write(w, z)
	if err == nil {
		err = w.Flush()
	}
	switch {
	case err != nil && !c.Writer.Written():
		s.refuse(c, err)
	case err != nil:
		s.cfg.Log.Debug("a zone was not sent whole", "zone", z.Name.String(), "error", err)
		panic(http.ErrAbortHandler) // half a zone must not look like a whole one
	}
}

func noZone(apex policy.Name) error {
	return policy.Errorf(policy.NotFound, "there is no zone %s; GET %s/zones lists those there are", apex, base)
}

// writeZoneJSON writes an api.Zone, one RRset after the other.
func writeZoneJSON(w io.Writer, z *policy.Zone) error {
	fmt.Fprintf(w, "{\n  \"name\": %s,\n  \"revision\": %d,\n  \"records\": %d,\n  \"rrsets\": [", line(z.Name.String()), z.Rev, z.Records)
	comma := ""
	for name, set := range z.Sets {
		rr, err := renderRRset(name, set)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s\n    %s", comma, line(rr)); err != nil {
			return err
		}
		comma = ","
	}
	_, err := io.WriteString(w, "\n  ]\n}\n")
	return err
}

// line is a value as JSON on one line.
func line(v any) []byte {
	var b bytes.Buffer
	enc := newEncoder(&b)
	if err := enc.Encode(v); err != nil {
		panic("web: a value that cannot be encoded: " + err.Error())
	}
	return bytes.TrimSpace(b.Bytes())
}

func (s *server) PutZone(c *gin.Context, _ string, params api.PutZoneParams) {
	apex, ok := s.apex(c)
	if !ok {
		return
	}
	media, err := contentType(c.Request, mediaZone, mediaJSON)
	var z *policy.Zone
	var warnings []policy.Problem
	var content []byte
	length := 0
	switch {
	case err != nil:
	case media == mediaJSON:
		z, warnings, content, err = readZoneJSON(c, apex)
		length = int(max(0, c.Request.ContentLength))
	default:
		z, warnings, content, length, err = readZoneText(c, apex)
	}
	if err == nil && z.Name != apex {
		err = policy.Errorf(policy.Invalid, "the path says zone %s and the file holds %s", apex, z.Name)
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	ch, err := s.envelope(c, params.IfMatch, params.IdempotencyKey, content)
	if err != nil {
		s.refuse(c, err)
		return
	}
	status := http.StatusOK
	if !s.cfg.Node.State().Zones.Has(apex.Key()) {
		status = http.StatusCreated
	}
	ch.Body = change.PutZone{Zone: z}
	out, ok := s.propose(c, ch, length)
	if !ok {
		return
	}
	r := s.settle(c, out)
	for _, w := range warnings {
		r.Warnings = append(r.Warnings, w.String())
	}
	r.Warnings = append(r.Warnings, snapshot.HintWarnings(s.cfg.Node.State(), z)...)
	r.Warnings = append(r.Warnings, s.ringWarnings(apex)...)
	s.render(c, status, r)
}

// readZoneText reads a master file as it comes in.
func readZoneText(c *gin.Context, apex policy.Name) (z *policy.Zone, warnings []policy.Problem, content []byte, length int, err error) {
	h := sha256.New()
	body := &counter{r: io.TeeReader(http.MaxBytesReader(c.Writer, c.Request.Body, maxZone), h)}
	z, warnings, err = zonefile.Parse(body, apex, "", zonefile.Limits{Bytes: maxZone})
	if body.err != nil { // the reader's own error says more than what the parser made of it
		var large *http.MaxBytesError
		if err = body.err; !errors.As(err, &large) {
			err = policy.Errorf(badRequest, "the body did not come whole: %v", err)
		}
	}
	return z, warnings, h.Sum(nil), body.n, err
}

// counter counts what is read and keeps the error that ended it.
type counter struct {
	r   io.Reader
	n   int
	err error
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// readZoneJSON reads an api.ZoneWrite.
func readZoneJSON(c *gin.Context, apex policy.Name) (*policy.Zone, []policy.Problem, []byte, error) {
	var in api.ZoneWrite
	data, err := readJSON(c, maxObject, &in)
	if err != nil {
		return nil, nil, nil, err
	}
	var p policy.Problems
	if n, err := policy.ParseName(in.Name); in.Name != "" && (err != nil || n != apex) {
		p.Add("/name", "the path says zone %s and the body %s", apex, in.Name)
	}
	z, warnings := buildZone("", apex, in.Rrsets, &p)
	return z, warnings, sum(data), document.Locate(data, "", p.Err("the zone is not valid"))
}

// buildZone makes a zone of RRsets and checks it; at is the pointer to what has them.
func buildZone(at string, apex policy.Name, sets []api.RRset, p *policy.Problems) (*policy.Zone, []policy.Problem) {
	before := len(*p)
	z := policy.NewZone(apex)
	seen := map[string]bool{}
	for i, rr := range sets {
		at := fmt.Sprintf("%s/rrsets/%d", at, i)
		name, set := readRRset(at, rr, p)
		key := fmt.Sprintf("%s %d", name, set.Type)
		if seen[key] {
			p.Add(at, "the %s records of %s are there twice; put all in one RRset", rr.Type, rr.Name)
		} else if name != "" {
			if err := z.Set(name, set); err != nil {
				p.Add(at+"/name", "%v", err)
			}
		}
		seen[key] = true
	}
	if z.Records > zonefile.DefaultRecords {
		p.Add(at+"/rrsets", "the zone has %d records; %d are the most", z.Records, zonefile.DefaultRecords)
	}
	mistakes, warnings := zonefile.Check(z)
	if len(*p) == before {
		for _, m := range mistakes {
			m.Pointer = at + m.Pointer
			*p = append(*p, m)
		}
	}
	return z, warnings
}

// readRRset reads one RRset; its name is "" when it cannot be taken.
func readRRset(at string, rr api.RRset, p *policy.Problems) (policy.Name, policy.RRset) {
	before := len(*p)
	name, err := policy.ParseName(rr.Name)
	if err != nil {
		p.Add(at+"/name", "%v", err)
	}
	set := policy.RRset{TTL: rr.Ttl}
	if set.Type, err = zonefile.ParseType(rr.Type); err != nil {
		p.Add(at+"/type", "%v", err)
	} else {
		set.Data = readRecords(at, set.Type, rr.Records, p)
	}
	checkTTL(at, rr.Ttl, p)
	if len(*p) > before {
		return "", set
	}
	return name, set
}

func (s *server) DeleteZone(c *gin.Context, _ string, params api.DeleteZoneParams) {
	apex, ok := s.apex(c)
	if !ok {
		return
	}
	ch, err := s.envelope(c, params.IfMatch, params.IdempotencyKey, nil)
	if err != nil {
		s.refuse(c, err)
		return
	}
	ch.Body = change.DeleteZone{Name: apex}
	s.put(c, http.StatusOK, ch, 0)
}
