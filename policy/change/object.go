package change

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// PutObject creates one object of the configuration document, or replaces it. What it is based on (IfMatch) is the
// revision of that object; one that is not there is at revision 0. The pointers of a refusal are into the object.
type PutObject struct {
	Config policy.Config `json:"config"` // with exactly one object in it
	// Force lets a pool lose more endpoints than GuardedDeletes allows.
	Force bool `json:"force,omitempty"`
}

// DeleteObject takes one object out of the configuration document. One that others refer to stays (I-04).
type DeleteObject struct {
	Object string `json:"object"`          // "pool/web-eu"
	Force  bool   `json:"force,omitempty"` // likewise
}

// objectKind is a list of the configuration document.
type objectKind struct {
	what  string // as ids and texts name one: "safetyRule"
	key   string // of the list in the document: "safetyRules"
	names func(*policy.Config) []string
	rev   func(s *policy.State, name string) (uint64, bool)
	put   func(d *making, c *policy.Config, merge, force bool) (changed int, err error)
	drop  func(s *policy.State, name string)

	history objects // as the audit and rollbacks see it
}

// objectKinds is every kind of object, in the order in which a document is let in.
var objectKinds = []objectKind{
	newObjectKind("region", func(s *policy.State) *policy.Tree[policy.Object[policy.Region]] { return s.Regions },
		func(c *policy.Config) []policy.Region { return c.Regions }, func(v policy.Region) string { return v.Name }),
	newObjectKind("provider", func(s *policy.State) *policy.Tree[policy.Object[policy.Provider]] { return s.Providers },
		func(c *policy.Config) []policy.Provider { return c.Providers }, func(v policy.Provider) string { return v.Name }),
	newObjectKind("monitor", func(s *policy.State) *policy.Tree[policy.Object[policy.Monitor]] { return s.Monitors },
		func(c *policy.Config) []policy.Monitor { return c.Monitors }, func(v policy.Monitor) string { return v.Name }),
	newObjectKind("pool", func(s *policy.State) *policy.Tree[policy.Object[policy.Pool]] { return s.Pools },
		func(c *policy.Config) []policy.Pool { return c.Pools }, func(v policy.Pool) string { return v.Name }),
	newObjectKind("template", func(s *policy.State) *policy.Tree[policy.Object[policy.Template]] { return s.Templates },
		func(c *policy.Config) []policy.Template { return c.Templates }, func(v policy.Template) string { return v.Name }),
	newObjectKind("service", func(s *policy.State) *policy.Tree[policy.Object[policy.Service]] { return s.Services },
		func(c *policy.Config) []policy.Service { return c.Services }, func(v policy.Service) string { return v.ID() }),
	newObjectKind("safetyRule", func(s *policy.State) *policy.Tree[policy.Object[policy.SafetyRule]] { return s.SafetyRules },
		func(c *policy.Config) []policy.SafetyRule { return c.SafetyRules }, func(v policy.SafetyRule) string { return v.Name }),
	newObjectKind("place", func(s *policy.State) *policy.Tree[policy.Object[policy.PlaceOverride]] { return s.Places },
		func(c *policy.Config) []policy.PlaceOverride { return c.Places }, func(v policy.PlaceOverride) string { return v.ID() }),
	newObjectKind("reviewRule", func(s *policy.State) *policy.Tree[policy.Object[policy.ReviewRule]] { return s.ReviewRules },
		func(c *policy.Config) []policy.ReviewRule { return c.ReviewRules }, func(v policy.ReviewRule) string { return v.Name }),
	newObjectKind("drillPlan", func(s *policy.State) *policy.Tree[policy.Object[policy.DrillPlan]] { return s.DrillPlans },
		func(c *policy.Config) []policy.DrillPlan { return c.DrillPlans }, func(v policy.DrillPlan) string { return v.Name }),
	newObjectKind("notification", func(s *policy.State) *policy.Tree[policy.Object[policy.Receiver]] { return s.Receivers },
		func(c *policy.Config) []policy.Receiver { return c.Notifications }, func(v policy.Receiver) string { return v.Name }),
}

// dashed and joined turn "safetyRule" into "safety-rule" and back.
var (
	dashed = strings.NewReplacer("R", "-r", "P", "-p")
	joined = strings.NewReplacer("-r", "R", "-p", "P")
)

func newObjectKind[T any](what string, tree func(*policy.State) *policy.Tree[policy.Object[T]], list func(*policy.Config) []T, name func(T) string) objectKind {
	return objectKind{
		what: what, key: what + "s",
		names: func(c *policy.Config) (names []string) {
			for _, v := range list(c) {
				names = append(names, name(v))
			}
			return names
		},
		rev: func(s *policy.State, name string) (uint64, bool) {
			o, ok := tree(s).Get(name)
			return o.Rev, ok
		},
		put: func(d *making, c *policy.Config, merge, force bool) (int, error) {
			return put(d, tree(d.State), list(c), what, name, merge, force, d.next())
		},
		drop:    func(s *policy.State, name string) { tree(s).Delete(name) },
		history: specs(dashed.Replace(what)+"/", tree), // "safety-rule/", as documents have their differences
	}
}

// only is the one object of a document.
func only(c *policy.Config) (kind objectKind, name string, err error) {
	n := 0
	for _, k := range objectKinds {
		for _, found := range k.names(c) {
			kind, name = k, found
			n++
		}
	}
	if n != 1 {
		return kind, "", policy.Errorf(policy.Invalid, "one object is put at a time, and here are %d", n)
	}
	return kind, name, nil
}

func (b PutObject) apply(d *making) error {
	kind, name, err := only(&b.Config)
	if err != nil {
		return err
	}
	rev, _ := kind.rev(d.base, name)
	if err := d.match(kind.what+" "+strconv.Quote(name), rev); err != nil {
		return err
	}
	before := d.Clone()
	changed, err := kind.put(d, &b.Config, true, b.Force)
	if err != nil {
		return err
	}
	if err := d.configured(before, changed, b.Force); err != nil {
		return d.about(kind, name, err)
	}
	if changed == 0 {
		d.outcome.Revision = rev
	}
	return nil
}

// about turns the pointers of a refusal, which are into the whole configuration, into pointers into the one object. A
// mistake that it makes elsewhere has that object's name instead.
func (d *making) about(kind objectKind, name string, err error) error {
	var refusal *policy.Error
	if !errors.As(err, &refusal) {
		return err
	}
	c := d.Config()
	own := fmt.Sprintf("/%s/%d", kind.key, slices.Index(kind.names(c), name))
	moved := *refusal
	moved.Problems = slices.Clone(refusal.Problems)
	for i := range moved.Problems {
		p := &moved.Problems[i]
		switch rest, ok := strings.CutPrefix(p.Pointer, own); {
		case ok && (rest == "" || rest[0] == '/'):
			p.Pointer = rest
		case p.Pointer != "":
			p.Message = describe(c, p.Pointer) + ": " + p.Message
			p.Pointer = ""
		}
	}
	return &moved
}

func (b DeleteObject) apply(d *making) error {
	what, name, _ := strings.Cut(b.Object, "/")
	what = joined.Replace(what) // "safety-rule/keep", as differences name it
	i := slices.IndexFunc(objectKinds, func(k objectKind) bool { return k.what == what })
	if i < 0 || name == "" {
		return policy.Errorf(policy.Invalid, "%q is no object of the configuration; write its kind and its name, as in pool/web-eu", b.Object)
	}
	kind := objectKinds[i]
	rev, _ := kind.rev(d.base, name)
	if err := d.match(what+" "+strconv.Quote(name), rev); err != nil {
		return err
	}
	if _, ok := kind.rev(d.State, name); !ok {
		return policy.Errorf(policy.NotFound, "there is no %s %q", what, name)
	}
	before := d.Clone()
	kind.drop(d.State, name)
	d.IDs.Delete(b.Object)
	if err := d.configured(before, 1, b.Force); err != nil {
		return d.referred(b.Object, err)
	}
	return nil
}

// referred says who refers to an object that is being deleted. The configuration was valid with it, so whatever is
// wrong without it is a reference.
func (d *making) referred(object string, err error) error {
	var refusal *policy.Error
	if !errors.As(err, &refusal) || refusal.Kind != policy.Invalid || len(refusal.Problems) == 0 {
		return err
	}
	c := d.Config()
	var by []string
	for _, p := range refusal.Problems {
		if who := describe(c, p.Pointer); !slices.Contains(by, who) {
			by = append(by, who)
		}
	}
	const most = 10
	text := strings.Join(by[:min(len(by), most)], ", ")
	if len(by) > most {
		text += fmt.Sprintf(" and %d more", len(by)-most)
	}
	return policy.Errorf(policy.Conflict, "%s is in use: %s refer to it; change them first", object, text)
}

// describe names the object that a pointer into a configuration leads into: "/pools/3/region" is "pool/web-eu".
func describe(c *policy.Config, pointer string) string {
	parts := strings.SplitN(pointer, "/", 4)
	for _, k := range objectKinds {
		if len(parts) < 3 || parts[1] != k.key {
			continue
		}
		if i, err := strconv.Atoi(parts[2]); err == nil && i >= 0 && i < len(k.names(c)) {
			return k.what + "/" + k.names(c)[i]
		}
	}
	return pointer
}
