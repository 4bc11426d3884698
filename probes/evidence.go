package probes

import (
	"slices"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// Remembered is how many samples of a target are kept for people.
const Remembered = 10

// recent is the last samples of a target, oldest first.
type recent []policy.Sample

// add takes a sample in. Texts that say the same again are kept once: a target
// that fails for a day has one error, not ten.
func (r recent) add(s policy.Sample) recent {
	if n := len(r); n > 0 {
		if before := r[n-1]; before.Error == s.Error {
			s.Error = before.Error
		}
		if before := r[n-1]; before.Address == s.Address {
			s.Address = before.Address
		}
	}
	if len(r) < Remembered {
		if r == nil {
			r = make(recent, 0, Remembered)
		}
		return append(r, s)
	}
	copy(r, r[1:])
	r[len(r)-1] = s
	return r
}

// last is the newest sample; ok is false when there is none.
func (r recent) last() (s policy.Sample, ok bool) {
	if len(r) == 0 {
		return s, false
	}
	return r[len(r)-1], true
}

// into puts a trace into the sample of the probe that made it.
func (t *Trace) into(s *policy.Sample) {
	s.Phases = policy.Phases{
		DNS: policy.Duration(t.DNS), Connect: policy.Duration(t.Connect), TLS: policy.Duration(t.TLS), FirstByte: policy.Duration(t.FirstByte),
	}
	if !t.TLSExpiry.IsZero() {
		s.TLSExpiry = t.TLSExpiry.Unix()
	}
	if t.Address.IsValid() {
		s.Address = t.Address.String()
	}
}

// Certificates lists the checks whose target showed a certificate lately: when it ends, and when it was seen.
func (p *Prober) Certificates() []policy.SeenCertificate {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []policy.SeenCertificate
	for _, t := range p.order {
		for _, s := range slices.Backward(t.work.recent) {
			if s.TLSExpiry != 0 {
				list = append(list, policy.SeenCertificate{
					Check: t.check.ID, Endpoint: t.check.Endpoint, Monitor: t.check.Monitor.Name, Expires: time.Unix(s.TLSExpiry, 0).UTC(), Seen: p.base.Add(time.Duration(s.Started)).UTC(),
				})
				break
			}
		}
	}
	return list
}

// Evidence lists the last samples that went into this vantage's opinion of a
// check, newest first. There are none of a check that is not probed.
func (p *Prober) Evidence(check string) []policy.Evidence {
	p.mu.Lock()
	var kept recent
	if t := p.find(check); t != nil {
		kept = append(kept, t.work.recent...)
	}
	p.mu.Unlock()
	list := make([]policy.Evidence, len(kept))
	for i, s := range kept {
		list[len(kept)-1-i] = s.Evidence(p.base.Add(time.Duration(s.Started)))
	}
	return list
}
