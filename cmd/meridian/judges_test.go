package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Two programs that judge name servers as registries and operators do are let
// loose on a zone. They want port 53, a root and a delegation, so all of it
// lives in a network namespace: NSD is the root and the domain above, and
// Meridian serves the zone on two addresses of each family.

const (
	rootAddr  = "45.33.1.1"
	judgedNS1 = "45.33.2.53"
	judgedNS2 = "91.10.3.53"
	judgedV6a = "2a01:4f8:1::53"
	judgedV6b = "2600:3c00:2::53"
)

var judgedZone = zoneText{"judged.test", `$TTL 3600
@	IN SOA	ns1 hostmaster 2026010101 14400 3600 1209600 3600
	IN NS	ns1
	IN NS	ns2
	IN MX	10 mail
	IN A	45.33.2.80
	IN AAAA	2a01:4f8:1::80
	IN TXT	"v=spf1 mx -all"
	IN CAA	0 issue "letsencrypt.org"
ns1	IN A	` + judgedNS1 + `
	IN AAAA	` + judgedV6a + `
ns2	IN A	` + judgedNS2 + `
	IN AAAA	` + judgedV6b + `
mail	IN A	45.33.2.25
hostmaster IN A	45.33.2.25
www	IN CNAME @
*.app	IN A	45.33.2.81
old	IN DNAME www
`}

// judgedWorld starts the servers, with the zone loaded.
func judgedWorld(t *testing.T) *namespace {
	t.Helper()
	nsd := lookPeer(t, "nsd")
	file, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	n := newNamespace(t, "judged", rootAddr, judgedNS1, judgedNS2, judgedV6a, judgedV6b)
	dir := t.TempDir()
	soa := " 3600 IN SOA a.root-srv.test. hostmaster.root-srv.test. 1 14400 3600 1209600 3600\n"
	glue := "a.root-srv.test. 3600 IN A " + rootAddr + "\n"
	above := []zoneText{
		{".", "." + soa + ". 3600 IN NS a.root-srv.test.\ntest. 3600 IN NS a.root-srv.test.\n" + glue},
		{"test", "test." + soa + "test. 3600 IN NS a.root-srv.test.\n" + glue + "judged 3600 IN NS ns1.judged\njudged 3600 IN NS ns2.judged\n" +
			"ns1.judged 3600 IN A " + judgedNS1 + "\nns1.judged 3600 IN AAAA " + judgedV6a + "\n" +
			"ns2.judged 3600 IN A " + judgedNS2 + "\nns2.judged 3600 IN AAAA " + judgedV6b + "\n"},
	}
	for _, z := range above {
		writeFile(t, zoneFile(dir, zoneText{name: "zone-" + z.name}), z.text)
	}
	config := nsdConfig(dir, rootAddr, "53", above)
	for _, z := range above {
		config = strings.Replace(config, zoneFile(dir, z), zoneFile(dir, zoneText{name: "zone-" + z.name}), 1)
	}
	writeFile(t, dir+"/conf", config)
	n.start(nil, nsd, "-d", "-c", dir+"/conf")

	writeFile(t, dir+"/node.yaml", fmt.Sprintf("node: judged\nregion: here\ndataDir: %s/data\ndns: {listen: [%q, %q, %q, %q]}\napi: {listen: \"127.0.0.1:8080\"}\ncluster: {listen: \"127.0.0.1:7300\", bootstrap: true}\n",
		dir, judgedNS1+":53", judgedNS2+":53", "["+judgedV6a+"]:53", "["+judgedV6b+"]:53"))
	env := []string{"MERIDIAN_TOKEN=" + token}
	n.start(env, file, "serve", "--config", dir+"/node.yaml")
	writeFile(t, dir+"/judged", judgedZone.text)
	eventually(t, 60*time.Second, "the zone is imported", func() error {
		cmd := n.command(file, "zone", "import", "--name", judgedZone.name, dir+"/judged")
		cmd.Env = append(os.Environ(), env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
	return n
}

func TestZonemaster(t *testing.T) {
	program := lookPeer(t, "zonemaster-cli")
	n := judgedWorld(t)
	hints := filepath.Join(t.TempDir(), "hints")
	writeFile(t, hints, ". 3600 IN NS a.root-srv.test.\na.root-srv.test. 3600 IN A "+rootAddr+"\n")
	out, err := n.command(program, "--hints", hints, "--level", "INFO", "--json", "--no-progress", judgedZone.name).Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var report []struct {
		Level, Module, Tag string
		Args               map[string]any
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	modules := map[string]bool{}
	for _, r := range report {
		modules[r.Module] = true
		switch {
		case r.Level == "ERROR" || r.Level == "CRITICAL", r.Level == "WARNING" && r.Tag != "NAMESERVER_IP_WITHOUT_REVERSE":
			t.Errorf("%s: %s %s %v", r.Level, r.Module, r.Tag, r.Args)
		}
	}
	for _, m := range []string{"ADDRESS", "BASIC", "CONSISTENCY", "DELEGATION", "DNSSEC", "NAMESERVER", "SYNTAX", "ZONE"} {
		if !modules[m] {
			t.Errorf("nothing was said of %s: %d findings", m, len(report))
		}
	}
}

func TestDNSViz(t *testing.T) {
	program := lookPeer(t, "dnsviz")
	n := judgedWorld(t)
	dir := t.TempDir()
	servers := judgedZone.name + "+:ns1." + judgedZone.name + "=" + judgedNS1 + ",ns1." + judgedZone.name + "=[" + judgedV6a + "],ns2." + judgedZone.name + "=" + judgedNS2 + ",ns2." + judgedZone.name + "=[" + judgedV6b + "]"
	probe := n.command(program, "probe", "-A", "-a", judgedZone.name, "-x", servers, "-o", dir+"/probe", judgedZone.name, "www."+judgedZone.name, "any.app."+judgedZone.name, "x.old."+judgedZone.name)
	if out, err := probe.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, level := range []string{"info", "warning"} {
		out, err := n.command(program, "grok", "-l", level, "-r", dir+"/probe").Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		// grok prints what there is to say at a level, and above.
		if text := strings.TrimSpace(string(out)); level == "info" && !strings.Contains(text, "x.old."+judgedZone.name) || level == "warning" && text != "" {
			t.Errorf("at level %s:\n%s", level, text)
		}
	}
}
