package policy

import "testing"

func TestScopes(t *testing.T) {
	s := NewState()
	s.Pools.Set("web", Object[Pool]{Spec: Pool{Name: "web", Region: "us-east", Endpoints: []Endpoint{{Name: "a"}, {Name: "b", Region: "eu"}}}})
	for _, c := range []struct {
		scope, object string
		want          bool
	}{
		{"zone/example.com", "zone/example.com", true},
		{"zone/Example.COM.", "zone/example.com", true},
		{"zone/example.com", "zone/www.example.com", false},
		{"zone/example.com", "service/example.com", false},
		{"zone/*.example.com", "zone/example.com", false},
		{"zone/*.example.com", "zone/a.b.example.com", true},
		{"zone/*.example.com", `zone/evil\.example.com`, false}, // one label with a dot in it, under com
		{"zone/*.example.com", "zone/notexample.com", false},
		{"zone/*", "zone/example.com", true},
		{"zone/*", "service/www.example.com", false},
		{"service/*.example.com", "service/*.example.com", true},
		{"region/us-east", "region/us-east", true},
		{"region/us-east", "region/us-east-2", false},
		{"region/us-*", "region/us-east", true},
		{"region/us-*", "region/eu", false},
		{"region/us-east", "az/us-east/a", true},
		{"region/us-east", "az/us-east-2/a", false},
		{"region/us-east", "endpoint/web/a", true},
		{"region/us-east", "endpoint/web/b", false}, // it overrides its pool's region
		{"region/us-east", "endpoint/web/none", false},
		{"region/us-east", "endpoint/none/a", false},
		{"region/us-east", "pool/web", false},
		{"pool/web", "endpoint/web/b", true},
		{"pool/*", "pool/web", true},
		{"pool/*", "provider/aws", false},
		{"pool/*", "pool/", false},
		{"pool/*", "", false},
		{"pool/web", "monitor/web", false},
	} {
		if got := (Scopes{c.scope}).Allow(s, c.object); got != c.want {
			t.Errorf("%s allows %s: %v", c.scope, c.object, got)
		}
	}
	if !Scopes(nil).Allow(s, "provider/aws") {
		t.Error("without scopes something is limited")
	}
}

func TestCheckScopes(t *testing.T) {
	for _, bad := range []string{"", "zone", "zone/", "*", "*/x", "monitor/web", "zone/*example.com", "zone/a.*.com", "zone/*.", "service/**", "region/*east", "pool/a b", "pool/web/a", "region/us*east"} {
		if err := CheckScopes(RoleEditor, Scopes{bad}); KindOf(err) != Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, good := range []string{"zone/example.com", "zone/*", "service/*.example.com", "region/us-*", "pool/web"} {
		if err := CheckScopes(RoleOperator, Scopes{good}); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, role := range []string{RoleAdmin, RoleViewer, RoleNode} {
		if CheckScopes(role, Scopes{"zone/*"}) == nil || CheckScopes(role, nil) != nil {
			t.Errorf("scopes of the role %s", role)
		}
	}
}
