package drill

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

var update = flag.Bool("update", false, "write testdata/* anew")

func at(s int) int64 { return time.Date(2026, 1, 6, 9, 0, s, 0, time.UTC).UnixNano() }

// aRun is one that went well, with what somebody might write into it to do harm.
func aRun() policy.Drill {
	step := func(name, kind string, group, from, to int) policy.DrillStepRun {
		return policy.DrillStepRun{DrillStep: policy.DrillStep{Name: name}, Kind: kind, Group: group, State: policy.StepDone, StartedAt: at(from), EndedAt: at(to)}
	}
	r := policy.Drill{
		ID: "d17", Plan: policy.DrillPlan{Name: "weekly", Title: `us | <script>alert("1")</script>`, Evacuate: []string{"region/us"}, RTO: policy.Duration(30 * time.Second)},
		Actor: "t3", Phase: policy.DrillDone, EndedAt: at(140),
		Steps: []policy.DrillStepRun{
			step("preflight", policy.StepPreflight, 0, 0, 1), step("drain", policy.StepDrain, 1, 1, 1), step("window", policy.StepWindow, 2, 1, 32),
			step("hold", policy.StepWait, 3, 32, 92), step("restore", policy.StepRestore, 4, 92, 92), step("recover", policy.StepWindow, 5, 92, 140),
		},
		Checks:   []policy.DrillCheck{{Name: "quorum", Result: policy.CheckOK, Text: "3 of 3 voters are reachable"}, {Name: "capacity", Result: policy.CheckWarn, Text: "eu gets 40 % of all clients more (its load or capacity is not known)"}},
		Timeline: []policy.DrillNote{{At: at(1), Phase: policy.DrillDraining, Text: "drain: drained region/us"}, {At: at(140), Phase: policy.DrillDone, Text: "done"}},
	}
	r.Steps[1].Restored = true
	return r
}

func TestReport(t *testing.T) {
	r := aRun()
	v := Report(&r)
	if want := (policy.EvacuationTimes{Decided: at(1), Committed: at(1), Closed: at(32), Restored: at(92), Recovered: at(140), Ended: at(140)}); v.At != want {
		t.Errorf("the times are %+v, not %+v", v.At, want)
	}
	if v.Reached != policy.Duration(31*time.Second) || v.Met == nil || *v.Met {
		t.Errorf("it achieved %v, and it is said to be met: %v", v.Reached, v.Met)
	}
	page, err := HTML(&v)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(page, "<script") || !strings.Contains(page, "&lt;script&gt;") || !strings.Contains(page, "<svg") {
		t.Error("the page does not escape what is in it, or has no picture")
	}
	for name, text := range map[string]string{"testdata/report.md": Markdown(&v), "testdata/report.html": page} {
		if *update {
			if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(name); err != nil || string(want) != text {
			t.Errorf("%s is another (%v): go test ./policy/drill -update", name, err)
		}
	}
}

// One that was aborted as it drained came to no window, and to no recovery time.
func TestReportOfWhatWasAborted(t *testing.T) {
	r := aRun()
	r.Phase, r.Code, r.EndedAt = policy.DrillAborted, CodeFailure, at(10)
	for i := 2; i < len(r.Steps); i++ {
		r.Steps[i].State = policy.StepSkipped
	}
	v := Report(&r)
	if v.At.Closed != 0 || v.Reached != 0 || v.Met != nil || v.At.Restored != at(10) {
		t.Errorf("%+v", v)
	}
}

func TestReportIsBounded(t *testing.T) {
	r := aRun()
	for range policy.MaxDrillNotes {
		r.Timeline = append(r.Timeline, policy.DrillNote{At: at(5), Text: strings.Repeat("x", policy.MaxDrillText)})
	}
	v := Report(&r)
	if b, _ := json.Marshal(v); len(b) > policy.MaxReport || !v.Cut || len(v.Timeline) == 0 {
		t.Errorf("%d octets, cut: %v, %d entries", len(b), v.Cut, len(v.Timeline))
	}
}
