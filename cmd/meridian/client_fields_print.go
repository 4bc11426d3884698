package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// tellField tells of a value and lists its children.
func tellField(g *globals, w io.Writer, path string, s *schema, needed bool) error {
	all, err := schemas()
	if err != nil {
		return err
	}
	f := s.told(path, needed)
	required := s.needs(all)
	for _, p := range s.fields(all) {
		f.Fields = append(f.Fields, p.told(path+"."+p.name, slices.Contains(required, p.name)))
	}
	if done, err := g.structure(w, f); done || err != nil {
		return err
	}
	need := ""
	if f.Required {
		need = ", required"
	}
	fmt.Fprintf(w, "%s  (%s%s)\n", f.Path, f.Type, need)
	for _, l := range wrapped(f.Description, columns-2) {
		fmt.Fprintln(w, "  "+l)
	}
	facts := [][2]string{{"Unit", f.Unit}, {"Range", f.Range}, {"Values", listText(f.Values)}, {"Default", valueText(f.Default)}, {"Example", strings.ReplaceAll(f.example, "\n", "\n           ")}}
	blank := true
	for _, l := range facts {
		if l[1] == "" {
			continue
		}
		if blank {
			fmt.Fprintln(w)
		}
		blank = false
		fmt.Fprintf(w, "  %-8s %s\n", l[0], l[1])
	}
	if len(f.Fields) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	var rows [][]string
	for _, c := range f.Fields {
		what, _, _ := strings.Cut(c.Description, "\n")
		if c.Required {
			what = strings.TrimSpace("(required) " + what)
		}
		rows = append(rows, []string{strings.TrimPrefix(c.Path, path+"."), c.Type, orDash(what)})
	}
	table(w, []string{"FIELD", "TYPE", "WHAT"}, rows)
	return nil
}

func listText(list []any) string {
	var texts []string
	for _, v := range list {
		texts = append(texts, fmt.Sprint(v))
	}
	return strings.Join(texts, ", ")
}

// valueText is a value on one line, as YAML's flow form.
func valueText(v any) string {
	if v == nil {
		return ""
	}
	var n yaml.Node
	if n.Encode(v) != nil {
		return fmt.Sprint(v)
	}
	n.Style = yaml.FlowStyle
	if n.Kind == yaml.ScalarNode {
		return n.Value
	}
	text, err := yaml.Marshal(&n)
	if err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSpace(string(text))
}

// exampleText is an example as YAML in its own order: on one line if it fits.
func exampleText(n yaml.Node) string {
	var plain func(n *yaml.Node, style yaml.Style)
	plain = func(n *yaml.Node, style yaml.Style) {
		n.Style = style
		for _, c := range n.Content {
			plain(c, 0)
		}
	}
	plain(&n, yaml.FlowStyle)
	if n.Kind == yaml.ScalarNode {
		return n.Value
	}
	text, err := yaml.Marshal(&n)
	if err == nil && len(text) > columns-12 {
		plain(&n, 0)
		var b strings.Builder
		e := yaml.NewEncoder(&b)
		e.SetIndent(2)
		err = e.Encode(&n)
		text = []byte(b.String())
	}
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// wrapped is a text in lines of at most so many characters.
func wrapped(text string, most int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > most {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
