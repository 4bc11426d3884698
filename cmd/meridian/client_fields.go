package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/meridian-gtm/meridian/web/api"
)

// schema is what the contract says of a value, as far as it is told to people.
type schema struct {
	Ref         string      `yaml:"$ref"`
	Type        typeNames   `yaml:"type"`
	Description string      `yaml:"description"`
	Format      string      `yaml:"format"`
	Pattern     string      `yaml:"pattern"`
	Enum        []any       `yaml:"enum"`
	Default     any         `yaml:"default"`
	Examples    []yaml.Node `yaml:"examples"`
	Required    []string    `yaml:"required"`
	Properties  properties  `yaml:"properties"`
	Items       *schema     `yaml:"items"`
	Additional  yaml.Node   `yaml:"additionalProperties"`
	AllOf       []*schema   `yaml:"allOf"`
	OneOf       []*schema   `yaml:"oneOf"`

	Minimum   *float64 `yaml:"minimum"`
	Maximum   *float64 `yaml:"maximum"`
	Above     *float64 `yaml:"exclusiveMinimum"`
	Below     *float64 `yaml:"exclusiveMaximum"`
	MinItems  *int     `yaml:"minItems"`
	MaxItems  *int     `yaml:"maxItems"`
	MinLength *int     `yaml:"minLength"`
	MaxLength *int     `yaml:"maxLength"`

	name string // of the schema, when it has one
}

// typeNames is a type, or several.
type typeNames []string

func (t *typeNames) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*t = typeNames{n.Value}
		return nil
	}
	return n.Decode((*[]string)(t))
}

// properties are fields in the order in which they are written down.
type properties []property

type property struct {
	name string
	*schema
}

func (p *properties) UnmarshalYAML(n *yaml.Node) error {
	for i := 0; i+1 < len(n.Content); i += 2 {
		s := &schema{}
		if err := n.Content[i+1].Decode(s); err != nil {
			return err
		}
		*p = append(*p, property{n.Content[i].Value, s})
	}
	return nil
}

// schemas are all of them by name.
var schemas = sync.OnceValues(func() (map[string]*schema, error) {
	var doc struct {
		Components struct {
			Schemas map[string]*schema `yaml:"schemas"`
		} `yaml:"components"`
	}
	err := yaml.Unmarshal(api.Document(), &doc)
	for name, s := range doc.Components.Schemas {
		s.name = name
	}
	return doc.Components.Schemas, err
})

// resolved follows a reference. What stands beside it takes the place of what it leads to.
func (s *schema) resolved(all map[string]*schema) *schema {
	for s.Ref != "" || len(s.AllOf) == 1 && s.Properties == nil {
		beside := s
		if s.Ref != "" {
			s = all[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
		} else {
			s = s.AllOf[0]
		}
		if s == nil {
			return beside
		}
		if beside.Description != "" || len(beside.Examples) > 0 || beside.Default != nil {
			merged := *s
			merged.Description = first(beside.Description, s.Description)
			if len(beside.Examples) > 0 {
				merged.Examples = beside.Examples
			}
			if beside.Default != nil {
				merged.Default = beside.Default
			}
			s = &merged
		}
	}
	return s
}

// fields are the children of a value: its own, those of its alternatives, and those of a list's items.
func (s *schema) fields(all map[string]*schema) (list properties) {
	s = s.resolved(all)
	list = slices.Clone(s.Properties)
	if s.Items != nil {
		list = append(list, s.Items.fields(all)...)
	}
	for _, o := range slices.Concat(s.OneOf, s.AllOf) {
		for _, p := range o.fields(all) {
			if !slices.ContainsFunc(list, func(q property) bool { return q.name == p.name }) {
				list = append(list, p)
			}
		}
	}
	return list
}

// needs are the children that must be given.
func (s *schema) needs(all map[string]*schema) []string {
	s = s.resolved(all)
	if s.Items != nil {
		return s.Items.needs(all)
	}
	return s.Required
}

// objectKinds are the kinds that a path may begin with: what the document lists, and what else is written.
func objectKinds(all map[string]*schema) properties {
	list := properties{}
	for _, p := range all["Config"].fields(all) {
		if s := p.resolved(all); s.Items != nil {
			list = append(list, property{strings.TrimSuffix(p.name, "s"), s.Items})
		}
	}
	for _, k := range [][2]string{{"config", "Config"}, {"control", "ControlRequest"}, {"oidc", "OIDC"}, {"signal", "SignalPut"}, {"token", "TokenWrite"}} {
		if s := all[k[1]]; s != nil {
			list = append(list, property{k[0], s})
		}
	}
	return list
}

// kebab is a kind as get and describe name it: safety-rule for safetyRule.
func kebab(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// fieldAt finds what a path such as pool.endpoints.weight leads to. ok is false when it is none.
func fieldAt(path string) (at *schema, needed, ok bool, err error) {
	all, err := schemas()
	if err != nil {
		return nil, false, false, err
	}
	children := objectKinds(all)
	var parent *schema
	for i, part := range strings.Split(path, ".") {
		n := slices.IndexFunc(children, func(p property) bool {
			return p.name == part || i == 0 && (p.name+"s" == part || kebab(p.name) == strings.TrimSuffix(part, "s"))
		})
		if n < 0 {
			return nil, false, false, nil
		}
		needed = parent != nil && slices.Contains(parent.needs(all), children[n].name)
		at = children[n].schema
		parent, children = at, at.fields(all)
	}
	return at.resolved(all), needed, true, nil
}

// almostField says where a path leaves the schema, when so much of it is one that it was hardly meant as a DNS name.
func almostField(path string) string {
	i := strings.LastIndexByte(path, '.')
	if i < 0 || !strings.Contains(path[:i], ".") {
		return ""
	}
	at, _, ok, err := fieldAt(path[:i])
	if !ok || err != nil {
		return almostField(path[:i])
	}
	all, _ := schemas() // read before
	var names []string
	for _, p := range at.fields(all) {
		names = append(names, p.name)
	}
	last, _, _ := strings.Cut(path[i+1:], ".")
	return fmt.Sprintf("%s has no field %q, so this is taken for a DNS name; there are %s", path[:i], last, first(strings.Join(names, ", "), "none"))
}

// field is what is told of a value.
type field struct {
	Path        string  `json:"path"`
	Type        string  `json:"type"`
	Required    bool    `json:"required,omitempty"`
	Description string  `json:"description,omitempty"`
	Unit        string  `json:"unit,omitempty"`
	Range       string  `json:"range,omitempty"`
	Values      []any   `json:"values,omitempty"`
	Default     any     `json:"default,omitempty"`
	Example     any     `json:"example,omitempty"`
	Fields      []field `json:"fields,omitempty"`

	example string // in its own order
}

// told makes what is told of a value, with its children but not theirs.
func (s *schema) told(path string, needed bool) field {
	all, _ := schemas() // read before
	r := s.resolved(all)
	f := field{Path: path, Type: r.typeText(all), Required: needed, Description: r.meaning(all), Unit: r.unit(), Range: r.limits(all), Values: r.Enum, Default: r.Default}
	if len(r.Examples) > 0 {
		_ = r.Examples[0].Decode(&f.Example) // it was read as YAML before
		f.example = exampleText(r.Examples[0])
	}
	return f
}

// meaning is the description, of a list without one that of its items.
func (s *schema) meaning(all map[string]*schema) string {
	if s.Description == "" && s.Items != nil {
		return s.Items.resolved(all).meaning(all)
	}
	return strings.TrimSpace(s.Description)
}

func (s *schema) typeText(all map[string]*schema) string {
	r := s.resolved(all)
	switch {
	case r.name == "Duration":
		return "duration"
	case r.name == "Percent":
		return "percent"
	case r.Items != nil:
		return "list of " + r.Items.typeText(all)
	case r.Additional.Kind == yaml.MappingNode:
		var value schema
		if r.Additional.Decode(&value) == nil {
			return "map of string to " + value.typeText(all)
		}
	case len(r.OneOf) > 0:
		var names []string
		for _, o := range r.OneOf {
			if t := o.typeText(all); !slices.Contains(names, t) {
				names = append(names, t)
			}
		}
		return strings.Join(names, " or ")
	case len(r.Type) == 0 && len(r.AllOf) > 0, slices.Contains(r.Type, "object") && r.name != "":
		return first(r.name, "object")
	}
	return first(strings.Join(r.Type, " or "), "any")
}

// unit is the unit of values that have one by their type.
func (s *schema) unit() string {
	switch {
	case s.name == "Duration":
		return "a number with ms, s, m or h (500ms, 2h); a number alone is seconds"
	case s.name == "Percent":
		return "percent, with its sign (50%)"
	case s.Format == "date-time":
		return "a moment, RFC 3339 (2026-01-02T03:04:05Z)"
	}
	return ""
}

// limits are the bounds of a value, of its items or of its alternatives.
func (s *schema) limits(all map[string]*schema) string {
	r := s.resolved(all)
	var parts []string
	between := func(low, high string, what string) {
		switch {
		case low != "" && high != "":
			parts = append(parts, low+" to "+high+what)
		case low != "":
			parts = append(parts, low+what+" or more")
		case high != "":
			parts = append(parts, high+what+" at most")
		}
	}
	between(numeral(r.Minimum), numeral(r.Maximum), "")
	if r.Above != nil {
		parts = append(parts, "above "+decimal(*r.Above))
	}
	if r.Below != nil {
		parts = append(parts, "below "+decimal(*r.Below))
	}
	between(whole(r.MinItems), whole(r.MaxItems), " items")
	between(whole(r.MinLength), whole(r.MaxLength), " characters")
	for _, o := range r.OneOf {
		if text := o.limits(all); text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, ", ")
}

func numeral(v *float64) string {
	if v == nil {
		return ""
	}
	return decimal(*v)
}

func whole(v *int) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(*v)
}
