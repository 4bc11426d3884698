package change

import (
	"crypto/sha256"
	"slices"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
)

// Every kind of change has a rule for callers with scopes, and each rule is held against a change that
// is within and one that is beyond: a new kind fails here until somebody has thought of it.
func TestScopesReachEveryKind(t *testing.T) {
	m := started(t).level(policy.FeatureLevel)
	first := m.s.Revision
	m.ok(PutZone{zone(t, "example.org")})
	conf := config("us", "eu", "ap")
	conf.Monitors = append(conf.Monitors, policy.Monitor{Name: "told", Signal: &policy.SignalCheck{Name: "us-ok"}, Resume: policy.Manual}, policy.Monitor{Name: "told-eu", Signal: &policy.SignalCheck{Name: "eu-ok"}, Resume: policy.Manual})
	conf.Pools[0].Monitor, conf.Pools[1].Monitor = "told", "told-eu"
	m.ok(PutConfig{Config: conf})
	m.ok(RecordVerdicts{[]policy.Edge{{Verdict: policy.Verdict{Check: "us/a@told", Status: policy.Down}}, {Verdict: policy.Verdict{Check: "eu/a@told-eu", Status: policy.Down}}}})
	drained := m.ok(PutControl{Target: "region/eu", Action: policy.Drain}).Made
	mine := m.ok(PutControl{Target: "endpoint/us/a", Action: policy.Drain}).Made

	other := config("us", "eu", "ap").Services[0]
	other.Name, other.Names = name("api.example.com"), nil
	m.ok(PutObject{Config: policy.Config{Services: []policy.Service{other}}})
	us, _ := m.s.Pools.Get("us")
	us.Spec.MinAvailable.Count = 1
	m.ok(PutObject{Config: policy.Config{Pools: []policy.Pool{us.Spec}}}) // what a caller with the scopes may take back
	scopes := policy.Scopes{"zone/example.com", "service/www.example.com", "region/us", "pool/us"}
	with := func(change func(*policy.Config)) policy.Config {
		c := *m.s.Config()
		c.Pools, c.Services, c.Regions = slices.Clone(c.Pools), slices.Clone(c.Services), slices.Clone(c.Regions)
		change(&c)
		return c
	}
	poolAt := func(c *policy.Config, name string) *policy.Pool {
		return &c.Pools[slices.IndexFunc(c.Pools, func(p policy.Pool) bool { return p.Name == name })]
	}
	usPool := with(func(c *policy.Config) { poolAt(c, "us").MinAvailable.Count = 0 })
	cases := map[string]struct{ within, beyond []Body }{
		"zone.put":    {[]Body{PutZone{zone(t, "example.com", "x.example.com A")}}, []Body{PutZone{zone(t, "sub.example.com")}, PutZone{zone(t, "example.org", "x.example.org A")}}},
		"zone.delete": {nil, []Body{DeleteZone{name("example.org")}}},
		"zone.edit": {[]Body{EditZone{Zone: name("example.com"), Updates: []Update{{Add, name("y.example.com"), policy.TypeTXT, 60, [][]byte{[]byte("\x01x")}}}}},
			[]Body{EditZone{Zone: name("example.org"), Updates: []Update{{Add, name("y.example.org"), policy.TypeTXT, 60, [][]byte{[]byte("\x01x")}}}}}},
		"config.put": {[]Body{PutConfig{Config: usPool},
			PutConfig{Config: with(func(c *policy.Config) {
				c.Services[slices.IndexFunc(c.Services, func(s policy.Service) bool { return s.Name == name("www.example.com") })].TTL = policy.FixedTTL(45)
			})},
			PutConfig{Config: policy.Config{Regions: []policy.Region{{Name: "us", Provider: "gcp", AZs: []string{"a"}}}}, Merge: true}},
			[]Body{
				PutConfig{Config: with(func(c *policy.Config) { poolAt(c, "eu").MinAvailable.Count = 1 })},
				PutConfig{Config: with(func(c *policy.Config) { c.Services[1].Names = []policy.Name{name("victim.example.com")} })}, // a name that is not theirs
				PutConfig{Config: with(func(c *policy.Config) { c.Services = nil; c.Regions[0].Provider = "gcp" })},
				PutConfig{Config: with(func(c *policy.Config) { c.Providers = append(c.Providers, policy.Provider{Name: "aws", DownWhen: 70}) })},
				PutConfig{Config: with(func(c *policy.Config) {
					c.SafetyRules = []policy.SafetyRule{{Name: "x", AtLeast: &policy.AtLeast{Regions: 1}}}
				})},
				PutConfig{Config: with(func(c *policy.Config) {
					c.Notifications = []policy.Receiver{{Name: "mine", Webhook: &policy.WebhookReceiver{URL: "https://hooks.example.com/x"}}}
				})},
			}},
		"object.put":        {[]Body{PutObject{Config: policy.Config{Pools: []policy.Pool{*poolAt(&usPool, "us")}}}}, []Body{PutObject{Config: policy.Config{Regions: []policy.Region{{Name: "new"}}}}}},
		"object.delete":     {nil, []Body{DeleteObject{Object: "service/api.example.com"}}},
		"revision.rollback": {[]Body{Rollback{Revision: m.s.Revision - 1}}, []Body{Rollback{Revision: first}}},
		"control.put":       {[]Body{PutControl{Target: "endpoint/us/b", Action: policy.Drain}, PutControl{Target: "pool/us", Action: policy.Drain}}, []Body{PutControl{Target: "region/eu", Action: policy.Drain}, PutControl{Target: "provider/aws", Action: policy.Drain, StartsIn: 1}, PutControl{Target: "endpoint/eu/a", Action: policy.Drain}}},
		"control.delete":    {[]Body{DeleteControl{ID: mine}}, []Body{DeleteControl{ID: drained}}},
		"verdict.resume":    {[]Body{ResumeEndpoint{"endpoint/us/a"}}, []Body{ResumeEndpoint{"endpoint/eu/a"}}},
		"latency.put":       {[]Body{PutLatency{Measurements: []Measurement{{"192.0.2.0/24", "us", 12, 1}}}}, []Body{PutLatency{Measurements: []Measurement{{"192.0.2.0/24", "us", 12, 1}, {"192.0.2.0/24", "eu", 12, 1}}}, PutLatency{Measurements: []Measurement{{Subject: "192.0.2.0/24"}}}}},
		"load.put":          {[]Body{PutLoad{[]TargetLoad{{"pool/us", of(1.0), 0}, {"endpoint/us/a", of(1.0), 0}, {"region/us", of(1.0), 0}, {"service/www.example.com", of(1.0), 0}}}}, []Body{PutLoad{[]TargetLoad{{"pool/us", of(1.0), 0}, {"pool/eu", of(1.0), 0}}}}},
		"signal.put":        {[]Body{PutSignal{Name: "us-ok", Status: policy.Up}}, []Body{PutSignal{Name: "eu-ok", Status: policy.Up}, PutSignal{Name: "of-nobody", Status: policy.Up}}},
		"signal.delete":     {[]Body{DeleteSignal{"us-ok"}}, []Body{DeleteSignal{"eu-ok"}}},
		"batch": {[]Body{Batch{[]Part{{Body: PutZone{zone(t, "example.com", "x.example.com A")}}, {Body: PutControl{Target: "pool/us", Action: policy.Drain}}}}},
			[]Body{Batch{[]Part{{Body: PutZone{zone(t, "example.com", "x.example.com A")}}, {Body: PutControl{Target: "pool/eu", Action: policy.Drain}}}}}},
		"secret.put": {nil, []Body{PutSecret{policy.Secret{Name: "x", Sealed: []byte{1}}}}},
		"token.put":  {nil, []Body{PutToken{Token: policy.Token{ID: "t2", Name: "x", Hash: make([]byte, 32), Role: policy.RoleEditor}}}},
	}
	m.ok(PutSignal{Name: "us-ok", Status: policy.Up})
	m.ok(PutSignal{Name: "eu-ok", Status: policy.Up})
	for _, k := range kinds {
		rule, ok := reach[k.name]
		if !ok {
			t.Errorf("%s has no rule in reach (scope.go): what objects is it about?", k.name)
			continue
		}
		c, tested := cases[k.name]
		if !tested && k.name[:6] != "stage." { // which has a test of its own
			if objects := rule(m.s, m.s, k.empty()); len(objects) != 1 || objects[0] != k.name {
				t.Errorf("%s has a rule and no test of it", k.name)
			}
		}
		for _, b := range c.within {
			fresh := &machine{t: t, s: m.s, index: m.index}
			fresh.accepted(Change{Actor: "ci", Reason: "because", Scopes: scopes, Body: b})
			fresh = &machine{t: t, s: m.s, index: m.index}
			fresh.refused(policy.Forbidden, "ci may change region/none only", Change{Actor: "ci", Reason: "because", Scopes: policy.Scopes{"region/none"}, Body: b})
		}
		for _, b := range c.beyond {
			fresh := &machine{t: t, s: m.s, index: m.index}
			fresh.refused(policy.Forbidden, "ci may change zone/example.com, service", Change{Actor: "ci", Reason: "because", Scopes: scopes, Body: b})
		}
	}
	for name := range reach {
		if !slices.ContainsFunc(kinds, func(k kind) bool { return k.name == name }) {
			t.Errorf("reach has %q, which is no kind", name)
		}
	}
}

// A big change goes in in pieces, and its scopes hold for what the pieces make.
func TestScopesHoldForStagedChanges(t *testing.T) {
	m := started(t).level(policy.FeatureLevel)
	for _, c := range []struct {
		zone string
		want bool
	}{{"example.com", true}, {"example.org", false}} {
		body, err := EncodeBody(&PutZone{zone(t, c.zone, "x."+c.zone+" A")})
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(body)
		m.ok(StageChunk{ID: "s", Data: body})
		commit := Change{Actor: "ci", Scopes: policy.Scopes{"zone/example.com"}, Body: CommitStaged{"s", sum[:], 1}}
		if c.want {
			m.accepted(commit)
		} else {
			m.refused(policy.Forbidden, "this would change zone/example.org", commit)
		}
	}
}

// What a caller may change is held against the state that the change is made on, not the one that it was sent by.
func TestScopesAreHeldWhereTheChangeIsMade(t *testing.T) {
	m := started(t).level(policy.FeatureLevel)
	drain := Change{Actor: "ci", Reason: "because", Scopes: policy.Scopes{"region/us"}, Body: PutControl{Target: "endpoint/us/a", Action: policy.Drain}}
	(&machine{t: t, s: m.s, index: m.index}).accepted(drain)
	moved := *m.s.Config()
	moved.Pools = slices.Clone(moved.Pools)
	for i := range moved.Pools {
		if moved.Pools[i].Name == "us" {
			moved.Pools[i].Region = "eu"
		}
	}
	m.ok(PutConfig{Config: moved})
	m.refused(policy.Forbidden, "this would change endpoint/us/a", drain)
	m.refused(policy.Forbidden, "this would change endpoint/us/a", Change{Actor: "ci", Reason: "because", Scopes: drain.Scopes, Body: Batch{[]Part{{Body: drain.Body}}}})
}

func TestScopesOfTokens(t *testing.T) {
	m := started(t).level(policy.FeatureReview - 1)
	tok := policy.Token{ID: "a1", Name: "ci", Role: policy.RoleEditor, Hash: make([]byte, 32), Scopes: policy.Scopes{"zone/example.com"}}
	m.refuse(policy.Conflict, "token.put needs feature level 6", PutToken{Token: tok})
	m.level(policy.FeatureReview).ok(PutToken{Token: tok})
	tok.ID, tok.Name, tok.Scopes = "b1", "other", policy.Scopes{"monitor/x"}
	m.refuse(policy.Invalid, "write zone/NAME", PutToken{Token: tok})
	roundTrip(t, m.s)
}
