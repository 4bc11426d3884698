package web

import (
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzhttp"
)

// compressed packs the API's longer answers for whoever takes gzip. The event stream stays as it is, since each event
// goes out at once, and so do the UI's files, which a build has packed. Entity tags are revisions, which writes name in If-Match, so
// they are the same for both forms.
func compressed(next http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(1400), gzhttp.CompressionLevel(1), gzhttp.ContentTypes([]string{
		mediaJSON, "application/problem+json", "application/x-ndjson", mediaYAML, mediaZone, mediaText, mediaMark, mediaHTML, "text/css",
	}))
	if err != nil {
		panic("web: " + err.Error()) // by what is written here
	}
	packed := wrap(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, base+"/") && r.URL.Path != base+"/events" {
			packed(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}
