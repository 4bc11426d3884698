package main

import (
	be "encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// zoneText is a zone as a master file.
type zoneText struct {
	name, text string // name without the final dot
}

// peer is a name server that Meridian is compared with.
type peer struct {
	name, addr string
}

// peerPrograms are the servers that are compared with, and how each is told its zones.
var peerPrograms = []struct {
	program string
	config  func(dir, host, port string, zones []zoneText) string
	args    func(dir string) []string
}{
	{"named", namedConfig, func(dir string) []string { return []string{"-g", "-4", "-c", dir + "/conf"} }},
	{"nsd", nsdConfig, func(dir string) []string { return []string{"-d", "-c", dir + "/conf"} }},
	{"knotd", knotConfig, func(dir string) []string { return []string{"-c", dir + "/conf"} }},
}

// startPeers runs BIND, NSD and Knot DNS on loopback with the zones; a zone
// that one of them refuses it answers with SERVFAIL or REFUSED. The test is skipped where one is missing.
func startPeers(t *testing.T, zones []zoneText) []peer {
	t.Helper()
	var programs []string
	for _, p := range peerPrograms {
		programs = append(programs, lookPeer(t, p.program))
	}
	var list []peer
	for i, p := range peerPrograms {
		dir := t.TempDir()
		for _, z := range zones {
			writeFile(t, zoneFile(dir, z), z.text)
		}
		addr := freePort(t, "127.0.0.1")
		host, port, _ := net.SplitHostPort(addr)
		// The last zone is for knowing when a server is ready: it has them all by then.
		writeFile(t, zoneFile(dir, readyZone), readyZone.text)
		writeFile(t, filepath.Join(dir, "conf"), p.config(dir, host, port, append(zones[:len(zones):len(zones)], readyZone)))
		runPeer(t, p.program, addr, programs[i], p.args(dir)...)
		list = append(list, peer{p.program, addr})
	}
	return list
}

var readyZone = zoneText{"ready.invalid", "@ 60 IN SOA ns.invalid. h.invalid. 1 60 60 60 60\n@ 60 IN NS ns.invalid.\n"}

func runPeer(t *testing.T, name, addr, program string, args ...string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop(cmd)
		log.Close()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("log of %s:\n%s", name, tail(text, 1500))
		}
	})
	eventually(t, 60*time.Second, name+" answers", func() error {
		m, _, err := (&dns.Client{Timeout: time.Second}).Exchange(new(dns.Msg).SetQuestion(readyZone.name+".", dns.TypeSOA), addr)
		if err == nil && len(m.Answer) == 0 {
			err = fmt.Errorf("it answers %v", m)
		}
		text, _ := os.ReadFile(log.Name())
		if name == "named" && !strings.Contains(string(text), "all zones loaded") && err == nil {
			err = errors.New("it still loads zones")
		}
		if err != nil {
			return fmt.Errorf("%w\n%s", err, tail(text, 2000))
		}
		return nil
	})
}

// stop ends a daemon; NSD has children, which it ends itself.
func stop(cmd *exec.Cmd) {
	_ = cmd.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait()
	timer.Stop()
}

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func zoneFile(dir string, z zoneText) string { return filepath.Join(dir, "zones", z.name) }

func namedConfig(dir, host, port string, zones []zoneText) string {
	var b strings.Builder
	fmt.Fprintf(&b, `options { directory %q; listen-on port %s { %s; }; listen-on-v6 { none; }; pid-file "pid"; session-keyfile none;
  lock-file none; recursion no; minimal-responses yes; dnssec-validation no; notify no; allow-transfer { none; };
  check-names primary ignore; check-integrity no; check-mx ignore; check-dup-records ignore; zero-no-soa-ttl no; max-records-per-type 0; max-types-per-name 0; querylog no; };
controls { };
`, dir, port, host)
	for _, z := range zones {
		fmt.Fprintf(&b, "zone %q { type primary; file %q; };\n", z.name, zoneFile(dir, z))
	}
	return b.String()
}

func nsdConfig(dir, host, port string, zones []zoneText) string {
	var b strings.Builder
	fmt.Fprintf(&b, `server:
  ip-address: %s@%s
  username: ""
  chroot: ""
  zonesdir: %q
  database: ""
  pidfile: %q
  xfrdfile: %q
  xfrdir: %q
  zonelistfile: %q
  server-count: 1
  minimal-responses: yes
  refuse-any: no
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
`, host, port, dir, dir+"/pid", dir+"/xfrd", dir, dir+"/list")
	for _, z := range zones {
		fmt.Fprintf(&b, "zone:\n  name: %q\n  zonefile: %q\n", z.name, zoneFile(dir, z))
	}
	return b.String()
}

func knotConfig(dir, host, port string, zones []zoneText) string {
	var b strings.Builder
	fmt.Fprintf(&b, "server:\n  listen: %s@%s\n  rundir: %s\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\ndatabase:\n  storage: %s\ntemplate:\n  - id: default\n    journal-content: none\n    zonefile-sync: -1\nzone:\n", host, port, dir, dir)
	for _, z := range zones {
		fmt.Fprintf(&b, "  - domain: %q\n    file: %q\n", z.name+".", zoneFile(dir, z))
	}
	return b.String()
}

// window is how many questions to one server are under way.
const window = 64

// volley sends packets over UDP and gives the responses by place; nil is none,
// after three tries. Ids are the places.
func volley(addr string, packets [][]byte) ([][]byte, error) {
	conn, err := net.Dial("udp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	out := make([][]byte, len(packets))
	buf := make([]byte, 65535)
	for start := 0; start < len(packets); start += window {
		n := min(window, len(packets)-start)
		missing := n
		for try := 0; try < 3 && missing > 0; try++ {
			for i := range n {
				if out[start+i] != nil {
					continue
				}
				p := packets[start+i]
				be.BigEndian.PutUint16(p, uint16(start+i))
				if _, err := conn.Write(p); err != nil {
					return nil, err
				}
			}
			_ = conn.SetReadDeadline(time.Now().Add(2 * time.Second))
			for missing > 0 {
				k, err := conn.Read(buf)
				if err != nil {
					break
				}
				i := int(be.BigEndian.Uint16(buf)-uint16(start)) + start
				if k >= 12 && i < start+n && out[i] == nil {
					out[i] = append([]byte{}, buf[:k]...)
					missing--
				}
			}
		}
	}
	return out, nil
}

// volleyTCP is volley over one TCP connection, pipelined.
func volleyTCP(addr string, packets [][]byte) ([][]byte, error) {
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	out := make([][]byte, len(packets))
	for start := 0; start < len(packets); start += window {
		n := min(window, len(packets)-start)
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		var all []byte
		for i := range n {
			p := packets[start+i]
			be.BigEndian.PutUint16(p, uint16(start+i))
			all = append(be.BigEndian.AppendUint16(all, uint16(len(p))), p...)
		}
		if _, err := conn.Write(all); err != nil {
			return nil, err
		}
		c := &dns.Conn{Conn: conn}
		for range n {
			m, err := c.ReadMsgHeader(nil)
			if err != nil {
				return nil, err
			}
			out[int(be.BigEndian.Uint16(m)-uint16(start))+start] = m
		}
	}
	return out, nil
}

// askAll puts the same packets to every server at once.
func askAll(t *testing.T, servers []peer, packets [][]byte, how func(string, [][]byte) ([][]byte, error)) [][][]byte {
	t.Helper()
	out := make([][][]byte, len(servers))
	var running sync.WaitGroup
	for i, s := range servers {
		running.Go(func() {
			own := make([][]byte, len(packets))
			for j, p := range packets {
				own[j] = append([]byte{}, p...)
			}
			var err error
			if out[i], err = how(s.addr, own); err != nil {
				t.Errorf("%s: %v", s.name, err)
				out[i] = make([][]byte, len(packets))
			}
		})
	}
	running.Wait()
	return out
}
