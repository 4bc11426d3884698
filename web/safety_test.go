package web_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

const twoRules = `
safetyRules:
  - {name: keep-two, atLeast: {regions: 2}}
  - {name: gated, gate: window, targets: [region/us-east]}
`

func TestSwitchesAreThrown(t *testing.T) {
	r := loaded(t)
	r.send("PUT", "/switches/window", `{"on":true}`).refused(422, "invalid")
	r.send("PUT", "/switches/window", `{"on":true,"reason":" "}`).refused(422, "invalid")
	w := into[api.WriteResult](r.send("PUT", "/switches/window", `{"on":true,"reason":"CHG-1"}`).is(200))
	if len(w.Warnings) != 1 || !strings.Contains(w.Warnings[0], "no safety rule goes by the switch window") {
		t.Errorf("warnings %q", w.Warnings)
	}
	list := into[api.SwitchList](r.call("GET", "/switches", "").is(200))
	if len(list.Items) != 1 || !list.Items[0].On || list.Items[0].Reason != "CHG-1" || list.Items[0].Actor == "" {
		t.Errorf("the list is %+v", list)
	}
	r.call("DELETE", "/switches/window", "").is(200)
	r.call("DELETE", "/switches/window", "").refused(404, "not-found")
}

func TestADrainIsRehearsedAndOverridden(t *testing.T) {
	r := loaded(t)
	r.putConfig(twoRules, "X-Reason", "rules").is(200)
	before := r.node.State().Index
	const us = `{"target":"region/us-east","action":"drain","reason":"x"}`
	p := r.send("POST", "/controls?dryRun=true", us).refused(409, "unsafe")
	rules := []string{}
	for _, m := range p.Problems {
		rules = append(rules, m.Rule)
	}
	if !slices.Contains(rules, "gated") {
		t.Errorf("the rules are %q", rules)
	}
	if r.node.State().Index != before {
		t.Error("a rehearsal changed the state")
	}
	report := into[api.SafetyReport](r.call("GET", "/safety", "").is(200))
	if len(report.Items) != 2 || report.Items[0].Rule != "gated" || report.Items[0].State != "at-limit" || len(report.Targets) == 0 {
		t.Errorf("the report is %+v", report)
	}
	for _, target := range report.Targets {
		if target.Target == "region/us-east" && (target.Allowed || !slices.Contains(target.Rules, "gated")) {
			t.Errorf("the outlook is %+v", target)
		}
	}
	over := strings.Replace(us, `"x"`, `"x","override":["`+strings.Join(rules, `","`)+`"]`, 1)
	made := into[api.ControlCreated](r.send("POST", "/controls", over).is(201))
	if !slices.Equal(made.Override, rules) {
		t.Errorf("the control has the overrides %q, not %q", made.Override, rules)
	}
	r.call("DELETE", "/controls/"+made.Id, "").refused(409, "unsafe")
	r.call("DELETE", "/controls/"+made.Id, "", "X-Override", "gated, keep-two").refused(422, "invalid")
	r.call("DELETE", "/controls/"+made.Id, "", "X-Override", "gated").is(200)
	if r.node.State().Controls.Len() != 0 {
		t.Error("it is not lifted")
	}
	if r.node.State().Feature < policy.FeatureDrill {
		t.Error("the test's cluster has none of this")
	}
}
