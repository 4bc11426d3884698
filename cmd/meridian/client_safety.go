package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

// overrideFlag is --override of a command that safety rules may refuse.
func overrideFlag(c *cobra.Command, g *globals) {
	c.Flags().StringSliceVar(&g.override, "override", nil, "break this safety rule; once for each that is broken, and no others (takes an admin)")
}

// overrideHint is how to make a refused call all the same: the flags, exactly.
func overrideHint(p []api.Mistake) string {
	var flags []string
	for _, m := range p {
		if m.Rule == "" {
			return "" // there is more against it than rules, which nobody can override
		}
		flags = append(flags, "--override "+m.Rule)
	}
	if len(flags) == 0 {
		return ""
	}
	return "\nAn admin may make it all the same: " + strings.Join(flags, " ")
}

func safetyCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "safety",
		Short: "Show how the safety rules stand, and what could be drained now",
		Long: `Show each safety rule:
  satisfied  more may be drained
  at-limit   kept, and nothing of what it is about may be taken out now
  unhealthy  controls keep it, and with what is down it is not
  acting     it has everything undrained served where nothing is available (appliesTo: [automation])
  broken     by an override, or from before there was the rule
and what a drain of each region and provider would meet now.`,
		Example: "  meridian safety\n  meridian safety -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return present(cmd, g, func(ctx context.Context, c *client) (*http.Response, error) { return c.GetSafety(ctx) }, printSafety)
		},
	}
}

func printSafety(out io.Writer, v api.SafetyReport) {
	if len(v.Items) == 0 {
		fmt.Fprintln(out, "There are no safety rules; docs/safety.md says how to write some.")
	} else {
		var rows [][]string
		for _, s := range v.Items {
			rows = append(rows, []string{s.Rule, string(s.State), strings.Join(s.Wants, "; ")})
		}
		table(out, []string{"RULE", "STATE", "WANTS"}, rows)
		for _, s := range v.Items {
			for _, text := range s.Says {
				fmt.Fprintf(out, "  %s: %s\n", s.Rule, text)
			}
		}
	}
	if len(v.Targets) == 0 {
		return
	}
	var rows [][]string
	for _, t := range v.Targets {
		now := "possible"
		if !t.Allowed {
			now = "refused"
		}
		rows = append(rows, []string{t.Target, now, orDash(first(strings.Join(t.Rules, ", "), first(t.Problems...)))})
	}
	fmt.Fprintln(out)
	table(out, []string{"DRAIN OF", "NOW", "AGAINST IT"}, rows)
}

func switchCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "switch",
		Short: "Throw the switches that gates of safety rules go by",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(switchThrow(g, "on", true), switchThrow(g, "off", false), switchList(g), switchDelete(g))
	return c
}

func switchThrow(g *globals, word string, on bool) *cobra.Command {
	var reason string
	var rehearse *dry
	c := &cobra.Command{
		Use:     word + " NAME --reason TEXT",
		Short:   "Throw a switch " + word,
		Long:    "Throw a switch " + word + `. A safety rule with gate: NAME lets controls that it is about change only while it is on.`,
		Example: "  meridian switch " + word + " change-window --reason CHG-4711",
		Args:    exactly("NAME", "of a switch, such as change-window"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(reason) == "" {
				return errors.New("a switch is thrown for a reason: --reason TEXT. Whoever finds it so will want to know")
			}
			if err := policy.CheckLabel(args[0]); err != nil {
				return err
			}
			conn, err := g.connect()
			if err != nil {
				return err
			}
			call := func() (*http.Response, error) {
				return conn.PutSwitch(cmd.Context(), args[0], nil, api.SwitchPut{On: on, Reason: reason})
			}
			if rehearse.on {
				touches, err := conn.switchReach(cmd, args[0])
				if err != nil {
					return err
				}
				_, err = rehearse.show(cmd, g, conn, call, touches)
				return err
			}
			back, err := conn.switchBefore(cmd, args[0])
			if err != nil {
				return err
			}
			return changed(cmd, g, call, "The switch "+args[0]+" is "+word+".", back)
		},
	}
	rehearse = dryFlag(c)
	c.Flags().StringVar(&reason, "reason", "", "why, for whoever finds it so")
	return c
}

// changed makes a call and says what became of it.
func changed(cmd *cobra.Command, g *globals, call func() (*http.Response, error), done string, back []string) error {
	result, r, err := decode[api.WriteResult](read(call()))
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if done, err := g.structured(out, r.body); done || err != nil {
		return err
	}
	fmt.Fprintln(out, done)
	printAfter(out, result.Nodes, result.Unpublished, result.Warnings)
	if back != nil {
		undo(out, back...)
	}
	return nil
}

func (c *client) switches(cmd *cobra.Command) (map[string]api.Switch, error) {
	list, _, err := decode[api.SwitchList](read(c.ListSwitches(cmd.Context())))
	found := map[string]api.Switch{}
	for _, v := range list.Items {
		found[v.Name] = v
	}
	return found, err
}

// switchBefore is the command that puts a switch back as it is now.
func (c *client) switchBefore(cmd *cobra.Command, name string) ([]string, error) {
	all, err := c.switches(cmd)
	v, ok := all[name]
	switch {
	case !ok:
		return []string{"switch", "delete", name}, err
	case v.On:
		return []string{"switch", "on", name, "--reason", v.Reason}, err
	}
	return []string{"switch", "off", name, "--reason", v.Reason}, err
}

func (c *client) switchReach(cmd *cobra.Command, name string) (string, error) {
	cfg, err := c.config(cmd.Context())
	if err != nil {
		return "", err
	}
	var rules []string
	for i := range cfg.SafetyRules {
		if cfg.SafetyRules[i].Gate == name {
			rules = append(rules, cfg.SafetyRules[i].Name)
		}
	}
	if len(rules) == 0 {
		return "no safety rule goes by the switch " + name, nil
	}
	return count(len(rules), "safety rule") + " (" + some(rules) + ") by the switch " + name, nil
}

func switchList(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the switches",
		Example: "  meridian switch list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return present(cmd, g, func(ctx context.Context, c *client) (*http.Response, error) { return c.ListSwitches(ctx) }, printSwitches)
		},
	}
}

func printSwitches(out io.Writer, list api.SwitchList) {
	if len(list.Items) == 0 {
		fmt.Fprintln(out, "No switch was ever thrown; all are off.")
		return
	}
	var rows [][]string
	for _, v := range list.Items {
		is := "off"
		if v.On {
			is = "on"
		}
		rows = append(rows, []string{v.Name, is, v.Actor, second(v.At), orDash(strings.Join(v.Rules, ", ")), v.Reason})
	}
	table(out, []string{"NAME", "IS", "BY", "SINCE", "RULES", "REASON"}, rows)
}

func switchDelete(g *globals) *cobra.Command {
	var rehearse *dry
	c := &cobra.Command{
		Use:     "delete NAME",
		Short:   "Forget a switch, which is off then",
		Long:    "Forget a switch, which is off then. One that a safety rule goes by stays.",
		Example: "  meridian switch delete change-window",
		Args:    exactly("NAME", "of a switch"),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, err := g.connect()
			if err != nil {
				return err
			}
			call := func() (*http.Response, error) { return conn.DeleteSwitch(cmd.Context(), args[0], nil) }
			touches, err := conn.switchReach(cmd, args[0])
			if err != nil {
				return err
			}
			if done, err := rehearse.show(cmd, g, conn, call, touches); done || err != nil {
				return err
			}
			back, err := conn.switchBefore(cmd, args[0])
			if err != nil {
				return err
			}
			return changed(cmd, g, call, "Deleted the switch "+args[0]+".", back)
		},
	}
	rehearse = dryFlag(c)
	reasonFlag(c, g)
	return c
}
