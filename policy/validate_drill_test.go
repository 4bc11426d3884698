package policy

import (
	"strings"
	"testing"
	"time"
)

func TestDrillPlansAreChecked(t *testing.T) {
	away, s := []string{"region/us"}, Duration(time.Second)
	steps := func(list ...DrillStep) DrillPlan { return DrillPlan{Steps: list} }
	out := DrillStep{Name: "out", Drain: away}
	for _, c := range []struct {
		plan    DrillPlan
		pointer string // of the one mistake; "-": none
		text    string
	}{
		{DrillPlan{Evacuate: []string{"region/us", "provider/aws", "pool/p", "endpoint/p/a", "label/tier=gold"}, Hold: s, RTO: s, Approvals: 1, AbortWhen: []string{"signal:slo", "load:region/us>90", "latency:region/us>250ms", "down:pool/p"},
			Ramp: &RampPlan{Steps: []int{50, 0}, Every: s, PauseWhen: []string{"load:pool/p>80"}}, BackOver: 9 * s, Schedule: &DrillSchedule{Cron: "0 9 * * 2", Jitter: s}}, "-", ""},
		{DrillPlan{Simulate: &DrillSimulation{Nameserver: "ns1"}}, "-", ""},
		{steps(out, DrillStep{Name: "w", Window: true}, DrillStep{Name: "back", Restore: "out", Over: 10 * s}), "-", ""},
		{DrillPlan{}, "", "exactly one of evacuate, simulate and steps"},
		{DrillPlan{Evacuate: away, Simulate: &DrillSimulation{Vantage: "ns1"}}, "", "this one is 2 of them"},
		{DrillPlan{Simulate: &DrillSimulation{Vantage: "ns1", Nameserver: "ns2"}}, "/simulate", "exactly one of down, vantage and nameserver"},
		{DrillPlan{Evacuate: []string{"region/mars"}}, "/evacuate/0", "no endpoint in region/mars"},
		{DrillPlan{Evacuate: []string{"service/www.example.com"}}, "/evacuate/0", "write what it is answered with"},
		{DrillPlan{Evacuate: []string{"region/us", "region/us"}}, "/evacuate/1", "twice"},
		{DrillPlan{Simulate: &DrillSimulation{Down: away}, BackOver: 9 * s}, "", "ramp and returnOver go with evacuate"},
		{DrillPlan{Evacuate: away, BackOver: s}, "/returnOver", "not within 9s to"},
		{DrillPlan{Evacuate: away, Ramp: &RampPlan{}}, "/ramp", "a ramp is either"},
		{DrillPlan{Evacuate: away, Ramp: &RampPlan{Over: 10 * s, PauseWhen: []string{"rain"}}}, "/ramp/pauseWhen/0", `"rain" is no condition`},
		{DrillPlan{Evacuate: away, Ramp: &RampPlan{Over: 10 * s, BackWhen: []string{"signal:slo"}}}, "/ramp/backWhen", "write this into abortWhen"},
		{DrillPlan{Evacuate: away, AbortWhen: []string{"load:region/us"}}, "/abortWhen/0", "is no condition"},
		{DrillPlan{Evacuate: away, AbortWhen: []string{"latency:pool/p>1s"}}, "/abortWhen/0", "is no condition"},
		{DrillPlan{Evacuate: away, AbortWhen: []string{"down:mars"}}, "/abortWhen/0", "is not a target"},
		{DrillPlan{Evacuate: away, Expires: Duration(time.Minute), Hold: Duration(time.Hour)}, "/expires", "would end by force"},
		{DrillPlan{Evacuate: away, Ramp: &RampPlan{Over: Duration(30 * time.Minute)}, Expires: Duration(20 * time.Minute)}, "/expires", "would end by force"},
		{DrillPlan{Evacuate: away, Schedule: &DrillSchedule{Cron: "0 9 * *"}}, "/schedule/cron", "not five fields"},
		{DrillPlan{Evacuate: away, Schedule: &DrillSchedule{Cron: "0 9 31 2 *"}}, "/schedule/cron", "never comes"},
		{steps(out, DrillStep{Name: "out", Window: true}), "/steps/1/name", "name of another step"},
		{steps(DrillStep{Name: "x"}), "/steps/0", "exactly one of"},
		{steps(DrillStep{Name: "x", Window: true, Wait: s}), "/steps/0", "exactly one of"},
		{steps(DrillStep{Name: "back", Restore: "out"}), "/steps/0/restore", `no step "out" before`},
		{steps(DrillStep{Name: "x", Window: true, Ramp: &RampPlan{Over: 10 * s}}), "/steps/0/ramp", "goes with drain"},
		{steps(DrillStep{Name: "out", Drain: away, Over: 10 * s}), "/steps/0/over", "goes with restore"},
		{steps(DrillStep{Name: "x", Webhook: &DrillWebhook{URL: "ftp://x.example"}}), "/steps/0/webhook/url", ""},
		{steps(DrillStep{Name: "x", WaitFor: "up:mars"}), "/steps/0/waitFor", "is not a target"},
		{steps(DrillStep{Name: "x", Parallel: []DrillStep{out, {Name: "y", Parallel: []DrillStep{{Name: "z", Window: true}}}}}), "/steps/0/parallel/1/parallel", "no parallel steps of their own"},
	} {
		c.plan.Name = "weekly"
		conf := Config{
			Regions: []Region{{Name: "us", Provider: "aws"}}, DrillPlans: []DrillPlan{c.plan},
			Pools: []Pool{{Name: "p", Region: "us", Endpoints: []Endpoint{{Name: "a", Hostname: MustName("x.example.net"), Labels: map[string]string{"tier": "gold"}}}}},
		}
		err, _ := conf.Validate().(*Error)
		var got []Problem
		if err != nil {
			got = err.Problems
		}
		if c.pointer == "-" && len(got) > 0 || c.pointer != "-" && (len(got) != 1 || got[0].Pointer != "/drillPlans/0"+c.pointer || !strings.Contains(got[0].Message, c.text)) {
			t.Errorf("%+v: %v, want %s %q", c.plan, got, c.pointer, c.text)
		}
	}
}
