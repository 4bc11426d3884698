package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// serveHTTPS gives the nodes, before they start, a certificate of their own making, and a client that trusts it.
func (c *cluster) serveHTTPS() (roots string, client *http.Client) {
	c.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	c.must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	c.must(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	c.must(err)
	roots = filepath.Join(c.dir, "api.crt")
	keyFile := filepath.Join(c.dir, "api.key")
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	c.must(os.WriteFile(roots, cert, 0o600))
	c.must(os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	for _, p := range c.nodes {
		text, err := os.ReadFile(p.config)
		c.must(err)
		with := strings.Replace(string(text), fmt.Sprintf("api: {listen: %q}", p.api), fmt.Sprintf("api: {listen: %q, tls: {cert: %q, key: %q}}", p.api, roots, keyFile), 1)
		c.must(os.WriteFile(p.config, []byte(with), 0o600))
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return roots, &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 64,
	}}
}

// TestBenchAPI measures the API over HTTPS on three nodes: single calls, a document of 100,000 services, and 1,000
// listeners to events. It asserts nothing. `make bench` runs it.
func TestBenchAPI(t *testing.T) {
	if os.Getenv("MERIDIAN_BENCH") == "" {
		t.Skip("set MERIDIAN_BENCH=1, or run make bench")
	}
	c := newCluster(t)
	roots, client := c.serveHTTPS()
	for i := range c.nodes {
		c.start(i)
	}
	send := func(client *http.Client, i int, method, path, body string) (int, []byte, error) {
		req, err := http.NewRequest(method, "https://"+c.nodes[i].api+"/api/v1"+path, strings.NewReader(body))
		if err != nil {
			return 0, nil, err
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		if strings.HasPrefix(body, "$") {
			req.Header.Set("Content-Type", "text/dns")
		}
		res, err := client.Do(req)
		if err != nil {
			return 0, nil, err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err == nil && res.StatusCode/100 != 2 {
			err = &httpError{res.StatusCode, string(b[:min(len(b), 300)])}
		}
		return res.StatusCode, b, err
	}
	eventually(t, 60*time.Second, "three members", func() error {
		_, b, err := send(client, 0, http.MethodGet, "/cluster", "")
		if err == nil && bytes.Count(b, []byte(`"voter": true`)) != 3 {
			err = fmt.Errorf("%s", b)
		}
		return err
	})
	_, _, err := send(client, 0, http.MethodPut, "/zones/example.com", string(demoZone))
	c.must(err)
	_, _, err = send(client, 0, http.MethodPut, "/zones/m", "$ORIGIN m.\n@ 300 IN SOA ns1 hostmaster 1 3600 900 1209600 60\n@ 300 IN NS ns1\nns1 300 IN A 127.0.0.1\n")
	c.must(err)
	small := filepath.Join(c.dir, "small.yaml")
	c.must(os.WriteFile(small, []byte(c.document(fast, 5)), 0o600))
	cli := func(args ...string) (text string, took time.Duration, peak int64) {
		file, err := binary()
		c.must(err)
		cmd := exec.Command(file, args...)
		cmd.Env = append(os.Environ(), "MERIDIAN_ADDR=https://"+c.nodes[0].api, "MERIDIAN_TOKEN="+token, "MERIDIAN_CA="+roots)
		began := time.Now()
		out, err := cmd.CombinedOutput()
		if err != nil && cmd.ProcessState.ExitCode() != 2 { // of a plan with changes
			t.Errorf("%v: %v: %s", args, err, out[:min(len(out), 1000)])
		}
		return string(out), time.Since(began), cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
	}
	cli("apply", "-f", small)

	var serial atomic.Int64
	calls := []struct {
		what, method, path string
		body               func(n int64) string
	}{
		{"GET /config", http.MethodGet, "/config", nil},
		{"GET /explain", http.MethodGet, "/explain?name=www.example.com&type=A&client=8.8.8.8", nil},
		{"GET an RRset", http.MethodGet, "/zones/example.com/rrsets/mail.example.com/A", nil},
		{"PUT an RRset", http.MethodPut, "/zones/example.com/rrsets/bench.example.com/A", func(n int64) string {
			return fmt.Sprintf(`{"ttl":60,"records":["10.0.%d.%d"]}`, n/250%250, n%250)
		}},
		{"PUT a pool", http.MethodPut, "/pools/bench", func(n int64) string {
			return fmt.Sprintf(`{"name":"bench","endpoints":[{"name":"a","address":"10.0.%d.%d"}]}`, n/250%250, n%250)
		}},
		{"POST a control", http.MethodPost, "/controls", func(n int64) string {
			return fmt.Sprintf(`{"target":"region/us-east","action":"drain","reason":"bench %d","expiresIn":"30s"}`, n)
		}},
	}
	row := func(format string, args ...any) { t.Logf("| "+format+" |", args...) }
	row("%-16s | clients | calls/s | p50 | p99", "call")
	for _, call := range calls {
		for _, clients := range []int{1, 16} {
			var mu sync.Mutex
			var took []time.Duration
			var all sync.WaitGroup
			began := time.Now()
			end := began.Add(3 * time.Second)
			for range clients {
				all.Go(func() {
					for time.Now().Before(end) {
						body := ""
						if call.body != nil {
							body = call.body(serial.Add(1))
						}
						at := time.Now()
						if _, _, err := send(client, 0, call.method, call.path, body); err != nil {
							t.Errorf("%s: %v", call.what, err)
							return
						}
						mu.Lock()
						took = append(took, time.Since(at))
						mu.Unlock()
					}
				})
			}
			all.Wait()
			if len(took) == 0 {
				continue
			}
			slices.Sort(took)
			row("%-16s | %d | %.0f | %v | %v", call.what, clients, float64(len(took))/time.Since(began).Seconds(),
				took[len(took)/2].Round(10*time.Microsecond), took[len(took)*99/100].Round(10*time.Microsecond))
		}
	}

	// 1,000 listeners on one node, each a connection of its own.
	const listeners = 1000
	pid := c.nodes[0].cmd.Process.Pid
	resident := func() int64 { return memory(pid, "VmRSS") }
	before := resident()
	var open, heard sync.WaitGroup
	var last atomic.Int64
	h1 := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: client.Transport.(*http.Transport).TLSClientConfig.RootCAs}} // which is HTTP/1.1: a connection each
	listener := &http.Client{Transport: h1}
	var failed atomic.Int64
	var streams []io.Closer
	var mu sync.Mutex
	open.Add(listeners)
	heard.Add(listeners)
	gate := make(chan struct{}, 32) // at once on their way in
	for range listeners {
		go func() {
			defer heard.Done()
			gate <- struct{}{}
			req, _ := http.NewRequest(http.MethodGet, "https://"+c.nodes[0].api+"/api/v1/events", nil)
			req.Header.Set("Authorization", "Bearer "+token)
			res, err := listener.Do(req)
			<-gate
			open.Done()
			if err != nil {
				failed.Add(1)
				return
			}
			mu.Lock()
			streams = append(streams, res.Body)
			mu.Unlock()
			lines := bufio.NewScanner(res.Body)
			lines.Buffer(nil, 1<<20)
			for lines.Scan() {
				if strings.Contains(lines.Text(), "the event of the bench") {
					last.Store(max(last.Load(), time.Now().UnixNano()))
					return
				}
			}
			failed.Add(1)
		}()
	}
	open.Wait()
	per := (resident() - before) / listeners
	began := time.Now()
	_, _, err = send(client, 0, http.MethodPost, "/controls", `{"target":"region/us-east","action":"drain","reason":"the event of the bench","expiresIn":"30s"}`)
	c.must(err)
	answered := time.Since(began)
	watchdog := time.AfterFunc(time.Minute, func() { // ends those who wait in vain
		mu.Lock()
		defer mu.Unlock()
		for _, s := range streams {
			s.Close()
		}
	})
	heard.Wait()
	watchdog.Stop()
	row("%d listeners | all have an event %v after its call began (answered after %v) | %d KiB each | %d failed", listeners,
		time.Unix(0, last.Load()).Sub(began).Round(time.Millisecond), answered.Round(time.Millisecond), per>>10, failed.Load())
	for _, s := range streams {
		s.Close()
	}

	for _, n := range []int{10_000, 100_000} {
		big := filepath.Join(c.dir, fmt.Sprintf("%d.yaml", n))
		var b bytes.Buffer
		b.WriteString("pools: [{name: many, endpoints: [{name: a, address: 192.0.2.1}]}]\nservices:\n")
		for i := range n {
			fmt.Fprintf(&b, "- {name: s%d.m, steer: {pool: many}}\n", i)
		}
		c.must(os.WriteFile(big, b.Bytes(), 0o600))
		_, planned, planPeak := cli("plan", "-f", big)
		_, applied, applyPeak := cli("apply", "-f", big)
		_, again, _ := cli("plan", "-f", big)
		row("%d services (%.1f MB) | plan %v, CLI %d MiB | apply %v, CLI %d MiB | plan without changes %v | node's peak %d MiB", n, float64(b.Len())/1e6,
			planned.Round(time.Millisecond), planPeak>>20, applied.Round(time.Millisecond), applyPeak>>20, again.Round(time.Millisecond), memory(pid, "VmHWM")>>20)
	}
}

// memory is a line of a process's status in octets, 0 where there is none.
func memory(pid int, line string) (n int64) {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for text := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(text, line+":"); ok {
			fmt.Sscanf(value, "%d kB", &n)
		}
	}
	return n << 10
}
