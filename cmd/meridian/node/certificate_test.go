package node

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// writePair writes a certificate that signs itself, and a key: its own, or another one.
func writePair(t *testing.T, cert, key string, serial int64, end time.Time, own bool) {
	t.Helper()
	var keys [2]*ecdsa.PrivateKey
	for i := range keys {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = k
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Unix(0, 0), NotAfter: end, DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &keys[0].PublicKey, keys[0])
	if err != nil {
		t.Fatal(err)
	}
	if !own {
		keys[0] = keys[1]
	}
	secret, err := x509.MarshalPKCS8PrivateKey(keys[0])
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		next := file + ".next"
		if err := os.WriteFile(next, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, file); err != nil { // another file, whatever the clock of the file system
			t.Fatal(err)
		}
	}
}

// A new pair is taken; a bad one is told of once, and leaves the old one in use.
func TestCertificateReload(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	var text bytes.Buffer
	log := slog.New(slog.NewTextHandler(&text, nil))
	registry := prometheus.NewPedanticRegistry()
	if _, _, err := openCertificate("dns.tls", "dns", cert, key, log, prometheus.NewRegistry()); err == nil || !strings.Contains(err.Error(), "dns.tls") || !strings.Contains(err.Error(), cert) {
		t.Errorf("without files: %v", err)
	}
	end := time.Unix(4_000_000_000, 0)
	writePair(t, cert, key, 1, end, true)
	c, w, err := openCertificate("dns.tls", "dns", cert, key, log, registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		what   string
		change func()
		serial int64
		logged string // "" for nothing
	}{
		{"nothing has changed", func() {}, 1, ""},
		{"the same content in other files", func() {
			for _, f := range []string{cert, key} {
				b, _ := os.ReadFile(f)
				os.Remove(f)
				os.WriteFile(f, b, 0o600)
			}
		}, 1, ""},
		{"another pair", func() { writePair(t, cert, key, 2, end, true) }, 2, "loaded anew"},
		{"a key that does not fit", func() { writePair(t, cert, key, 3, end, false) }, 2, "does not match"},
		{"the same again", func() {}, 2, ""},
		{"no files", func() { os.Remove(cert); os.Remove(key) }, 2, "no such file"},
		{"still none", func() {}, 2, ""},
		{"a good pair", func() { writePair(t, cert, key, 4, end.Add(time.Hour), true) }, 4, "loaded anew"},
	} {
		text.Reset()
		step.change()
		w.look()
		if n := c.current().Leaf.SerialNumber.Int64(); n != step.serial {
			t.Errorf("%s: certificate %d is in use, want %d", step.what, n, step.serial)
		}
		if got := text.String(); (got != "") != (step.logged != "") || !strings.Contains(got, step.logged) || strings.Count(got, "\n") > 1 {
			t.Errorf("%s: logged %q", step.what, got)
		}
	}
	families, err := registry.Gather()
	if err != nil || len(families) != 1 || families[0].GetMetric()[0].GetGauge().GetValue() != 4_000_003_600 {
		t.Errorf("metrics are %v (%v)", families, err)
	}
}
