package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

func secretCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "secret",
		Short: "Keep and forget the credentials that monitors use",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(secretSet(g), secretDelete(g))
	return c
}

func secretSet(g *globals) *cobra.Command {
	var file string
	var rehearse *dry
	c := &cobra.Command{
		Use:   "set NAME",
		Short: "Keep a credential under a name, or replace it",
		Long: `Keep a credential under a name, by which monitors name it. The value is read from
standard input, or from --file, without the line end behind it; a terminal does not show
it. It is encrypted under the cluster's key and never given again.`,
		Example: `  meridian secret set db-password < password.txt
  meridian secret set db-password`,
		Args: exactly("NAME", "by which monitors name it"), ValidArgsFunction: complete(g, kindNames("secrets")),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := policy.CheckLabel(args[0]); err != nil {
				return err
			}
			conn, err := g.connect()
			if err != nil {
				return err
			}
			value, err := credential(cmd, file)
			if err != nil {
				return err
			}
			list, _, err := decode[api.SecretList](read(conn.ListSecrets(cmd.Context())))
			if err != nil {
				return err
			}
			existed := slices.ContainsFunc(list.Items, func(s api.SecretName) bool { return s.Name == args[0] })
			out := cmd.OutOrStdout()
			if rehearse.on { // the call is not shown: the value is in it
				return rehearseSecret(cmd, g, conn, args[0], existed)
			}
			result, r, err := decode[api.WriteResult](read(conn.PutSecret(cmd.Context(), args[0], nil, api.SecretWrite{Value: value})))
			if err != nil {
				return plain(err)
			}
			if done, err := g.structured(out, r.body); done || err != nil {
				return err
			}
			fmt.Fprintf(out, "Kept the secret %s.\n", args[0])
			printAfter(out, result.Nodes, result.Unpublished, result.Warnings)
			if existed {
				noUndo(out, "the value of before is in nobody's hands any more; set it again from where it came")
			} else {
				undo(out, "secret", "delete", args[0])
			}
			return nil
		},
	}
	rehearse = dryFlag(c)
	reasonFlag(c, g)
	c.Flags().StringVarP(&file, "file", "f", "-", "the file that holds the value; - is standard input")
	return c
}

// credential reads a secret value, without showing it where it is typed.
func credential(cmd *cobra.Command, file string) (string, error) {
	if f, ok := cmd.InOrStdin().(*os.File); ok && file == "-" && onTerminal(f) {
		fmt.Fprint(cmd.ErrOrStderr(), "Value (not shown): ")
		value, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(cmd.ErrOrStderr())
		return string(value), err
	}
	text, err := readFile(cmd, file)
	value := strings.TrimRight(string(text), "\r\n")
	if err == nil && value == "" {
		return "", errors.New("the value is empty; give it on standard input, or with --file")
	}
	return value, err
}

// rehearseSecret shows the call with another value in the place of the credential.
func rehearseSecret(cmd *cobra.Command, g *globals, conn *client, name string, existed bool) error {
	cfg, err := conn.config(cmd.Context())
	if err != nil {
		return err
	}
	what := "a secret that is not there yet"
	if existed {
		what = "the secret that is there"
	}
	_, err = (&dry{on: true}).show(cmd, g, conn, func() (*http.Response, error) {
		return conn.PutSecret(cmd.Context(), name, nil, api.SecretWrite{Value: notShown})
	}, what+"; "+secretUses(&cfg, name))
	return err
}

// secretUses says which monitors use a secret.
func secretUses(cfg *policy.Config, name string) string {
	var monitors []string
	for i := range cfg.Monitors {
		for _, ref := range cfg.Monitors[i].Secrets() {
			if ref.Secret == name && !slices.Contains(monitors, cfg.Monitors[i].Name) {
				monitors = append(monitors, cfg.Monitors[i].Name)
			}
		}
	}
	if len(monitors) == 0 {
		return "no monitor uses it"
	}
	return count(len(monitors), "monitor") + " (" + some(monitors) + ") would use it"
}

func secretDelete(g *globals) *cobra.Command {
	var yes bool
	var rehearse *dry
	c := &cobra.Command{
		Use:     "delete NAME",
		Short:   "Forget a credential",
		Long:    "Forget a credential, after asking. It is refused while a monitor uses it.",
		Example: "  meridian secret delete db-password",
		Args:    exactly("NAME", "as meridian get secrets lists them"), ValidArgsFunction: complete(g, kindNames("secrets")),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, err := g.connect()
			if err != nil {
				return err
			}
			cfg, err := conn.config(cmd.Context())
			if err != nil {
				return err
			}
			goes := "the secret " + args[0] + "; " + secretUses(&cfg, args[0])
			call := func() (*http.Response, error) { return conn.DeleteSecret(cmd.Context(), args[0], nil) }
			if done, err := rehearse.show(cmd, g, conn, call, goes); done || err != nil {
				return err
			}
			if err := confirm(cmd, yes, "This forgets "+goes+"."); err != nil {
				return err
			}
			result, r, err := decode[api.WriteResult](read(call()))
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if done, err := g.structured(out, r.body); done || err != nil {
				return err
			}
			fmt.Fprintf(out, "Deleted the secret %s.\n", args[0])
			printAfter(out, result.Nodes, result.Unpublished, result.Warnings)
			noUndo(out, "the value is given to nobody; set it again from where it came")
			return nil
		},
	}
	rehearse = dryFlag(c)
	yesFlag(c, &yes)
	reasonFlag(c, g)
	return c
}
