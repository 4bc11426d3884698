package main

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Meridian at a fast setting beside gdnsd and PowerDNS at their fastest, where
// they are installed: how long a killed backend is answered still.
func TestE2EFast(t *testing.T) {
	if runs() == 1 {
		t.Skip("part of make e2e: a timeout of 150 ms wants a machine that does nothing else")
	}
	c := newCluster(t)
	list, port := startTargets(t, named("k", many(100)))
	c.upWith(list, port, "interval: 200ms, timeout: 150ms, fall: 2, rise: 2")
	took := killEach(t, c.servers(), list, true, 300*time.Millisecond)
	percentiles(t, "meridian, killed (half refuse, half are silent) to the last answer at any of three nodes (interval 200ms, fall 2, timeout 150ms)", took)

	for name, start := range map[string]func(*testing.T, string, []*target, string) contender{"gdnsd": fastGdnsd, "pdns_server": fastPowerDNS} {
		file, ok := program(name)
		if !ok {
			t.Logf("%s is not installed, so it is not measured", name)
			continue
		}
		list, port := startTargets(t, append(named("k", many(30)), "spare"))
		p := start(t, file, list, port)
		kill := list[:len(list)-1]
		for _, k := range kill {
			eventually(t, 60*time.Second, name+" answers "+k.name, func() error {
				a, _, err := new(dns.Client).Exchange(new(dns.Msg).SetQuestion(k.name+".example.com.", dns.TypeA), p.addr)
				if err != nil || !slices.Equal(addresses(a), []string{k.host}) {
					return fmt.Errorf("%v, %v", a, err)
				}
				return nil
			})
		}
		took := killEach(t, []string{p.addr}, kill, false, 500*time.Millisecond)
		percentiles(t, p.name+", killed (all refuse) to its last answer", took)
	}
}

// fastGdnsd has one address behind the other for each target, and looks every 2 s, the most often that it does.
func fastGdnsd(t *testing.T, program string, list []*target, port string) contender {
	dir := t.TempDir()
	addr := freePort(t, "127.0.0.1")
	var resources, zone strings.Builder
	last := list[len(list)-1].host
	zone.WriteString(simpleZone)
	for _, k := range list[:len(list)-1] {
		fmt.Fprintf(&resources, "  %s => { primary => %s, secondary => %s }\n", k.name, k.host, last)
		fmt.Fprintf(&zone, "%s 1 DYNA simplefo!%s\n", k.name, k.name)
	}
	writeFile(t, filepath.Join(dir, "config"), fmt.Sprintf(`options => { listen => %q, run_dir => %q, state_dir => %q, zones_default_ttl => 300 }
service_types => { fast => { plugin => tcp_connect, port => %s, interval => 2, timeout => 1, down_thresh => 1, ok_thresh => 1, up_thresh => 1 } }
plugins => { simplefo => { service_types => fast
%s} }
`, addr, dir+"/run", dir+"/state", port, resources.String()))
	writeFile(t, filepath.Join(dir, "zones", "example.com"), zone.String())
	return daemon(t, "gdnsd (tcp_connect, interval 2 s, down_thresh 1)", addr, nil, program, "-c", dir, "start")
}

// fastPowerDNS asks ifportup for each target, with the spare as its equal, at the shortest interval that it takes.
func fastPowerDNS(t *testing.T, program string, list []*target, port string) contender {
	dir := t.TempDir()
	addr := freePort(t, "127.0.0.1")
	host, own, _ := net.SplitHostPort(addr)
	var zone strings.Builder
	zone.WriteString(simpleZone)
	last := list[len(list)-1].host
	for _, k := range list[:len(list)-1] {
		fmt.Fprintf(&zone, "%s 1 IN LUA A \"ifportup(%s, {'%s', '%s'}, {timeout=1})\"\n", k.name, port, k.host, last)
	}
	writeFile(t, filepath.Join(dir, "example.com"), zone.String())
	writeFile(t, filepath.Join(dir, "named.conf"), fmt.Sprintf("zone \"example.com\" { type master; file %q; };\n", dir+"/example.com"))
	writeFile(t, filepath.Join(dir, "pdns.conf"), fmt.Sprintf(`launch=bind
bind-config=%s/named.conf
local-address=%s
local-port=%s
socket-dir=%s
enable-lua-records=yes
lua-health-checks-interval=1
cache-ttl=0
query-cache-ttl=0
guardian=no
daemon=no
`, dir, host, own, dir))
	return daemon(t, "PowerDNS (ifportup, interval 1 s)", addr, nil, program, "--config-dir="+dir)
}

const simpleZone = "@ 300 IN SOA ns1 hostmaster 1 3600 600 86400 60\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.53\nmail 300 IN A 192.0.2.25\n"
