package web

import (
	"bytes"
	_ "embed" // the page and its style
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
	"go.yaml.in/yaml/v3"

	"github.com/meridian-gtm/meridian/web/api"
)

//go:embed docs.html
var docsPage string

//go:embed docs.css
var docsStyle []byte

// GetContract gives the contract to whoever asks: it is no secret.
func (s *server) GetContract(c *gin.Context) {
	c.Header("Cache-Control", "no-cache")
	c.Data(http.StatusOK, mediaJSON, api.Document())
}

// GetDocs gives the contract to read.
func (s *server) GetDocs(c *gin.Context) {
	page, err := docs()
	if err != nil {
		s.refuse(c, err)
		return
	}
	c.Header("Cache-Control", "no-cache")
	c.Header("Content-Security-Policy", "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	c.Data(http.StatusOK, "text/html; charset=utf-8", page)
}

// GetDocsStyle gives the page's style.
func (s *server) GetDocsStyle(c *gin.Context) {
	c.Header("Cache-Control", "no-cache")
	c.Data(http.StatusOK, "text/css; charset=utf-8", docsStyle)
}

// docs is the page, made once.
var docs = sync.OnceValues(func() ([]byte, error) {
	t, err := template.New("docs").Funcs(template.FuncMap{"prose": prose}).Parse(docsPage)
	if err != nil {
		return nil, err
	}
	var root yaml.Node // JSON is YAML, and this reader keeps the order of keys
	if err := yaml.Unmarshal(api.Document(), &root); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, readContract(entry{Node: root.Content[0]}))
	return b.Bytes(), err
})

// entry is a value of the document with the key that it stands under.
type entry struct {
	Key string
	*yaml.Node
}

// at is what is under keys, or an entry of nothing.
func (e entry) at(keys ...string) entry {
	for _, key := range keys {
		i := slices.IndexFunc(e.members(), func(m entry) bool { return m.Key == key })
		if i < 0 {
			return entry{Node: &yaml.Node{}}
		}
		e = e.members()[i]
	}
	return e
}

func (e entry) members() (list []entry) {
	if e.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(e.Content); i += 2 {
			list = append(list, entry{e.Content[i].Value, e.Content[i+1]})
		}
	}
	return list
}

func (e entry) items() (list []entry) {
	if e.Kind == yaml.SequenceNode {
		for _, n := range e.Content {
			list = append(list, entry{Node: n})
		}
	}
	return list
}

// text is a value on one line, as JSON writes it but for quotes around a string.
func (e entry) text() string {
	switch e.Kind {
	case yaml.MappingNode:
		var parts []string
		for _, m := range e.members() {
			parts = append(parts, m.Key+": "+m.text())
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case yaml.SequenceNode:
		var parts []string
		for _, m := range e.items() {
			parts = append(parts, m.text())
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return e.Value
}

// The page's own view of the document.
type (
	docsContract struct {
		Title, Summary, Description string
		Tags                        []docsTag
		Schemas                     []docsSchema
	}
	docsTag struct {
		Name, Description string
		Calls             []docsCall
	}
	docsCall struct {
		ID, Method, Path, Summary, Description string
		Parameters                             []docsField
		Body, Answers                          []docsField
	}
	docsSchema struct {
		Name, Description, Type string
		Fields                  []docsField
		Example                 string
	}
	docsField struct {
		Name, Type, Ref, Limits, Description, Example string
		Required                                      bool
	}
)

func readContract(doc entry) docsContract {
	info := doc.at("info")
	page := docsContract{Title: info.at("title").Value, Summary: info.at("summary").Value, Description: info.at("description").Value}
	for _, t := range doc.at("tags").items() {
		tag := docsTag{Name: t.at("name").Value, Description: t.at("description").Value}
		for _, path := range doc.at("paths").members() {
			for _, method := range path.members() {
				if tags := method.at("tags").items(); len(tags) > 0 && tags[0].Value == tag.Name {
					tag.Calls = append(tag.Calls, readCall(doc, path, method))
				}
			}
		}
		page.Tags = append(page.Tags, tag)
	}
	for _, s := range doc.at("components", "schemas").members() {
		page.Schemas = append(page.Schemas, readSchema(s))
	}
	return page
}

func readCall(doc, path, method entry) docsCall {
	call := docsCall{
		ID: method.at("operationId").Value, Method: strings.ToUpper(method.Key), Path: base + path.Key,
		Summary: method.at("summary").Value, Description: method.at("description").Value,
	}
	for _, p := range append(path.at("parameters").items(), method.at("parameters").items()...) {
		p = follow(doc, p)
		f := readField(p.at("name").Value, p.at("schema"))
		f.Description, f.Example, f.Required = p.at("description").Value, p.at("example").text(), p.at("required").Value == "true"
		f.Type += " in " + p.at("in").Value
		call.Parameters = append(call.Parameters, f)
	}
	for _, m := range method.at("requestBody", "content").members() {
		call.Body = append(call.Body, readField(m.Key, m.at("schema")))
	}
	for _, status := range method.at("responses").members() {
		r := follow(doc, status)
		for _, m := range r.at("content").members() {
			f := readField(status.Key+" "+m.Key, m.at("schema"))
			f.Description = r.at("description").Value
			call.Answers = append(call.Answers, f)
		}
	}
	return call
}

func readSchema(s entry) docsSchema {
	out := docsSchema{Name: s.Key, Description: s.at("description").Value, Type: readField("", s).Type}
	if list := s.at("examples").items(); len(list) > 0 {
		out.Example = list[0].text()
	}
	for _, part := range append([]entry{s}, s.at("allOf").items()...) {
		if ref := refOf(part); ref != "" {
			out.Fields = append(out.Fields, docsField{Name: "…", Ref: ref, Type: ref, Description: "All of its fields."})
		}
		var required []string
		for _, r := range part.at("required").items() {
			required = append(required, r.Value)
		}
		for _, p := range part.at("properties").members() {
			f := readField(p.Key, p)
			f.Required = slices.Contains(required, p.Key)
			out.Fields = append(out.Fields, f)
		}
	}
	return out
}

func readField(name string, s entry) docsField {
	f := docsField{Name: name, Ref: refOf(s), Type: s.at("type").text(), Description: s.at("description").Value}
	switch {
	case f.Ref != "":
		f.Type = f.Ref
	case f.Type == "array":
		item := readField("", s.at("items"))
		f.Ref, f.Type = item.Ref, "list of "+item.Type
	case s.at("oneOf").Kind != 0:
		var parts []string
		for _, o := range s.at("oneOf").items() {
			part := readField("", o)
			parts = append(parts, part.Type)
			if part.Ref != "" {
				f.Ref = part.Ref
			}
		}
		f.Type = strings.Join(parts, " or ")
	}
	var limits []string
	for _, key := range []string{"enum", "default", "minimum", "exclusiveMinimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern", "format"} {
		if v := s.at(key); v.Kind != 0 {
			limits = append(limits, key+" "+v.text())
		}
	}
	f.Limits = strings.Join(limits, ", ")
	if list := s.at("examples").items(); len(list) > 0 {
		f.Example = list[0].text()
	}
	return f
}

// refOf is the name of the schema that one stands for.
func refOf(s entry) string {
	ref := s.at("$ref").Value
	return ref[strings.LastIndexByte(ref, '/')+1:]
}

// follow is what a reference to a part of the document stands for.
func follow(doc, e entry) entry {
	if ref := e.at("$ref").Value; ref != "" {
		return doc.at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	}
	return e
}

// prose is a description, whose `code` and **words** are marked.
func prose(text string) template.HTML {
	var b strings.Builder
	for i, part := range strings.Split(text, "`") {
		part = template.HTMLEscapeString(part)
		if i%2 == 1 {
			b.WriteString("<code>" + part + "</code>")
			continue
		}
		for j, word := range strings.Split(part, "**") {
			if j%2 == 1 {
				word = "<strong>" + word + "</strong>"
			}
			b.WriteString(word)
		}
	}
	return template.HTML(b.String())
}
