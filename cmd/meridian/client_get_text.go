package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

func placeText(p *policy.Place) string {
	switch {
	case p == nil:
		return ""
	case p.IATA != "":
		return p.IATA
	case p.Cloud != "":
		return p.Cloud
	case p.Lat != nil && p.Lon != nil:
		return fmt.Sprintf("%g,%g", *p.Lat, *p.Lon)
	}
	return ""
}

// steerText is a steering tree on one line: nearest(web-us-east, failover(web-eu, web-us-east)).
func steerText(s *policy.Steering) string {
	name, children := s.Kind()
	switch name {
	case "pool":
		return s.Pool
	case "template":
		return "template " + s.Template
	}
	var parts []string
	for i := range children {
		b := &children[i]
		child := &b.Steering
		if b.To != nil {
			child = b.To
		}
		text := steerText(child)
		if b.Weight != nil {
			text += fmt.Sprintf(" weight %d", *b.Weight)
		}
		if b.Bias != 0 {
			text += fmt.Sprintf(" bias %+d", b.Bias)
		}
		if name == "geo" {
			text = matchText(b.Match) + ": " + text
		}
		parts = append(parts, text)
	}
	return name + "(" + strings.Join(parts, ", ") + ")"
}

// matchText is whom a branch of geo is for, cut short.
func matchText(m *policy.Match) string {
	if m == nil {
		return "default"
	}
	var parts []string
	for _, c := range m.CIDRs {
		parts = append(parts, c.String())
	}
	for _, n := range m.ASNs {
		parts = append(parts, fmt.Sprintf("AS%d", n))
	}
	parts = slices.Concat(parts, m.Subdivisions, m.Countries, m.Continents)
	if len(parts) > 3 {
		parts = append(parts[:3], "…")
	}
	return strings.Join(parts, "/")
}

// ttlText is a TTL in seconds, or its bounds.
func ttlText(t policy.TTL) string {
	if t.Fixed() {
		return strconv.Itoa(int(t.Max))
	}
	return fmt.Sprintf("%d-%d", t.Min, t.Max)
}

// needs is how many available endpoints a pool takes.
func needs(p *policy.Pool) string {
	n := strconv.Itoa(p.MinAvailable.Of(len(p.Endpoints)))
	if p.MinAvailable.Share != 0 {
		return fmt.Sprintf("%s (%v)", n, p.MinAvailable)
	}
	return n
}
