package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// zoneMaker makes small zones where everything is likely to be in the way of
// everything else: a few labels, three deep, wildcards at any place, empty
// non-terminals, cuts with and without glue, aliases and DNAMEs to any of them.
type zoneMaker struct {
	*rand.Rand
	apex  string
	lines []string
	taken map[string]map[string]bool // owner to its types
	other []string                   // apexes of the other zones, for targets
}

// oddLabels are seldom used: what is escaped, and what looks like something else.
var oddLabels = []string{`\*`, `x\.y`, `\000`, `\255`, `**`, `*a`, `_x`, `a\032b`, `\@`}

func (g *zoneMaker) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g *zoneMaker) chance(percent int) bool { return g.IntN(100) < percent }

func (g *zoneMaker) label() string {
	switch n := g.IntN(100); {
	case n < 25:
		return "*"
	case n < 28:
		return g.pick(oddLabels...)
	case n < 33:
		return g.pick("A", "B")
	}
	return g.pick("a", "b", "c")
}

// below is a name at most n labels below another.
func (g *zoneMaker) below(name string, n int) string {
	for range 1 + g.IntN(n) {
		name = g.label() + "." + name
	}
	return name
}

// owner is a name of the zone; names that are there already draw others below them.
func (g *zoneMaker) owner() string {
	if len(g.lines) > 2 && g.chance(40) {
		name := strings.Fields(g.lines[g.IntN(len(g.lines))])[0]
		if g.chance(50) {
			return name
		}
		if dns.CountLabel(name) < dns.CountLabel(g.apex)+4 {
			return g.below(name, 1)
		}
	}
	return g.below(g.apex, 3)
}

// target is a name for an alias or a name server.
func (g *zoneMaker) target() string {
	switch n := g.IntN(100); {
	case n < 8:
		return g.pick("ns.outside.invalid.", "x.", "outside.invalid.")
	case n < 14 && len(g.other) > 0:
		return g.below(g.pick(g.other...), 1)
	case n < 18:
		return g.apex
	case n < 22:
		return strings.SplitN(g.apex, ".", 2)[1] // above the zone
	}
	return g.owner()
}

func (g *zoneMaker) add(owner, typ, data string) {
	owner = strings.ReplaceAll(owner, `\*`, "*") // the same name
	key := strings.ToLower(owner)
	types := g.taken[key]
	if types == nil {
		types = map[string]bool{}
		g.taken[key] = types
	}
	// What no server loads is not for here.
	alone := typ == "CNAME"
	if (alone && len(types) > 0) || types["CNAME"] || typ == "DNAME" && (types["DNAME"] || types["NS"] && owner != g.apex) ||
		typ == "NS" && (types["DNAME"] && owner != g.apex || strings.HasPrefix(owner, "*.")) {
		return
	}
	types[typ] = true
	line := fmt.Sprintf("%s %d IN %s %s", owner, 300+len(typ), typ, data) // one TTL for each type: RRsets have one
	if !slices.Contains(g.lines, line) {
		g.lines = append(g.lines, line)
	}
}

func (g *zoneMaker) record() {
	owner := g.owner()
	switch n := g.IntN(100); {
	case n < 20:
		g.add(owner, "A", g.pick("192.0.2.1", "192.0.2.2", "192.0.2.3"))
	case n < 27:
		g.add(owner, "AAAA", g.pick("2001:db8::1", "2001:db8::2"))
	case n < 32:
		g.add(owner, "TXT", g.pick(`"a"`, `"b" "c"`))
	case n < 36:
		g.add(owner, "MX", "10 "+g.target())
	case n < 38:
		g.add(owner, "SRV", "1 2 3 "+g.target())
	case n < 54:
		t := g.target()
		g.add(owner, "NS", t)
		if strings.HasSuffix(t, "."+g.apex) {
			if g.chance(50) {
				g.add(t, "A", "192.0.2.9")
			}
			if g.chance(20) {
				g.add(t, "AAAA", "2001:db8::9")
			}
		}
		if g.chance(30) {
			g.add(owner, "DS", "1 13 2 0000000000000000000000000000000000000000000000000000000000000000")
		}
	case n < 57:
		g.add(owner, "DS", "2 13 2 0000000000000000000000000000000000000000000000000000000000000000")
	case n < 60:
		g.add(owner, "TYPE65280", `\# 2 4142`)
	case n < 82:
		g.add(owner, "CNAME", g.target())
	default:
		if g.chance(10) {
			owner = g.apex
		}
		g.add(owner, "DNAME", g.target())
	}
}

// make is a zone's text; the same seed makes the same zone.
func (g *zoneMaker) make() zoneText {
	g.taken = map[string]map[string]bool{}
	g.lines = nil
	g.add(g.apex, "SOA", "ns.outside.invalid. h.outside.invalid. 1 3600 600 86400 "+g.pick("60", "900"))
	g.add(g.apex, "NS", g.pick("ns.outside.invalid.", "ns.outside.invalid.", "ns.outside.invalid.", "a."+g.apex, "a.b."+g.apex))
	for _, ns := range []string{"a." + g.apex, "a.b." + g.apex} {
		if strings.HasSuffix(g.lines[1], " "+ns) {
			g.add(ns, "A", "192.0.2.53") // BIND does not load a zone without
		}
	}
	for range 1 + g.IntN(12) {
		g.record()
	}
	g.hide()
	return zoneText{strings.TrimSuffix(g.apex, "."), strings.Join(g.lines, "\n") + "\n"}
}

// hide takes out what is below a DNAME, which only BIND loads.
func (g *zoneMaker) hide() {
	owner := func(line string) string { return strings.ToLower(strings.Fields(line)[0]) }
	var dnames []string
	for _, l := range g.lines {
		if strings.Contains(l, " DNAME ") {
			dnames = append(dnames, owner(l))
		}
	}
	g.lines = slices.DeleteFunc(g.lines, func(l string) bool {
		return slices.ContainsFunc(dnames, func(d string) bool { return strings.HasSuffix(owner(l), "."+d) })
	})
}

// makeZones makes n zones. So many percent of them are children of the one
// before, whether it delegates to them or not, and as many have aliases into it.
func makeZones(seed uint64, n, related int) []zoneText {
	g := &zoneMaker{Rand: rand.New(rand.NewPCG(seed, 0))}
	var list []zoneText
	for i := range n {
		g.apex = fmt.Sprintf("z%d.test.", i)
		if i > 0 && g.chance(related) {
			g.apex = g.pick("a", "b", "a.b") + "." + list[i-1].name + "."
		}
		g.other = nil
		if i > 0 && g.chance(related) {
			g.other = []string{list[i-1].name + "."}
		}
		list = append(list, g.make())
	}
	return list
}

// asked are the types that every name is asked for.
var asked = []uint16{dns.TypeA, dns.TypeNS, dns.TypeCNAME, dns.TypeSOA, dns.TypeTXT, dns.TypeDNAME, dns.TypeDS, dns.TypeMX, 65280}

type zoneQuestion struct {
	zone int
	name string
	typ  uint16
}

// questionsOf are the names of a zone, those between them, beside them, below them
// and where they lead, each with every type that is of interest.
func questionsOf(r *rand.Rand, at int, z zoneText) (list []zoneQuestion) {
	apex := z.name + "."
	names := map[string]bool{apex: true, "q." + apex: true}
	add := func(name string) {
		if !dns.IsSubDomain(apex, name) {
			return
		}
		for n := name; n != apex && dns.IsSubDomain(apex, n); n = parentOf(n) {
			names[n] = true
			names["q."+parentOf(n)] = true
		}
		names["a."+name], names["*."+name], names["q.a."+name] = true, true, true
	}
	for _, line := range strings.Split(strings.TrimSpace(z.text), "\n") {
		f := strings.Fields(line)
		add(f[0])
		if last := f[len(f)-1]; strings.HasSuffix(last, ".") {
			add(last)
		}
	}
	sorted := make([]string, 0, len(names))
	for n := range names {
		sorted = append(sorted, n)
	}
	slices.Sort(sorted)
	for _, n := range sorted {
		if len(n) > 250 {
			continue
		}
		if r.IntN(8) == 0 {
			n = strings.ToUpper(n)
		}
		for _, typ := range asked {
			list = append(list, zoneQuestion{at, n, typ})
		}
	}
	return list
}

func parentOf(name string) string {
	i, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[i:]
}
