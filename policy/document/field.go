package document

import (
	"fmt"
	"reflect"
	"strings"
)

// field is a key of a struct: its name in the document and the way to it.
type field struct {
	name string
	path []int
}

// of finds the field in a struct, and makes the embedded structs on the way.
func (f field) of(v reflect.Value) reflect.Value {
	for _, i := range f.path {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v
}

// fields are the keys of a struct type, in its order, as encoding/json names
// them. A key of the struct itself hides one of a struct embedded in it.
func (r *reader) fields(t reflect.Type) []field {
	if fs, ok := r.types[t]; ok {
		return fs
	}
	var fs, inner []field
	own := map[string]bool{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		e := f.Type
		if e.Kind() == reflect.Pointer {
			e = e.Elem()
		}
		if f.Anonymous && name == "" && e.Kind() == reflect.Struct {
			if f.IsExported() || f.Type.Kind() == reflect.Struct {
				for _, in := range r.fields(e) {
					in.path = append([]int{i}, in.path...)
					inner = append(inner, in)
				}
			}
			continue
		}
		if !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		own[name] = true
		fs = append(fs, field{name, []int{i}})
	}
	for _, in := range inner {
		if !own[in.name] {
			fs = append(fs, in)
		}
	}
	r.types[t] = fs
	return fs
}

func names(fields []field) string {
	s := make([]string, len(fields))
	for i, f := range fields {
		s[i] = f.name
	}
	return strings.Join(s, ", ")
}

// suggest names the known key that an unknown one was probably meant to be, or all of them.
func suggest(key string, fields []field) string {
	best, least := "", 1+len(key)/4
	for _, f := range fields {
		if d := distance(fold(key), fold(f.name)); d < least || d == least && best == "" {
			best, least = f.name, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "the keys here are " + names(fields)
}

// fold takes away what tells naming styles apart: min_available is minAvailable.
func fold(s string) string {
	if len(s) > 64 {
		s = s[:64] // no key of ours is as long; it bounds the work
	}
	return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(s))
}

// distance is the number of characters to put in, take out, replace, or swap
// with their neighbour to get from a to b (optimal string alignment).
func distance(a, b string) int {
	var before []int
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
