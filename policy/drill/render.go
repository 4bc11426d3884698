package drill

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// facts are the lines at the head of a report.
func facts(v *policy.EvacuationReport) [][2]string {
	list := [][2]string{{"Kind", v.Kind}, {"Plan", v.Plan}, {"Targets", strings.Join(v.Targets, ", ")}, {"Started by", v.Actor}, {"Reason", v.Reason}, {"Result", v.Result}}
	if v.Code != "" {
		list = append(list, [2]string{"Why", v.Code + ": " + v.Problem})
	}
	for _, t := range []struct {
		name string
		at   int64
	}{
		{"First reported", v.At.First}, {"Decided", v.At.Decided}, {"Committed", v.At.Committed}, {"Published everywhere", v.At.Published},
		{"TTL window closed", v.At.Closed}, {"Restored", v.At.Restored}, {"Recovered", v.At.Recovered}, {"Ended", v.At.Ended},
	} {
		if t.at != 0 {
			list = append(list, [2]string{t.name, moment(t.at)})
		}
	}
	if len(v.Missing) > 0 {
		list = append(list, [2]string{"Incomplete", strings.Join(v.Missing, ", ") + " could not be asked, and may have answered as before: when all had published, and when the window closed, is not known"})
	}
	if v.RTO > 0 {
		list = append(list, [2]string{"RTO expected", v.RTO.String()})
	}
	if v.Reached > 0 {
		reached := time.Duration(v.Reached).Round(time.Millisecond).String()
		if v.Met != nil {
			reached += map[bool]string{true: " (within what was expected)", false: " (more than was expected)"}[*v.Met]
		}
		list = append(list, [2]string{"RTO achieved", reached})
	}
	if r := v.Residual; r != nil {
		text := "no observation that was handed in names any of it"
		if r.Clients > 0 {
			text = fmt.Sprintf("%d client networks came %d times", r.Clients, r.Count)
			for _, one := range r.Top {
				text += fmt.Sprintf("; %s %d times to %s", one.Client, one.Count, one.To)
			}
		}
		list = append(list, [2]string{"After the window", text})
	}
	return list
}

var plain = strings.NewReplacer("|", "\\|", "\n", " ", "\r", " ", "<", "&lt;", "`", "'")

// Markdown is a report to put into a ticket.
func Markdown(v *policy.EvacuationReport) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s (%s)\n\n| | |\n|---|---|\n", plain.Replace(v.Title), plain.Replace(v.ID))
	for _, f := range facts(v) {
		fmt.Fprintf(&b, "| %s | %s |\n", f[0], plain.Replace(f[1]))
	}
	if len(v.Checks) > 0 {
		b.WriteString("\n## Checks\n\n| result | check | |\n|---|---|---|\n")
		for _, c := range v.Checks {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", c.Result, c.Name, plain.Replace(c.Text))
		}
	}
	if len(v.Nodes) > 0 {
		b.WriteString("\n## Nodes (UTC)\n\n| node | published | largest TTL | window closed | last answer that named it | answered, as the nodes saw it | last answer that they saw naming it |\n|---|---|---|---|---|---|---|\n")
		for _, n := range v.Nodes {
			fmt.Fprintf(&b, "| %s | %s | %d s | %s | %s | %s | %s |\n", plain.Replace(n.Node), published(n), n.MaxTTL, moment(n.Closes), moment(n.LastNamed), answered(n), moment(n.LastSeen))
		}
	}
	if len(v.Timeline) > 0 {
		b.WriteString("\n## Timeline (UTC)\n\n| at | phase | |\n|---|---|---|\n")
		for _, n := range v.Timeline {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", moment(n.At), n.Phase, plain.Replace(n.Text))
		}
	}
	if v.Cut {
		b.WriteString("\nPart of it was left out, for its size.\n")
	}
	return b.String()
}

// published is when a node answered by it, or that nobody knows.
func published(n policy.EvacuationNode) string {
	if !n.Reachable {
		return "could not be asked"
	}
	return moment(n.Published)
}

// answered is how many of the questions that nodes put to one it answered.
func answered(n policy.EvacuationNode) string {
	if n.Asked == 0 {
		return "-"
	}
	return fmt.Sprintf("%d of %d", n.Answered, n.Asked)
}

// bar is a step in the picture, in its units.
type bar struct {
	Name, Class, Title string
	X, Y, Width        float64
}

const (
	pictureWidth = 800
	labelWidth   = 160
	rowHeight    = 22
)

// bars places the steps of a report.
func bars(v *policy.EvacuationReport) (list []bar) {
	first, last := int64(0), int64(0)
	steps := v.Steps
	if v.Kind == "failover" {
		steps = spans(v.At)
	}
	for i := range steps {
		st := &steps[i]
		if st.StartedAt == 0 {
			continue
		}
		if first == 0 || st.StartedAt < first {
			first = st.StartedAt
		}
		last = max(last, st.StartedAt, st.EndedAt)
	}
	span := float64(max(last-first, 1))
	for i := range steps {
		st := &steps[i]
		if st.StartedAt == 0 {
			continue
		}
		width := float64(max(st.EndedAt-st.StartedAt, 0)) / span * (pictureWidth - labelWidth - 10)
		list = append(list, bar{
			Name: st.Name, Class: st.State, Title: fmt.Sprintf("%s, %s to %s: %s", st.Name, moment(st.StartedAt), moment(st.EndedAt), st.State),
			X: labelWidth + float64(st.StartedAt-first)/span*(pictureWidth-labelWidth-10), Y: float64(len(list) * rowHeight), Width: max(width, 2),
		})
	}
	return list
}

// spans are the times of a failover as steps.
func spans(at policy.EvacuationTimes) (list []policy.DrillStepRun) {
	for _, s := range []struct {
		name     string
		from, to int64
	}{{"detection", at.First, at.Decided}, {"publication", at.Decided, at.Published}, {"TTL window", at.Published, at.Closed}, {"away", at.Closed, at.Restored}} {
		if s.from != 0 && s.to >= s.from {
			list = append(list, policy.DrillStepRun{DrillStep: policy.DrillStep{Name: s.name}, State: policy.StepDone, StartedAt: s.from, EndedAt: s.to})
		}
	}
	return list
}

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"moment": moment, "published": published, "answered": answered, "add": func(a float64, b float64) float64 { return a + b }, "number": func(f float64) string { return fmt.Sprintf("%.1f", f) },
}).Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{{.V.Title}} ({{.V.ID}})</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>
body{font:15px/1.5 system-ui,sans-serif;color:#1a1d21;background:#fff;max-width:60em;margin:2em auto;padding:0 1em}
h1{font-size:1.6em}h2{font-size:1.2em;margin-top:2em}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.25em .75em .25em 0;border-bottom:1px solid #e3e6ea}
th{font-weight:600;white-space:nowrap}.ok{color:#17663a}.warn{color:#8a5a00}.fail{color:#a4161a}
svg{width:100%;height:auto}svg text{font:12px system-ui,sans-serif;fill:#1a1d21}rect{fill:#2b6cb0}rect.failed{fill:#a4161a}rect.skipped{fill:#9aa2ab}rect.would{fill:#90b4dc}
</style></head><body>
<h1>{{.V.Title}} <small>{{.V.ID}}</small></h1>
<table>{{range .Facts}}<tr><th>{{index . 0}}</th><td>{{index . 1}}</td></tr>{{end}}</table>
{{if .Bars}}<h2>Steps</h2>
<svg viewBox="0 0 800 {{number .Height}}" role="img" aria-label="The steps over time">{{range .Bars}}
<text x="0" y="{{number (add .Y 15)}}">{{.Name}}</text><rect class="{{.Class}}" x="{{number .X}}" y="{{number (add .Y 4)}}" width="{{number .Width}}" height="14"><title>{{.Title}}</title></rect>{{end}}
</svg>{{end}}
{{if .V.Checks}}<h2>Checks</h2><table>{{range .V.Checks}}<tr><th class="{{.Result}}">{{.Result}}</th><td>{{.Name}}</td><td>{{.Text}}</td></tr>{{end}}</table>{{end}}
{{if .V.Nodes}}<h2>Nodes (UTC)</h2><table><tr><th>node</th><th>published</th><th>largest TTL</th><th>window closed</th><th>last answer that named it</th><th>answered, as the nodes saw it</th><th>last answer that they saw naming it</th></tr>{{range .V.Nodes}}<tr><th>{{.Node}}</th><td>{{published .}}</td><td>{{.MaxTTL}} s</td><td>{{moment .Closes}}</td><td>{{moment .LastNamed}}</td><td>{{answered .}}</td><td>{{moment .LastSeen}}</td></tr>{{end}}</table>{{end}}
{{if .V.Timeline}}<h2>Timeline (UTC)</h2><table>{{range .V.Timeline}}<tr><th>{{moment .At}}</th><td>{{.Phase}}</td><td>{{.Text}}</td></tr>{{end}}</table>{{end}}
{{if .V.Cut}}<p>Part of it was left out, for its size.</p>{{end}}
</body></html>
`))

// HTML is a report as one page that needs nothing else and runs nothing.
func HTML(v *policy.EvacuationReport) (string, error) {
	list := bars(v)
	var b strings.Builder
	err := page.Execute(&b, map[string]any{"V": v, "Facts": facts(v), "Bars": list, "Height": float64(len(list)*rowHeight + 4)})
	return b.String(), err
}
