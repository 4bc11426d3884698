package web

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
)

// uiDist is the UI as `make ui` builds it; without a build there is only a file that keeps its place.
//
//go:embed all:ui/dist
var uiDist embed.FS

// uiNonce stands in the built page where a nonce goes.
const uiNonce = "__NONCE__"

// uiPolicy is what the UI's page may do: its own scripts and styles, and its own API. Styles that are made while it runs carry the nonce (S-15).
const uiPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-" + uiNonce + "'; connect-src 'self'; img-src 'self'; " +
	"font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

// uiMissing is the page of a binary that was built without the UI.
const uiMissing = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Meridian</title>
<h1>Meridian</h1>
<p>This binary was built without the web UI. Node.js 20 or newer builds it: <code>make ui</code>, then <code>make build</code>.</p>
<p>The API is there: <a href="/api/v1/docs">its reference</a>. So are the commands: <code>meridian help</code>.</p>
</html>
`

// uiAsset is a built file, as it is and as a build has compressed it.
type uiAsset struct {
	media, etag string
	plain       []byte
	packed      map[string][]byte // by content coding
}

// ui is what is served of a build.
type ui struct {
	page   []byte
	assets map[string]uiAsset
}

// uiCodings are the content codings a build makes, the best first, and how their files end.
var uiCodings = []struct{ name, suffix string }{{"br", ".br"}, {"gzip", ".gz"}}

// builtUI is the embedded UI, read once.
var builtUI = sync.OnceValues(func() (ui, error) {
	dist, err := fs.Sub(uiDist, "ui/dist")
	if err != nil {
		return ui{}, err
	}
	return readUI(dist)
})

func readUI(dist fs.FS) (ui, error) {
	page, err := fs.ReadFile(dist, "index.html")
	if errors.Is(err, fs.ErrNotExist) {
		return ui{page: []byte(uiMissing)}, nil
	}
	if err != nil {
		return ui{}, err
	}
	u := ui{page: page, assets: map[string]uiAsset{}}
	err = fs.WalkDir(dist, "assets", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, ".br") || strings.HasSuffix(name, ".gz") {
			return err
		}
		a := uiAsset{media: mime.TypeByExtension(path.Ext(name)), packed: map[string][]byte{}}
		if a.plain, err = fs.ReadFile(dist, name); err != nil {
			return err
		}
		sum := sha256.Sum256(a.plain)
		a.etag = hex.EncodeToString(sum[:8])
		for _, coding := range uiCodings {
			packed, err := fs.ReadFile(dist, name+coding.suffix)
			switch {
			case err == nil:
				a.packed[coding.name] = packed
			case !errors.Is(err, fs.ErrNotExist):
				return err
			}
		}
		u.assets["/"+name] = a
		return nil
	})
	return u, err
}

// uiPage gives the UI's page. The page's address says what it shows, so it stands at every path that is nothing else.
func (s *server) uiPage(c *gin.Context) {
	u, err := builtUI()
	if err != nil {
		s.refuse(c, err)
		return
	}
	u.servePage(c)
}

func (u ui) servePage(c *gin.Context) {
	nonce := rand.Text()
	c.Header("Content-Security-Policy", strings.ReplaceAll(uiPolicy, uiNonce, nonce))
	c.Header("Cross-Origin-Opener-Policy", "same-origin")
	c.Header("Cache-Control", "no-cache")
	c.Data(http.StatusOK, "text/html; charset=utf-8", bytes.ReplaceAll(u.page, []byte(uiNonce), []byte(nonce)))
}

// uiFile gives a built file. Its name has a hash of what is in it, so that it may be kept for ever.
func (s *server) uiFile(c *gin.Context) {
	u, err := builtUI()
	if err != nil {
		s.refuse(c, err)
		return
	}
	if !u.serveFile(c) {
		s.refuse(c, policy.Errorf(policy.NotFound, "there is no file %s in the UI of this version; load the page again", c.Request.URL.Path))
	}
}

func (u ui) serveFile(c *gin.Context) bool {
	a, ok := u.assets[c.Request.URL.Path]
	if !ok {
		return false
	}
	body, etag := a.plain, a.etag
	accepted := c.GetHeader("Accept-Encoding")
	for _, coding := range uiCodings {
		if packed, ok := a.packed[coding.name]; ok && takes(accepted, coding.name) {
			body, etag = packed, etag+"-"+coding.name
			c.Header("Content-Encoding", coding.name)
			break
		}
	}
	etag = `"` + etag + `"`
	c.Header("ETag", etag)
	c.Header("Vary", "Accept-Encoding")
	c.Header("Cache-Control", "public, max-age=31536000, immutable")
	if strings.Contains(c.GetHeader("If-None-Match"), etag) {
		c.Status(http.StatusNotModified)
		return true
	}
	c.Data(http.StatusOK, a.media, body)
	return true
}

// takes says whether an Accept-Encoding has a coding and does not refuse it.
func takes(accepted, coding string) bool {
	for part := range strings.SplitSeq(accepted, ",") {
		name, q, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), coding) {
			q = strings.TrimSpace(q)
			return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
		}
	}
	return false
}

// asksForPage says whether a browser asks for a page, rather than a program for something that is not there.
func asksForPage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	for _, taken := range []string{"/api", "/healthz", "/readyz", "/metrics", "/assets"} {
		if r.URL.Path == taken || strings.HasPrefix(r.URL.Path, taken+"/") {
			return false
		}
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}
