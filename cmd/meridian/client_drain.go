package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

const targets = "region/NAME, provider/NAME, az/REGION/AZ, pool/NAME or endpoint/POOL/NAME"

func drainCommand(g *globals) *cobra.Command {
	var reason, lasts, ahead string
	var wait bool
	var glass breakGlassFlags
	var rehearse *dry
	c := &cobra.Command{
		Use:   "drain TARGET --reason TEXT",
		Short: "Take a region, provider, zone, pool or endpoint out of answers",
		Long: `Take part of the world out of every answer, on every node, while anything else is
left. TARGET is ` + targets + `.

The command returns when every node that can be reached answers without it. A drain
that would leave a service nothing but drained endpoints is refused. Resolvers may
go on giving what they have for one TTL: --wait shows that window close, and returns
when no resolver that abides by TTLs has anything left; it fails when nodes cannot be asked.`,
		Example: `  meridian drain region/us-east --reason "power maintenance" --for 2h
  meridian drain endpoint/web-us-east/a --reason "disk is failing"
  meridian drain provider/aws --in 2h --for 1h --reason "rehearsal"`,
		Args: exactly("TARGET", targets), ValidArgsFunction: complete(g, targetNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(reason) == "" {
				return errors.New("a drain needs a reason: --reason TEXT. Whoever is on call next will want to know")
			}
			if _, err := policy.ParseTarget(args[0]); err != nil {
				return err
			}
			body := api.ControlRequest{Target: args[0], Action: "drain", Reason: reason}
			if lasts != "" {
				var d policy.Duration
				if err := d.UnmarshalText([]byte(lasts)); err != nil || d <= 0 {
					return fmt.Errorf("--for %q is not a time to come; write 30m or 2h", lasts)
				}
				body.ExpiresIn = d.String()
			}
			if ahead != "" {
				var d policy.Duration
				if err := d.UnmarshalText([]byte(ahead)); err != nil || d <= 0 {
					return fmt.Errorf("--in %q is not a time to come; write 30m or 2h", ahead)
				}
				body.StartsIn = d.String()
			}
			if err := glass.apply(g); err != nil {
				return err
			}
			if wait && (ahead != "" || glass.on) {
				return errors.New("--wait goes with a drain that begins at once, everywhere; follow others with meridian get control ID -w")
			}
			return drain(cmd, g, body, rehearse, wait)
		},
	}
	glass.add(c)
	rehearse = dryFlag(c)
	c.Flags().StringVar(&reason, "reason", "", "why, for whoever is on call next")
	c.Flags().BoolVar(&wait, "wait", false, "show the TTL window close, and return when it has")
	c.Flags().StringVar(&ahead, "in", "", "begin after this time (30m, at most 2160h), handing out short TTLs just before; by default at once")
	c.Flags().StringVar(&lasts, "for", "", "lift it by itself after this time (2h); by default it stays until undrain")
	return c
}

// exactly is one argument, explained when it is missing.
func exactly(name, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("%s takes one %s (%s), not %d; see %s --help", cmd.CommandPath(), name, what, len(args), cmd.CommandPath())
		}
		return nil
	}
}

func drain(cmd *cobra.Command, g *globals, body api.ControlRequest, rehearse *dry, wait bool) error {
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
	if made.Local {
		fmt.Fprintf(out, "Drained %s (%s) on this node alone, %s. Reason: %s\n", made.Target, made.Id, until, made.Reason)
		fmt.Fprintln(out, "The others do not know. When there is a leader again, drain it everywhere or lift this here: meridian undrain", made.Id)
		return nil
	}
	if made.Phase != "in-force" {
		fmt.Fprintf(out, "Planned to drain %s (%s) at %s, %s. Reason: %s\n", made.Target, made.Id, moment(made.StartsAt), until, made.Reason)
		printAfter(out, made.Nodes, made.Unpublished, made.Warnings)
		undo(out, "undrain", made.Id)
		return nil
	}
	fmt.Fprintf(out, "Drained %s (%s), %s. Reason: %s\n", made.Target, made.Id, until, made.Reason)
	printAfter(out, made.Nodes, made.Unpublished, made.Warnings)
	undo(out, "undrain", made.Id)
	if wait {
		return awaitWindow(cmd, conn, made.Id)
	}
	if w := made.Window; w.State == api.WindowStateDraining && !w.ClosesAt.IsZero() {
		fmt.Fprintf(out, "Resolvers may give what they have until %s (meridian get control %s).\n", second(w.ClosesAt), made.Id)
	} else if w.State != api.WindowStateDrained {
		fmt.Fprintf(out, "Resolvers may give what they have for one TTL more: %s\n", windowText(w, false))
	}
	return nil
}

func undrainCommand(g *globals) *cobra.Command {
	var glass breakGlassFlags
	var rehearse *dry
	c := &cobra.Command{
		Use:   "undrain TARGET|ID",
		Short: "Lift a drain",
		Long: `Lift the drain with an id, or every drain of a target. A target that another drain
still covers stays out: lifting pool/web leaves a drain of its region in force.`,
		Example: "  meridian undrain region/us-east\n  meridian undrain c17",
		Args:    exactly("TARGET or ID", "as meridian get controls shows them"), ValidArgsFunction: complete(g, drainedNames),
		RunE: func(cmd *cobra.Command, args []string) error {
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
				if v.Id == args[0] || v.Target == args[0] {
					found = append(found, v)
				} else {
					others = append(others, v.Id+" ("+v.Target+")")
				}
			}
			if len(found) == 0 {
				if len(others) == 0 {
					return fmt.Errorf("%s is not drained; nothing is", args[0])
				}
				return fmt.Errorf("%s is not drained; there are %s", args[0], strings.Join(others, ", "))
			}
			return lift(cmd, g, conn, found, rehearse)
		},
	}
	glass.add(c)
	rehearse = dryFlag(c)
	reasonFlag(c, g)
	return c
}

func lift(cmd *cobra.Command, g *globals, conn *client, found []api.Control, rehearse *dry) error {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	var bodies []json.RawMessage
	for i, v := range found {
		call := func() (*http.Response, error) { return conn.DeleteControl(ctx, v.Id, nil) }
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
		fmt.Fprintf(out, "Lifted %s of %s (%s).\n", v.Action, v.Target, v.Id)
		if i == len(found)-1 {
			printAfter(out, result.Nodes, result.Unpublished, result.Warnings)
		}
	}
	if g.output == "table" {
		for _, v := range found {
			again := []string{"drain", v.Target, "--reason", v.Reason}
			if !v.ExpiresAt.IsZero() { // as long as it would have gone on
				again = append(again, "--for", max(time.Second, time.Until(v.ExpiresAt).Round(time.Second)).String())
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
