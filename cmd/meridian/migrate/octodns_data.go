package migrate

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// octoFields are the keys of the values that are mappings, in the order of the
// record's data; "old|new" are two names of one key, and a quoted one is written so.
var octoFields = map[string][]string{
	"MX":    {"preference|priority", "exchange|value"},
	"SRV":   {"priority", "weight", "port", "target"},
	"CAA":   {"flags", "tag", `"value"`},
	"SSHFP": {"algorithm", "fingerprint_type", "fingerprint"},
	"TLSA":  {"certificate_usage", "selector", "matching_type", "certificate_association_data"},
	"DS":    {"key_tag", "algorithm", "digest_type", "digest"},
	"NAPTR": {"order", "preference", `"flags"`, `"service"`, `"regexp"`, "replacement"},
}

// octoData is the data of a record as a master file has it.
func octoData(r *octoRecord) ([]string, error) {
	var nodes []*yaml.Node
	switch {
	case r.Values.Kind == yaml.SequenceNode:
		nodes = r.Values.Content
	case !r.Values.IsZero():
		nodes = []*yaml.Node{&r.Values}
	case !r.Value.IsZero():
		nodes = []*yaml.Node{&r.Value}
	default:
		return nil, fmt.Errorf("it has no value")
	}
	var list []string
	for _, n := range nodes {
		text, err := octoValue(r.Type, n)
		if err != nil {
			return nil, err
		}
		list = append(list, text)
	}
	return list, nil
}

func octoValue(typ string, n *yaml.Node) (string, error) {
	fields, mapped := octoFields[typ]
	switch {
	case mapped && n.Kind == yaml.MappingNode:
		var values map[string]string
		if err := n.Decode(&values); err != nil {
			return "", err
		}
		var words []string
		for _, f := range fields {
			name := strings.Trim(f, `"`)
			v, ok := "", false
			for k := range strings.SplitSeq(name, "|") {
				if text, has := values[k]; has {
					v, ok = text, true
				}
			}
			if !ok && f != `"flags"` {
				return "", fmt.Errorf("its value has no %s", name)
			}
			if f != name {
				v = quoted(v)
			}
			words = append(words, v)
		}
		return strings.Join(words, " "), nil
	case n.Kind != yaml.ScalarNode:
		return "", fmt.Errorf("there is no writing such a value as a record")
	case typ == "TXT" || typ == "SPF":
		return strings.Join(chunks(strings.ReplaceAll(n.Value, `\;`, ";")), " "), nil
	case typ == "ALIAS":
		return "", fmt.Errorf("write a service whose pool has %s as hostname, with resolve: flatten, where a zone here holds that name", n.Value)
	}
	return n.Value, nil
}

func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// chunks are the strings of a TXT record, of 255 octets at most.
func chunks(text string) (list []string) {
	for len(text) > 255 {
		list = append(list, quoted(text[:255]))
		text = text[255:]
	}
	return append(list, quoted(text))
}
