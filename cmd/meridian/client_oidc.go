package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/document"
)

func oidcCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "oidc",
		Short: "Show, set and end the log-in with an OpenID Connect provider",
		Long: `People log in with a provider that knows them (OpenID Connect). Which of its groups and addresses have
which role is set here, by admins; it is no part of the configuration document.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(oidcShow(g), oidcSet(g), oidcDelete(g))
	return c
}

func oidcShow(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "show",
		Short:   "Show the log-in by OIDC, as set takes it",
		Example: "  meridian oidc show > oidc.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return present(cmd, g, func(ctx context.Context, conn *client) (*http.Response, error) {
				return conn.GetOIDC(ctx)
			}, func(out io.Writer, v json.RawMessage) { fmt.Fprint(out, yamlOf(v)) })
		},
	}
}

func yamlOf(v any) string {
	text, err := document.EncodeValue(v, document.YAML)
	if err != nil {
		return fmt.Sprintf("# %v\n", err)
	}
	return string(text)
}

// oidcGoes says what a change of it does to whoever is logged in.
const oidcGoes = "whoever is logged in with the provider is logged out"

func oidcSet(g *globals) *cobra.Command {
	var file string
	var rehearse *dry
	c := &cobra.Command{
		Use:   "set -f FILE",
		Short: "Set the log-in by OIDC",
		Long: `Set how people log in with a provider, in YAML or JSON (meridian explain oidc lists the fields).
Whoever is logged in with it is logged out, because roles may be others now.`,
		Example: "  meridian oidc set -f oidc.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := readFile(cmd, file)
			if err != nil {
				return err
			}
			var to policy.OIDC
			if err = document.DecodeInto(text, file, &to); err == nil {
				err = document.Locate(text, file, to.Check()) // before an empty list becomes none
			}
			if err != nil {
				return err
			}
			body, err := json.Marshal(to)
			if err != nil {
				return err
			}
			conn, err := g.connect()
			if err != nil {
				return err
			}
			call := func() (*http.Response, error) {
				return conn.PutOIDCWithBody(cmd.Context(), nil, "application/json", bytes.NewReader(body))
			}
			if done, err := rehearse.show(cmd, g, conn, call, oidcGoes); done {
				return err
			}
			back, err := undoOIDC(cmd.Context(), conn)
			if err != nil {
				return err
			}
			return userWritten(g, cmd, "People log in with "+to.Issuer+" now; who was logged in with a provider is not any more.", back)(read(call()))
		},
	}
	c.Flags().StringVarP(&file, "file", "f", "", "the settings, in YAML or JSON; - is standard input")
	rehearse = dryFlag(c)
	reasonFlag(c, g)
	return c
}

func oidcDelete(g *globals) *cobra.Command {
	var rehearse *dry
	var yes bool
	c := &cobra.Command{
		Use:     "delete",
		Short:   "End the log-in by OIDC",
		Example: "  meridian oidc show > oidc.yaml && meridian oidc delete",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conn, err := g.connect()
			if err != nil {
				return err
			}
			call := func() (*http.Response, error) { return conn.DeleteOIDC(cmd.Context(), nil) }
			goes := oidcGoes + ", and nobody logs in with it any more"
			if done, err := rehearse.show(cmd, g, conn, call, goes); done {
				return err
			}
			back, err := undoOIDC(cmd.Context(), conn)
			if err != nil {
				return err
			}
			if err := confirm(cmd, yes, "This takes effect at once: "+goes+"."); err != nil {
				return err
			}
			return userWritten(g, cmd, "Nobody logs in by OIDC any more.", back)(read(call()))
		},
	}
	rehearse = dryFlag(c)
	yesFlag(c, &yes)
	reasonFlag(c, g)
	return c
}

// undoOIDC tells how to come back to what there is now.
func undoOIDC(ctx context.Context, conn *client) (func(io.Writer), error) {
	v, _, err := decode[json.RawMessage](read(conn.GetOIDC(ctx)))
	if isKind(err, "not-found") {
		return func(out io.Writer) { undo(out, "oidc", "delete") }, nil
	}
	if err != nil {
		return nil, err
	}
	return func(out io.Writer) {
		noUndo(out, "what it was before is this; put it into a file, and say meridian oidc set -f FILE\n"+yamlOf(v))
	}, nil
}
