package node

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// certificate is a certificate with its key, from PEM files. One that has
// expired is used all the same: some clients do not look, and the others are
// no worse off than with none.
type certificate struct {
	cert, key string
	now       atomic.Pointer[tls.Certificate]
}

// openCertificate reads a certificate and gives what watches its files. at is
// where it stands in the node's file; use, "dns" or "api", tells its metric apart.
func openCertificate(at, use, cert, key string, log *slog.Logger, reg prometheus.Registerer) (*certificate, *watched, error) {
	c := &certificate{cert: cert, key: key}
	w := &watched{what: "the certificate of " + at, files: []string{cert, key}, load: c.load, log: log}
	if err := w.start(); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", at, err)
	}
	if end := c.now.Load().Leaf.NotAfter; time.Now().After(end) {
		log.Error("the certificate of "+at+" has expired; clients that check it will not connect", "file", cert, "expired", end)
	}
	return c, w, reg.Register(expiry(use, func() time.Time { return c.now.Load().Leaf.NotAfter }))
}

// current is the certificate in use.
func (c *certificate) current() *tls.Certificate { return c.now.Load() }

func (c *certificate) load() (changed bool, err error) {
	next, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return false, fmt.Errorf("certificate %s with key %s: %w", c.cert, c.key, err)
	}
	if was := c.now.Load(); was != nil && slices.EqualFunc(was.Certificate, next.Certificate, slices.Equal) {
		return false, nil
	}
	c.now.Store(&next)
	return true, nil
}
