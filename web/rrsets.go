package web

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/document"
	"github.com/meridian-gtm/meridian/policy/snapshot"
	"github.com/meridian-gtm/meridian/policy/zonefile"
	"github.com/meridian-gtm/meridian/web/api"
)

const (
	maxRRset = 1 << 20 // octets of a body that is one RRset

	defaultPage = 100
	maxPage     = 1000    // RRsets
	maxPageText = 1 << 20 // octets of records, after which a page ends
	maxPageWalk = 20_000  // RRsets looked at for a page, when most are not of the type asked for
)

// renderRRset is an RRset in presentation form.
func renderRRset(name policy.Name, set policy.RRset) (api.RRset, error) {
	rr := api.RRset{Name: name.FQDN(), Type: zonefile.TypeString(set.Type), Ttl: set.TTL, Records: make([]string, 0, len(set.Data))}
	for _, d := range set.Data {
		text, err := zonefile.FormatRData(set.Type, d)
		if err != nil {
			return rr, err
		}
		rr.Records = append(rr.Records, text)
	}
	return rr, nil
}

// readRecords reads the RDATA at the pointer at + "/records".
func readRecords(at string, typ uint16, texts []string, p *policy.Problems) (data [][]byte) {
	if len(texts) == 0 {
		p.Add(at+"/records", "the RRset has no records")
	}
	for j, text := range texts {
		d, err := zonefile.ParseRData(typ, text, "")
		if err != nil {
			p.Add(fmt.Sprintf("%s/records/%d", at, j), "%s", strings.ReplaceAll(err.Error(), "\n", "; "))
		}
		data = append(data, d)
	}
	return data
}

func checkTTL(at string, ttl uint32, p *policy.Problems) {
	if ttl > policy.MaxTTL {
		p.Add(at+"/ttl", "a TTL of %d is over %d", ttl, policy.MaxTTL)
	}
}

// ownerIn reads an owner of a zone: @ is the apex, and other names are absolute.
func ownerIn(apex policy.Name, text string) (policy.Name, error) {
	if text == "@" {
		return apex, nil
	}
	n, err := policy.ParseName(text)
	if err == nil && !n.Under(apex) {
		err = fmt.Errorf("%s is not in the zone %s; names are absolute, with or without the final dot, and @ is the apex", n, apex)
	}
	return n, err
}

// rrsetPath reads the zone, owner and type of a path.
func (s *server) rrsetPath(c *gin.Context) (apex, name policy.Name, typ uint16, ok bool) {
	if apex, ok = s.apex(c); !ok {
		return
	}
	name, err := ownerIn(apex, c.Param("name"))
	if err == nil {
		typ, err = zonefile.ParseType(c.Param("type"))
	}
	if err == nil {
		err = zonefile.Storable(typ)
	}
	if err != nil {
		s.refuse(c, policy.Errorf(badRequest, "the path does not name an RRset: %v", err))
	}
	return apex, name, typ, err == nil
}

// findRRset is an RRset of the state with its zone, either of which may be nil.
func findRRset(state *policy.State, apex, name policy.Name, typ uint16) (*policy.Zone, *policy.RRset) {
	z, ok := state.Zones.Get(apex.Key())
	if !ok {
		return nil, nil
	}
	if o := z.Owner(name); o != nil {
		return z, o.Find(typ)
	}
	return z, nil
}

func noRRset(apex, name policy.Name, typ uint16) error {
	return policy.Errorf(policy.NotFound, "%s has no %s records in the zone %s", name, zonefile.TypeString(typ), apex)
}

func (s *server) GetRRset(c *gin.Context, _, _, _ string) {
	apex, name, typ, ok := s.rrsetPath(c)
	if !ok {
		return
	}
	state := s.cfg.Node.State()
	z, set := findRRset(state, apex, name, typ)
	switch {
	case z == nil:
		s.refuse(c, noZone(apex))
		return
	case set == nil:
		s.refuse(c, noRRset(apex, name, typ))
		return
	}
	rr, err := renderRRset(name, *set)
	if err != nil {
		s.refuse(c, err)
		return
	}
	read(c, state, z.Rev)
	s.render(c, http.StatusOK, rr)
}

// rrsetWrite is an api.RRsetWrite that tells a TTL of 0 from none.
type rrsetWrite struct {
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	TTL     *uint32  `json:"ttl"`
	Records []string `json:"records"`
}

func (s *server) PutRRset(c *gin.Context, _, _, _ string, params api.PutRRsetParams) {
	apex, name, typ, ok := s.rrsetPath(c)
	if !ok {
		return
	}
	var in rrsetWrite
	data, err := readJSON(c, maxRRset, &in)
	if err != nil {
		s.refuse(c, err)
		return
	}
	var p policy.Problems
	if n, err := ownerIn(apex, in.Name); in.Name != "" && (err != nil || n != name) {
		p.Add("/name", "the path says %s and the body %s", name.FQDN(), in.Name)
	}
	if t, err := zonefile.ParseType(in.Type); in.Type != "" && (err != nil || t != typ) {
		p.Add("/type", "the path says %s and the body %s", zonefile.TypeString(typ), in.Type)
	}
	u := change.Update{Op: change.Replace, Name: name, Type: typ}
	if in.TTL == nil {
		p.Add("/ttl", "the TTL is missing; it is in seconds")
	} else {
		u.TTL = *in.TTL
		checkTTL("", u.TTL, &p)
	}
	u.Data = readRecords("", typ, in.Records, &p)
	if err := document.Locate(data, "", p.Err("the RRset is not valid")); err != nil {
		s.refuse(c, err)
		return
	}
	status := http.StatusOK
	if _, set := findRRset(s.cfg.Node.State(), apex, name, typ); set == nil {
		status = http.StatusCreated
	}
	s.editRRset(c, status, params.IfMatch, params.IdempotencyKey, sum(data), change.EditZone{Zone: apex, Updates: []change.Update{u}})
}

func (s *server) DeleteRRset(c *gin.Context, _, _, _ string, params api.DeleteRRsetParams) {
	apex, name, typ, ok := s.rrsetPath(c)
	if !ok {
		return
	}
	s.editRRset(c, http.StatusOK, params.IfMatch, params.IdempotencyKey, nil, change.EditZone{
		Zone: apex, Prerequisites: []change.Prerequisite{{Require: change.RRsetExists, Name: name, Type: typ}},
		Updates: []change.Update{{Op: change.DeleteRRset, Name: name, Type: typ}},
	})
}

// editRRset makes an edit of one RRset. Pointers lose the number of the only update.
func (s *server) editRRset(c *gin.Context, status int, ifMatch, key string, content []byte, edit change.EditZone) {
	ch, err := s.envelope(c, ifMatch, key, content)
	if err != nil {
		s.refuse(c, err)
		return
	}
	ch.Body = edit
	out, err := s.try(c, ch, 0)
	u := edit.Updates[0]
	var refusal *policy.Error
	if errors.As(err, &refusal) {
		moved := *refusal
		moved.Problems = nil
		for _, p := range refusal.Problems {
			if strings.HasPrefix(p.Pointer, "/prerequisites/") {
				s.refuse(c, noRRset(edit.Zone, u.Name, u.Type))
				return
			}
			p.Pointer = strings.TrimPrefix(p.Pointer, "/updates/0")
			moved.Problems = append(moved.Problems, p)
		}
		err = &moved
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	r := s.settle(c, out)
	r.Warnings = append(r.Warnings, s.editWarnings(edit)...)
	s.render(c, status, r)
}

// editWarnings says what is probably not meant about the names that an edit touched.
func (s *server) editWarnings(edit change.EditZone) []string {
	state := s.cfg.Node.State()
	z, ok := state.Zones.Get(edit.Zone.Key())
	if !ok {
		return nil
	}
	var names []policy.Name
	seen := map[policy.Name]bool{}
	touched := policy.NewZone(z.Name) // those names alone, for what would look at the whole zone
	for _, u := range edit.Updates {
		if seen[u.Name] {
			continue
		}
		seen[u.Name] = true
		names = append(names, u.Name)
		if o := z.Owner(u.Name); o != nil {
			touched.Owners.Set(u.Name.Key(), o)
		}
	}
	list := append(zonefile.Warnings(z, names...), snapshot.HintWarnings(state, touched)...)
	if seen[z.Name] {
		list = append(list, s.ringWarnings(z.Name)...)
	}
	return list
}

// ringWarnings says when a zone's name servers lead in a circle through zones served here (I-22).
func (s *server) ringWarnings(apex policy.Name) []string {
	state := s.cfg.Node.State()
	z, ok := state.Zones.Get(apex.Key())
	if !ok {
		return nil
	}
	if w := zonefile.Ring(z, state.ZoneFor); w != "" {
		return []string{w}
	}
	return nil
}
