package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

// controlFlags are those of every command that puts a control in force.
type controlFlags struct {
	body          api.ControlRequest
	lasts, begins string
	over, every   string
	steps         []int
	pause, back   []string
	glass         breakGlassFlags
	wait          bool
	rehearse      *dry
}

func (f *controlFlags) add(c *cobra.Command, g *globals) {
	overrideFlag(c, g)
	f.rehearse = dryFlag(c)
	c.Flags().StringVar(&f.body.Reason, "reason", "", "why, for whoever is on call next")
	c.Flags().StringVar(&f.begins, "in", "", "begin after this time (30m, at most 2160h), handing out short TTLs just before; by default at once")
	c.Flags().StringVar(&f.lasts, "for", "", "lift it by itself after this time (2h); by default it stays until it is lifted")
}

func (f *controlFlags) addRamp(c *cobra.Command) {
	c.Flags().StringVar(&f.over, "over", "", "by and by, in even steps until this time is over (10m); by default at once")
	c.Flags().IntSliceVar(&f.steps, "steps", nil, "by and by: percent of its clients that it keeps after each step (75,50,25,0)")
	c.Flags().StringVar(&f.every, "every", "", "time between two of --steps (2m)")
	c.Flags().StringArrayVar(&f.pause, "pause-when", nil, "CONDITION that holds it where it is; may be given more than once")
	c.Flags().StringArrayVar(&f.back, "back-when", nil, "CONDITION that takes it back, after which it is lifted; may be given more than once")
}

// run puts the control in force.
func (f *controlFlags) run(cmd *cobra.Command, g *globals, target string) error {
	body := f.body
	if strings.TrimSpace(body.Reason) == "" {
		return fmt.Errorf("a %s needs a reason: --reason TEXT. Whoever is on call next will want to know", body.Action)
	}
	if _, err := policy.ParseTarget(target); err != nil {
		return err
	}
	body.Target = target
	var err error
	for _, d := range []struct {
		flag, value string
		to          *string
	}{{"for", f.lasts, &body.ExpiresIn}, {"in", f.begins, &body.StartsIn}} {
		if d.value != "" && err == nil {
			*d.to, err = ahead(d.flag, d.value)
		}
	}
	if err == nil {
		body.Ramp, err = f.ramp()
	}
	if err == nil {
		err = f.glass.apply(g)
	}
	if err == nil && f.wait && (f.begins != "" || f.glass.on || body.Ramp != nil) {
		err = errors.New("--wait goes with a drain that begins at once, everywhere and in one step; follow others with meridian get control ID -w")
	}
	if err != nil {
		return err
	}
	return control(cmd, g, body, f.rehearse, f.wait)
}

// ramp is the plan that the flags make, nil without any.
func (f *controlFlags) ramp() (*api.RampPlan, error) {
	if f.over == "" && len(f.steps) == 0 {
		if f.every != "" || len(f.pause) > 0 || len(f.back) > 0 {
			return nil, errors.New("--every, --pause-when and --back-when are for what goes by and by: say --over TIME, or --steps 75,50,25,0 --every TIME")
		}
		return nil, nil
	}
	p := &api.RampPlan{Steps: f.steps, PauseWhen: f.pause, BackWhen: f.back}
	var err error
	if f.over != "" {
		p.Over, err = ahead("over", f.over)
	}
	if f.every != "" && err == nil {
		p.Every, err = ahead("every", f.every)
	}
	return p, err
}

// ahead reads a flag's time to come.
func ahead(flag, text string) (string, error) {
	var d policy.Duration
	if err := d.UnmarshalText([]byte(text)); err != nil || d <= 0 {
		return "", fmt.Errorf("--%s %q is not a time to come; write 30m or 2h", flag, text)
	}
	return d.String(), nil
}

func forceCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "force",
		Short: "Answer as if something were up or down, whatever is measured",
	}
	for _, way := range []struct{ name, short, long, example string }{
		{"up", "Answer as if TARGET were up", `Answer as if every verdict on TARGET were up, whatever is measured: for monitors that are
wrong. What is measured stays visible. It counts before older controls, drains included.`, `  meridian force up pool/web-eu-central --reason "the monitor's certificate has expired, the pool is fine"`},
		{"down", "Answer as if TARGET were down", `Answer as if every verdict on TARGET were down, as a failure would have it: minAvailable,
panicThreshold and lastResort act. A service as a whole is forced down to rehearse its lastResort.`, `  meridian force down endpoint/web-us-east/a --reason "it answers, but wrongly" --for 1h
  meridian force down service/www.example.com --reason "rehearsal of the last resort" --for 5m`},
	} {
		f := &controlFlags{body: api.ControlRequest{Action: "force-" + way.name}}
		sub := &cobra.Command{
			Use: way.name + " TARGET --reason TEXT", Short: way.short, Long: way.long + "\nTARGET is\n" + targetLines + ".", Example: way.example,
			Args: exactly("TARGET", targets), ValidArgsFunction: complete(g, targetNames),
			RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, g, args[0]) },
		}
		f.add(sub, g)
		c.AddCommand(sub)
	}
	return c
}

func shareCommand(g *globals) *cobra.Command {
	f := &controlFlags{body: api.ControlRequest{Action: "share"}}
	c := &cobra.Command{
		Use:   "share TARGET PERCENT --reason TEXT",
		Short: "Leave something a part of its usual clients",
		Long: `Leave TARGET so much of its usual clients, 0 to 100 percent; the others go where they
would go next. With nowhere else to go nobody is sent away. 0 acts as a drain. TARGET is
` + targetLines + `,
but no service: its clients have nowhere else to go.`,
		Example: `  meridian share region/us-east 20 --reason "one uplink is down"
  meridian share pool/web 50 --over 10m --back-when signal:errors --reason "new release"`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return fmt.Errorf("%s takes a TARGET and a PERCENT, as in region/us-east 20, not %d arguments; see %s --help", cmd.CommandPath(), len(args), cmd.CommandPath())
			}
			return nil
		},
		ValidArgsFunction: complete(g, targetNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			percent, err := strconv.Atoi(strings.TrimSuffix(args[1], "%"))
			if err != nil || percent < 0 || percent > 100 {
				return fmt.Errorf("%q is no share; write a number from 0 to 100: percent of its usual clients that %s keeps", args[1], args[0])
			}
			f.body.Share = &percent
			return f.run(cmd, g, args[0])
		},
	}
	f.add(c, g)
	f.addRamp(c)
	return c
}

// control puts a control in force and says what came of it.
func control(cmd *cobra.Command, g *globals, body api.ControlRequest, rehearse *dry, wait bool) error {
	conn, err := g.connect()
	if err != nil {
		return err
	}
	call := func() (*http.Response, error) { return conn.CreateControl(cmd.Context(), nil, body) }
	if rehearse.on {
		cfg, err := conn.config(cmd.Context())
		if err != nil {
			return err
		}
		covers, err := reachOf(&cfg, body.Target)
		if err != nil {
			return err
		}
		rehearse.ask = func() error {
			_, _, err := decode[api.ControlRehearsal](read(conn.CreateControl(cmd.Context(), &api.CreateControlParams{DryRun: true}, body)))
			return err
		}
		_, err = rehearse.show(cmd, g, conn, call, covers.String())
		return err
	}
	made, r, err := decode[api.ControlCreated](read(call()))
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if done, err := g.structured(out, r.body); done || err != nil {
		if err == nil && wait { // the same, when it is over
			return awaitQuietly(cmd, conn, made.Id)
		}
		return err
	}
	until := "until it is lifted"
	if !made.ExpiresAt.IsZero() {
		until = "until " + moment(made.ExpiresAt)
	}
	does, did := phrases(made)
	back := []string{"lift", made.Id}
	if made.Action == "drain" {
		back[0] = "undrain"
	}
	switch {
	case made.Local:
		fmt.Fprintf(out, "%s %s (%s) on this node alone, %s. Reason: %s\n", did, made.Target, made.Id, until, made.Reason)
		fmt.Fprintln(out, "The others do not know. When there is a leader again, drain it everywhere or lift this here: meridian undrain", made.Id)
		return nil
	case made.Phase == "planned" || made.Phase == "near":
		fmt.Fprintf(out, "Planned to %s %s (%s) at %s, %s. Reason: %s\n", does, made.Target, made.Id, moment(made.StartsAt), until, made.Reason)
	case made.Ramp != nil:
		fmt.Fprintf(out, "On its way to %s %s (%s): it keeps %d %% now, %s. Reason: %s\n", does, made.Target, made.Id, *made.Kept, until, made.Reason)
		if made.Problem != "" {
			fmt.Fprintf(out, "It is %s: %s\n", made.Phase, made.Problem)
		}
	default:
		fmt.Fprintf(out, "%s %s (%s), %s. Reason: %s\n", did, made.Target, made.Id, until, made.Reason)
	}
	printAfter(out, made.Nodes, made.Unpublished, made.Warnings)
	undo(out, back...)
	if wait {
		return awaitWindow(cmd, conn, made.Id)
	}
	if made.Phase == "planned" || made.Phase == "near" || made.Action == "force-up" || made.Ramp != nil {
		return nil
	}
	if w := made.Window; w.State == api.WindowStateDraining && !w.ClosesAt.IsZero() {
		fmt.Fprintf(out, "Resolvers may give what they have until %s (meridian get control %s).\n", second(w.ClosesAt), made.Id)
	} else if w.State != api.WindowStateDrained {
		fmt.Fprintf(out, "Resolvers may give what they have for one TTL more: %s\n", windowText(w, false))
	}
	return nil
}

// phrases are what a control does to its target, and what it has done.
func phrases(v api.ControlCreated) (does, did string) {
	switch v.Action {
	case "force-up":
		return "force up", "Forced up"
	case "force-down":
		return "force down", "Forced down"
	case "share":
		share := 0
		if v.Share != nil {
			share = *v.Share
		}
		return fmt.Sprintf("leave %d %% of its clients to", share), fmt.Sprintf("Left %d %% of its clients to", share)
	}
	return "drain", "Drained"
}

// commandOf is the command that makes a control like one there is.
func commandOf(v api.Control) []string {
	switch v.Action {
	case "force-up", "force-down":
		return []string{"force", strings.TrimPrefix(v.Action, "force-"), v.Target}
	case "share":
		if v.Share != nil {
			return []string{"share", v.Target, strconv.Itoa(*v.Share)}
		}
	}
	return []string{"drain", v.Target}
}

// describeControl shows a control with what it covers and which others stand against it.
func describeControl(cmd *cobra.Command, g *globals, conn *client, id string) error {
	v, r, err := decode[api.Control](read(conn.GetControl(cmd.Context(), id)))
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if done, err := g.structured(out, r.body); done || err != nil {
		return err
	}
	table(out, controlHeading, [][]string{controlRow(v)})
	printControl(out, v)
	fmt.Fprintln(out)
	printWindow(out, v.Window)
	return nil
}

// printControl shows of a control what a row does not.
func printControl(w io.Writer, v api.Control) {
	if v.Problem != "" {
		fmt.Fprintf(w, "\nProblem: %s\n", v.Problem)
	}
	if r := v.Ramp; r != nil {
		fmt.Fprintf(w, "\nSteps: %v %%, %s apart; %d of %d made", r.Steps, r.Every, r.Done, len(r.Steps))
		if !r.NextAt.IsZero() {
			fmt.Fprintf(w, ", the next at %s", moment(r.NextAt))
		}
		fmt.Fprintln(w)
		for _, c := range r.PauseWhen {
			fmt.Fprintln(w, "Pauses when", c)
		}
		for _, c := range r.BackWhen {
			fmt.Fprintln(w, "Goes back when", c)
		}
	}
	if len(v.Override) > 0 {
		fmt.Fprintln(w, "\nBreaks the safety rules", strings.Join(v.Override, ", "))
	}
	if len(v.OverriddenBy) > 0 {
		fmt.Fprintln(w, "\nOverridden, where both cover an endpoint, by", strings.Join(v.OverriddenBy, ", "))
	}
	if len(v.Overrides) > 0 {
		fmt.Fprintln(w, "\nOverrides, where both cover an endpoint,", strings.Join(v.Overrides, ", "))
	}
	if v.Covers == nil || v.Covers.Count == 0 {
		return
	}
	fmt.Fprintf(w, "\nCovers %s\n", count(v.Covers.Count, "endpoint"))
	var rows [][]string
	for _, e := range v.Covers.Endpoints {
		rows = append(rows, []string{strings.TrimPrefix(e.Endpoint, "endpoint/"), string(e.Measured), orDash(e.OverriddenBy)})
	}
	table(w, []string{"ENDPOINT", "MEASURED", "OVERRIDDEN BY"}, rows)
}
