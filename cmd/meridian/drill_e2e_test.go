package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/web/api"
)

// drillCase is a plan, and the moment of its run in which the leader dies.
type drillCase struct {
	name    string
	plan    string                  // JSON without its name: REGION, NODE, HOOK and SIGNAL stand for those of the run
	leads   bool                    // NODE is the leader, not one that survives
	pauses  bool                    // the third node stands still until the leader is dead, so that preflight waits for it
	moment  func(d *drillRun) bool  // the leader dies now
	help    func(d *drillRun) error // what the run needs from outside then; tried until it goes through
	soon    bool                    // the killed node is back before the run is over
	result  string                  // "" is done
	near    int                     // controls that only lower TTLs
	force   int                     // controls that take the region out
	feigned string                  // the note of what else it feigns
	check   func(d *drillRun)       // what else is so while the drill goes on, without the leader
}

func at(phase string) func(*drillRun) bool {
	return func(d *drillRun) bool { return string(d.run.Phase) == phase }
}

const evacuates = `"evacuate":["region/REGION"],"hold":"3s"`

var drillCases = []drillCase{
	{name: "waiting-approval", plan: evacuates + `,"approvals":1`, moment: at("waiting-approval"), near: 1, force: 1, help: func(d *drillRun) error {
		return d.post("approve", d.second)
	}},
	{name: "preflight", plan: evacuates, pauses: true, moment: func(d *drillRun) bool { return d.running("preflight") }, near: 1, force: 1},
	{name: "lowering", plan: evacuates, moment: at("lowering"), near: 1, force: 1},
	{name: "draining", moment: at("draining"), force: 1, check: (*drillRun).isOut,
		plan: `"steps":[{"name":"away","parallel":[{"name":"pause","wait":"3s"},{"name":"out","drain":["region/REGION"]}]},{"name":"settled","window":true},{"name":"back","restore":"out"}]`},
	{name: "just drained", plan: evacuates + `,"lowerTTL":false`, force: 1, check: (*drillRun).isOut, moment: func(d *drillRun) bool { return d.acts() }},
	{name: "window", plan: evacuates + `,"lowerTTL":false`, moment: func(d *drillRun) bool { return d.running("window") }, force: 1, check: (*drillRun).isOut},
	{name: "holding", plan: evacuates, moment: at("holding"), near: 1, force: 1, soon: true, check: (*drillRun).isOut},
	{name: "running a webhook", force: 1, check: (*drillRun).isOut, moment: func(d *drillRun) bool { return d.hook.called(d.id+"/call") > 0 },
		plan: `"steps":[{"name":"out","drain":["region/REGION"]},{"name":"call","webhook":{"url":"HOOK"}},{"name":"settled","window":true},{"name":"back","restore":"out"}]`},
	{name: "running a wait-for", force: 1, check: (*drillRun).isOut, moment: func(d *drillRun) bool { return d.running("told") },
		plan: `"steps":[{"name":"out","drain":["region/REGION"]},{"name":"settled","window":true},{"name":"told","waitFor":"signal:SIGNAL"}]`, // what no step restores is restored at its end
		help: func(d *drillRun) error {
			return d.c.do(d.others[0], http.MethodPut, "/signals/"+d.signal, "application/json", []byte(`{"status":"up","maxAge":"1h","reason":"go on"}`), nil)
		}},
	{name: "restoring", moment: at("restoring"), force: 1,
		plan: `"steps":[{"name":"out","drain":["region/REGION"]},{"name":"settled","window":true},{"name":"home","parallel":[{"name":"pause","wait":"3s"},{"name":"back","restore":"out"}]},{"name":"calm","window":true}]`},
	{name: "recovering", plan: evacuates, moment: at("recovering"), near: 1, force: 1},
	{name: "aborted meanwhile", plan: evacuates, moment: at("holding"), near: 1, force: 1, result: "aborted", help: func(d *drillRun) error {
		return d.post("abort", token)
	}},
	{name: "force-down", plan: `"simulate":{"down":["region/REGION"]},"hold":"3s"`, moment: at("holding"), force: 1, check: (*drillRun).isOut},
	{name: "ignore-vantage", plan: `"simulate":{"vantage":"NODE"},"hold":"4s"`, moment: at("holding"), feigned: "ignore-vantage: the reports of NODE are ignored"},
	{name: "silence-node", plan: `"simulate":{"nameserver":"NODE"},"hold":"6s"`, moment: at("holding"), feigned: "silence-node: NODE answers no query", check: (*drillRun).isSilent},
	{name: "silenced leader", plan: `"simulate":{"nameserver":"NODE"},"hold":"15s"`, leads: true, soon: true, moment: at("holding"), feigned: "silence-node: NODE answers no query", check: (*drillRun).isSilent},
}

// usualDrills are those of `make test`.
var usualDrills = []string{"window", "running a webhook", "silence-node"}

// TestE2EDrill kills the leader at each phase of a drill: another goes on with it or takes everything back, each step is
// done once, and there is one report that says so, at the killed node too.
func TestE2EDrill(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	second := c.upDrills()
	hook := startDrillHook(t)
	cases, times := drillCases, min(runs(), 10)
	if times == 1 {
		cases = slices.DeleteFunc(slices.Clone(cases), func(k drillCase) bool { return !slices.Contains(usualDrills, k.name) })
	}
	took := map[string][]time.Duration{}
	for n := range times {
		for i := range cases {
			d := &drillRun{c: c, kind: &cases[i], second: second, hook: hook, region: c.regions[(n+i)%len(c.regions)]}
			took[cases[i].name] = append(took[cases[i].name], d.killed(fmt.Sprintf("r%d-%d", n, i)))
			if t.Failed() {
				t.Fatalf("that was of %q, run %d", cases[i].name, n)
			}
		}
	}
	for _, k := range cases {
		percentiles(t, fmt.Sprintf("%-20s leader killed, or the step due if that is later, to the drill going on", k.name), took[k.name])
	}
}

// upDrills is up with services that have a range of TTLs, and gives the token of a second operator.
func (c *cluster) upDrills() (second string) {
	c.t.Helper()
	c.up(fast, 2)
	doc := strings.Replace(c.document(fast, 2), "ttl: 2\n", "ttl: {max: 3, min: 1}\n", 1)
	eventually(c.t, 30*time.Second, "the feature level is raised", func() error {
		return c.do(0, http.MethodPut, "/config", "application/yaml", []byte(doc), nil)
	})
	var made api.TokenMade
	eventually(c.t, 30*time.Second, "a second operator", func() error {
		text, err := c.run(0, "token", "create", "second", "--role", "operator", "-o", "json")
		if err != nil || json.Unmarshal([]byte(text), &made) != nil {
			return fmt.Errorf("%s, %w", text, err)
		}
		return nil
	})
	return made.Token
}

// start has a run of the case's plan begin, at a node that the leader's death leaves. The run is known when this returns, not begun.
func (d *drillRun) start(plan string) {
	c := d.c
	c.t.Helper()
	d.dead = c.leader()
	d.others = slices.DeleteFunc([]int{0, 1, 2}, func(i int) bool { return i == d.dead })
	d.node = d.others[1]
	if d.kind.leads {
		d.node = d.dead
	}
	d.signal = "go-" + plan
	d.fill = strings.NewReplacer("REGION", d.region.name, "NODE", c.nodes[d.node].name, "HOOK", d.hook.url, "SIGNAL", d.signal)
	c.must(c.do(d.others[0], http.MethodPut, "/drill-plans/"+plan, "application/json", fmt.Appendf(nil, `{"name":%q,%s}`, plan, d.fill.Replace(d.kind.plan)), nil))
	if d.kind.pauses {
		c.must(c.nodes[d.others[1]].cmd.Process.Signal(syscall.SIGSTOP))
	}
	failed := make(chan error, 1)
	go func() { // it is answered when all nodes have published it, or after two seconds
		failed <- c.do(d.others[0], http.MethodPost, "/drills", "application/json", fmt.Appendf(nil, `{"plan":%q}`, plan), nil)
	}()
	eventually(c.t, 30*time.Second, "the run", func() error {
		select {
		case err := <-failed:
			if err != nil {
				c.t.Fatal(err)
			}
		default:
		}
		var list api.DrillList
		if err := c.do(d.others[0], http.MethodGet, "/drills", "", nil, &list); err != nil {
			return err
		}
		for _, r := range list.Items {
			if r.Plan.Name == plan {
				d.id = r.Id
				return nil
			}
		}
		return errors.New("it is not in the list")
	})
}

// comes waits for a moment of the run.
func (d *drillRun) comes(moment func(*drillRun) bool) {
	c := d.c
	c.t.Helper()
	eventually(c.t, 60*time.Second, "the moment to kill in", func() error {
		if d.look(d.others[0]); d.run.Over {
			c.t.Fatalf("%s: the run was %s before (%s %s): %+v", d.kind.name, d.run.Phase, d.run.Code, d.run.Problem, d.run.Timeline)
		}
		if !moment(d) {
			return fmt.Errorf("it is %s", d.run.Phase)
		}
		return nil
	})
}

// killed goes through a run in which the leader dies, and gives how long after that it went on.
func (d *drillRun) killed(plan string) time.Duration {
	c := d.c
	c.t.Helper()
	d.start(plan)
	d.comes(d.kind.moment)
	c.nodes[d.dead].kill()
	died := time.Now()
	if d.kind.pauses {
		c.must(c.nodes[d.others[1]].cmd.Process.Signal(syscall.SIGCONT))
	}
	d.look(d.others[0])
	if due := d.due(); due.After(died) {
		died = due
	}
	before := d.tag
	if d.kind.check != nil {
		d.kind.check(d)
	}
	if d.kind.help != nil {
		eventually(c.t, 60*time.Second, "what the run needs from outside", func() error { return d.kind.help(d) })
	}
	if d.kind.soon {
		c.start(d.dead)
		if d.kind.leads {
			d.back()
		}
	}
	eventually(c.t, 60*time.Second, "the drill goes on", func() error {
		if d.look(d.others[0]); d.tag == before {
			return fmt.Errorf("it is %s, as it was when the leader died", d.run.Phase)
		}
		return nil
	})
	took := time.Since(died)
	d.over()
	if !d.kind.soon {
		c.start(d.dead)
	}
	d.proven()
	return took
}
