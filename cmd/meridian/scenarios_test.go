package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// Scenarios are what other traffic managers do in a situation, each with an id,
// and what Meridian does in it. A script in policy/testdata/scenarios shows
// Meridian's part. It is run twice: against the compiled snapshot (Explain and
// Decide), and against a real DNS server on the loopback. Those of health are run
// twice more, with another leader in the midst of each step that moves time, samples or
// what vantages say: it has State as a raft snapshot carries it, and has heard of nobody yet.
//
// A script is a txtar archive. Its comment says what the other system does and,
// after "Meridian:", what Meridian does; docs/steering-ids.md is made of these.
// Files it does not have are those of world.txtar. The lines of "steps" are the
// methods of [scenario] in scenarios_steps_test.go:
//
//	at 10s | wait 10s                       the State's clock, from the start or on from now; drains expire by it
//	up|down|unknown TARGETS                 verdicts, as all three vantages have them; TARGET is POOL, POOL/ENDPOINT or all
//	probe VANTAGES TARGET ok|fail [x3]      probes, an interval apart, through the real rise, fall and quorum
//	probe VANTAGES TARGET lose 30% [x3] [seed 7]   each of them fails by chance
//	flap VANTAGES TARGET every 0.5 for 10m [seed 7]   it fails and is well in turn, each for so many intervals; vantages
//	                                        probe it each in a rhythm of its own
//	silent|abstain|votes VANTAGES           ns1, ns2 and ns3 are the vantages
//	is TARGET up|down|unknown               the verdict
//	edges TARGET <= 6 | edges TARGET = 0    how often verdicts went up or down by probes since this was asked last
//	leader [NODE] [clock +1h]               another node leads, here after somebody has set its wall clock
//	island VANTAGES | mainland              be a node without a leader that hears these; be one with a leader again
//	drain TARGET [for 1h] "reason" | lift TARGET
//	batch STEP ; STEP                       drains and lifts as one change
//	switch NAME on|off
//	config FILE | replace FILE | zone FILE  config is merged by name
//	latency SUBJECT us=12 eu=80 | load TARGET 95
//	signal NAME up|down [for 30s] | signal NAME deleted
//	refused "text"                          the step before was, with this in the message
//	ask NAME TYPE [from PLACE|PREFIX] [assuming down:TARGET]   without from: no EDNS Client Subnet
//	= 192.0.2.1 25%, 192.0.2.2+192.0.2.3 3/4; ttl 30; scope 16; own 192.0.2.1
//	= nodata|nxdomain|refused|static ADDRESS
//	why "text" | why not "text"             the explanation of the last ask has it
//	warns "text"                            the snapshot's warnings have it
//	longest REGION 30                       the largest TTL that answers of a region have
//	crowd NAME TYPE from PLACE              ask for each /24 of the place, and compare with the last time
//	moved none | moved from ANSWER | moved to ANSWER
const scenarioDir = root + "/policy/testdata/scenarios"

// scenarioGroups are all ids there are: GROUP-1 to GROUP-N.
var scenarioGroups = []struct {
	id, system string
	n          int
}{
	{"R53", "Route 53", 14}, {"ARC", "Amazon Application Recovery Controller", 7}, {"CF", "Cloudflare", 9}, {"NS1", "NS1", 5},
	{"AK", "Akamai GTM", 8}, {"F5", "F5 BIG-IP DNS", 8}, {"ATM", "Azure Traffic Manager", 7}, {"GCP", "Google Cloud DNS", 2},
	{"NS", "NetScaler GSLB", 4}, {"OCI", "OCI Traffic Management", 2}, {"GD", "gdnsd", 14},
	{"better", "Where others are known to hurt", 12}, {"domain", "Failure domains and panic", 3},
	{"health", "Health: losses, cuts, flapping, recovery", 11},
	{"signal", "External signals", 1}, {"safety", "Safety rules", 4}, {"control", "Controls of every kind", 2},
}

// notApplying are the ids that have no script, each with the reason.
var notApplying = map[string]string{}

func scenarioIDs() (ids []string) {
	for _, g := range scenarioGroups {
		for i := range g.n {
			ids = append(ids, scenarioID(g.id, i+1))
		}
	}
	return ids
}

func scenarioID(group string, n int) string {
	if group == "better" {
		return fmt.Sprintf("better-%02d", n)
	}
	return fmt.Sprintf("%s-%d", group, n)
}

// script is a scenario as its file has it.
type script struct {
	id, there, here string // what others do, and what Meridian does
	files           map[string]string
}

func readScript(t *testing.T, id string) script {
	t.Helper()
	a, err := txtar.ParseFile(filepath.Join(scenarioDir, id+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	s := script{id: id, files: map[string]string{}}
	there, here, ok := strings.Cut(string(a.Comment), "Meridian:")
	s.there, s.here = sentence(there), sentence(here)
	if id != "world" && (!ok || s.there == "" || s.here == "") {
		t.Fatalf("%s: the comment says what others do, and after \"Meridian:\" what Meridian does", id)
	}
	for _, f := range a.Files {
		s.files[f.Name] = string(f.Data)
	}
	return s
}

func sentence(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

func haveScript(id string) bool {
	_, err := os.Stat(filepath.Join(scenarioDir, id+".txtar"))
	return err == nil
}

func TestScenarios(t *testing.T) {
	world := readScript(t, "world")
	for _, id := range scenarioIDs() {
		if !haveScript(id) {
			if notApplying[id] == "" {
				t.Errorf("%s has neither a script nor a reason not to have one", id)
			}
			continue
		}
		group, _, _ := strings.Cut(id, "-")
		for _, by := range variants(group) {
			t.Run(id+"/"+by, func(t *testing.T) {
				t.Parallel()
				runScenario(t, world, readScript(t, id), strings.HasPrefix(by, "udp"), strings.HasSuffix(by, "leaders"))
			})
		}
	}
}

// No script is forgotten, and none is excused that is there.
func TestScenarioFiles(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(scenarioDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	ids := scenarioIDs()
	for _, f := range files {
		if id := strings.TrimSuffix(filepath.Base(f), ".txtar"); id != "world" && !slices.Contains(ids, id) {
			t.Errorf("%s is no id", f)
		}
	}
	if len(notApplying) > 5 {
		t.Errorf("%d ids are said not to apply; 5 are the most", len(notApplying))
	}
	for id := range notApplying {
		if haveScript(id) || !slices.Contains(ids, id) {
			t.Errorf("%s is said not to apply; it has a script or is no id", id)
		}
	}
}

var updateIDs = flag.Bool("update-ids", false, "write the table of docs/steering-ids.md anew from the scenarios")

var idTable = regexp.MustCompile(`(?s)<!-- made from policy/testdata/scenarios -->\n.*<!-- end -->\n`)

// The table of the documentation is what the scenarios say.
func TestScenarioTable(t *testing.T) {
	file := filepath.Join(root, "docs", "steering-ids.md")
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !idTable.Match(was) {
		t.Fatalf("%s has no table between its two comments", file)
	}
	is := idTable.ReplaceAllLiteralString(string(was), scenarioTable(t))
	if is == string(was) {
		return
	}
	if !*updateIDs {
		t.Fatalf("%s does not say what the scenarios say; run go test ./cmd/meridian -run ScenarioTable -update-ids", file)
	}
	if err := os.WriteFile(file, []byte(is), 0o644); err != nil {
		t.Fatal(err)
	}
}

func scenarioTable(t *testing.T) string {
	var b strings.Builder
	b.WriteString("<!-- made from policy/testdata/scenarios -->\n")
	for _, g := range scenarioGroups {
		fmt.Fprintf(&b, "\n## %s\n\n| id | there | Meridian |\n|---|---|---|\n", g.system)
		for i := range g.n {
			id := scenarioID(g.id, i+1)
			if why := notApplying[id]; why != "" {
				fmt.Fprintf(&b, "| %s | - | Does not apply: %s |\n", id, why)
			} else if haveScript(id) {
				s := readScript(t, id)
				fmt.Fprintf(&b, "| %s | %s | %s |\n", id, strings.ReplaceAll(s.there, "|", `\|`), strings.ReplaceAll(s.here, "|", `\|`))
			}
		}
	}
	b.WriteString("\n<!-- end -->\n")
	return b.String()
}
