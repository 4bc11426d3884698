package policy

import "strings"

// Scopes limit what a caller may change: "zone/example.com", "service/www.example.com",
// "region/us-east", "pool/web". Without any nothing is limited. What may be read is the role's alone.
//
// "KIND/*" is every object of a kind. Of zones and services "*.example.com" is whatever is below
// example.com, itself not; of regions and pools "us-*" is whatever begins so.
type Scopes []string

// MaxScopes is how many one caller may have.
const MaxScopes = 100

// CheckScopes refuses scopes that are none, and those of a role that changes nothing or everything.
func CheckScopes(role string, scopes Scopes) error {
	var p Problems
	switch {
	case len(scopes) == 0:
		return nil
	case role != RoleOperator && role != RoleEditor:
		return Errorf(Invalid, "scopes limit what operators and editors may change; the role %s has none", role)
	case len(scopes) > MaxScopes:
		return Errorf(Invalid, "there are %d scopes; %d are the most", len(scopes), MaxScopes)
	}
	for _, s := range scopes {
		if _, err := parseScope(s); err != nil {
			p.Add("/scopes", "%v", err)
		}
	}
	return p.Err("the scopes are not valid")
}

// scope is what one of them allows: one name, or with below or prefix many.
type scope struct {
	kind  string
	every bool
	name  Name   // of zones and services
	below bool   // what is below name, and not name
	label string // of regions and pools
	begin bool   // what begins with label
}

func parseScope(text string) (s scope, err error) {
	kind, pattern, _ := strings.Cut(text, "/")
	s.kind = kind
	if pattern == "*" {
		s.every = true
	}
	switch kind {
	case "zone", "service":
		if s.every {
			return s, nil
		}
		rest, below := strings.CutPrefix(pattern, "*.")
		s.below = below
		if s.name, err = ParseName(rest); err != nil || rest == "" || strings.Contains(rest, "*") {
			return s, Errorf(Invalid, "the scope %q does not name a %s; write %s/www.example.com, %s/*.example.com for what is below it, or %s/*", text, kind, kind, kind, kind)
		}
	case "region", "pool":
		if s.every {
			return s, nil
		}
		s.label, s.begin = strings.CutSuffix(pattern, "*")
		if err := CheckLabel(s.label); err != nil {
			return s, Errorf(Invalid, "the scope %q does not name a %s: %v; write %s/NAME, %s/BEGINNING*, or %s/*", text, kind, err, kind, kind, kind)
		}
	default:
		return s, Errorf(Invalid, "the scope %q is none; write zone/NAME, service/NAME, region/NAME or pool/NAME", text)
	}
	return s, nil
}

func (s scope) has(kind, object string) bool {
	switch {
	case kind != s.kind || object == "":
		return false
	case s.every:
		return true
	case s.begin:
		return strings.HasPrefix(object, s.label)
	case s.label != "":
		return object == s.label
	}
	n, err := ParseName(object)
	if err != nil {
		return false
	}
	if s.below {
		return n != s.name && n.Under(s.name)
	}
	return n == s.name
}

// Allow says whether an object may be changed. An availability zone is in its region; an endpoint in
// its pool, and in the region that it has in the state. Whatever is of another kind is in no scope.
func (l Scopes) Allow(s *State, object string) bool {
	if len(l) == 0 {
		return true
	}
	kind, name, _ := strings.Cut(object, "/")
	switch kind {
	case "az":
		region, _, _ := strings.Cut(name, "/")
		return l.has("region", region)
	case "endpoint":
		pool, endpoint, _ := strings.Cut(name, "/")
		if l.has("pool", pool) {
			return true
		}
		o, ok := s.Pools.Get(pool)
		for i := range o.Spec.Endpoints {
			if e := &o.Spec.Endpoints[i]; ok && e.Name == endpoint {
				return l.has("region", e.RegionOr(&o.Spec))
			}
		}
		return false
	}
	return l.has(kind, name)
}

func (l Scopes) has(kind, name string) bool {
	for _, text := range l {
		if s, err := parseScope(text); err == nil && s.has(kind, name) {
			return true
		}
	}
	return false
}
