package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/document"
	"github.com/meridian-gtm/meridian/web/api"
)

const forceUsage = "allow deleting more than the larger of 10 objects and 20 % of a kind"

const mediaYAML = "application/yaml" // which JSON is too, as far as a document goes

// write is what apply and plan have in common.
type write struct {
	file         string
	prune, force bool
	revision     uint64
	given        bool // revision was
}

func (a *write) flags(c *cobra.Command) {
	c.Flags().StringVarP(&a.file, "file", "f", "", "the document, YAML or JSON; - is standard input")
	c.Flags().BoolVar(&a.prune, "prune", false, "delete the objects that the document does not name")
	c.Flags().BoolVar(&a.force, "force", false, forceUsage)
	c.Flags().Uint64Var(&a.revision, "if-revision", 0, "refuse when the configuration is at another revision")
	_ = c.MarkFlagFilename("file", "yaml", "yml", "json") // the flag is there
}

// readFile reads a file, or standard input for "-".
func readFile(c *cobra.Command, file string) ([]byte, error) {
	switch file {
	case "":
		return nil, errors.New("which document? Say -f FILE, or -f - for standard input")
	case "-":
		return io.ReadAll(c.InOrStdin())
	}
	return os.ReadFile(file)
}

// plan asks what the document would change. The answer is of one revision, which is given for If-Match.
func (a *write) plan(ctx context.Context, c *client, text []byte) (api.ConfigResult, *reply, error) {
	params := &api.PutConfigParams{DryRun: true, Merge: !a.prune, Force: a.force}
	if a.given {
		params.IfMatch = strconv.Quote(strconv.FormatUint(a.revision, 10))
	}
	r, err := read(c.PutConfigWithBody(ctx, params, mediaYAML, bytes.NewReader(text)))
	return decode[api.ConfigResult](r, in(a.file, err))
}

func planCommand(g *globals) *cobra.Command {
	a := &write{}
	c := &cobra.Command{
		Use:   "plan -f FILE",
		Short: "Say what apply would change, and change nothing",
		Long: `Say what apply would change, field by field, with the warnings it would give.
Nothing changes. The exit code is 2 when there are changes, 0 when there are none.`,
		Example: "  meridian plan -f meridian.yaml\n  meridian plan -f meridian.yaml --prune -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.given = cmd.Flags().Changed("if-revision")
			conn, err := g.connect()
			if err != nil {
				return err
			}
			text, err := readFile(cmd, a.file)
			if err != nil {
				return err
			}
			plan, r, err := a.plan(cmd.Context(), conn, text)
			if err != nil {
				return err
			}
			if done, err := g.structured(cmd.OutOrStdout(), r.body); err != nil {
				return err
			} else if !done {
				printPlan(cmd.OutOrStdout(), plan)
			}
			if len(plan.Changes) > 0 {
				return errFound
			}
			return nil
		},
	}
	a.flags(c)
	return c
}

func applyCommand(g *globals) *cobra.Command {
	a := &write{}
	var dryRun, yes bool
	c := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Bring in a configuration document, whole or not at all",
		Long: `Bring in a configuration document. Objects are merged by name: one that the
document names is replaced, one that it does not name stays, unless --prune deletes it.

The document goes in whole or not at all, and only on the revision that the plan
was made on: a change of somebody else's in between is never overwritten. The
document of before is kept in your cache directory, for undoing. Before --prune deletes
objects it asks, unless --yes is given.`,
		Example: `  meridian apply -f meridian.yaml
  meridian apply -f meridian.yaml --prune          # the document is all there is
  meridian get config | sed s/30/20/ | meridian apply -f - --if-revision 17`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.given = cmd.Flags().Changed("if-revision")
			if dryRun {
				return a.dryRun(cmd, g)
			}
			return a.apply(cmd, g, yes)
		},
	}
	a.flags(c)
	c.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would change, as plan does; the exit code is 0")
	yesFlag(c, &yes)
	reasonFlag(c, g)
	overrideFlag(c, g)
	return c
}

func (a *write) dryRun(cmd *cobra.Command, g *globals) error {
	conn, err := g.connect()
	if err != nil {
		return err
	}
	text, err := readFile(cmd, a.file)
	if err != nil {
		return err
	}
	return a.rehearse(cmd, g, conn, text)
}

// rehearse says what a document would change.
func (a *write) rehearse(cmd *cobra.Command, g *globals, conn *client, text []byte) error {
	plan, r, err := a.plan(cmd.Context(), conn, text)
	if err != nil {
		return err
	}
	if done, err := g.structured(cmd.OutOrStdout(), r.body); done || err != nil {
		return err
	}
	printPlan(cmd.OutOrStdout(), plan)
	return nil
}

func (a *write) apply(cmd *cobra.Command, g *globals, yes bool) error {
	conn, err := g.connect()
	if err != nil {
		return err
	}
	text, err := readFile(cmd, a.file)
	if err != nil {
		return err
	}
	return a.bring(cmd, g, conn, text, yes)
}

// bring brings in a document, after asking when it deletes something.
func (a *write) bring(cmd *cobra.Command, g *globals, conn *client, text []byte, yes bool) error {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	conn.long(ctx, time.Minute)
	plan, planned, err := a.plan(ctx, conn, text)
	if err != nil {
		return err
	}
	if goes := removals(plan); a.prune && goes != "" {
		if err := confirm(cmd, yes, "This deletes "+goes+"."); err != nil {
			return err
		}
	}
	before, err := read(conn.GetConfig(ctx, header("Accept", mediaYAML)))
	if err != nil {
		return err
	}
	params := &api.PutConfigParams{Merge: !a.prune, Force: a.force, IfMatch: planned.revision()}
	r, err := read(conn.PutConfigWithBody(ctx, params, mediaYAML, bytes.NewReader(text)))
	result, r, err := decode[api.ConfigResult](r, in(a.file, err))
	if err != nil {
		return err
	}
	if done, err := g.structured(out, r.body); done || err != nil {
		return err
	}
	if len(plan.Changes) == 0 {
		fmt.Fprintf(out, "Nothing to change: the configuration is as the document says, at revision %d.\n", result.Revision)
		printWarnings(out, result.Warnings)
		return nil
	}
	printChanges(out, plan.Changes)
	fmt.Fprintf(out, "Applied %s as revision %d.\n", count(len(plan.Changes), "change"), result.Revision)
	printAfter(out, result.Nodes, result.Unpublished, result.Warnings)
	if before.revision() == planned.revision() {
		if kept := keep("config-r"+unquoted(before.revision())+".yaml", before.body); kept != "" {
			undo(out, "apply", "--prune", "-f", kept, "--if-revision", strconv.FormatUint(result.Revision, 10))
		}
	}
	return nil
}

// removals says which objects a plan deletes, and whose answers change by all of it.
func removals(plan api.ConfigResult) string {
	var gone []string
	for _, e := range plan.Changes {
		if e.Op == "remove" && e.Field == "" {
			gone = append(gone, e.Object)
		}
	}
	if len(gone) == 0 {
		return ""
	}
	text := count(len(gone), "object") + ": " + some(gone)
	var moved []string
	for _, e := range plan.Effects {
		moved = append(moved, fmt.Sprintf("%s %s (%s of all clients)", e.Service, e.Type, percent(e.Moved)))
	}
	if len(moved) == 0 {
		return text + ". Nobody gets another answer"
	}
	return text + ". Other answers come from " + some(moved)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func printPlan(w io.Writer, plan api.ConfigResult) {
	if len(plan.Changes) == 0 {
		fmt.Fprintf(w, "No changes: the configuration is as the document says, at revision %d.\n", plan.Revision)
	} else {
		printChanges(w, plan.Changes)
		printEffects(w, plan.Effects)
		fmt.Fprintf(w, "%s to revision %d. Nothing has been done.\n", count(len(plan.Changes), "change"), plan.Revision)
	}
	printWarnings(w, plan.Warnings)
}

// printEffects says whose answers change: clients count by the world's address space.
func printEffects(w io.Writer, effects []api.Effect) {
	if len(effects) == 0 {
		fmt.Fprintln(w, "\nNobody gets another answer.")
		return
	}
	fmt.Fprintln(w, "\nEffect on answers, by the world's IPv4 address space:")
	for i, e := range effects {
		if i == 10 {
			fmt.Fprintf(w, "  and %s more (-o json lists them)\n", count(len(effects)-10, "service"))
			break
		}
		fmt.Fprintf(w, "  %s %s: %s get another answer\n", e.Service, e.Type, percent(e.Moved))
		for j, m := range e.Moves {
			if j == 5 {
				fmt.Fprintf(w, "      and %d more moves\n", len(e.Moves)-5+e.More)
				break
			}
			fmt.Fprintf(w, "      %-2s  %s -> %s  %s, %s of the country\n", first(m.Country, "?"), m.From, m.To, percent(m.Share), percent(m.OfCountry))
		}
	}
	fmt.Fprintln(w)
}

// percent is a share for reading.
func percent(share float64) string {
	switch p := share * 100; {
	case p >= 99.95:
		return "100 %"
	case p >= 10:
		return fmt.Sprintf("%.0f %%", p)
	case p >= 0.1:
		return fmt.Sprintf("%.1f %%", p)
	}
	return "under 0.1 %"
}

func printChanges(w io.Writer, changes []api.Edit) {
	for _, e := range changes {
		sign := map[api.EditOp]string{"add": "+", "remove": "-"}[e.Op]
		if sign == "" {
			sign = "~"
		}
		line := sign + " " + e.Object
		if e.Field != "" {
			line += "  " + e.Field
		}
		switch {
		case e.Op == "change":
			line += ": " + e.Old + " → " + e.New
		case e.New != "":
			line += "  " + e.New
		case e.Field != "":
			line += "  " + e.Old
		}
		fmt.Fprintln(w, cut(line))
	}
}

func checkCommand(g *globals) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "check -f FILE",
		Short: "Check a configuration document without a node",
		Long: `Check a configuration document by itself: that it can be read, each object, and
that what one names is there. Nothing is asked of a node, so whether the zones
hold the services' names is not checked; plan does. The exit code is 2 for mistakes.`,
		Example: "  meridian check -f meridian.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := readFile(cmd, file)
			if err != nil {
				return err
			}
			doc, err := document.Decode(text, file)
			if err == nil {
				err = document.Locate(text, file, doc.Validate())
			}
			found := mistakes(err)
			if err != nil && found == nil {
				return err
			}
			if done, err := g.checked(cmd.OutOrStdout(), file, found, nil); done || err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is in order: %s, %s, %s, %s, %s.\n", file, count(len(doc.Regions), "region"), count(len(doc.Monitors), "monitor"),
				count(len(doc.Pools), "pool"), count(len(doc.Services), "service"), count(len(doc.SafetyRules), "safety rule"))
			return nil
		},
	}
	c.Flags().StringVarP(&file, "file", "f", "", "the document, YAML or JSON; - is standard input")
	_ = c.MarkFlagFilename("file", "yaml", "yml", "json")
	return c
}

// checked prints what a check found: as -o says it, or mistakes and warnings line by line. It
// is done unless a table is wanted and there are no mistakes.
func (g *globals) checked(w io.Writer, file string, found, warnings []string) (done bool, err error) {
	none := []string{}
	done, err = g.structure(w, map[string]any{"file": file, "ok": len(found) == 0, "mistakes": append(none, found...), "warnings": append(none, warnings...)})
	if err != nil {
		return true, err
	}
	if !done {
		for _, line := range warnings {
			fmt.Fprintln(w, "warning:", line)
		}
		for _, line := range found {
			fmt.Fprintln(w, line)
		}
	}
	if len(found) > 0 {
		return true, errFound
	}
	return done, nil
}

// mistakes are the lines of what is wrong with an input; none when the error is of another sort.
func mistakes(err error) []string {
	var e *policy.Error
	if !errors.As(err, &e) || e.Kind != policy.Invalid {
		return nil
	}
	if len(e.Problems) == 0 {
		return []string{e.Message}
	}
	var lines []string
	for _, p := range e.Problems {
		lines = append(lines, strings.TrimSpace(p.String()))
	}
	return lines
}
