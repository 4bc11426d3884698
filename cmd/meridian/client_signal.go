package main

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

func signalCommand(g *globals) *cobra.Command {
	var age, reason string
	var forget bool
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
				return putMeasured(cmd, g, nil, "Deleted signal "+args[0]+".", func(conn *client) (*http.Response, error) {
					return conn.DeleteSignal(cmd.Context(), args[0], nil)
				})
			}
			if args[1] != "up" && args[1] != "down" {
				return fmt.Errorf("a signal is up or down, not %q", args[1])
			}
			lasts, err := maxAge(age)
			if err != nil {
				return err
			}
			return giveSignal(cmd, g, args[0], api.SignalPut{Status: api.SignalPutStatus(args[1]), MaxAge: lasts, Reason: reason})
		},
	}
	c.Flags().StringVar(&age, "max-age", "", "when it is stale, 1s to 720h (default 1m)")
	c.Flags().StringVar(&reason, "reason", "", "why, as health and events show it, 200 octets at most")
	c.Flags().BoolVar(&forget, "delete", false, "forget the signal")
	return c
}

func giveSignal(cmd *cobra.Command, g *globals, name string, body api.SignalPut) error {
	conn, err := g.connect()
	if err != nil {
		return err
	}
	result, r, err := decode[api.SignalWritten](read(conn.PutSignal(cmd.Context(), name, nil, body)))
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
	return nil
}
