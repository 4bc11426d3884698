package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.yaml.in/yaml/v3"

	"github.com/meridian-gtm/meridian/cmd/meridian/node"
)

// onLoopback are the documentation's networks (RFC 5737), and where a test has their addresses: it probes nothing else.
var onLoopback = strings.NewReplacer("192.0.2.", "127.192.2.", "198.51.100.", "127.198.51.", "203.0.113.", "127.203.0.")

// TestExampleThreeNodes starts the example of deploy/ as somebody would who tries
// it: its files as they are, on their own ports, in a copy of the folder. Only the endpoints' addresses are others.
func TestExampleThreeNodes(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "deploy/examples/three-nodes"))); err != nil {
		t.Fatal(err)
	}
	document := filepath.Join(dir, "config.yaml")
	text := onLoopback.Replace(deployFile(t, "deploy/examples/three-nodes/config.yaml"))
	if err := os.WriteFile(document, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &cluster{t: t, dir: dir, client: http.DefaultClient, nodes: make([]*process, 3)}
	for i := range c.nodes {
		name := fmt.Sprintf("ns%d", i+1)
		file := name + ".yaml"
		cfg, err := node.LoadConfig(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		if cfg.Node != name || filepath.IsAbs(cfg.DataDir) {
			t.Fatalf("%s is of node %s with its data in %s", file, cfg.Node, cfg.DataDir)
		}
		for _, addr := range []string{cfg.DNS.Listen[0], cfg.API.Listen, cfg.Cluster.Listen} {
			l, err := net.Listen("tcp", addr)
			if err != nil {
				t.Skipf("the example's own port is taken by somebody else: %v", err)
			}
			l.Close()
		}
		c.nodes[i] = &process{name: name, config: file, workDir: dir, dns: cfg.DNS.Listen[0], api: cfg.API.Listen, cluster: cfg.Cluster.Listen}
	}
	t.Cleanup(c.killAll)
	for i := range c.nodes {
		c.start(i)
	}
	eventually(t, 60*time.Second, "three voters", func() error { return c.voters(3) })
	for _, args := range [][]string{
		{"zone", "import", filepath.Join(dir, "example.com.zone")},
		{"apply", "-f", document},
		{"explain", "www.example.com", "A", "--client", "91.10.0.1"},
	} {
		if out, err := c.run(1, args...); err != nil {
			t.Fatalf("meridian %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	// Each place gets its region's endpoints, or, since they do not exist, what is left in order: never nothing.
	known := exampleAddresses(t, text)
	for i, p := range c.nodes {
		for _, client := range []string{"8.8.8.0/24", "91.10.0.0/24", "165.21.0.0/24"} {
			eventually(t, 30*time.Second, p.name+" answers "+client, func() error {
				a, err := c.ask(i, client)
				if err == nil && (len(a) != 1 || !slices.Contains(known, a[0])) {
					err = fmt.Errorf("%v is not of %v", a, known)
				}
				return err
			})
		}
		var udp dns.Client
		m, _, err := udp.Exchange(new(dns.Msg).SetQuestion("example.com.", dns.TypeNS), p.dns)
		if err != nil || !m.Authoritative || len(m.Answer) != len(c.nodes) {
			t.Errorf("%s does not answer for the zone: %v, %v", p.name, m, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "data", p.name, "journal")); err != nil {
			t.Errorf("the node's data is not where its file says: %v", err)
		}
	}
}

// exampleAddresses are the endpoints' addresses in a document.
func exampleAddresses(t *testing.T, text string) []string {
	t.Helper()
	var doc struct {
		Pools []struct{ Endpoints []struct{ Address string } }
	}
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, p := range doc.Pools {
		for _, e := range p.Endpoints {
			list = append(list, e.Address)
		}
	}
	return list
}

func deployFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// parses says whether the binary takes a command line, and gives the file it would read.
func parses(args []string) (config string, err error) {
	cmd, rest, err := rootCommand().Find(args)
	if err != nil {
		return "", err
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return "", err
	}
	if n := cmd.Flags().NArg(); n > 0 {
		return "", fmt.Errorf("%s is left over", cmd.Flags().Args())
	}
	return cmd.Flag("config").Value.String(), nil
}

// The unit runs the binary with flags that it has, and hands it the file that it reads.
func TestSystemdUnit(t *testing.T) {
	unit := deployFile(t, "deploy/systemd/meridian.service")
	setting := func(key string) string {
		m := regexp.MustCompile(`(?m)^` + key + `=(.*)$`).FindStringSubmatch(unit)
		if m == nil {
			t.Fatalf("the unit does not set %s", key)
		}
		return m[1]
	}
	line := strings.Fields(setting("ExecStart"))
	if !strings.Contains(unit, "bin/meridian "+line[0]+"\n") {
		t.Errorf("it runs %s, which is not where its own comment installs the binary", line[0])
	}
	config, err := parses(line[1:])
	if err != nil {
		t.Fatalf("ExecStart: %v", err)
	}
	name, source, _ := strings.Cut(setting("LoadCredential"), ":")
	if config != "${CREDENTIALS_DIRECTORY}/"+name {
		t.Errorf("it reads %s, and systemd hands over %s", config, name)
	}
	if !strings.Contains(unit, "node.yaml "+source+" ") {
		t.Errorf("its comment does not install %s", source)
	}
	if dir := "/var/lib/" + setting("StateDirectory"); !strings.Contains(unit, "dataDir: "+dir) {
		t.Errorf("the data directory %s is not what its comment names", dir)
	}
	if file, err := exec.LookPath("systemd-analyze"); err == nil {
		verify(t, file, unit, line[0])
	}
}

// verify has systemd itself read the unit, with the binary where this test has one.
func verify(t *testing.T, systemdAnalyze, unit, installed string) {
	t.Helper()
	file, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "meridian.service")
	if err := os.WriteFile(copied, []byte(strings.ReplaceAll(unit, installed, file)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(systemdAnalyze, "verify", "--man=no", copied).CombinedOutput()
	if strings.Contains(string(out), "meridian.service:") {
		t.Errorf("systemd-analyze: %v\n%s", err, out)
	}
}

// The image has the binary where it is started from, a file it can be given, and the ports and the folder of that file's defaults.
func TestDockerfile(t *testing.T) {
	text := deployFile(t, "deploy/container/Dockerfile")
	list := func(key string) (words []string) {
		m := regexp.MustCompile(`(?m)^` + key + ` (\[.*\])$`).FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("no %s of the exec form", key)
		}
		if err := json.Unmarshal([]byte(m[1]), &words); err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		return words
	}
	config, err := parses(list("CMD"))
	if err != nil {
		t.Fatalf("CMD: %v", err)
	}
	if !strings.Contains(text, ":"+config+":ro") {
		t.Errorf("its comment does not mount %s", config)
	}
	if built := regexp.MustCompile(`-o (bin/\S+)`).FindStringSubmatch(deployFile(t, "Makefile")); built == nil ||
		!strings.Contains(text, "COPY --from=build /src/"+built[1]+" "+list("ENTRYPOINT")[0]+"\n") {
		t.Errorf("what `make build` makes does not get to %s", list("ENTRYPOINT"))
	}
	for _, f := range regexp.MustCompile(`(?m)^COPY (?:--from=build )?(.*) \S+$`).FindAllStringSubmatch(text, -1) {
		for _, name := range strings.Fields(f[1]) {
			if own, ok := strings.CutPrefix(name, "/src/"); ok && own != "bin/meridian" {
				deployFile(t, own)
			}
		}
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(deployFile(t, "go.mod"))[1]
	if !strings.Contains(text, "FROM golang:"+version+" ") {
		t.Errorf("it is not built with Go %s, as go.mod says", version)
	}
	cfg := node.Config{Node: "ns1", DataDir: "/d", Cluster: node.Cluster{Advertise: "192.0.2.1:7300"}}
	if err := cfg.Complete(); err != nil {
		t.Fatal(err)
	}
	exposed := strings.Fields(regexp.MustCompile(`(?m)^EXPOSE (.*)$`).FindStringSubmatch(text)[1])
	for _, addr := range []string{cfg.DNS.Listen[0] + "/udp", cfg.DNS.Listen[0] + "/tcp", cfg.API.Listen, cfg.Cluster.Listen} {
		if port := addr[strings.LastIndex(addr, ":")+1:]; !slices.Contains(exposed, port) {
			t.Errorf("the default port %s is not exposed", port)
		}
	}
}
