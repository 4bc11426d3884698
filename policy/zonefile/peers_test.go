package zonefile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
)

// acceptLines is testdata/accept.txt: lines that named-checkzone 9.18,
// nsd-checkzone 4.6 and Knot DNS 3.2 all load behind headText, with owners of
// their own so that they can stand in one file.
func acceptLines(t testing.TB) []string {
	data, err := os.ReadFile("testdata/accept.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i, line := range strings.Split(strings.TrimRight(string(data), "\n"), "\n") {
		if rest, ok := strings.CutPrefix(line, "w "); ok {
			line = fmt.Sprintf("w%d %s", i, rest)
		}
		out = append(out, line+"\n")
	}
	return out
}

func TestAcceptsWhatOthersAccept(t *testing.T) {
	for _, line := range acceptLines(t) {
		z, _, err := Parse(strings.NewReader(headText+line), example, "z", Limits{})
		if err != nil {
			t.Errorf("%s%v", line, err)
			continue
		}
		roundTrip(t, z)
	}
}

// peer is a tool that checks a zone file of example.com.
type peer struct {
	tool, debian string
	args         func(dir, file string) []string
}

var peers = []peer{
	{"named-checkzone", "bind9-utils", func(_, file string) []string { return []string{"-i", "local", "example.com", file} }},
	{"nsd-checkzone", "nsd", func(_, file string) []string { return []string{"example.com.", file} }},
	{"knotc", "knot", func(dir, file string) []string {
		conf := fmt.Sprintf("server:\n  rundir: %s\ndatabase:\n  storage: %s\nzone:\n  - domain: example.com\n    file: %s\n", dir, dir, file)
		if err := os.WriteFile(filepath.Join(dir, "knot.conf"), []byte(conf), 0o600); err != nil {
			panic(err)
		}
		return []string{"-c", filepath.Join(dir, "knot.conf"), "zone-check", "example.com"}
	}},
}

// find is a peer's path; without it the test is skipped, saying so.
func find(t *testing.T, tool, debian string) string {
	t.Helper()
	for _, dir := range []string{"", "/usr/sbin/", "/usr/local/sbin/"} {
		if path, err := exec.LookPath(dir + tool); err == nil {
			return path
		}
	}
	t.Skipf("%s is missing (Debian package %s): not compared with it", tool, debian)
	return ""
}

func exportOf(t *testing.T, z *policy.Zone) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, z); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Every peer loads the files that accept.txt says it loads, and our exports.
func TestPeersLoad(t *testing.T) {
	all := headText + strings.Join(acceptLines(t), "")
	z, _ := parse(t, all)
	golden, err := os.ReadFile("testdata/sample.golden")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"accept": []byte(all), "export": exportOf(t, z), "sample": golden}
	for _, p := range peers {
		t.Run(p.tool, func(t *testing.T) {
			path := find(t, p.tool, p.debian)
			for name, data := range files {
				dir := t.TempDir()
				file := filepath.Join(dir, name)
				if err := os.WriteFile(file, data, 0o600); err != nil {
					t.Fatal(err)
				}
				if out, err := exec.Command(path, p.args(dir, file)...).CombinedOutput(); err != nil {
					t.Errorf("%s refuses %s: %v\n%s", p.tool, name, err, out)
				}
			}
		})
	}
}

// What is refused here for what it says, and not for how it is written, is
// refused by one of the peers at least: a zone that all of them load is not refused.
func TestRefusedByAPeerToo(t *testing.T) {
	files := map[string]string{
		"no SOA":                "$TTL 60\n@ NS a.\n",
		"two SOA":               headText + "@ SOA a. b. 9 2 3 4 5\n",
		"an SOA below":          headText + "w SOA a. b. 9 2 3 4 5\n",
		"no NS":                 "$TTL 60\n@ SOA a. b. 1 2 3 4 5\n",
		"a name of others":      headText + "example.org. A 192.0.2.1\n",
		"CNAME and other data":  headText + "w CNAME x.\nw A 192.0.2.1\n",
		"two CNAME":             headText + "w CNAME x.\nw CNAME y.\n",
		"a CNAME at the apex":   headText + "@ CNAME x.\n",
		"two DNAME":             headText + "w DNAME x.\nw DNAME y.\n",
		"DNAME at a delegation": headText + "w DNAME x.\nw NS y.\n",
		"NS at a wildcard":      headText + "*.w NS y.\n",
		"a meta-type":           headText + "w ANY \\# 0\n",
		"another class":         headText + "w CH A 192.0.2.1\n",
	}
	for what, text := range files {
		if _, _, err := Parse(strings.NewReader(text), example, "z", Limits{}); err == nil {
			t.Errorf("%s is not refused here", what)
		}
		var loaded []string
		for _, p := range peers {
			dir := t.TempDir()
			file := filepath.Join(dir, "zone")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if exec.Command(find(t, p.tool, p.debian), p.args(dir, file)...).Run() == nil {
				loaded = append(loaded, p.tool)
			}
		}
		t.Logf("%s: loaded by %v", what, loaded)
		if len(loaded) == len(peers) {
			t.Errorf("%s is refused here and loaded by all the others", what)
		}
	}
}

// What BIND makes of a file, $GENERATE and all, is what Parse makes of it.
func TestSameAsBIND(t *testing.T) {
	path := find(t, "named-checkzone", "bind9-utils")
	sample, err := os.ReadFile("testdata/sample.zone")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"sample": string(sample),
		"accept": headText + strings.Join(acceptLines(t), ""),
		"series": headText + "$GENERATE 0-20/3 a${0,3} 60 A 192.0.2.$\n$GENERATE 250-260 ${0,7,n} PTR p${-9,0,X}\n$GENERATE 1-3 t$ TXT \"hello $\"\n$GENERATE 1-2 u\\$$ MX \"10 m$\"\n$GENERATE 65-70 v${0,4,o} CNAME $$x\n",
	}
	for name, text := range files {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "zone")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(path, "-i", "none", "-k", "ignore", "-q", "-D", "-o", "-", "example.com", file)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Run(); err != nil {
				t.Fatalf("%v\n%s", err, &stderr)
			}
			bind, _, err := Parse(&stdout, example, "BIND's dump", Limits{})
			if err != nil {
				t.Fatal(err)
			}
			ours, _, err := Parse(strings.NewReader(text), example, "z", Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if b, o := exportOf(t, bind), exportOf(t, ours); !bytes.Equal(b, o) {
				t.Errorf("BIND's zone:\n%s\nours:\n%s", b, o)
			}
		})
	}
}

// The zones of the Ferret dataset (DNS conformance cases) are all loaded by
// BIND, NSD and Knot DNS.
func TestFerretZones(t *testing.T) {
	const path = "../../../shared/conformance/ferret-sample.jsonl"
	f, err := os.Open(path)
	if err != nil {
		t.Skipf("the Ferret conformance sample is missing: %v", err)
	}
	defer f.Close()
	n := 0
	for d := json.NewDecoder(f); d.More(); n++ {
		var c struct {
			ID     int      `json:"id"`
			Origin string   `json:"origin"`
			Zone   []string `json:"zone"`
		}
		if err := d.Decode(&c); err != nil {
			t.Fatal(err)
		}
		apex, err := policy.ParseName(c.Origin)
		if err != nil {
			t.Fatal(err)
		}
		z, _, err := Parse(strings.NewReader(strings.Join(c.Zone, "\n")), apex, "zone", Limits{})
		if err != nil {
			t.Errorf("case %d: %v\n%s", c.ID, err, strings.Join(c.Zone, "\n"))
			continue
		}
		if z.Records != len(c.Zone) {
			t.Errorf("case %d: %d records of %d", c.ID, z.Records, len(c.Zone))
		}
		roundTrip(t, z)
	}
	t.Logf("%d zones", n)
}

func TestManyRecords(t *testing.T) {
	const n = 200_000
	var b strings.Builder
	b.WriteString(headText)
	for i := range n {
		switch i % 4 {
		case 0, 1:
			fmt.Fprintf(&b, "host%d 600 IN A 10.%d.%d.%d\n", i, i>>16&255, i>>8&255, i&255)
		case 2:
			fmt.Fprintf(&b, "host%d MX 10 mail.example.net.\n", i)
		case 3:
			fmt.Fprintf(&b, "host%d SSHFP 1 1 dd465c09cfa51fb45020cc83316fff21b9ec74ac\n", i)
		}
	}
	z, warnings := parse(t, b.String())
	if z.Records != n+5 || len(warnings) > 0 {
		t.Errorf("%d records, want %d; warnings %q", z.Records, n+5, lines(warnings))
	}
}

func BenchmarkParse(b *testing.B) {
	var s strings.Builder
	s.WriteString(headText)
	for i := range 10_000 {
		fmt.Fprintf(&s, "host%d 600 IN A 10.%d.%d.%d\n", i, i>>16&255, i>>8&255, i&255)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Parse(strings.NewReader(s.String()), example, "z", Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
