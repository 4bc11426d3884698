package change

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

var update = flag.Bool("update", false, "write testdata/*.golden anew: only before a release, or beside a raised version")

// drillPlan has in it what a plan can hold, steps aside from what simulates.
func drillPlan() policy.DrillPlan {
	return policy.DrillPlan{
		Name: "failover", Title: "us is away", Expires: policy.Duration(time.Hour), AbortWhen: []string{"signal:slo", "down:pool/eu"}, Approvals: 1, RTO: policy.Duration(90 * time.Second),
		Allowed: []policy.TimeWindow{{Days: []string{"mon", "tue"}, From: "09:00", To: "17:00"}}, Blocked: []policy.TimeWindow{{From: "2026-12-24T00:00:00Z", To: "2026-12-27T00:00:00Z"}},
		Schedule: &policy.DrillSchedule{Cron: "0 9 * * 2", Jitter: policy.Duration(30 * time.Minute)}, Practice: true,
		Steps: []policy.DrillStep{
			{Name: "low", LowerTTL: []string{"region/us"}}, {Name: "out", Drain: []string{"region/us"}}, {Name: "window", Window: true},
			{Name: "both", Parallel: []policy.DrillStep{{Name: "call", Webhook: &policy.DrillWebhook{URL: "https://ops.example.com/promote", Secret: &policy.SecretRef{Secret: "token"}, Body: "{}"}, Timeout: policy.Duration(time.Minute), OnFailure: "continue"}, {Name: "ok", ApprovalsNeeded: 2}}},
			{Name: "down", ForceDown: []string{"endpoint/us/a"}}, {Name: "deaf", IgnoreVantage: "ns1"}, {Name: "mute", SilenceNode: "ns1"},
			{Name: "up", WaitFor: "up:pool/eu"}, {Name: "rest", Wait: policy.Duration(time.Minute)}, {Name: "back", Restore: "out"},
		},
	}
}

// samples has one change of every kind, with everything in it that the kind can hold.
func samples(t fataler) []Change {
	conf := config("us", "eu")
	conf.Regions[0].Place = &policy.Place{Lat: of(38.5), Lon: of(-77.25)}
	conf.Regions[1].Place = &policy.Place{IATA: "FRA"}
	conf.Monitors = append(conf.Monitors,
		policy.Monitor{Name: "api", HTTPS: &policy.HTTPCheck{Host: "{service}", SNI: "{service}", Path: "/x", Status: policy.Statuses(200, 204), Insecure: true, Authorization: &policy.SecretRef{Secret: "token"}},
			Interval: policy.Duration(1500 * time.Millisecond), Timeout: policy.Duration(time.Second), Fall: 2, Rise: 4, Quorum: policy.Quorum{Agree: "majority"}, HoldDown: policy.Duration(time.Minute), Ramp: policy.Duration(time.Hour)},
		policy.Monitor{Name: "port", TCP: &policy.TCPCheck{Port: 25}})
	conf.Pools[0].MinAvailable.Count = 1
	conf.Pools[0].Endpoints = append(conf.Pools[0].Endpoints, policy.Endpoint{
		Name: "lb", Hostname: name("x.elb.example.net"), Region: "eu", AZ: "a", Weight: of(0), Labels: map[string]string{"tier": "gold", "a": "b"},
		Probe: &policy.ProbeTarget{Address: netip.MustParseAddr("10.0.0.5"), Port: 9000}})
	conf.Services[0].Names = []policy.Name{name("*.app.example.com")}
	conf.Services[0].LastResort, conf.Services[0].Families = &policy.LastResort{Mode: policy.ResortAll}, "independent"
	conf.Services[0].Steer = policy.Steering{MinAvailable: 1, Nearest: []policy.Branch{
		{Steering: policy.Steering{Pool: "us"}, Bias: 10, Weight: of(3)},
		{Steering: policy.Steering{Failover: []policy.Branch{branch("eu"), {Steering: policy.Steering{Weighted: []policy.Branch{branch("us")}}}}}, Place: &policy.Place{Cloud: "aws/eu-central-1"}},
	}}
	conf.Regions[0].Capacity, conf.Pools[0].Capacity = &policy.Capacity{Limit: 1e6}, &policy.Capacity{Limit: 1000.5, Low: 0.5, High: 0.75}
	conf.Regions[0].Provider, conf.Regions[0].DownWhen = "aws", &policy.DownWhen{AZ: 50, Region: 60}
	conf.Providers = []policy.Provider{{Name: "aws", DownWhen: 70}}
	conf.Pools[1].MinAvailable, conf.Pools[1].PanicThreshold = policy.Amount{Share: 50}, 34
	conf.Templates = []policy.Template{{Name: "near", Steer: policy.Steering{Latency: []policy.Branch{branch("us"), branch("eu")}, LastResort: &policy.LastResort{Mode: policy.ResortLastGood}}}}
	conf.Places = []policy.PlaceOverride{{CIDR: netip.MustParsePrefix("2001:db8::/32"), Country: "DE", Subdivision: "BY", City: "Munich", Continent: "EU"}, {ASN: 64500, Place: &policy.Place{IATA: "SIN"}}}
	conf.Services = append(conf.Services, policy.Service{Name: name("geo.example.com"), TTL: &policy.TTL{Max: 300, Min: 5}, Sticky: &policy.Sticky{IPv4: 20},
		LastResort: &policy.LastResort{Steering: policy.Steering{Pool: "eu"}},
		Steer: policy.Steering{Fence: true, Default: &policy.Steering{Template: "near"}, Geo: []policy.Branch{{Steering: policy.Steering{Pool: "eu"}, Match: &policy.Match{
			CIDRs: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, ASNs: []uint32{4294967295}, Subdivisions: []string{"US-CA"}, Countries: []string{"DE"}, Continents: []string{"EU"}}}}}},
		policy.Service{Name: name("many.example.com"), Sticky: nil, Answers: 3, Steer: policy.Steering{Pool: "eu"}})
	conf.SafetyRules = []policy.SafetyRule{{Name: "keep", Service: name("www.example.com"), AtLeast: &policy.AtLeast{Regions: 1}, AppliesTo: []string{"operator", "drill"}}}
	member := policy.Member{ID: "6f1c", Node: "ns1", Region: "us", Cluster: "192.0.2.1:7300", API: "192.0.2.1:8080", DNS: []string{"192.0.2.1:53", "[2001:db8::1]:53"}, Feature: 1, Voter: true}
	edge := policy.Edge{Was: policy.Up, Verdict: policy.Verdict{Check: "us/a@web", Status: policy.Down, Since: 123456789, Revision: 18446744073709551615,
		Ballots: []policy.Ballot{{Vantage: "ns1", Status: policy.Down, Error: "refused"}, {Vantage: "ns2", Absent: "silent"}}, Penalty: policy.Duration(time.Minute), PenaltyAt: 5, Ramp: 40}}
	envelope := Change{Request: "r-1", Actor: "alice", Clock: 1_750_000_000_000_000_000, IfMatch: of(uint64(7)), Reason: "because \"we\" said <so>"}
	with := func(b Body) Change { c := envelope; c.Body = b; return c }
	return []Change{
		with(&InitCluster{policy.Cluster{ID: "c1", CA: []byte{1, 2}, CAKey: []byte{3}, JoinKeys: map[string][]byte{"b": {4}, "a": {5}}}, member, policy.Token{ID: "t", Hash: []byte{6}, Role: "admin"}, 1}),
		with(&RaiseFeature{1}),
		with(&PutMember{member}),
		with(&DeleteMember{"6f1c"}),
		with(&PutZone{zone(t, "example.com", "www.example.com A", `a\.b.example.com TXT`, "*.example.com AAAA")}),
		with(&DeleteZone{name(`\000.example.com`)}),
		with(&EditZone{name("example.com"), []Prerequisite{{RRsetExists, name("static.example.com"), policy.TypeA, nil}, {RRsetEquals, name("static.example.com"), policy.TypeA, [][]byte{{192, 0, 2, 99}}},
			{RRsetAbsent, name("example.com"), policy.TypeMX, nil}, {NameInUse, name("example.com"), 0, nil}, {NameNotInUse, name(`\000.example.com`), 0, nil}},
			[]Update{{Add, name("*.example.com"), policy.TypeTXT, 60, [][]byte{{0}, []byte("\x01x")}}, {Replace, name("static.example.com"), policy.TypeA, policy.MaxTTL, [][]byte{{192, 0, 2, 98}}},
				{DeleteRRset, name("example.com"), 257, 0, nil}, {DeleteName, name("gone.example.com"), 0, 0, nil}, {DeleteRecords, name("static.example.com"), policy.TypeA, 0, [][]byte{{192, 0, 2, 97}}}}}),
		with(&PutConfig{conf, true, true}),
		with(&PutControl{Target: "region/us", Action: policy.Drain, ExpiresIn: policy.Duration(2 * time.Hour)}),
		with(&DeleteControl{ID: "c17"}),
		{Body: &ExpireControls{}},
		with(&RecordVerdicts{[]policy.Edge{edge}}),
		with(&PutSecret{policy.Secret{Name: "token", Sealed: []byte{0, 255}}}),
		with(&DeleteSecret{"token"}),
		with(&StageChunk{ID: "s-1", Seq: 300, Data: []byte{0, 1, 2}}),
		with(&CommitStaged{"s-1", bytes.Repeat([]byte{7}, 32), 301}),
		with(&RollCookies{policy.CookieLearn, policy.CookieKey{ID: "5c0a", Sealed: []byte{8, 0}}, "", 1_750_000_000_000_000_001}),
		with(&PutLatency{[]Measurement{{"192.0.2.0/24", "us", 12.5, 0}, {"country/DE", "eu", 0.25, 7}, {"asn/64500", "", 0, 0}}, policy.Duration(time.Hour)}),
		with(&PutLoad{[]TargetLoad{{"pool/us", of(850.0), policy.Duration(time.Minute)}, {"service/www.example.com", of(0.0), 0}}}),
		{Body: &ExpireMeasured{}},
		with(&ResumeEndpoint{"endpoint/us/a"}),
		with(&PutSignal{"billing-ok", policy.Down, policy.Duration(5 * time.Minute)}),
		with(&DeleteSignal{"billing-ok"}),
		with(&PutToken{policy.Token{ID: "0a1b2c3d", Name: "ci", Hash: bytes.Repeat([]byte{9}, 32), Role: policy.RoleNode, CreatedBy: "testtoke"}, policy.Duration(time.Hour), []byte{1, 2}}),
		with(&DeleteToken{"0a1b2c3d"}),
		with(&Rollback{17, true}),
		with(&PutObject{policy.Config{Pools: conf.Pools[:1]}, true}),
		with(&DeleteObject{"pool/us", true}),
		with(&PutUser{policy.User{Name: "anna", Password: []byte{1, 0}, Role: policy.RoleEditor, Scopes: policy.Scopes{"zone/example.com"}, Disabled: true}}),
		with(&UpdateUser{"anna", policy.RoleOperator, policy.Scopes{"pool/us"}, of(false), []byte{2, 0}, "5e55"}),
		with(&DeleteUser{"anna"}),
		with(&PutSession{policy.Session{ID: "5e55", User: "anna", Token: "0a1b2c3d", Subject: "anna@example.com", Role: policy.RoleEditor, Scopes: policy.Scopes{"zone/*"}}}),
		with(&TouchSessions{[]string{"5e55", "5e56"}}),
		with(&DeleteSession{"5e55"}),
		with(&PutOIDC{&policy.OIDC{Issuer: "https://id.example.com", ClientID: "meridian", ClientSecret: &policy.SecretRef{Secret: "oidc"}, RedirectURL: "https://gtm.example.com/api/v1/auth/oidc/callback",
			Scopes: []string{"openid"}, GroupsClaim: "roles", Domains: []string{"example.com"}, Roles: []policy.OIDCRole{{Group: "dns", Role: policy.RoleEditor, Limits: policy.Scopes{"zone/*"}}, {Email: "a@example.com", Role: policy.RoleAdmin}}}}),
		with(&PutNotified{map[string]uint64{"ops": 17, "b": 3}}),
		with(&PutDraft{"d17", "a title", []byte{1, 0, 255}}),
		with(&ReviewDraft{"d17", true, "well"}),
		with(&PublishDraft{"d17"}),
		with(&CloseDraft{"d17"}),
		with(&StartCanary{"d17", []string{"ns1"}, policy.Duration(time.Minute), true, []string{"signal:slo"}}),
		with(&EndCanary{"d17", "why", true}),
		func() Change { c := with(&PutSwitch{"window", true}); c.Override = []string{"keep"}; return c }(),
		with(&DeleteSwitch{"window"}),
		with(&StartDrill{"weekly", true, 1_750_000_000_000_000_000}),
		with(&StepDrill{"d17", 3}),
		with(&SettleDrill{"d17", 2, []policy.DrillCheck{{Name: "capacity", Result: policy.CheckWarn, Text: "eu gets 12 % of all clients more"}}, 1_750_000_000_000_000_000, []string{"ns3"}, 503, "it answers 503"}),
		with(&ApproveDrill{"d17"}),
		with(&AbortDrill{"d17"}),
		with(&NoteSchedules{[]string{"weekly"}}),
		with(&PutReport{policy.EvacuationReport{ID: "d17", Kind: "drill", Title: "weekly", Drill: "d17", Plan: "weekly", Targets: []string{"region/us"}, Result: "done", RTO: policy.Duration(90 * time.Second), Reached: policy.Duration(31 * time.Second), Met: of(true),
			At:    policy.EvacuationTimes{First: 1, Decided: 2, Committed: 3, Published: 4, Closed: 5, Restored: 6, Recovered: 7, Ended: 8},
			Nodes: []policy.EvacuationNode{{Node: "ns1", Reachable: true, Published: 4, MaxTTL: 30, Closes: 5, LastNamed: 6}}}}),
		with(&Batch{[]Part{{of(uint64(3)), "part", &DeleteZone{name("example.org")}}, {nil, "", &PutControl{Target: "region/us", Action: policy.Drain}}}}),
	}
}

// golden compares bytes, as lines of hex, with a file.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", file+".golden")
	var lines strings.Builder
	for b := range chunks(got, 32) {
		lines.WriteString(hex.EncodeToString(b) + "\n")
	}
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(lines.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != lines.String() {
		raw, _ := hex.DecodeString(strings.ReplaceAll(string(want), "\n", ""))
		t.Errorf("%s: the bytes are not the golden ones any more. Logs and journals of running clusters hold the old ones: raise the version, or undo.\n got %q\nwant %q", file, got, raw)
	}
}

func chunks(b []byte, n int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			k := min(n, len(b))
			if !yield(b[:k]) {
				return
			}
			b = b[k:]
		}
	}
}

func TestGolden(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range samples(t) {
		kind := KindOf(c.Body)
		seen[kind] = true
		b, err := Encode(c)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		golden(t, kind, b)
		back, err := Decode(b)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if z, ok := back.Body.(*PutZone); ok { // a tree is compared by content
			want := c.Body.(*PutZone).Zone
			if z.Zone.Owners.Sum() != want.Owners.Sum() || z.Zone.Name != want.Name || z.Zone.Records != want.Records {
				t.Errorf("%s: another zone came back", kind)
			}
			back.Body, c.Body = nil, nil
		}
		if !reflect.DeepEqual(back, c) {
			t.Errorf("%s came back as\n%+v, not\n%+v", kind, back, c)
		}
		// A body given as a value has the same bytes.
		if c.Body != nil {
			value := reflect.ValueOf(c.Body).Elem().Interface().(Body)
			c.Body = value
			if again, err := Encode(c); err != nil || !bytes.Equal(again, b) {
				t.Errorf("%s as a value has other bytes: %v", kind, err)
			}
		}
	}
	for _, k := range kinds {
		if !seen[k.name] {
			t.Errorf("%s has no golden bytes", k.name)
		}
	}
	entries, err := filepath.Glob("testdata/*.golden")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if k := strings.TrimSuffix(filepath.Base(e), ".golden"); !seen[k] && k != "state" {
			t.Errorf("%s is of a kind that is gone; logs may still hold it", e)
		}
	}
}

// fullState has something in every table.
func fullState(t fataler) *policy.State {
	m := started(t)
	for _, c := range samples(t) {
		c.IfMatch, c.Request = nil, "r-"+KindOf(c.Body)
		switch c.Body.(type) {
		case *InitCluster, *EditZone, *Batch, *DeleteMember, *DeleteZone, *DeleteControl, *DeleteSecret, *DeleteSignal, *CommitStaged, *PutConfig, *StageChunk, *ResumeEndpoint:
		default:
			m.do(c)
		}
	}
	m.ok(PutMember{policy.Member{ID: "m3", Node: "ns3"}})
	m.ok(DeleteMember{"m3"})
	m.ok(PutControl{Target: "region/us", Action: policy.Drain, ExpiresIn: policy.Duration(2 * time.Hour)})
	m.ok(StageChunk{"s-1", 0, []byte("abc")})
	for _, c := range samples(t) {
		if p, ok := c.Body.(*PutConfig); ok {
			m.ok(PutConfig{p.Config, true, true})
		}
	}
	m.do(Change{Request: "refused", Body: DeleteZone{name("gone.example")}})
	m.steering()
	for _, c := range samples(t) {
		switch c.Body.(type) {
		case *PutLatency, *PutLoad:
			m.ok(c.Body)
		}
	}
	m.level(policy.FeatureHealth)
	for _, c := range samples(t) {
		if _, ok := c.Body.(*PutSignal); ok {
			m.ok(c.Body)
		}
	}
	m.level(policy.FeatureReview)
	m.people().ok(PutObject{Config: policy.Config{ReviewRules: []policy.ReviewRule{{Name: "four", Kinds: []string{"zone"}, Approvals: 2}}}})
	m.drafted("anna", region("draft", 1))
	m.do(Change{Request: "told", Actor: "alice", From: "192.0.2.7", Reason: "why", Clock: 1_750_000_000_000_000_000, Body: DeleteZone{name("gone.example")}})
	m.ok(PutUser{policy.User{Name: "bert", Password: []byte{1}, Role: policy.RoleEditor}})
	m.ok(PutSession{policy.Session{ID: strings.Repeat("5e", 32), User: "bert"}})
	m.ok(onReceiver(policy.Receiver{Name: "ops", Slack: &policy.SlackReceiver{URL: policy.SecretRef{Secret: "token"}}, Route: &policy.Route{
		Regions: []string{"us"}, Services: []policy.Name{name("www.example.com")}, Severities: []string{policy.Critical}, Events: []string{"pool"}}}))
	m.ok(PutNotified{map[string]uint64{"ops": 17}})
	m.level(policy.FeatureDrill)
	m.ok(PutSwitch{"window", true})
	m.ok(PutObject{Config: policy.Config{SafetyRules: []policy.SafetyRule{{Name: "slow", MinBetween: policy.Duration(time.Second)}}}})
	m.ok(PutControl{Target: "endpoint/us/b", Action: policy.Drain})
	m.ok(PutObject{Config: policy.Config{DrillPlans: []policy.DrillPlan{drillPlan()}}})
	m.ok(NoteSchedules{[]string{"failover"}})
	m.ok(StartDrill{Plan: "failover", Practice: true})
	m.ok(PutReport{policy.EvacuationReport{ID: "f17", Kind: "failover", Title: "region/us", Targets: []string{"region/us"}, Result: "recovered"}})
	return m.s
}

// TestStateGolden pins the bytes of a whole state and its hash: nodes compare
// hashes with nodes of the version before (I-15), and start from its journals.
func TestStateGolden(t *testing.T) {
	s := fullState(t)
	for tag, table := range tables(s) {
		w := &frameWriter{}
		var b bytes.Buffer
		w.w = bufio.NewWriter(&b)
		table.write(w, tag)
		if w.w.Flush(); b.Len() == 0 {
			t.Errorf("table %q is empty in the sample state, so that its bytes are not checked", tag)
		}
		if !strings.Contains(tableOrder, string(tag)) {
			t.Errorf("table %q is never written", tag)
		}
	}
	if len(tableOrder) != len(tables(s)) {
		t.Errorf("%d tables in the order, %d in all", len(tableOrder), len(tables(s)))
	}
	var b bytes.Buffer
	if err := WriteState(&b, s); err != nil {
		t.Fatal(err)
	}
	golden(t, "state", b.Bytes())
	roundTrip(t, s)
}
