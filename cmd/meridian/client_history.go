package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/web/api"
)

func historyCommand(g *globals) *cobra.Command {
	var limit int
	var before uint64
	c := &cobra.Command{
		Use:   "history",
		Short: "List what was changed, by whom and why, the newest first",
		Long: `List the revisions: what was changed, by whom and why, the newest first. Every
change of an operator makes one; verdicts of probers make none. meridian diff shows
what one changed, and meridian rollback brings back what was.`,
		Example: "  meridian history\n  meridian history -n 5 --before 17",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return present(cmd, g, func(ctx context.Context, conn *client) (*http.Response, error) {
				return conn.ListRevisions(ctx, &api.ListRevisionsParams{Limit: limit, Before: before})
			}, func(out io.Writer, page api.RevisionPage) {
				var rows [][]string
				for _, v := range page.Items {
					rows = append(rows, revisionRow(v))
				}
				table(out, revisionHeading, rows)
				if page.Next != 0 {
					fmt.Fprintf(out, "More: meridian history --before %d\n", page.Next)
				}
			})
		},
	}
	c.Flags().IntVarP(&limit, "limit", "n", 20, "how many, 1 to 1000")
	c.Flags().Uint64Var(&before, "before", 0, "only revisions before this one")
	return c
}

var revisionHeading = []string{"REVISION", "AT", "WHO", "WHAT", "OBJECT", "WHY"} // by the cluster's clock, UTC

func revisionRow(v api.Revision) []string {
	return []string{
		strconv.FormatUint(v.Revision, 10), second(v.At), first(v.ActorName, v.Actor, "-"), v.Kind, first(v.Object, count(v.Objects, "object")), orDash(v.Reason),
	}
}

// revisionNames are the newest revisions, with what each was.
func revisionNames(ctx context.Context, c *client) []string {
	page, _, err := decode[api.RevisionPage](read(c.ListRevisions(ctx, nil)))
	if err != nil {
		return nil
	}
	var names []string
	for _, v := range page.Items {
		what := v.Kind + " by " + first(v.ActorName, v.Actor, "the cluster")
		if v.Reason != "" {
			what += ": " + v.Reason
		}
		names = append(names, strconv.FormatUint(v.Revision, 10)+"\t"+what)
	}
	return names
}

// revisionArg reads a revision that was given as an argument.
func revisionArg(text string) (uint64, error) {
	rev, err := strconv.ParseUint(strings.TrimPrefix(text, "r"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a revision; meridian history lists them", text)
	}
	return rev, nil
}

func diffCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "diff REVISION [REVISION]",
		Short: "Say what a revision changed, or what differs between two",
		Long: `Say what a revision changed in the configuration document and the zones, field by
field; with two, what differs between them. The exit code is 2 when something does.`,
		Example: "  meridian diff 17\n  meridian diff 12 17",
		Args:    cobra.RangeArgs(1, 2), ValidArgsFunction: complete(g, revisionNames, revisionNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			params := &api.GetRevisionParams{}
			to, err := revisionArg(args[0])
			if err == nil && len(args) == 2 {
				from := to
				params.From = &from
				to, err = revisionArg(args[1])
			}
			if err != nil {
				return err
			}
			conn, err := g.connect()
			if err != nil {
				return err
			}
			diff, r, err := decode[api.RevisionDiff](read(conn.GetRevision(cmd.Context(), to, params)))
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			done, err := g.structured(out, r.body)
			if err != nil {
				return err
			}
			if !done {
				printDiff(out, diff)
			}
			if len(diff.Changes) > 0 {
				return errFound
			}
			return nil
		},
	}
}

func printDiff(out io.Writer, diff api.RevisionDiff) {
	if v := diff.Revision; v.Revision != 0 && diff.From+1 == diff.To {
		fmt.Fprintf(out, "Revision %d, %s by %s", v.Revision, second(v.At), first(v.ActorName, v.Actor, "the cluster"))
		if v.Reason != "" {
			fmt.Fprintf(out, ": %s", v.Reason)
		}
		fmt.Fprintln(out)
	}
	printChanges(out, diff.Changes)
	if diff.More > 0 {
		fmt.Fprintf(out, "and %s\n", count(diff.More, "more difference"))
	}
	if len(diff.Changes) == 0 {
		fmt.Fprintf(out, "The document and the zones are the same at revision %d and at %d.\n", diff.From, diff.To)
	}
}

func rollbackCommand(g *globals) *cobra.Command {
	var dryRun, force, yes bool
	c := &cobra.Command{
		Use:   "rollback REVISION",
		Short: "Make the configuration and the zones what they were at a revision",
		Long: `Make the configuration document and the zones what they were at a revision. That
is a new revision, through the same checks as any change; what others have changed
since then goes too, so look first: --dry-run shows the changes and whose answers move.
Before it deletes objects it asks, unless --yes is given. Controls, tokens, secrets and members stay as they are.`,
		Example: "  meridian rollback 16 --dry-run\n  meridian rollback 16 --reason \"the new weights overload Frankfurt\"",
		Args:    exactly("REVISION", "as meridian history lists it"), ValidArgsFunction: complete(g, revisionNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			rev, err := revisionArg(args[0])
			if err != nil {
				return err
			}
			conn, err := g.connect()
			if err != nil {
				return err
			}
			ctx, out := cmd.Context(), cmd.OutOrStdout()
			plan, planned, err := decode[api.ConfigResult](read(conn.Rollback(ctx, rev, &api.RollbackParams{DryRun: true, Force: force})))
			if err != nil {
				return err
			}
			if dryRun {
				if done, err := g.structured(out, planned.body); done || err != nil {
					return err
				}
				if len(plan.Changes) == 0 {
					fmt.Fprintf(out, "Nothing to change: all is as it was at revision %d.\n", rev)
					printWarnings(out, plan.Warnings)
					return nil
				}
				printPlan(out, plan)
				return nil
			}
			for _, w := range plan.Warnings {
				if strings.HasPrefix(w, "it is refused as it is: ") {
					return errors.New(w)
				}
			}
			if goes := removals(plan); goes != "" {
				if err := confirm(cmd, yes, "This deletes "+goes+"."); err != nil {
					return err
				}
			}
			result, r, err := decode[api.ConfigResult](read(conn.Rollback(ctx, rev, &api.RollbackParams{Force: force, IfMatch: planned.revision()})))
			if isKind(err, "stale") {
				return errors.Join(err, errors.New("somebody changed something between the look and the rollback: look again with --dry-run"))
			}
			if err != nil {
				return err
			}
			if done, err := g.structured(out, r.body); done || err != nil {
				return err
			}
			if len(plan.Changes) == 0 {
				fmt.Fprintf(out, "Nothing to change: all is as it was at revision %d.\n", rev)
				printWarnings(out, result.Warnings)
				return nil
			}
			printChanges(out, plan.Changes)
			fmt.Fprintf(out, "Rolled back to revision %d, as revision %d.\n", rev, result.Revision)
			printAfter(out, result.Nodes, result.Unpublished, result.Warnings)
			for _, w := range result.Warnings {
				if strings.Contains(w, "no rollback reaches beyond") {
					noUndo(out, "the history keeps nothing of so large a change; apply a document and zones that you kept")
					return nil
				}
			}
			undo(out, "rollback", strconv.FormatUint(result.Revision-1, 10))
			return nil
		},
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would change, and for whom")
	c.Flags().BoolVar(&force, "force", false, forceUsage)
	yesFlag(c, &yes)
	reasonFlag(c, g)
	overrideFlag(c, g)
	return c
}
