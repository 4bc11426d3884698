package answer

import (
	"bytes"

	"github.com/meridian-gtm/meridian/dnsserver/wire"
	"github.com/meridian-gtm/meridian/policy"
)

// Chaos is what the TXT records of class CH say that servers are asked for by
// custom (RFC 4892); an empty one is not given away.
type Chaos struct {
	Version string // version.bind and version.server; at most MaxText octets
	ID      string // id.server and hostname.bind
}

var (
	versionNames = [][]byte{[]byte("\x07version\x04bind\x00"), []byte("\x07version\x06server\x00")}
	idNames      = [][]byte{[]byte("\x02id\x06server\x00"), []byte("\x08hostname\x04bind\x00")}
)

// chaosText is what the question of class CH asks for, or "" if that is nothing
// this server tells.
func (r *Responder) chaosText() string {
	if r.q.Class != wire.ClassCH || r.q.Type != policy.TypeTXT && r.q.Type != policy.TypeANY {
		return ""
	}
	for i := range versionNames {
		switch {
		case bytes.EqualFold(r.q.Name, versionNames[i]):
			return r.Chaos.Version
		case bytes.EqualFold(r.q.Name, idNames[i]):
			return r.Chaos.ID
		}
	}
	return ""
}

// chaos answers with a text.
func (r *Responder) chaos(text string) {
	r.flags |= wire.FlagAA
	data := append(append(r.made[0][:0], byte(len(text))), text...)
	_, fits := r.b.Record(wire.Answer, wire.Ref{Name: r.q.Name, Off: wire.HeaderLen}, policy.TypeTXT, 0, data)
	r.required(fits)
}
