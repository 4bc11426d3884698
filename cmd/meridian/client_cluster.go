package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/policy/geo"
	"github.com/meridian-gtm/meridian/web/api"
)

func clusterCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "cluster",
		Short: "Look at the cluster, and take members out",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(statusCommand(g), clusterRemove(g))
	return c
}

func statusCommand(g *globals) *cobra.Command {
	var w *watch
	c := &cobra.Command{
		Use:   "status",
		Short: "Show the members, the leader, and how far each node is",
		Long: `Show the cluster as the node that is asked knows it now: who leads, who can be
reached, the Raft index that each node has applied and answers DNS by, and
whether nodes at the same index hold the same state; what version each member
runs, how far its clock is ahead of that node's, and to when its certificate is good.`,
		Example: "  meridian cluster status\n  meridian cluster status --addr http://192.0.2.2:8080 -o json\n  meridian cluster status -w",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return w.run(cmd, g, func() error {
				conn, err := g.connect()
				if err != nil {
					return err
				}
				status, r, err := decode[api.ClusterStatus](read(conn.GetCluster(cmd.Context())))
				if err != nil {
					return err
				}
				if done, err := g.structured(cmd.OutOrStdout(), r.body); done || err != nil {
					return err
				}
				printCluster(cmd.OutOrStdout(), status)
				printTrying(cmd.Context(), cmd.OutOrStdout(), conn)
				return nil
			})
		},
	}
	w = watchFlag(c)
	return c
}

// printTrying says which nodes answer by a draft that is not published.
func printTrying(ctx context.Context, out io.Writer, conn *client) {
	drafts, _, err := decode[api.DraftList](read(conn.ListDrafts(ctx)))
	if err != nil {
		return // the status stands without it
	}
	for _, v := range drafts.Items {
		if v.State == "open" && v.Canary != nil && v.Canary.State == "running" {
			fmt.Fprintf(out, "warning: %s answers by the draft %s (%s) until %s: meridian draft show %s\n",
				strings.Join(v.Canary.Nodes, ", "), v.Id, v.Title, second(v.Canary.EndsAt), v.Id)
		}
	}
}

func clusterRemove(g *globals) *cobra.Command {
	var yes bool
	var rehearse *dry
	c := &cobra.Command{
		Use:   "remove NODE",
		Short: "Take a stopped node, or an agent, out of the cluster for good",
		Long: `Take a node or an agent out of the cluster for good, by its label or its id. A node
is stopped first: one that has been heard of in the last 10 s is refused, and so is the
node that you ask. An agent may be thrown out while it runs. What is removed counts in no
quorum any more, neither Raft's nor that of verdicts. The machine may join again with an
empty data directory.`,
		Example: "  meridian cluster remove ns3",
		Args:    exactly("NODE", "its label, as meridian cluster status lists it, or its id"), ValidArgsFunction: complete(g, memberNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, err := g.connect()
			if err != nil {
				return err
			}
			call := func() (*http.Response, error) { return conn.RemoveMember(cmd.Context(), args[0], nil) }
			status, _, err := decode[api.ClusterStatus](read(conn.GetCluster(cmd.Context())))
			if err != nil {
				return err
			}
			if goes := removal(status, args[0]); goes != "" { // of nobody the cluster says so better
				if done, err := rehearse.show(cmd, g, conn, call, goes); done || err != nil {
					return err
				}
				if err := confirm(cmd, yes, "For good: "+goes+"."); err != nil {
					return err
				}
			}
			result, r, err := decode[api.WriteResult](read(call()))
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if done, err := g.structured(out, r.body); done || err != nil {
				return err
			}
			fmt.Fprintf(out, "Removed %s from the cluster.\n", args[0])
			printAfter(out, result.Nodes, result.Unpublished, result.Warnings)
			noUndo(out, "to take it back, empty its data directory and start it with MERIDIAN_TOKEN: it joins as a new member")
			return nil
		},
	}
	rehearse = dryFlag(c)
	yesFlag(c, &yes)
	reasonFlag(c, g)
	return c
}

// removal says what the cluster loses with a member; nothing when there is no such member.
func removal(s api.ClusterStatus, name string) string {
	i := slices.IndexFunc(s.Members, func(m api.MemberStatus) bool { return m.Node == name || m.Id == name })
	if i < 0 {
		return ""
	}
	voters, agents := 0, 0
	for _, m := range s.Members {
		if m.Voter {
			voters++
		}
		if m.Agent {
			agents++
		}
	}
	m := s.Members[i]
	switch {
	case m.Agent:
		return fmt.Sprintf("%s (%s) probes no more; %s would be left", m.Node, orDash(m.Region), count(agents-1, "agent"))
	case m.Voter:
		return fmt.Sprintf("%s (%s) answers DNS no more and loses its vote; %s would be left, of which %d have to be up for changes", m.Node, orDash(m.Region), count(voters-1, "voter"), (voters-1)/2+1)
	}
	return fmt.Sprintf("%s (%s) answers DNS no more; it has no vote", m.Node, orDash(m.Region))
}

func printCluster(w io.Writer, s api.ClusterStatus) {
	leader := "no leader"
	if s.Leader != "" {
		leader = "leader " + s.Leader
	}
	fmt.Fprintf(w, "%s, term %d; as %s (%s) knows it, which heard of a leader %s ago\n", leader, s.Term, s.Node, s.Role, rounded(s.StateAge))
	if s.Problem != "" {
		fmt.Fprintln(w, "problem:", s.Problem)
	}
	slices.SortFunc(s.Members, func(a, b api.MemberStatus) int { return strings.Compare(a.Node, b.Node) })
	for _, w2 := range s.Warnings {
		fmt.Fprintln(w, "warning:", w2)
	}
	if s.Leader == "" {
		fmt.Fprintln(w, "Writes are refused until a majority of the voters can reach each other. DNS goes on being answered.")
	}
	var rows, machines [][]string
	for _, m := range s.Members {
		role, reach, applied, published := "voter", "yes", "-", "-"
		switch {
		case m.Node == s.Leader:
			role = "leader"
		case m.Agent:
			role = "agent"
		case !m.Voter:
			role = "non-voter"
		}
		if !m.Reachable {
			reach = "no"
		} else if role != "agent" {
			applied, published = strconv.FormatUint(m.Applied, 10), strconv.FormatUint(m.Published.Index, 10)
		}
		rows = append(rows, []string{m.Node, orDash(m.Region), role, reach, applied, published, rounded(m.LastHeard) + " ago", orDash(strings.Join(m.Dns, ","))})
		machines = append(machines, []string{m.Node, orDash(m.Version), clockText(m), certificateText(m.Certificate)})
	}
	table(w, []string{"NODE", "REGION", "ROLE", "REACHED", "APPLIED", "ANSWERS BY", "HEARD", "DNS"}, rows)
	fmt.Fprintln(w)
	table(w, []string{"NODE", "VERSION", "CLOCK", "CERTIFICATE"}, machines)
}

// clockText is how far a member's clock is ahead of that of the node that was asked.
func clockText(m api.MemberStatus) string {
	if m.Clock == nil {
		return "-"
	}
	sign := "+"
	if strings.HasPrefix(m.Clock.Difference, "-") {
		sign = ""
	}
	return sign + rounded(m.Clock.Difference)
}

// certificateText is the day on which a certificate runs out.
func certificateText(c *api.NodeCertificate) string {
	if c == nil {
		return "-"
	}
	return "to " + c.Expires.UTC().Format(time.DateOnly)
}

func versionCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version, and where the embedded geographic data comes from",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			version, revision := buildVersion()
			if g.output != "table" {
				return writeVersion(out, g, version, revision)
			}
			fmt.Fprintf(out, "meridian %s%s, %s %s/%s\n", version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			t, err := geo.Embedded()
			if err != nil {
				return err
			}
			s := t.Source()
			fmt.Fprintf(out, "geographic data: %s of %s, %d networks\n%s, %s (CC BY 4.0); places of countries: GeoNames, https://www.geonames.org (CC BY 4.0)\n",
				s.Name, s.Built.Format("2006-01-02"), s.Networks, s.Attribution, s.Link)
			return nil
		},
	}
}

// writeVersion is version as -o says it.
func writeVersion(w io.Writer, g *globals, version, revision string) error {
	t, err := geo.Embedded()
	if err != nil {
		return err
	}
	s := t.Source()
	_, err = g.structure(w, map[string]any{
		"version": version, "commit": strings.Trim(revision, " ()"), "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH,
		"geo": map[string]any{"name": s.Name, "built": s.Built.Format("2006-01-02"), "networks": s.Networks, "attribution": s.Attribution, "link": s.Link},
	})
	return err
}

// version is set by the linker (make build); otherwise the build's own record is asked.
var version string

// buildVersion is the version and the commit it was built from, as far as the build knows them.
func buildVersion() (name, revision string) {
	if version != "" {
		return version, ""
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown version)", ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			revision = " (" + s.Value[:12] + ")"
		}
	}
	return first(info.Main.Version, "(devel)"), revision
}
