package web_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/meridian-gtm/meridian/web/webtest"
)

func unpacked(t *testing.T, a answer) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(a.body))
	if err != nil {
		t.Fatalf("%s: %v", a.what, err)
	}
	got, err := io.ReadAll(z)
	if err != nil {
		t.Fatalf("%s: %v", a.what, err)
	}
	return got
}

func TestLongAnswersArePacked(t *testing.T) {
	r := loaded(t)
	r.quiet = true
	var regions []string
	for i := range 200 {
		regions = append(regions, fmt.Sprintf(`{"name":"region-%d"}`, i))
	}
	r.call("PUT", "/config?merge=true", `{"regions":[`+strings.Join(regions, ",")+`]}`, "Content-Type", "application/json").is(200)
	for _, accept := range []string{"application/json", "application/yaml"} {
		const path = "/config"
		plain := r.call("GET", path, "", "Accept-Encoding", "identity", "Accept", accept).is(200)
		packed := r.call("GET", path, "", "Accept-Encoding", "gzip", "Accept", accept).is(200)
		if len(plain.body) < 1400 {
			t.Fatalf("%s has %d bytes, too few to say anything", path, len(plain.body))
		}
		if plain.header.Get("Content-Encoding") != "" || packed.header.Get("Content-Encoding") != "gzip" || !bytes.Equal(unpacked(t, packed), plain.body) || len(packed.body) >= len(plain.body) {
			t.Errorf("%s: %v, %d bytes of %d", path, packed.header, len(packed.body), len(plain.body))
		}
		if !slices.Contains(packed.header.Values("Vary"), "Accept-Encoding") || !slices.Contains(plain.header.Values("Vary"), "Accept-Encoding") {
			t.Errorf("%s: Vary %q and %q", path, packed.header.Values("Vary"), plain.header.Values("Vary"))
		}
		if packed.header.Get("ETag") != plain.header.Get("ETag") || packed.header.Get("X-Index") != plain.header.Get("X-Index") {
			t.Errorf("%s: packed it is another revision", path)
		}
	}
	if a := r.call("GET", "/session", "", "Accept-Encoding", "gzip"); a.header.Get("Content-Encoding") != "" {
		t.Errorf("an answer of %d bytes is packed", len(a.body))
	}
	tag := r.call("GET", "/config", "", "Accept-Encoding", "gzip").header.Get("ETag")
	r.call("PUT", "/regions/new", `{"name":"new"}`, "Content-Type", "application/json", "If-Match", tag, "Accept-Encoding", "gzip").is(412) // a revision of the whole is none of the object
	r.call("PUT", "/config?merge=true", `{"regions":[{"name":"new"}]}`, "Content-Type", "application/json", "If-Match", tag, "Accept-Encoding", "gzip").is(200)
	r.call("PUT", "/config?merge=true", `{"regions":[{"name":"new"}]}`, "Content-Type", "application/json", "If-Match", tag, "Accept-Encoding", "gzip").is(412)
	index := r.call("GET", "/config", "").header.Get("X-Index")
	r.call("GET", "/config?wait=1ms&index="+index, "", "Accept-Encoding", "gzip").is(200)
}

func TestEventsAreNotPacked(t *testing.T) {
	r := loaded(t)
	req, _ := http.NewRequest("GET", r.url+"/api/v1/events", nil)
	for k, v := range map[string]string{"Authorization": "Bearer " + webtest.Token, "Accept-Encoding": "gzip"} {
		req.Header.Set(k, v)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	first := make([]byte, 7)
	if _, err := io.ReadFull(res.Body, first); err != nil || string(first) != "retry: " || res.Header.Get("Content-Encoding") != "" {
		t.Errorf("%q %v %v", first, err, res.Header)
	}
}
