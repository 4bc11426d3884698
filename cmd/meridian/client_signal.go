package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

func signalCommand(g *globals) *cobra.Command {
	var age, reason string
	var forget, yes bool
	var rehearse *dry
	c := &cobra.Command{
		Use:   "signal NAME up|down",
		Short: "Say from outside that something is up or down",
		Long: `Give a signal, by which monitors of kind signal go:
  monitors: [{name: billing, signal: {name: billing-ok, whenStale: keep}}]
It counts for --max-age, a minute by default. A program gives it again well before that,
three times in a maximum age; when it does not, the signal is stale, and each monitor does
what its whenStale says: keep, up, down or unknown.
meridian get signals shows what was given, and get health POOL/ENDPOINT what became of it.
--delete forgets it: for monitors that name it, it was never given.`,
		Example: `  meridian signal billing-ok up
  meridian signal billing-ok down --max-age 5m --reason "error budget is spent"
  meridian signal billing-ok --delete`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case forget && len(args) == 1, !forget && len(args) == 2:
				return nil
			case forget && len(args) > 1:
				return errors.New("--delete goes with a name alone: a signal is deleted, whatever it says")
			case len(args) == 1:
				return fmt.Errorf("is %s up or down? Write meridian signal %s up, or down", args[0], args[0])
			}
			return fmt.Errorf("%s takes a NAME, and up or down; see %s --help", cmd.CommandPath(), cmd.CommandPath())
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := policy.CheckLabel(args[0]); err != nil {
				return err
			}
			if forget {
				return forgetSignal(cmd, g, args[0], yes, rehearse)
			}
			if args[1] != "up" && args[1] != "down" {
				return fmt.Errorf("a signal is up or down, not %q", args[1])
			}
			lasts, err := maxAge(age)
			if err != nil {
				return err
			}
			return giveSignal(cmd, g, args[0], api.SignalPut{Status: api.SignalPutStatus(args[1]), MaxAge: lasts, Reason: reason}, rehearse)
		},
		ValidArgsFunction: complete(g, kindNames("signals"), fixed("up", "down")),
	}
	rehearse = dryFlag(c)
	yesFlag(c, &yes)
	c.Flags().StringVar(&age, "max-age", "", "when it is stale, 1s to 720h (default 1m)")
	c.Flags().StringVar(&reason, "reason", "", "why, as health and events show it, 200 octets at most")
	c.Flags().BoolVar(&forget, "delete", false, "forget the signal")
	return c
}

// forgetSignal deletes a signal, once whoever is there has heard what goes by it.
func forgetSignal(cmd *cobra.Command, g *globals, name string, yes bool, rehearse *dry) error {
	conn, err := g.connect()
	if err != nil {
		return err
	}
	back, err := conn.signalBefore(cmd.Context(), name)
	if err != nil {
		return err
	}
	call := func() (*http.Response, error) { return conn.DeleteSignal(cmd.Context(), name, nil) }
	cfg, err := conn.config(cmd.Context())
	if err != nil {
		return err
	}
	goes := signalReach(&cfg, name)
	if done, err := rehearse.show(cmd, g, conn, call, goes); done || err != nil {
		return err
	}
	if back[2] != "--delete" { // it is there
		if err := confirm(cmd, yes, "This forgets the signal "+name+", as if it had never been given: "+goes+"."); err != nil {
			return err
		}
	}
	return putMeasured(cmd, g, rehearse, nil, "Deleted signal "+name+".", func(*client) ([][]string, error) { return [][]string{back}, nil }, func(*client) (*http.Response, error) { return call() })
}

// signalReach says what goes by a signal.
func signalReach(cfg *policy.Config, name string) string {
	var monitors []string
	for i := range cfg.Monitors {
		if m := &cfg.Monitors[i]; m.Signal != nil && m.Signal.Name == name {
			monitors = append(monitors, m.Name)
		}
	}
	if len(monitors) == 0 {
		return "no monitor goes by it"
	}
	r := reachWhere(cfg, "that", func(_ *policy.Region, p *policy.Pool, e *policy.Endpoint) bool {
		return slices.ContainsFunc(monitors, func(m string) bool { return checkedBy(p, e, m) })
	})
	return count(len(monitors), "monitor") + " (" + some(monitors) + ") go by it; " + r.String()
}

// signalBefore is the command that puts a signal back as it is now.
func (c *client) signalBefore(ctx context.Context, name string) ([]string, error) {
	v, _, err := decode[api.Signal](read(c.GetSignal(ctx, name)))
	if isKind(err, "not-found") {
		return []string{"signal", name, "--delete"}, nil
	}
	back := []string{"signal", name, string(v.Status), "--max-age", policy.Duration(v.StaleAt.Sub(v.At)).String()}
	if v.Reason != "" {
		back = append(back, "--reason", v.Reason)
	}
	return back, err
}

func giveSignal(cmd *cobra.Command, g *globals, name string, body api.SignalPut, rehearse *dry) error {
	conn, err := g.connect()
	if err != nil {
		return err
	}
	call := func() (*http.Response, error) { return conn.PutSignal(cmd.Context(), name, nil, body) }
	if rehearse.on {
		cfg, err := conn.config(cmd.Context())
		if err != nil {
			return err
		}
		_, err = rehearse.show(cmd, g, conn, call, signalReach(&cfg, name))
		return err
	}
	back, err := conn.signalBefore(cmd.Context(), name)
	if err != nil {
		return err
	}
	result, r, err := decode[api.SignalWritten](read(call()))
	var refused *refusal
	if errors.As(err, &refused) {
		for i := range refused.Problems {
			p := &refused.Problems[i]
			p.Line = 0 // of a body that nobody has seen
			if flag, ok := map[string]string{"/maxAge": "--max-age", "/reason": "--reason"}[p.Pointer]; ok {
				p.Pointer = flag
			}
		}
	}
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if done, err := g.structured(out, r.body); done || err != nil {
		return err
	}
	fmt.Fprintf(out, "Signal %s is %s until %s, unless it is given again.\n", name, body.Status, second(result.StaleAt))
	printAfter(out, nil, result.Unpublished, result.Warnings)
	undo(out, back...)
	return nil
}
