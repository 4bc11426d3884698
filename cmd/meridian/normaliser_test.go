package main

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
)

// normaliser takes out of what is printed what differs from run to run.
type normaliser struct {
	known *strings.Replacer // addresses and ports of this run
	rules []rule
}

type rule struct {
	find *regexp.Regexp
	put  string
}

func (c *cluster) normaliser() *normaliser {
	var pairs []string
	for i, p := range c.nodes {
		n := fmt.Sprint(i + 1)
		pairs = append(pairs, p.api, "127.0.0.1:808"+fmt.Sprint(i), p.dns, "127.0.0.1:530"+n, p.cluster, "127.0.0.1:730"+n)
		pairs = append(pairs, c.regions[i].addr, "10.0."+n+".1:8000", c.regions[i].host(), "10.0."+n+".1")
	}
	_, port, _ := net.SplitHostPort(c.regions[0].addr)
	pairs = append(pairs, ":"+port, ":8000", "port: "+port, "port: 8000", `"port": `+port, `"port": 8000`)
	n := &normaliser{known: strings.NewReplacer(pairs...)}
	for _, r := range [][2]string{
		{`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z`, "2026-01-02 03:04:05.678Z"},
		{`\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ`, "2026-01-02 03:04:05Z"},
		{`\d{4}-\d\d-\d\dT[\d:.]+Z`, "2026-01-02T03:04:05Z"},
		{`(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d+ \d\d:\d\d:\d\dZ`, "Jan 2 03:04:05Z"},
		{`(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d+ \d\d:\d\dZ`, "Jan 2 03:04Z"},
		{`\b\d\d:\d\d:\d\d\.\dZ`, "03:04:05.6Z"},
		{`\b\d[\d.a-zµ]*s ago`, "12ms ago"},
		{`"(age|lastHeard|stateAge|latency|took|connect|firstByte|difference|uncertainty)": "[^"]*"`, `"$1": "12ms"`},
		{`\bc\d+\b`, "c17"},
		{`\bd\d{2,}\b`, "d17"},
		{`\b[0-9a-f]{8} (wrote|rejected) the draft`, "0a1b2c3d $1 the draft"},
		{`\b(revision|term|index|if-revision|"(?:revision|index|term|commit|applied|generation|epoch|seq)":) ?\d+`, "${1} 12"},
		{`(--before|meridian rollback) \d+`, "$1 12"},
		{`(?m)^#\d+  `, "#12  "},
		{`(?m)^Entries \d+ to \d+ (.*) \d+:[0-9a-f]{64}`, "Entries 1 to 12 $1 12:7b92e4f4e3a58541..."},
		{`--for \d+h\d+m\d+s`, "--for 2h0m0s"}, // what is left of it
		{`-r\d+\.(zone|yaml)`, "-r12.$1"},
		{`by [23]/3 vantages`, "by 3/3 vantages"},
		{`which was \d+`, "which was 11"},
		{`\b(Revision|entry|ends at) \d+`, "$1 12"},
		{`\bmer_[A-Za-z0-9_-]{20,}`, "mer_k3JbXxV2m0qT7cWl9eRz5uYpA1sDfGhK"},
		{`\b(token|revoke) [0-9a-f]{8}\b`, "$1 0a1b2c3d"},
		{`tokens/[0-9a-f]{8}`, "tokens/0a1b2c3d"},
		{`(?m)^[0-9a-f]{8}\t`, "0a1b2c3d\t"},
		{`"(version|commit|go|platform)": "[^"]*"`, `"$1": "..."`},
		{`\bmeridian \S+, go\S+ \S+`, "meridian v1.0.0, go1.26.0 linux/amd64"},
	} {
		n.rules = append(n.rules, rule{regexp.MustCompile(r[0]), r[1]})
	}
	return n
}

var (
	tokenID  = regexp.MustCompile(`^[0-9a-f]{8}$`)
	duration = regexp.MustCompile(`^\d[\d.]*(ns|µs|ms|s)$`)
	voteList = regexp.MustCompile(`^(us-east|eu-central|ap-southeast) (up|down|pending)(, \S+ \S+)*$`)
	tookLine = regexp.MustCompile(`(?m)^  (dns|connect|tls|first byte|took) +\S+.*$`)
	// headingLine is tableHeading with headings such as 1ST BYTE.
	headingLine = regexp.MustCompile(`^[A-Z]{2,}( [A-Z]+)*(  +[A-Z0-9 ]+)+$`)
	anyGap      = regexp.MustCompile(`  +`)
)

func (n *normaliser) normal(text, work string) string {
	text = n.known.Replace(strings.ReplaceAll(text, work, "$HOME"))
	for _, r := range n.rules {
		text = r.find.ReplaceAllString(text, r.put)
	}
	text = tookLine.ReplaceAllStringFunc(text, func(l string) string { return fmt.Sprintf("  %-10s %8s", tookLine.FindStringSubmatch(l)[1], "1.23ms") })
	var out []string
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); {
		if !headingLine.MatchString(lines[i]) {
			out = append(out, lines[i])
			i++
			continue
		}
		end := i + 1
		for end < len(lines) && !headingLine.MatchString(lines[end]) && len(anyGap.Split(lines[end], -1)) == len(anyGap.Split(lines[i], -1)) {
			end++
		}
		out = append(out, aligned(lines[i:end])...)
		i = end
	}
	return strings.Join(out, "\n")
}

// aligned is a table of which the cells that differ from run to run are others, in columns again.
func aligned(lines []string) []string {
	var rows [][]string
	for _, l := range lines {
		rows = append(rows, anyGap.Split(l, -1))
	}
	heading := rows[0]
	for n, row := range rows {
		if n == 0 {
			continue
		}
		for i, cell := range row {
			switch h := heading[i]; {
			case (h == "APPLIED" || h == "ANSWERS BY" || h == "REVISION") && cell != "-":
				row[i] = "12"
			case h == "VERSION" && cell != "-":
				row[i] = "v0.7.0"
			case h == "CLOCK" && cell != "-":
				row[i] = "+1.2ms"
			case h == "CERTIFICATE" && cell != "-":
				row[i] = "to 2027-01-02"
			case (h == "ID" || h == "BY") && tokenID.MatchString(cell):
				row[i] = "0a1b2c3d"
			case slices.Contains(heading, "VANTAGE") && duration.MatchString(cell):
				row[i] = "1.23ms"
			case h == "VOTED" && cell == "pending":
				row[i] = "up"
			case voteList.MatchString(cell): // who votes last is chance
				status := "down"
				if strings.Contains(cell+",", " up,") {
					status = "up"
				}
				row[i] = fmt.Sprintf("us-east %s, eu-central %s", status, status)
			}
		}
	}
	rows = slices.CompactFunc(rows, slices.Equal[[]string]) // how many samples there are by now is chance
	var b strings.Builder
	table(&b, heading, rows[1:])
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}
