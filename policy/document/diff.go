package document

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"github.com/meridian-gtm/meridian/policy"
)

// The operations of an Edit.
const (
	Add    = "add"
	Remove = "remove"
	Change = "change"
)

// Edit is one difference between two configurations.
type Edit struct {
	Op     string `json:"op"`     // Add, Remove or Change
	Object string `json:"object"` // "region/us-east", "monitor/web", "pool/web-eu", "service/www.example.com", "safety-rule/keep-one"
	// Field is the way to what differs, "" for the whole object. Elements of a
	// list are found by their name, branches by their pool or else their kind:
	// endpoints[a].weight, steer.nearest[web-eu].bias, endpoints[b].labels["a.b"].
	Field string `json:"field,omitempty"`
	// Old and New are JSON, "" for what is not there. When the elements of a
	// list have changed places, they are the elements' names in either order.
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
}

// Diff is what differs from one configuration to another, object by object: by
// kind, then by name, whatever their places in the document. An object that is
// in only one of them is one edit. There is none when both say the same. Each
// name is expected once; Validate sees to that. Nil is an empty configuration.
func Diff(old, new *policy.Config) []Edit {
	old, new = canonical(old), canonical(new)
	var d differ
	diffObjects(&d, "region/", old.Regions, new.Regions, regionName)
	diffObjects(&d, "provider/", old.Providers, new.Providers, providerName)
	diffObjects(&d, "monitor/", old.Monitors, new.Monitors, monitorName)
	diffObjects(&d, "pool/", old.Pools, new.Pools, poolName)
	diffObjects(&d, "template/", old.Templates, new.Templates, templateName)
	diffObjects(&d, "service/", old.Services, new.Services, serviceName)
	diffObjects(&d, "safety-rule/", old.SafetyRules, new.SafetyRules, ruleName)
	diffObjects(&d, "place/", old.Places, new.Places, (*policy.PlaceOverride).ID)
	diffObjects(&d, "notification/", old.Notifications, new.Notifications, receiverName)
	diffObjects(&d, "review-rule/", old.ReviewRules, new.ReviewRules, reviewRuleName)
	diffObjects(&d, "drill-plan/", old.DrillPlans, new.DrillPlans, drillPlanName)
	return d.edits
}

// DiffObject is what differs in one object from before to after, by its JSON; nil is an object that is not there.
func DiffObject(object string, old, new json.RawMessage) []Edit {
	d := differ{object: object}
	d.compare("", old, new)
	return d.edits
}

type differ struct {
	object string
	edits  []Edit
}

func diffObjects[T any](d *differ, kind string, old, new []T, name func(*T) string) {
	was, is := byName(old, name), byName(new, name)
	all := maps.Clone(was)
	maps.Copy(all, is)
	for _, n := range slices.Sorted(maps.Keys(all)) {
		d.object = kind + n
		d.compare("", was[n], is[n])
	}
}

func byName[T any](list []T, name func(*T) string) map[string]json.RawMessage {
	m := make(map[string]json.RawMessage, len(list))
	for i := range list {
		m[name(&list[i])] = rawJSON(&list[i])
	}
	return m
}

// compare notes what differs between two values; nil is a value that is not there.
func (d *differ) compare(field string, old, new json.RawMessage) {
	switch {
	case bytes.Equal(old, new):
	case old == nil:
		d.note(Add, field, old, new)
	case new == nil:
		d.note(Remove, field, old, new)
	case old[0] == '{' && new[0] == '{':
		d.members(objectMembers(old), objectMembers(new), func(key string) string { return dotted(field, key) })
	case old[0] == '[' && new[0] == '[':
		was, ok1 := listMembers(old)
		is, ok2 := listMembers(new)
		if !ok1 || !ok2 {
			d.note(Change, field, old, new)
			return
		}
		d.members(was, is, func(key string) string { return field + "[" + key + "]" })
		d.order(field, was, is)
	default:
		d.note(Change, field, old, new)
	}
}

func (d *differ) note(op, field string, old, new json.RawMessage) {
	d.edits = append(d.edits, Edit{op, d.object, field, string(old), string(new)})
}

// member is a key of an object with its value, or an element of a list by its name.
type member struct {
	key   string
	value json.RawMessage
}

func (d *differ) members(old, new []member, path func(string) string) {
	is := make(map[string]json.RawMessage, len(new))
	for _, m := range new {
		is[m.key] = m.value
	}
	for _, m := range old {
		d.compare(path(m.key), m.value, is[m.key])
		delete(is, m.key)
	}
	for _, m := range new {
		if _, added := is[m.key]; added {
			d.compare(path(m.key), nil, m.value)
		}
	}
}

// order notes when the elements that both lists have changed places: a
// failover goes by it.
func (d *differ) order(field string, old, new []member) {
	a, b := common(old, new), common(new, old)
	if !slices.Equal(a, b) {
		d.note(Change, field, rawJSON(a), rawJSON(b))
	}
}

// common are the keys of list that other has too, in list's order.
func common(list, other []member) []string {
	has := make(map[string]bool, len(other))
	for _, m := range other {
		has[m.key] = true
	}
	var keys []string
	for _, m := range list {
		if has[m.key] {
			keys = append(keys, m.key)
		}
	}
	return keys
}

// objectMembers are the members of a JSON object in their order.
func objectMembers(raw json.RawMessage) []member {
	dec := json.NewDecoder(bytes.NewReader(raw))
	var list []member
	dec.Token()
	for dec.More() {
		key, _ := dec.Token() // our own encoding: it is valid
		var v json.RawMessage
		if dec.Decode(&v) != nil {
			break
		}
		list = append(list, member{key.(string), v})
	}
	return list
}

// listMembers are the elements of a JSON list with their names; not ok when
// it is not a list of things with a name.
func listMembers(raw json.RawMessage) (list []member, ok bool) {
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		return nil, false
	}
	taken := map[string]int{}
	for _, item := range items {
		key := nameOf(item)
		if key == "" {
			return nil, false
		}
		taken[key]++
		if n := taken[key]; n > 1 {
			key += "#" + strconv.Itoa(n)
		}
		list = append(list, member{key, item})
	}
	return list, true
}

// nameOf is what an element of a list goes by: an endpoint's name, a branch's pool, or its kind.
func nameOf(item json.RawMessage) string {
	if item[0] != '{' {
		return ""
	}
	members := objectMembers(item)
	for _, key := range []string{"name", "pool", "template"} {
		for _, m := range members {
			var name string
			if m.key == key && json.Unmarshal(m.value, &name) == nil {
				return name
			}
		}
	}
	for _, m := range members {
		if m.value[0] == '[' {
			return m.key
		}
	}
	return ""
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// dotted is the field of a key in what is at field.
func dotted(field, key string) string {
	switch {
	case !plainKey.MatchString(key):
		return field + "[" + strconv.Quote(key) + "]"
	case field == "":
		return key
	}
	return field + "." + key
}

// rawJSON is a value's JSON. It is nil when there is none, which no noun that
// was read from a document is: only a float that is not a number has none.
func rawJSON(v any) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return nil
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
