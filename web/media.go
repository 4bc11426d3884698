package web

import (
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
)

// The media types of bodies.
const (
	mediaJSON = "application/json"
	mediaYAML = "application/yaml"
	mediaZone = "text/dns"
	mediaText = "text/plain"
	mediaMark = "text/markdown"
	mediaHTML = "text/html"
)

// aliases are other names under which a type is asked for or sent.
var aliases = map[string]string{"application/x-yaml": mediaYAML, "text/yaml": mediaYAML, "text/x-yaml": mediaYAML}

func canonicalMedia(t string) string {
	if c, ok := aliases[t]; ok {
		return c
	}
	return t
}

// accept picks the media type to answer with; of those that the client likes
// the same, the first one offered (RFC 9110 section 12.5.1).
func (s *server) accept(c *gin.Context, offers ...string) (string, bool) {
	c.Writer.Header().Add("Vary", "Accept")
	header := strings.Join(c.Request.Header.Values("Accept"), ",")
	if strings.TrimSpace(header) == "" {
		return offers[0], true
	}
	best, most := "", 0.0
	for _, offer := range offers {
		if q := quality(header, offer); q > most {
			best, most = offer, q
		}
	}
	if best == "" {
		s.refuse(c, policy.Errorf(notAcceptable, "this can be had as %s; the Accept header wants %q", strings.Join(offers, " or "), header))
		return "", false
	}
	return best, true
}

// quality is how much an Accept header likes a media type, 0 to 1: the most specific range decides.
func quality(header, offer string) float64 {
	q, specific := 0.0, -1
	major, _, _ := strings.Cut(offer, "/")
	for part := range strings.SplitSeq(header, ",") {
		t, params, err := mime.ParseMediaType(strings.TrimSpace(part))
		if err != nil {
			continue
		}
		level := slices.Index([]string{"*/*", major + "/*", offer}, canonicalMedia(t))
		if level < 0 || level < specific {
			continue
		}
		q, specific = 1, level
		if v, ok := params["q"]; ok {
			q, err = strconv.ParseFloat(v, 64)
			if err != nil || !(q >= 0 && q <= 1) {
				q = 0
			}
		}
	}
	return q
}

// contentType is the media type of a request's body, if it is one of those taken.
func contentType(r *http.Request, taken ...string) (string, error) {
	header := r.Header.Get("Content-Type")
	t, params, err := mime.ParseMediaType(header)
	t = canonicalMedia(t)
	if err != nil || !slices.Contains(taken, t) {
		return "", policy.Errorf(unsupportedMedia, "the body's Content-Type has to be %s, not %q (curl: -H 'Content-Type: %s')", strings.Join(taken, " or "), header, taken[0])
	}
	if cs, ok := params["charset"]; ok && !strings.EqualFold(cs, "utf-8") && !strings.EqualFold(cs, "us-ascii") {
		return "", policy.Errorf(unsupportedMedia, "the body has to be in UTF-8, not %q", cs)
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return "", policy.Errorf(unsupportedMedia, "the body has to come without Content-Encoding, not as %q", e)
	}
	return t, nil
}
