package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/web/api"
)

func drillCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "drill",
		Short: "Rehearse the loss of a region, by a plan, with a report",
		Long: `A drill takes part of the world out of service by a plan (drillPlans in the document),
holds it, and brings it back. It is checked before it begins, ends by itself when
something else fails or a condition of its plan comes true, and leaves nothing behind.`,
		Example: `  meridian drill preflight weekly
  meridian drill start weekly --wait
  meridian drill abort d17`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(drillPlans(g), drillPreflight(g), drillStart(g), drillList(g), drillShow(g), drillAct(g, "abort"), drillAct(g, "approve"), drillReport(g))
	return c
}

func drillPlans(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "plans",
		Short:   "List the drill plans",
		Example: "  meridian drill plans",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return present(cmd, g, func(ctx context.Context, conn *client) (*http.Response, error) {
				return conn.ListDrillPlans(ctx)
			}, func(out io.Writer, list api.DrillPlanList) {
				var rows [][]string
				for _, p := range list.Items {
					when := "-"
					if p.Schedule != nil {
						when = p.Schedule.Cron
					}
					rows = append(rows, []string{p.Name, planText(&p), orDash(p.Hold), orDash(p.Rto), when, orDash(p.Title)})
				}
				table(out, []string{"NAME", "WHAT", "HOLD", "RTO", "SCHEDULE", "TITLE"}, rows)
			})
		},
	}
}

// planText is what a plan does, in a few words.
func planText(p *api.DrillPlan) string {
	switch m := p.Simulate; {
	case len(p.Evacuate) > 0:
		return "evacuate " + strings.Join(p.Evacuate, ", ")
	case m == nil:
		return fmt.Sprintf("%d steps", len(p.Steps))
	case len(m.Down) > 0:
		return "simulate down " + strings.Join(m.Down, ", ")
	case m.Vantage != "":
		return "ignore vantage " + m.Vantage
	default:
		return "silence " + m.Nameserver
	}
}

// drillPlanNames are the plans, with their titles.
func drillPlanNames(ctx context.Context, c *client) (names []string) {
	list, _, err := decode[api.DrillPlanList](read(c.ListDrillPlans(ctx)))
	if err != nil {
		return nil
	}
	for _, p := range list.Items {
		names = append(names, p.Name+"\t"+first(p.Title, planText(&p)))
	}
	return names
}

// drillNames are the runs that go on.
func drillNames(ctx context.Context, c *client) (names []string) {
	list, _, err := decode[api.DrillList](read(c.ListDrills(ctx)))
	if err != nil {
		return nil
	}
	for _, r := range list.Items {
		if !r.Over {
			names = append(names, r.Id+"\t"+r.Plan.Name+" "+string(r.Phase))
		}
	}
	return names
}

func drillPreflight(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "preflight PLAN",
		Short:   "Check whether a drill could run now; change nothing",
		Example: "  meridian drill preflight weekly",
		Args:    exactly("PLAN", "as meridian drill plans shows them"), ValidArgsFunction: complete(g, drillPlanNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			failed := ""
			err := present(cmd, g, func(ctx context.Context, conn *client) (*http.Response, error) {
				return conn.PreflightDrill(ctx, args[0])
			}, func(out io.Writer, v api.Preflight) {
				printChecks(out, v.Checks)
				for _, c := range v.Checks {
					if c.Result == "fail" && failed == "" {
						failed = c.Name
					}
				}
				if v.Ok {
					fmt.Fprintf(out, "\nNothing is against the drill %s.\n", v.Plan)
				}
			})
			if err == nil && failed != "" {
				return fmt.Errorf("the drill %s would not begin: %s", args[0], failed)
			}
			return err
		},
	}
}

func drillReport(g *globals) *cobra.Command {
	var as string
	c := &cobra.Command{
		Use:   "report [ID]",
		Short: "Read the report of a run that is over, or list all reports",
		Long: `Read the report of a run: as Markdown, or with --as html as one page that needs nothing
else, with its steps as a picture. Without an ID the reports are listed, with the recovery
time that was expected and the one that was achieved. -o json gives either as JSON.`,
		Example: "  meridian drill report\n  meridian drill report d17\n  meridian drill report d17 --as html > report.html",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return present(cmd, g, func(ctx context.Context, conn *client) (*http.Response, error) { return conn.ListReports(ctx) }, printDrillReports)
			}
			if as != "markdown" && as != "html" {
				return fmt.Errorf("--as is markdown or html, not %q", as)
			}
			conn, err := g.connect()
			if err != nil {
				return err
			}
			media := "text/" + as
			if g.output == "json" || g.output == "yaml" {
				media = "application/json"
			}
			r, err := read(conn.GetReport(cmd.Context(), args[0], func(_ context.Context, req *http.Request) error {
				req.Header.Set("Accept", media)
				return nil
			}))
			if err != nil {
				return err
			}
			if done, err := g.structured(cmd.OutOrStdout(), r.body); done || err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(r.body)
			return err
		},
	}
	c.Flags().StringVar(&as, "as", "markdown", "markdown or html")
	return c
}

func printDrillReports(out io.Writer, list api.ReportList) {
	var rows [][]string
	for _, v := range list.Items {
		met := "-"
		if v.Met != nil {
			met = map[bool]string{true: "yes", false: "no"}[*v.Met]
		}
		rows = append(rows, []string{v.Id, orDash(v.Plan), second(v.At.Ended), v.Result, orDash(v.Code), orDash(v.Rto), orDash(v.Achieved), met})
	}
	table(out, []string{"ID", "PLAN", "ENDED", "RESULT", "CODE", "EXPECTED", "ACHIEVED", "MET"}, rows)
}

func printChecks(out io.Writer, checks []api.DrillCheck) {
	var rows [][]string
	for _, c := range checks {
		rows = append(rows, []string{string(c.Result), c.Name, c.Text})
	}
	table(out, []string{"RESULT", "CHECK", "TEXT"}, rows)
}

func drillStart(g *globals) *cobra.Command {
	var body api.DrillStart
	var wait bool
	var rehearse *dry
	c := &cobra.Command{
		Use:   "start PLAN",
		Short: "Start a drill",
		Long: `Start a run of a plan. It begins with its approvals, if it wants any, and preflight.
--practice goes through preflight and says when each step would be; nothing else is done.
--wait shows what happens until the run is over, and fails when it does not end well.
Interrupting that leaves the run as it is: end it with meridian drill abort.`,
		Example: "  meridian drill start weekly --reason \"game day\" --wait\n  meridian drill start weekly --practice",
		Args:    exactly("PLAN", "as meridian drill plans shows them"), ValidArgsFunction: complete(g, drillPlanNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			body.Plan = args[0]
			conn, err := g.connect()
			if err != nil {
				return err
			}
			send := func() (*http.Response, error) { return conn.StartDrill(cmd.Context(), nil, body) }
			if done, err := rehearse.show(cmd, g, conn, send, "what the plan takes out of service (meridian drill preflight)"); done || err != nil {
				return err
			}
			made, r, err := decode[api.DraftWritten](read(send()))
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if done, err := g.structured(out, r.body); done || err != nil {
				return err
			}
			fmt.Fprintf(out, "Started the drill %s (%s).\n", made.Id, body.Plan)
			if !wait {
				fmt.Fprintf(out, "Follow it: meridian drill show %s --wait\n", made.Id)
				undo(out, "drill", "abort", made.Id)
				return nil
			}
			return followDrill(cmd, conn, made.Id)
		},
	}
	rehearse = dryFlag(c)
	reasonFlag(c, g)
	c.Flags().BoolVar(&body.Practice, "practice", false, "change nothing; say what would be done and when")
	c.Flags().BoolVar(&wait, "wait", false, "show what happens until it is over")
	return c
}

// followDrill shows a run's timeline as it grows, until the run is over.
func followDrill(cmd *cobra.Command, conn *client, id string) error {
	out := cmd.OutOrStdout()
	shown, index := 0, ""
	last := time.Time{}
	for {
		query := func(_ context.Context, req *http.Request) error {
			if index != "" {
				q := req.URL.Query()
				q.Set("wait", "5s") // well within the time that an answer may take
				q.Set("index", index)
				req.URL.RawQuery = q.Encode()
			}
			return nil
		}
		r, res, err := decode[api.Drill](read(conn.GetDrill(cmd.Context(), id, query)))
		if err != nil {
			return err
		}
		for i, n := range r.Timeline {
			if i >= shown && !n.At.Before(last) {
				fmt.Fprintf(out, "%s  %-10s %s\n", n.At.UTC().Format("15:04:05.0"), n.Phase, n.Text)
				last = n.At
			}
		}
		shown = len(r.Timeline)
		if r.Over {
			awaitReport(cmd.Context(), conn, id)
			if r.Phase != "done" {
				return fmt.Errorf("the drill %s is %s (%s): %s", id, r.Phase, r.Code, r.Problem)
			}
			fmt.Fprintf(out, "The drill %s is done.\n", id)
			return nil
		}
		index = res.header.Get("X-Index")
		if _, err := strconv.ParseUint(index, 10, 64); err != nil {
			return fmt.Errorf("the server says no index to wait from")
		}
	}
}

// awaitReport returns when a run that is over has its report, or when that takes long.
func awaitReport(ctx context.Context, conn *client, id string) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		if _, err := read(conn.GetReport(ctx, id)); err == nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

func drillList(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the runs of drills",
		Example: "  meridian drill list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return present(cmd, g, func(ctx context.Context, conn *client) (*http.Response, error) {
				return conn.ListDrills(ctx)
			}, func(out io.Writer, list api.DrillList) {
				var rows [][]string
				for _, r := range list.Items {
					phase := string(r.Phase)
					if r.Practice {
						phase += " (practice)"
					}
					rows = append(rows, []string{r.Id, r.Plan.Name, second(r.CreatedAt), first(r.ActorName, r.Actor), phase, orDash(r.Code)})
				}
				table(out, []string{"ID", "PLAN", "MADE", "BY", "PHASE", "CODE"}, rows)
			})
		},
	}
}

func drillShow(g *globals) *cobra.Command {
	var wait bool
	c := &cobra.Command{
		Use:     "show ID",
		Short:   "Look at a run: its steps, checks and timeline",
		Example: "  meridian drill show d17\n  meridian drill show d17 --wait",
		Args:    exactly("ID", "as meridian drill list shows it"), ValidArgsFunction: complete(g, drillNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if wait {
				conn, err := g.connect()
				if err != nil {
					return err
				}
				return followDrill(cmd, conn, args[0])
			}
			return present(cmd, g, func(ctx context.Context, conn *client) (*http.Response, error) {
				return conn.GetDrill(ctx, args[0])
			}, printDrill)
		},
	}
	c.Flags().BoolVar(&wait, "wait", false, "show what happens until it is over")
	return c
}

func printDrill(out io.Writer, r api.Drill) {
	fmt.Fprintf(out, "%s  %s: %s\n%s by %s, %s", r.Id, r.Plan.Name, planText(&r.Plan), r.Phase, first(r.ActorName, r.Actor), second(r.CreatedAt))
	if r.Practice {
		fmt.Fprint(out, ", practice")
	}
	fmt.Fprintln(out)
	if r.Problem != "" {
		fmt.Fprintf(out, "%s: %s\n", r.Code, r.Problem)
	}
	if !r.Over {
		fmt.Fprintf(out, "It ends by force at %s.\n", moment(r.ExpiresAt))
	}
	fmt.Fprintln(out)
	var rows [][]string
	for _, st := range r.Steps {
		from, to := "-", "-"
		if !st.StartedAt.IsZero() {
			from = st.StartedAt.UTC().Format("15:04:05")
		}
		if !st.EndedAt.IsZero() {
			to = st.EndedAt.UTC().Format("15:04:05")
		}
		rows = append(rows, []string{st.Name, strings.TrimSpace(string(st.Kind) + " " + st.Text), string(st.State), from, to, orDash(st.Problem)})
	}
	table(out, []string{"STEP", "WHAT", "STATE", "FROM", "TO", "PROBLEM"}, rows)
	if len(r.Checks) > 0 {
		fmt.Fprintln(out)
		printChecks(out, r.Checks)
	}
	fmt.Fprintln(out)
	for _, n := range r.Timeline {
		fmt.Fprintf(out, "%s  %-16s %s\n", n.At.UTC().Format("15:04:05.0"), n.Phase, n.Text)
	}
}

// drillAct is a command that aborts or approves a run.
func drillAct(g *globals, verb string) *cobra.Command {
	short, done, back := "End a drill now and take back all that it does", "Aborted", "start another drill"
	if verb == "approve" {
		short, done, back = "Approve what somebody else's drill waits for", "Approved", "abort the drill"
	}
	var rehearse *dry
	c := &cobra.Command{
		Use: verb + " ID", Short: short, Example: "  meridian drill " + verb + " d17",
		Args: exactly("ID", "as meridian drill list shows it"), ValidArgsFunction: complete(g, drillNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, err := g.connect()
			if err != nil {
				return err
			}
			send := func() (*http.Response, error) {
				if verb == "approve" {
					return conn.ApproveDrill(cmd.Context(), args[0], nil)
				}
				return conn.AbortDrill(cmd.Context(), args[0], nil)
			}
			if done, err := rehearse.show(cmd, g, conn, send, "what the drill takes out of service"); done || err != nil {
				return err
			}
			w, r, err := decode[api.WriteResult](read(send()))
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if done, err := g.structured(out, r.body); done || err != nil {
				return err
			}
			fmt.Fprintf(out, "%s the drill %s.\n", done, args[0])
			printAfter(out, w.Nodes, w.Unpublished, w.Warnings)
			noUndo(out, back)
			return nil
		},
	}
	rehearse = dryFlag(c)
	reasonFlag(c, g)
	return c
}
