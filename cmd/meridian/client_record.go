package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/zonefile"
	"github.com/meridian-gtm/meridian/web/api"
)

func zoneSet(g *globals) *cobra.Command {
	var reason string
	var rehearse *dry
	c := &cobra.Command{
		Use:   "set ZONE NAME TTL TYPE RDATA...",
		Short: "Create an RRset, or replace the whole of it",
		Long: `Create an RRset, or replace the whole of it. NAME is absolute, with or without its
final dot, or @ for the apex. TTL is in seconds, or as in 1h30m. Each RDATA is one
record as a master file has it, in quotes for the shell when it has spaces; names in it
are absolute and end with a dot, and a text stands in double quotes of its own.

Nothing else of the zone changes, its serial included: that is yours. If somebody else
changes the RRset at the same time, one of the two is refused.`,
		Example: `  meridian zone set example.com ns1.example.com 3600 A 192.0.2.1 192.0.2.2
  meridian zone set example.com mail.example.com 1h MX "10 mx1.example.net." "20 mx2.example.net."
  meridian zone set example.com @ 300 TXT '"v=spf1 mx -all"' --reason "mail moves"`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 5 {
				return fmt.Errorf("%s takes ZONE NAME TTL TYPE and one RDATA or more, as in: %s example.com @ 300 MX \"10 mx1.example.net.\"", cmd.CommandPath(), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ttl, err := seconds(args[2])
			if err != nil {
				return err
			}
			if err := checkRData(args[3], args[4:]); err != nil {
				return err
			}
			update := api.Update{Op: "replace", Name: args[1], Type: args[3], Ttl: &ttl, Records: args[4:]}
			return editRRset(cmd, g, args[0], update, reason, rehearse)
		},
	}
	rehearse = dryFlag(c)
	c.ValidArgsFunction = complete(g, zoneNames)
	c.Flags().StringVar(&reason, "reason", "", "why, for the audit")
	return c
}

func zoneUnset(g *globals) *cobra.Command {
	var reason string
	var rehearse *dry
	c := &cobra.Command{
		Use:     "unset ZONE NAME TYPE",
		Short:   "Delete an RRset",
		Long:    "Delete an RRset. NAME is absolute, with or without its final dot, or @ for the apex.",
		Example: "  meridian zone unset example.com mail.example.com MX",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 3 {
				return fmt.Errorf("%s takes ZONE NAME TYPE, as in: %s example.com mail.example.com MX", cmd.CommandPath(), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return editRRset(cmd, g, args[0], api.Update{Op: "deleteRRset", Name: args[1], Type: args[2]}, reason, rehearse)
		},
	}
	rehearse = dryFlag(c)
	c.ValidArgsFunction = completeRecord(g)
	c.Flags().StringVar(&reason, "reason", "", "why, for the audit")
	return c
}

// completeRecord completes a zone, a name in it and one of its types.
func completeRecord(g *globals) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 2 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		from := zoneNames
		if len(args) > 0 {
			from = func(ctx context.Context, c *client) (names []string) {
				page, _, _ := decode[api.RRsetPage](read(c.ListRRsets(ctx, args[0], &api.ListRRsetsParams{Limit: 1000})))
				for _, rr := range page.Items {
					if len(args) == 1 {
						names = append(names, strings.TrimSuffix(rr.Name, "."))
					} else if strings.EqualFold(strings.TrimSuffix(rr.Name, "."), strings.TrimSuffix(args[1], ".")) {
						names = append(names, rr.Type)
					}
				}
				return slices.Compact(names)
			}
		}
		return starting(g.names(cmd.Context(), from), begun), cobra.ShellCompDirectiveNoFileComp
	}
}

// seconds reads a TTL: 300, or 5m.
func seconds(text string) (uint32, error) {
	if n, err := strconv.ParseUint(text, 10, 32); err == nil && n <= policy.MaxTTL {
		return uint32(n), nil
	}
	var d policy.Duration
	if err := d.UnmarshalText([]byte(text)); err != nil || d < 0 || int64(d)/1e9 > policy.MaxTTL || int64(d)%1e9 != 0 {
		return 0, fmt.Errorf("TTL %q is not a number of seconds from 0 to %d; write 300 or 5m", text, policy.MaxTTL)
	}
	return uint32(int64(d) / 1e9), nil
}

// checkRData finds records that cannot be read, and says so when they are one whose quotes the shell took.
func checkRData(typ string, texts []string) error {
	t, err := zonefile.ParseType(typ)
	if err != nil {
		return err
	}
	for _, text := range texts {
		if _, err := zonefile.ParseRData(t, text, ""); err != nil {
			joined := strings.Join(texts, " ")
			if _, whole := zonefile.ParseRData(t, joined, ""); whole == nil && len(texts) > 1 {
				return fmt.Errorf("%w\nEach record is one argument: did you mean %s?", err, shell(joined))
			}
			return err
		}
	}
	return nil
}

// shell is a word as a shell takes it.
func shell(word string) string {
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.:/@%+,=", r))
	}) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// editRRset makes one edit, provided that the RRset is still as it was when it was read here.
func editRRset(cmd *cobra.Command, g *globals, zone string, update api.Update, reason string, rehearse *dry) error {
	conn, err := g.connect()
	if err != nil {
		return err
	}
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	before, _, err := decode[api.RRset](read(conn.GetRRset(ctx, zone, update.Name, update.Type)))
	existed := err == nil
	if err != nil && (update.Op == "deleteRRset" || !isKind(err, "not-found")) {
		return err
	}
	must := api.Prerequisite{Require: "rrsetAbsent", Name: update.Name, Type: update.Type}
	if existed {
		must.Require, must.Records = "rrsetEquals", before.Records
	}
	edit := &api.ZoneEdit{Zone: zone, Prerequisites: []api.Prerequisite{must}, Updates: []api.Update{update}}
	call := func() (*http.Response, error) {
		return conn.PostChanges(ctx, nil, api.Changes{Reason: reason, Changes: []api.ChangeItem{{EditZone: edit}}})
	}
	now := "there is no " + update.Name + " " + update.Type + " now"
	if existed {
		now = fmt.Sprintf("%s %d %s is %s now", update.Name, before.Ttl, update.Type, some(before.Records))
	}
	if done, err := rehearse.show(cmd, g, conn, call, now); done || err != nil {
		return err
	}
	result, answer, err := decode[api.ChangesResult](read(call()))
	if err != nil {
		return plain(err)
	}
	if done, err := g.structured(out, answer.body); done || err != nil {
		return err
	}
	what := update.Name + " " + update.Type
	switch {
	case update.Op == "deleteRRset":
		fmt.Fprintf(out, "Deleted %s from zone %s at revision %d.\n", what, zone, result.Revision)
	case !existed:
		fmt.Fprintf(out, "Created %s in zone %s at revision %d.\n", what, zone, result.Revision)
	default:
		fmt.Fprintf(out, "Replaced %s in zone %s at revision %d.\n", what, zone, result.Revision)
	}
	if update.Op != "deleteRRset" {
		if err := showRRset(ctx, out, conn, zone, update); err != nil {
			return err
		}
	}
	printAfter(out, result.Nodes, result.Unpublished, result.Warnings)
	if !existed {
		undo(out, "zone", "unset", zone, update.Name, update.Type)
		return nil
	}
	undo(out, append([]string{"zone", "set", zone, update.Name, strconv.FormatUint(uint64(before.Ttl), 10), before.Type}, before.Records...)...)
	return nil
}

// plain is a refusal of what a command made by itself: what is wrong, without where that stands in a body nobody wrote.
func plain(err error) error {
	var r *refusal
	if !errors.As(err, &r) || len(r.Problems) == 0 {
		return err
	}
	var list []string
	for _, p := range r.Problems {
		if strings.Contains(p.Pointer, "/prerequisites/") {
			p.Message = "somebody else changes the RRset at the same time: " + p.Message + "; look at it and try again"
		}
		list = append(list, p.Message)
	}
	return errors.New(strings.Join(list, "\n"))
}

// showRRset prints an RRset as it is now.
func showRRset(ctx context.Context, out io.Writer, conn *client, zone string, u api.Update) error {
	now, _, err := decode[api.RRset](read(conn.GetRRset(ctx, zone, u.Name, u.Type)))
	if err != nil {
		return err
	}
	table(out, recordHeading, recordRows([]api.RRset{now}))
	return nil
}

var recordHeading = []string{"NAME", "TTL", "TYPE", "DATA"}

func recordRows(sets []api.RRset) (rows [][]string) {
	for _, rr := range sets {
		for _, d := range rr.Records {
			rows = append(rows, []string{rr.Name, strconv.FormatUint(uint64(rr.Ttl), 10), rr.Type, d})
		}
	}
	return rows
}

// getRecords shows records of a zone, page by page up to a limit.
func getRecords(cmd *cobra.Command, g *globals, args []string, params api.ListRRsetsParams, limit int) error {
	if len(args) < 1 {
		return fmt.Errorf("of which zone? meridian get records ZONE [NAME]")
	}
	if limit < 0 {
		return fmt.Errorf("--limit %d is less than nothing; 0 is without a limit", limit)
	}
	if len(args) > 1 {
		params.Name = args[1]
	}
	conn, err := g.connect()
	if err != nil {
		return err
	}
	var all api.RRsetPage
	all.Items, all.Next, err = pages(limit, params.After, func(most int, after string) ([]api.RRset, string, error) {
		params.Limit, params.After = most, after
		page, _, err := decode[api.RRsetPage](read(conn.ListRRsets(cmd.Context(), args[0], &params)))
		return page.Items, page.Next, err
	})
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if g.output != "table" {
		body, err := json.MarshalIndent(all, "", "  ")
		if err == nil {
			_, err = g.structured(out, append(body, '\n'))
		}
		return err
	}
	if len(all.Items) == 0 {
		fmt.Fprintln(out, "There are no such records.")
		return nil
	}
	table(out, recordHeading, recordRows(all.Items))
	if all.Next != "" {
		fmt.Fprintf(out, "There is more: --after %s\n", shell(all.Next))
	}
	return nil
}
