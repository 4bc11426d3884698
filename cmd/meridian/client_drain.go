package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

const targets = policy.TargetForms

// targetLines is targets where lines are short.
var targetLines = strings.Replace(targets, "endpoint/", "\nendpoint/", 1)

func drainCommand(g *globals) *cobra.Command {
	f := &controlFlags{body: api.ControlRequest{Action: "drain"}}
	c := &cobra.Command{
		Use:   "drain TARGET --reason TEXT",
		Short: "Take a region, provider, zone, pool, endpoint or label out of answers",
		Long: `Take part of the world out of every answer, on every node, while anything else is
left. TARGET is
` + targetLines + `.

The command returns when every node that can be reached answers without it. A drain
that would leave a service nothing but drained endpoints is refused. Resolvers may
go on giving what they have for one TTL: --wait shows that window close, and returns
when no resolver that abides by TTLs has anything left; it fails when nodes cannot be asked.

With --over or --steps it goes by and by: each step leaves TARGET less of its usual
clients. --pause-when and --back-when hold it or take it back; CONDITION is
` + conditions + `.`,
		Example: `  meridian drain region/us-east --reason "power maintenance" --for 2h
  meridian drain endpoint/web-us-east/a --reason "disk is failing"
  meridian drain provider/aws --in 2h --for 1h --reason "rehearsal"
  meridian drain region/us-east --over 10m --pause-when 'load:region/eu-central>90' --reason "moving out"`,
		Args: exactly("TARGET", targets), ValidArgsFunction: complete(g, targetNames),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, g, args[0]) },
	}
	f.add(c, g)
	f.addRamp(c)
	f.glass.add(c)
	c.Flags().BoolVar(&f.wait, "wait", false, "show the TTL window close, and return when it has")
	return c
}

const conditions = "down:TARGET, signal:NAME, load:pool/NAME>90 (percent of its capacity),\nload:region/NAME>90 or latency:region/NAME>250ms"

// exactly is one argument, explained when it is missing.
func exactly(name, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("%s takes one %s (%s), not %d; see %s --help", cmd.CommandPath(), name, what, len(args), cmd.CommandPath())
		}
		return nil
	}
}

func undrainCommand(g *globals) *cobra.Command {
	return lifting(g, &cobra.Command{
		Use:   "undrain TARGET|ID",
		Short: "Lift a drain",
		Long: `Lift the drain with an id, or every drain of a target. A target that another drain
still covers stays out: lifting pool/web leaves a drain of its region in force. With
--over its clients come back by and by, and then it is lifted.`,
		Example: "  meridian undrain region/us-east\n  meridian undrain c17\n  meridian undrain region/us-east --over 10m",
		Args:    exactly("TARGET or ID", "as meridian get controls shows them"), ValidArgsFunction: complete(g, drainedNames("drain")),
	}, "drain", "drained")
}

func liftCommand(g *globals) *cobra.Command {
	return lifting(g, &cobra.Command{
		Use:   "lift TARGET|ID",
		Short: "Lift a control of any kind",
		Long: `Lift the control with an id, or every control of a target, whatever it does: drains,
shares, and what is forced up or down. What another control says of it then counts.`,
		Example: "  meridian lift c17\n  meridian lift service/www.example.com\n  meridian lift pool/web --over 10m",
		Args:    exactly("TARGET or ID", "as meridian get controls shows them"), ValidArgsFunction: complete(g, drainedNames("")),
	}, "", "controlled")
}

// lifting makes a command that lifts the controls of an action, or with "" of any.
func lifting(g *globals, c *cobra.Command, action, word string) *cobra.Command {
	var glass breakGlassFlags
	var over string
	rehearse := dryFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		params, err := overParams(over)
		if err != nil {
			return err
		}
		if err := glass.apply(g); err != nil {
			return err
		}
		conn, err := g.connect()
		if err != nil {
			return err
		}
		list, _, err := decode[api.ControlList](read(conn.ListControls(cmd.Context())))
		if err != nil {
			return err
		}
		var found []api.Control
		var others []string
		for _, v := range list.Items {
			if v.Id == args[0] || v.Target == args[0] && (action == "" || v.Action == action) {
				found = append(found, v)
			} else {
				others = append(others, fmt.Sprintf("%s (%s)", v.Id, v.Target))
			}
		}
		if len(found) == 0 {
			if len(others) == 0 {
				return fmt.Errorf("%s is not %s; nothing is", args[0], word)
			}
			return fmt.Errorf("%s is not %s; there are %s", args[0], word, strings.Join(others, ", "))
		}
		return lift(cmd, g, conn, found, params, rehearse)
	}
	c.Flags().StringVar(&over, "over", "", "by and by, until this time is over (10m); by default at once")
	glass.add(c)
	reasonFlag(c, g)
	overrideFlag(c, g)
	return c
}

// left is how long it is until a time, for a flag.
func left(at time.Time) string { return max(time.Second, time.Until(at).Round(time.Second)).String() }

func overParams(over string) (*api.DeleteControlParams, error) {
	if over == "" {
		return nil, nil
	}
	d, err := ahead("over", over)
	return &api.DeleteControlParams{Over: d}, err
}

func lift(cmd *cobra.Command, g *globals, conn *client, found []api.Control, params *api.DeleteControlParams, rehearse *dry) error {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	var bodies []json.RawMessage
	for i, v := range found {
		call := func() (*http.Response, error) { return conn.DeleteControl(ctx, v.Id, params) }
		if done, err := rehearse.show(cmd, g, conn, call, fmt.Sprintf("the %s of %s (%s), which would be lifted", v.Action, v.Target, v.Id)); done || err != nil {
			if err != nil || i == len(found)-1 {
				return err
			}
			continue
		}
		result, r, err := decode[api.WriteResult](read(call()))
		if err != nil {
			return fmt.Errorf("lifting %s of %s: %w", v.Id, v.Target, err)
		}
		bodies = append(bodies, r.body)
		if g.output != "table" {
			continue
		}
		if params == nil {
			fmt.Fprintf(out, "Lifted %s of %s (%s).\n", v.Action, v.Target, v.Id)
		} else {
			fmt.Fprintf(out, "The %s of %s (%s) is on its way back, for %s.\n", v.Action, v.Target, v.Id, params.Over)
		}
		if i == len(found)-1 {
			printAfter(out, result.Nodes, result.Unpublished, result.Warnings)
		}
	}
	if g.output == "table" {
		for _, v := range found {
			again := append(commandOf(v), "--reason", v.Reason)
			if v.Phase == "planned" || v.Phase == "near" {
				again = append(again, "--in", left(v.StartsAt))
			}
			if r := v.Ramp; r != nil && r.Done < len(r.Steps) { // from where it was
				steps := fmt.Sprint(r.Steps[max(0, r.Done-1):])
				again = append(again, "--steps", strings.ReplaceAll(strings.Trim(steps, "[]"), " ", ","), "--every", r.Every)
			}
			if !v.ExpiresAt.IsZero() { // as long as it would have gone on
				lasts := left(v.ExpiresAt)
				if v.StartsAt.After(time.Now()) {
					lasts = v.ExpiresAt.Sub(v.StartsAt).String()
				}
				again = append(again, "--for", lasts)
			}
			undo(out, again...)
		}
		return nil
	}
	all, err := json.MarshalIndent(bodies, "", "  ")
	if err != nil {
		return err
	}
	_, err = g.structured(out, append(all, '\n'))
	return err
}
