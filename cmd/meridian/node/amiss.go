package node

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// amiss says what of the members an operator should look at: states, clocks, certificates and versions.
func amiss(c policy.ClusterStatus) (list []string) {
	states := map[uint64]map[string][]string{}
	versions := map[string][]string{}
	levels := map[int]bool{}
	for _, m := range c.Members {
		if m.Reachable && !m.Agent && m.Hash != "" {
			if states[m.Applied] == nil {
				states[m.Applied] = map[string][]string{}
			}
			states[m.Applied][m.Hash] = append(states[m.Applied][m.Hash], m.Node)
		}
		if m.Version != "" {
			versions[m.Version] = append(versions[m.Version], m.Node)
		}
		if !m.Agent {
			levels[m.Feature] = true
		}
	}
	for _, index := range slices.Sorted(maps.Keys(states)) {
		if of := states[index]; len(of) > 1 {
			var groups []string
			all, most := 0, 0
			for _, nodes := range of {
				groups = append(groups, strings.Join(nodes, ", "))
				all, most = all+len(nodes), max(most, len(nodes))
			}
			slices.Sort(groups)
			then := "who is wrong cannot be told by their number: change nothing, and compare what each has (meridian get config, meridian audit)"
			if 2*most > all {
				then = "those that are fewer are wrong: take them out, and let them join anew with an empty data directory"
			}
			list = append(list, fmt.Sprintf("nodes hold different states at index %d: %s; %s", index, strings.Join(groups, " against "), then))
		}
	}
	for _, m := range c.Members {
		if m.Clock != nil && m.Clock.Off {
			d := time.Duration(m.Clock.Difference)
			way := "ahead of"
			if d < 0 {
				way = "behind"
			}
			list = append(list, fmt.Sprintf("the clock of %s is %s %s that of %s (%s either way): see that both keep time (NTP); what they tell is in the wrong order, and a node that starts with a clock that is ahead ends drains early when it comes to lead",
				m.Node, policy.Duration(d.Abs()).Brief(), way, c.Node, m.Clock.Uncertainty.Brief()))
		}
		if m.Certificate != nil && m.Certificate.Soon {
			list = append(list, fmt.Sprintf("the certificate of %s runs out on %s and has not been renewed, as it is by itself when a third of the year is left; its log says why", m.Node, day(m.Certificate)))
		}
	}
	if c.Authority != nil && c.Authority.Soon {
		list = append(list, fmt.Sprintf("the cluster's authority runs out on %s; no certificate is good beyond that", day(c.Authority)))
	}
	const later = "; what the newest can do is used once all can"
	switch {
	case len(versions) > 1:
		var parts []string
		for _, v := range slices.Sorted(maps.Keys(versions)) {
			parts = append(parts, v+" on "+strings.Join(versions[v], ", "))
		}
		text := "versions are mixed: " + strings.Join(parts, "; ")
		if len(levels) > 1 {
			text += later
		}
		list = append(list, text)
	case len(levels) > 1:
		list = append(list, fmt.Sprintf("nodes have different feature levels (%s)%s", strings.Trim(fmt.Sprint(slices.Sorted(maps.Keys(levels))), "[]"), later))
	}
	return list
}

func day(c *policy.NodeCertificate) string { return c.Expires.UTC().Format(time.DateOnly) }
