package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// contender is a name server under load.
type contender struct {
	name string
	addr string
	pid  int
	asks map[string]string // kind of name to the question
}

// TestBenchServers loads Meridian and, where they are installed, gdnsd and Knot
// DNS on this machine, one after the other, in several rounds, and reports
// queries a second and CPU per query. It asserts nothing. `make bench` runs it.
func TestBenchServers(t *testing.T) {
	if os.Getenv("MERIDIAN_BENCH") == "" {
		t.Skip("set MERIDIAN_BENCH=1, or run make bench")
	}
	perf := lookPeer(t, "dnsperf")
	list := []contender{benchMeridian(t)}
	for name, start := range map[string]func(*testing.T, string) contender{"gdnsd": benchGdnsd, "knotd": benchKnot} {
		if file, ok := program(name); ok {
			list = append(list, start(t, file))
		} else {
			t.Logf("%s is not installed, so it is not measured", name)
		}
	}
	type result struct{ qps, cpu float64 }
	best := map[string]result{}
	for range 3 {
		for _, c := range list {
			for kind, ask := range c.asks {
				qps, cpu := load(t, perf, c, ask)
				key := fmt.Sprintf("%-9s %-8s", c.name, kind)
				if r, ok := best[key]; !ok || cpu < r.cpu {
					best[key] = result{qps, cpu}
				}
			}
		}
	}
	t.Logf("best of 3 rounds of 5 s by CPU per query, UDP, server and dnsperf on the same %d-core machine", numCPU())
	for _, c := range list {
		for _, kind := range []string{"static", "steered"} {
			if r, ok := best[fmt.Sprintf("%-9s %-8s", c.name, kind)]; ok {
				t.Logf("%-9s %-8s %8.0f q/s  %6.2f µs CPU per query", c.name, kind, r.qps, r.cpu)
			}
		}
	}
}

func numCPU() int {
	out, _ := exec.Command("nproc").Output()
	n, _ := strconv.Atoi(strings.TrimSpace(string(out)))
	return n
}

var completed = regexp.MustCompile(`Queries completed:\s+(\d+)`)
var perSecond = regexp.MustCompile(`Queries per second:\s+([\d.]+)`)

// load runs dnsperf for five seconds and gives queries a second and the server's CPU microseconds per query.
func load(t *testing.T, perf string, c contender, ask string) (qps, cpu float64) {
	t.Helper()
	data := filepath.Join(t.TempDir(), "ask")
	if err := os.WriteFile(data, []byte(ask+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(c.addr)
	before := cpuTime(t, c.pid)
	out, err := exec.Command(perf, "-s", host, "-p", port, "-d", data, "-l", "5", "-c", "4", "-T", "1", "-q", "200", "-e").CombinedOutput()
	if err != nil {
		t.Fatalf("dnsperf: %v\n%s", err, out)
	}
	used := cpuTime(t, c.pid) - before
	n, _ := strconv.ParseFloat(string(match(completed, out)), 64)
	qps, _ = strconv.ParseFloat(string(match(perSecond, out)), 64)
	if n == 0 {
		t.Fatalf("%s answered nothing:\n%s", c.name, out)
	}
	return qps, used.Seconds() * 1e6 / n
}

func match(re *regexp.Regexp, b []byte) []byte {
	if m := re.FindSubmatch(b); m != nil {
		return m[1]
	}
	return nil
}

// cpuTime is the user and system time of a process.
func cpuTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100
}

func benchMeridian(t *testing.T) contender {
	c := newCluster(t)
	c.up(fast, 5)
	// One node is loaded; the other two would only take its CPU.
	return contender{"meridian", c.nodes[0].dns, c.nodes[0].cmd.Process.Pid, map[string]string{"static": "mail.example.com A", "steered": "www.example.com A"}}
}

func benchGdnsd(t *testing.T, program string) contender {
	dir := t.TempDir()
	addr := freePort(t, "127.0.0.1")
	for name, text := range map[string]string{
		"config": fmt.Sprintf(`options => { listen => %q, run_dir => %q, state_dir => %q, zones_default_ttl => 300, udp_threads => 2 }
plugins => { geoip => {
  maps => { world => { datacenters => [us, eu, ap], nets => { 8.0.0.0/8 => [us, eu, ap], 127.0.0.0/8 => [eu, us, ap] } } },
  resources => { www => { map => world, service_types => up, dcmap => { us => 192.0.2.1, eu => 192.0.2.2, ap => 192.0.2.3 } } }
} }
`, addr, dir+"/run", dir+"/state"),
		"zones/example.com": strings.Replace(string(demoZone), "docs    IN CNAME www", "www 5 IN DYNA geoip!www", 1),
	} {
		// gdnsd knows neither $ORIGIN at the top of a zone that is named by its file, nor CAA.
		text = regexp.MustCompile(`(?m)^(\$ORIGIN|.*CAA).*\n`).ReplaceAllString(text, "")
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return daemon(t, "gdnsd", addr, map[string]string{"static": "mail.example.com A", "steered": "www.example.com A"}, program, "-c", dir, "start")
}

func benchKnot(t *testing.T, program string) contender {
	dir := t.TempDir()
	addr := freePort(t, "127.0.0.1")
	host, port, _ := net.SplitHostPort(addr)
	conf := fmt.Sprintf("server:\n  listen: %s@%s\n  rundir: %s\n  udp-workers: 2\n  user: root\ndatabase:\n  storage: %s\nzone:\n  - domain: example.com\n    file: %s/zone\n", host, port, dir, dir, dir)
	for name, text := range map[string]string{"knot.conf": conf, "zone": string(demoZone)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return daemon(t, "knot", addr, map[string]string{"static": "mail.example.com A"}, program, "-c", filepath.Join(dir, "knot.conf"))
}

// daemon starts a server in the foreground and waits until it answers.
func daemon(t *testing.T, name, addr string, asks map[string]string, program string, args ...string) contender {
	t.Helper()
	cmd := exec.Command(program, args...)
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	eventually(t, 20*time.Second, name+" answers", func() error {
		a, _, err := new(dns.Client).Exchange(new(dns.Msg).SetQuestion("mail.example.com.", dns.TypeA), addr)
		if err == nil && len(a.Answer) != 1 {
			err = fmt.Errorf("it answers %v", a)
		}
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, log.String())
		}
		return err
	})
	return contender{name, addr, cmd.Process.Pid, asks}
}
