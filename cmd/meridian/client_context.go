package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func contextCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "context",
		Short: "Keep the addresses and tokens of clusters under names",
		Long: `Keep where clusters are and how to get in under names, and say which one is meant.
They are kept in $XDG_CONFIG_HOME/meridian/config.yaml (~/.config by default), or in the
file that MERIDIAN_CONFIG names, which nobody else may read.

Each setting is taken from its flag, else from the environment, else from the context,
else it is the default. The context is the one of --context, else of MERIDIAN_CONTEXT,
else of context use. One of --context counts as a flag: MERIDIAN_ADDR and MERIDIAN_TOKEN
do not mix with it. A context's token is sent to the context's addresses alone.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(contextAdd(g), contextUse(g), contextList(g), contextShow(g), contextRemove(g))
	return c
}

func contextAdd(g *globals) *cobra.Command {
	var v apiContext
	c := &cobra.Command{
		Use:   "add NAME --addr ADDRESS[,ADDRESS]",
		Short: "Keep a cluster under a name",
		Long: `Keep a cluster under a name. The first one is used from then on.

The token is best kept in a file of its own (--token-file, mode 0600) or in the
environment (--token-env); with --token it is kept beside the address.`,
		Example: `  meridian context add prod --addr https://ns1.example.com:8080 --token-file ~/.meridian-prod
  meridian context add lab --addr 192.0.2.1:8080 --token-env LAB_TOKEN`,
		Args: exactly("NAME", "such as prod"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if g.addr == "" {
				return errors.New("where is the cluster? Say --addr ADDRESS, or several with commas between")
			}
			if _, err := apiAddresses(g.addr); err != nil {
				return err
			}
			v.Addr, v.CA, v.Token = g.addr, g.ca, g.token
			if n := len(slices.DeleteFunc([]string{v.Token, v.TokenFile, v.TokenEnv}, func(s string) bool { return s == "" })); n > 1 {
				return errors.New("one of --token, --token-file and --token-env says where the token is, not several")
			}
			for _, file := range []*string{&v.TokenFile, &v.CA} {
				if *file != "" {
					abs, err := filepath.Abs(*file)
					if err != nil {
						return err
					}
					*file = abs
				}
			}
			if v.TokenFile != "" {
				if err := ownersOnly(v.TokenFile); err != nil {
					return err
				}
			}
			p, file, err := readContexts()
			if err != nil {
				return err
			}
			name := args[0]
			if _, ok := p.Contexts[name]; ok {
				return fmt.Errorf("there is a context %q already: meridian context remove %s", name, shell(name))
			}
			if p.Contexts == nil {
				p.Contexts = map[string]apiContext{}
			}
			p.Contexts[name] = v
			p.Current = first(p.Current, name)
			if err := p.write(file); err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "Added the context %s. %s is used now.\n", name, p.Current)
			undo(out, "context", "remove", name)
			return nil
		},
	}
	c.Flags().StringVar(&v.TokenFile, "token-file", "", "read the token from this file each time")
	c.Flags().StringVar(&v.TokenEnv, "token-env", "", "take the token from this variable of the environment each time")
	return c
}

func contextUse(*globals) *cobra.Command {
	return &cobra.Command{
		Use:     "use NAME",
		Short:   "Say which cluster is meant from now on",
		Example: "  meridian context use prod",
		Args:    exactly("NAME", "as meridian context list shows them"), ValidArgsFunction: completeContexts,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, file, err := readContexts()
			if err != nil {
				return err
			}
			if _, err := p.find(args[0]); err != nil {
				return err
			}
			before := p.Current
			p.Current = args[0]
			if err := p.write(file); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "The context %s is used from now on.\n", args[0])
			if before != "" && before != args[0] {
				undo(cmd.OutOrStdout(), "context", "use", before)
			}
			return nil
		},
	}
}

// shown is a context as it is listed. Its token is not in it.
type shown struct {
	Name    string `json:"name"`
	Current bool   `json:"current"`
	apiContext
	TokenFrom string `json:"tokenFrom"`
}

func (p contexts) shown(name string) shown {
	v := p.Contexts[name]
	s := shown{Name: name, Current: name == p.Current, apiContext: v, TokenFrom: "nowhere"}
	switch {
	case v.TokenEnv != "":
		s.TokenFrom = "$" + v.TokenEnv
	case v.TokenFile != "":
		s.TokenFrom = tilde(v.TokenFile)
	case v.Token != "":
		s.TokenFrom = "kept here"
	}
	return s
}

// tilde is a file as a person writes it.
func tilde(file string) string {
	home, err := os.UserHomeDir()
	if rest, ok := strings.CutPrefix(file, home+string(filepath.Separator)); err == nil && ok {
		return "~/" + rest
	}
	return file
}

func contextList(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the contexts",
		Example: "  meridian context list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, _, err := readContexts()
			if err != nil {
				return err
			}
			items, rows := []shown{}, [][]string{}
			for _, name := range slices.Sorted(maps.Keys(p.Contexts)) {
				s := p.shown(name)
				used := "-"
				if s.Current {
					used = "yes"
				}
				items, rows = append(items, s), append(rows, []string{name, used, s.Addr, s.TokenFrom})
			}
			if done, err := g.structure(cmd.OutOrStdout(), map[string]any{"items": items}); done || err != nil {
				return err
			}
			if len(rows) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "There are no contexts.")
				return nil
			}
			table(cmd.OutOrStdout(), []string{"NAME", "USED", "ADDRESS", "TOKEN"}, rows)
			return nil
		},
	}
}

func contextShow(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "show [NAME]",
		Short:   "Show a context, by default the one that is used",
		Long:    "Show a context, by default the one that is used. Its token is never shown, only where it comes from.",
		Example: "  meridian context show\n  meridian context show prod -o json",
		Args:    cobra.MaximumNArgs(1), ValidArgsFunction: completeContexts,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, _, err := readContexts()
			if err != nil {
				return err
			}
			name := p.Current
			if len(args) > 0 {
				name = args[0]
			}
			if name == "" {
				return errors.New("no context is used: meridian context use NAME")
			}
			if _, err := p.find(name); err != nil {
				return err
			}
			s, out := p.shown(name), cmd.OutOrStdout()
			if done, err := g.structure(out, s); done || err != nil {
				return err
			}
			fmt.Fprintf(out, "Context    %s\nAddress    %s\nAuthority  %s\nToken      %s\n", name, s.Addr, first(s.CA, "the system's"), s.TokenFrom)
			return nil
		},
	}
}

func contextRemove(*globals) *cobra.Command {
	return &cobra.Command{
		Use:     "remove NAME",
		Short:   "Forget a context",
		Example: "  meridian context remove lab",
		Args:    exactly("NAME", "as meridian context list shows them"), ValidArgsFunction: completeContexts,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, file, err := readContexts()
			if err != nil {
				return err
			}
			v, err := p.find(args[0])
			if err != nil {
				return err
			}
			delete(p.Contexts, args[0])
			used := p.Current == args[0]
			if used {
				p.Current = ""
			}
			if err := p.write(file); err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "Removed the context %s.\n", args[0])
			if used {
				fmt.Fprintln(out, "None is used now: meridian context use NAME")
			}
			words := []string{"context", "add", args[0], "--addr", v.Addr}
			for _, o := range [][2]string{{"--ca", v.CA}, {"--token-file", v.TokenFile}, {"--token-env", v.TokenEnv}} {
				if o[1] != "" {
					words = append(words, o[0], o[1])
				}
			}
			undo(out, words...)
			if used && len(p.Contexts) > 0 {
				undo(out, "context", "use", args[0])
			}
			if v.Token != "" {
				fmt.Fprintln(out, "The token that was kept with it is gone; give it again with --token.")
			}
			return nil
		},
	}
}

// structure is structured of a value that did not come from the API.
func (g *globals) structure(out io.Writer, v any) (done bool, err error) {
	if err := g.checkOutput(); err != nil {
		return true, err
	}
	if g.output == "table" {
		return false, nil
	}
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return true, err
	}
	return g.structured(out, append(body, '\n'))
}
