package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/zonefile"
	"github.com/meridian-gtm/meridian/web/api"
)

// zoneDifference is an import that is rehearsed: the zone that is there beside the file, both read here.
type zoneDifference struct {
	DryRun  bool     `json:"dryRun"`
	Zone    string   `json:"zone"`
	Exists  bool     `json:"exists"`
	Adds    []string `json:"adds"`
	Removes []string `json:"removes"`
}

// rehearseImport says record by record what an import would change.
func rehearseImport(cmd *cobra.Command, g *globals, zone string, before *reply, next *policy.Zone) error {
	d := zoneDifference{DryRun: true, Zone: zone, Exists: before != nil, Adds: []string{}, Removes: []string{}}
	var old []string
	if before != nil {
		z, _, err := zonefile.Parse(bytes.NewReader(before.body), "", zone, zonefile.Limits{})
		if err != nil {
			return err
		}
		if old, err = recordLines(z); err != nil {
			return err
		}
	}
	now, err := recordLines(next)
	if err != nil {
		return err
	}
	d.Adds, d.Removes = append(d.Adds, missing(now, old)...), append(d.Removes, missing(old, now)...)
	out := cmd.OutOrStdout()
	if done, err := g.structure(out, d); done || err != nil {
		return err
	}
	if before != nil && len(d.Adds)+len(d.Removes) == 0 {
		fmt.Fprintf(out, "No changes: zone %s is as the file says.\n", zone)
		return nil
	}
	const most = 50
	for _, part := range []struct {
		sign  string
		lines []string
	}{{"-", d.Removes}, {"+", d.Adds}} {
		for _, l := range part.lines[:min(most, len(part.lines))] {
			fmt.Fprintln(out, cut(part.sign+" "+l))
		}
		if n := len(part.lines) - most; n > 0 {
			fmt.Fprintf(out, "%s and %s (-o json lists them)\n", part.sign, count(n, "more record"))
		}
	}
	what := "It would replace zone " + zone
	if before == nil {
		what = "It would create zone " + zone
	}
	fmt.Fprintf(out, "%s: %s added, %s removed. Nothing has been done; whether services get in its way is not checked.\n", what, count(len(d.Adds), "record"), count(len(d.Removes), "record"))
	return nil
}

// recordLines are a zone's records, sorted, each on a line.
func recordLines(z *policy.Zone) (lines []string, err error) {
	for name, set := range z.Sets {
		for _, data := range set.Data {
			text, err := zonefile.FormatRData(set.Type, data)
			if err != nil {
				return nil, err
			}
			lines = append(lines, fmt.Sprintf("%s %d %s %s", name, set.TTL, zonefile.TypeString(set.Type), text))
		}
	}
	slices.Sort(lines)
	return lines, nil
}

// missing are the lines of a that are not in b; both are sorted.
func missing(a, b []string) (list []string) {
	for _, l := range a {
		if _, ok := slices.BinarySearch(b, l); !ok {
			list = append(list, l)
		}
	}
	return list
}

// zoneReach says what goes with a zone.
func zoneReach(zone api.ZoneSummary, cfg *policy.Config) string {
	apex, err := policy.ParseName(zone.Name)
	var steered []string
	for i := range cfg.Services {
		for _, n := range cfg.Services[i].Owners() {
			if err == nil && n.Under(apex) {
				steered = append(steered, n.String())
			}
		}
	}
	text := "zone " + zone.Name + " with " + count(zone.Records, "record")
	if len(steered) > 0 {
		text += " and " + count(len(steered), "steered name") + " (" + some(steered) + "), because of which it will be refused"
	}
	return text
}

// cut is a line of at most 100 columns.
func cut(line string) string {
	if long := []rune(strings.TrimRight(line, " ")); len(long) > columns {
		return string(long[:columns-1]) + "…"
	}
	return line
}
