package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

func tokenCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "token",
		Short: "Make, list and revoke API tokens",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(tokenCreate(g), tokenList(g), tokenRevoke(g))
	return c
}

func tokenCreate(g *globals) *cobra.Command {
	var role, lasts string
	var scopes []string
	var rehearse *dry
	c := &cobra.Command{
		Use:   "create NAME --role ROLE",
		Short: "Make a token, and show it this once",
		Long: `Make a token, and show it. It is not shown again: the cluster keeps a hash only.

  viewer    may see everything but the tokens, and may plan
  operator  may also drain, resume, probe now, and feed latencies, loads and signals
  editor    may also change the document and zones
  admin     may also handle tokens, secrets and members
  node      lets nodes and agents join, and nothing else

Scopes limit what an operator or editor may change, and not what it may see: zone/NAME, service/NAME,
region/NAME (with its availability zones and endpoints) and pool/NAME (with its endpoints). KIND/* is
all of a kind, zone/*.example.com what is below example.com, pool/us-* what begins so.`,
		Example: "  meridian token create dns-ci --role editor --scope zone/example.com\n  meridian token create ci --role editor --expires-in 2160h\n  meridian token create grafana --role viewer",
		Args:    exactly("NAME", "what it is for, such as ci"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if role == "" {
				return fmt.Errorf("a token needs a role: --role, one of %s", strings.Join(policy.Roles, ", "))
			}
			if !slices.Contains(policy.Roles, role) {
				return fmt.Errorf("--role %q is not one of %s", role, strings.Join(policy.Roles, ", "))
			}
			body := api.TokenWrite{Name: args[0], Role: api.Role(role), Scopes: scopes}
			if lasts != "" {
				var d policy.Duration
				if err := d.UnmarshalText([]byte(lasts)); err != nil || d <= 0 {
					return fmt.Errorf("--expires-in %q is not a time to come; write 2160h", lasts)
				}
				body.ExpiresIn = d.String()
			}
			conn, err := g.connect()
			if err != nil {
				return err
			}
			call := func() (*http.Response, error) { return conn.CreateToken(cmd.Context(), nil, body) }
			if done, err := rehearse.show(cmd, g, conn, call); done || err != nil {
				return err
			}
			made, r, err := decode[api.TokenMade](read(call()))
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if done, err := g.structured(out, r.body); done || err != nil {
				return err
			}
			fmt.Fprintln(out, made.Token)
			until := "it does not expire"
			if !made.ExpiresAt.IsZero() {
				until = "it expires at " + second(made.ExpiresAt)
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "This is the token %s, %s; it is shown this once.\n", made.Id, until)
			undo(cmd.ErrOrStderr(), "token", "revoke", made.Id)
			return nil
		},
	}
	rehearse = dryFlag(c)
	reasonFlag(c, g)
	c.Flags().StringVar(&role, "role", "", "viewer, operator, editor, admin or node")
	c.Flags().StringArrayVar(&scopes, "scope", nil, "what it may change, such as zone/example.com; several times for several (default: whatever the role may)")
	c.Flags().StringVar(&lasts, "expires-in", "", "how long it is good, 1m to 87600h (default: for ever)")
	_ = c.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(policy.Roles, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return c
}

func tokenList(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the tokens: what they are for, never what they are",
		Example: "  meridian token list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return present(cmd, g, func(ctx context.Context, conn *client) (*http.Response, error) {
				return conn.ListTokens(ctx)
			}, func(out io.Writer, list api.TokenList) {
				var rows [][]string
				slices.SortStableFunc(list.Items, func(a, b api.Token) int { return strings.Compare(a.Name, b.Name) })
				for _, t := range list.Items {
					expires := whenOrDash(t.ExpiresAt)
					if t.Expired {
						expires += " (expired)"
					}
					rows = append(rows, []string{t.Id, orDash(t.Name), string(t.Role), orDash(strings.Join(t.Scopes, " ")), whenOrDash(t.CreatedAt), orDash(t.CreatedBy), expires})
				}
				table(out, []string{"ID", "NAME", "ROLE", "SCOPES", "CREATED", "BY", "EXPIRES"}, rows)
			})
		},
	}
}

func whenOrDash(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return second(t)
}

func tokenRevoke(g *globals) *cobra.Command {
	var yes bool
	var rehearse *dry
	c := &cobra.Command{
		Use:     "revoke ID",
		Short:   "End a token on every node",
		Example: "  meridian token revoke 0a1b2c3d",
		Args:    exactly("ID", "as meridian token list shows it"), ValidArgsFunction: complete(g, tokenNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, err := g.connect()
			if err != nil {
				return err
			}
			list, _, err := decode[api.TokenList](read(conn.ListTokens(cmd.Context())))
			if err != nil {
				return err
			}
			call := func() (*http.Response, error) { return conn.RevokeToken(cmd.Context(), args[0], nil) }
			i := slices.IndexFunc(list.Items, func(t api.Token) bool { return t.Id == args[0] })
			if i < 0 { // the cluster says so better
				_, err := read(call())
				return err
			}
			goes := fmt.Sprintf("whoever has the token %s (%s, %s) is let in nowhere any more", args[0], first(list.Items[i].Name, "without a name"), list.Items[i].Role)
			if done, err := rehearse.show(cmd, g, conn, call, goes); done || err != nil {
				return err
			}
			if err := confirm(cmd, yes, "For good: "+goes+"."); err != nil {
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
			fmt.Fprintf(out, "Revoked the token %s.\n", args[0])
			printAfter(out, result.Nodes, result.Unpublished, result.Warnings)
			noUndo(out, "make another one with meridian token create NAME --role "+string(list.Items[i].Role))
			return nil
		},
	}
	rehearse = dryFlag(c)
	yesFlag(c, &yes)
	reasonFlag(c, g)
	return c
}

// listTokens has the shape of a kind's list.
func (c *client) listTokens(ctx context.Context) (*http.Response, error) { return c.ListTokens(ctx) }
