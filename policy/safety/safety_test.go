package safety

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
)

var (
	v4a, v4b = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	v6a      = netip.MustParseAddr("2001:db8::1")
)

// base has a service on three regions; IPv6 is only in eu and ap.
func base() *policy.State {
	s := policy.NewState()
	pool := func(name, region string, endpoints ...policy.Endpoint) policy.Branch {
		s.Regions.Set(region, policy.Object[policy.Region]{Spec: policy.Region{Name: region, Provider: "p-" + region, AZs: []string{"a", "b"}}})
		s.Pools.Set(name, policy.Object[policy.Pool]{Spec: policy.Pool{Name: name, Region: region, Endpoints: endpoints}})
		return policy.Branch{Steering: policy.Steering{Pool: name}}
	}
	svc := policy.Service{Name: policy.MustName("www.example.com"), Steer: policy.Steering{Nearest: []policy.Branch{
		pool("us", "us", policy.Endpoint{Name: "a", AZ: "a", Address: v4a}, policy.Endpoint{Name: "b", AZ: "b", Address: v4b}),
		pool("eu", "eu", policy.Endpoint{Name: "a", Addresses: []netip.Addr{v4a, v6a}}),
		pool("ap", "ap", policy.Endpoint{Name: "a", Addresses: []netip.Addr{v4a, v6a}}),
	}}}
	s.Services.Set(svc.ID(), policy.Object[policy.Service]{Spec: svc})
	return s
}

func drain(s *policy.State, targets ...string) *policy.State {
	s = s.Clone()
	for _, t := range targets {
		s.Controls.Set(t, policy.Control{ID: t, Target: t, Action: policy.Drain})
	}
	return s
}

// records has an endpoint ("POOL/NAME") carry a type.
func records(s *policy.State, id, typ string) *policy.State {
	s = s.Clone()
	pool, name, _ := strings.Cut(id, "/")
	o, _ := s.Pools.Get(pool)
	o.Spec.Endpoints = slices.Clone(o.Spec.Endpoints)
	for i := range o.Spec.Endpoints {
		if o.Spec.Endpoints[i].Name == name {
			o.Spec.Endpoints[i].Records = map[string][]string{typ: {"10 mail.example.com."}}
		}
	}
	s.Pools.Set(pool, o)
	return s
}

func rule(s *policy.State, r policy.SafetyRule) *policy.State {
	s = s.Clone()
	s.SafetyRules.Set(r.Name, policy.Object[policy.SafetyRule]{Spec: r})
	return s
}

func TestDrain(t *testing.T) {
	www := policy.MustName("www.example.com")
	keep := func(n int, to ...string) policy.SafetyRule {
		return policy.SafetyRule{Name: "keep", AtLeast: &policy.AtLeast{Regions: n}, AppliesTo: to}
	}
	for _, c := range []struct {
		name    string
		before  *policy.State
		targets []string
		refused []string // fragments of the refusal; none: allowed
	}{
		{"one region of three", base(), []string{"region/us"}, nil},
		{"the last but one", drain(base(), "region/us"), []string{"region/eu"}, nil},
		{"the last region", drain(base(), "region/us", "region/eu"), []string{"region/ap"}, []string{"service www.example.com", "no undrained IPv4 endpoint", "no undrained IPv6 endpoint"}},
		{"all at once by provider", drain(base(), "provider/p-us", "provider/p-eu"), []string{"provider/p-ap"}, []string{"IPv4", "IPv6"}},
		{"the last of one family, though the other has more", drain(base(), "region/eu"), []string{"endpoint/ap/a"}, []string{"no undrained IPv6 endpoint left"}},
		{"a family that had nothing left before", drain(base(), "region/eu", "region/ap"), []string{"endpoint/us/a"}, nil},
		{"what is drained already", drain(base(), "region/us", "region/eu", "region/ap"), []string{"pool/us"}, nil},
		{"one AZ", drain(base(), "region/eu", "region/ap"), []string{"az/us/a"}, nil},
		{"the other AZ", drain(base(), "region/eu", "region/ap", "az/us/a"), []string{"az/us/b"}, []string{"no undrained IPv4"}},

		{"the last that carries a type", records(base(), "us/a", "MX"), []string{"endpoint/us/a"}, []string{"no undrained MX endpoint left"}},
		{"the last but one that carries it", records(records(base(), "us/a", "MX"), "eu/a", "MX"), []string{"region/us"}, nil},
		{"a type that nobody carried undrained", drain(records(base(), "us/a", "MX"), "endpoint/us/a"), []string{"region/us"}, nil},

		{"rule kept", rule(base(), keep(2)), []string{"region/us"}, nil},
		{"rule broken", rule(drain(base(), "region/us"), keep(2)), []string{"region/eu"}, []string{`safety rule "keep" wants 2 undrained regions for service www.example.com; 1 would be left (ap)`}},
		{"rule of that very service", rule(drain(base(), "region/us"), policy.SafetyRule{Name: "keep", Service: www, AtLeast: &policy.AtLeast{Regions: 2}}), []string{"region/eu"}, []string{"1 would be left"}},
		{"rule of another service", rule(drain(base(), "region/us"), policy.SafetyRule{Name: "keep", Service: policy.MustName("x"), AtLeast: &policy.AtLeast{Regions: 2}}), []string{"region/eu"}, nil},
		{"rule for drills", rule(drain(base(), "region/us"), keep(2, "drill")), []string{"region/eu"}, nil},
		{"rule for operators", rule(drain(base(), "region/us"), keep(2, "drill", "operator")), []string{"region/eu"}, []string{"keep"}},
		{"broken before and no worse", rule(drain(base(), "region/us", "region/eu"), keep(3)), []string{"endpoint/us/a"}, nil},
		{"part of a region leaves the region", rule(base(), keep(3)), []string{"endpoint/us/a"}, nil},
		{"the rest of it does not", rule(drain(base(), "endpoint/us/a"), keep(3)), []string{"endpoint/us/b"}, []string{"2 would be left (ap, eu)"}},
		{"none would be left", rule(drain(base(), "region/us", "region/eu"), keep(1)), []string{"region/ap"}, []string{"0 would be left (none)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Check(c.before, drain(c.before, c.targets...), For{})
			if len(c.refused) == 0 {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				return
			}
			if policy.KindOf(err) != policy.Unsafe {
				t.Fatalf("not refused as unsafe: %v", err)
			}
			for _, f := range c.refused {
				if !strings.Contains(err.Error(), f) {
					t.Errorf("%q is not in %q", f, err)
				}
			}
		})
	}
}

// TestDrainIgnoresHealth: draining a dead region is always allowed while an undrained member remains.
func TestDrainIgnoresHealth(t *testing.T) {
	s := base()
	for name, o := range s.Pools.All {
		o.Spec.Monitor = "m"
		s.Pools.Set(name, o)
	}
	s.Verdicts.Set("us/a@m", policy.Verdict{Status: policy.Down})
	s.Verdicts.Set("us/b@m", policy.Verdict{Status: policy.Down})
	if err := Check(s, drain(s, "region/us"), For{}); err != nil {
		t.Errorf("draining a dead region: %v", err)
	}
	for _, check := range []string{"eu/a@m", "ap/a@m"} {
		s.Verdicts.Set(check, policy.Verdict{Status: policy.Down})
	}
	if err := Check(s, drain(s, "region/us", "region/eu"), For{}); err != nil {
		t.Errorf("draining while all is down, with a member left: %v", err)
	}
}
