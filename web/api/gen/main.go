// Command gen writes web/openapi.yaml as JSON with its keys in the same order,
// for the programs that serve and explain it.
package main

import (
	"bytes"
	"encoding/json"
	"log"
	"os"

	"go.yaml.in/yaml/v3"
)

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		log.Fatal(err)
	}
	var b bytes.Buffer
	write(&b, doc.Content[0])
	b.WriteByte('\n')
	if err := os.WriteFile(os.Args[2], b.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}

func write(b *bytes.Buffer, n *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode:
		b.WriteByte('{')
		for i := 0; i < len(n.Content); i += 2 {
			if i > 0 {
				b.WriteByte(',')
			}
			text(b, n.Content[i].Value)
			b.WriteByte(':')
			write(b, n.Content[i+1])
		}
		b.WriteByte('}')
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, c := range n.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			write(b, c)
		}
		b.WriteByte(']')
	case yaml.ScalarNode:
		if n.Tag == "!!str" {
			text(b, n.Value)
			return
		}
		if !json.Valid([]byte(n.Value)) {
			log.Fatalf("line %d: %s %s cannot be written as JSON", n.Line, n.Tag, n.Value)
		}
		b.WriteString(n.Value)
	default:
		log.Fatalf("line %d: an alias", n.Line)
	}
}

func text(b *bytes.Buffer, s string) {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		log.Fatal(err)
	}
	b.Truncate(b.Len() - 1) // the line feed
}
