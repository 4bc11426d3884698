package policy

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSafetyRulesAreChecked(t *testing.T) {
	base := func(r SafetyRule) Config {
		r.Name = "r"
		return Config{
			Regions: []Region{{Name: "us", Provider: "aws"}}, Pools: []Pool{{Name: "p", Region: "us", Endpoints: []Endpoint{{Name: "a", Hostname: MustName("x.example.net")}}}},
			SafetyRules: []SafetyRule{r},
		}
	}
	two := &AtLeast{Regions: 2}
	for _, c := range []struct {
		rule    SafetyRule
		pointer string // of the one mistake; "": none
		text    string
	}{
		{SafetyRule{AtLeast: two}, "", ""},
		{SafetyRule{AtLeast: &AtLeast{Capacity: 50}, AppliesTo: []string{"operator", "automation"}}, "", ""},
		{SafetyRule{AtMost: &AtMost{Drained: 1, Of: "az"}, NeverTogether: []string{"region/us", "pool/p"}, Gate: "g", TwoPeople: true, MinBetween: Duration(time.Minute), Targets: []string{"provider/aws"},
			Freeze: []Freeze{{From: "22:00", To: "06:00", Days: []string{"fri"}}, {From: "00:00", To: "24:00"}, {From: "2026-11-27T00:00:00Z", To: "2026-11-28T00:00:00+01:00"}}}, "", ""},
		{SafetyRule{}, "/atLeast", "says what must stay"},
		{SafetyRule{AtLeast: &AtLeast{}}, "/atLeast", "regions: 1"},
		{SafetyRule{AtLeast: &AtLeast{Regions: -1}}, "/atLeast/regions", "not 1 or more"},
		{SafetyRule{AtLeast: &AtLeast{Capacity: 101}}, "/atLeast/capacity", "not within 1% to 100%"},
		{SafetyRule{AtMost: &AtMost{}}, "/atMost/drained", "use a gate"},
		{SafetyRule{AtMost: &AtMost{Drained: 1, Of: "city"}}, "/atMost/of", `"city" is not known`},
		{SafetyRule{Overall: true, Gate: "g"}, "/overall", "goes with atLeast"},
		{SafetyRule{NeverTogether: []string{"region/us"}}, "/neverTogether", "two or more"},
		{SafetyRule{NeverTogether: []string{"region/us", "region/mars"}}, "/neverTogether/1", "no endpoint in region/mars"},
		{SafetyRule{NeverTogether: []string{"region/us", "mars"}}, "/neverTogether/1", "is not a target"},
		{SafetyRule{AtLeast: two, Targets: []string{"region/us"}}, "/targets", "has none of them"},
		{SafetyRule{Gate: "a b"}, "/gate", ""},
		{SafetyRule{AtLeast: two, TwoPeople: true}, "/twoPeople", "no gate"},
		{SafetyRule{MinBetween: Duration(time.Millisecond)}, "/minBetween", "not within 1s to 24h"},
		{SafetyRule{Freeze: []Freeze{{From: "25:00", To: "06:00"}}}, "/freeze/0/from", "is no time"},
		{SafetyRule{Freeze: []Freeze{{From: "22:00", To: "2026-11-28T00:00:00Z"}}}, "/freeze/0/to", "both are moments"},
		{SafetyRule{Freeze: []Freeze{{From: "22:00", To: "22:00"}}}, "/freeze/0/to", "no window"},
		{SafetyRule{Freeze: []Freeze{{From: "2026-11-28T00:00:00Z", To: "2026-11-27T00:00:00Z"}}}, "/freeze/0/to", "is not after"},
		{SafetyRule{Freeze: []Freeze{{From: "22:00", To: "23:00", Days: []string{"friday"}}}}, "/freeze/0/days/0", "is no day"},
		{SafetyRule{AtLeast: two, AppliesTo: []string{"everybody"}}, "/appliesTo/0", "operator, drill and automation"},
		{SafetyRule{Gate: "g", AppliesTo: []string{"automation"}}, "/appliesTo/0", "waits for no switch"},
		{SafetyRule{AtLeast: two, Gate: "g", AppliesTo: []string{"automation"}}, "/appliesTo/0", "make two rules"},
	} {
		conf := base(c.rule)
		err, _ := conf.Validate().(*Error)
		var got []Problem
		if err != nil {
			got = err.Problems
		}
		if c.pointer == "" && len(got) > 0 || c.pointer != "" && (len(got) != 1 || got[0].Pointer != "/safetyRules/0"+c.pointer || !strings.Contains(got[0].Message, c.text)) {
			t.Errorf("%+v: %v, want %s %q", c.rule, got, c.pointer, c.text)
		}
	}
}

func TestFreezeUntil(t *testing.T) {
	night := Freeze{From: "22:00", To: "06:00", Days: []string{"fri"}}
	for _, c := range []struct {
		f        Freeze
		at, ends string // "": not in it
	}{
		{night, "2026-11-27T22:00:00Z", "2026-11-28T06:00:00Z"}, // a Friday
		{night, "2026-11-27T21:59:59Z", ""},
		{night, "2026-11-28T05:59:59Z", "2026-11-28T06:00:00Z"},
		{night, "2026-11-28T06:00:00Z", ""},
		{night, "2026-11-27T05:00:00Z", ""}, // the night of Thursday
		{night, "2026-11-28T01:00:00+02:00", "2026-11-28T06:00:00Z"},
		{Freeze{From: "00:00", To: "24:00"}, "2026-11-27T23:59:59Z", "2026-11-28T00:00:00Z"},
		{Freeze{From: "2026-11-27T00:00:00+01:00", To: "2026-11-28T00:00:00Z"}, "2026-11-26T23:00:00Z", "2026-11-28T00:00:00Z"},
		{Freeze{From: "2026-11-27T00:00:00+01:00", To: "2026-11-28T00:00:00Z"}, "2026-11-28T00:00:00Z", ""},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		end, in := c.f.Until(at)
		if in != (c.ends != "") || in && end.Format(time.RFC3339) != c.ends {
			t.Errorf("%v at %s: %v %v, want %q", c.f, c.at, end, in, c.ends)
		}
	}
	if !slices.Contains(weekdays, "sun") || weekdays[time.Sunday] != "sun" || weekdays[time.Saturday] != "sat" {
		t.Error("the days are not those of time.Weekday")
	}
}
