package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

func userCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "user",
		Short: "Make, list and remove users, who log in with a password",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(userAdd(g), userList(g), userPassword(g), userRemove(g))
	return c
}

const userName = "letters, digits, dots, dashes and underscores"

func userAdd(g *globals) *cobra.Command {
	var role string
	var scopes []string
	c := &cobra.Command{
		Use:   "add NAME --role ROLE",
		Short: "Make a user; the password is asked for, or read from standard input",
		Long: `Make a user. The password is asked for without an echo, or is the first line of standard input
when that is no terminal; it has 12 characters or more. Roles and scopes are those of tokens
(meridian token create --help), but for the role node.`,
		Example: "  meridian user add anna --role editor --scope zone/example.com\n  pwgen -s 20 1 | meridian user add bert --role viewer",
		Args:    exactly("NAME", userName),
		RunE: func(cmd *cobra.Command, args []string) error {
			if roles := policy.Roles[1:]; !slices.Contains(roles, role) {
				return fmt.Errorf("a user needs a role: --role, one of %s", strings.Join(roles, ", "))
			}
			conn, err := g.connect()
			if err != nil {
				return err
			}
			password, err := readPassword(cmd, "Password of "+args[0])
			if err != nil {
				return err
			}
			return userWritten(g, cmd, "Made the user "+args[0]+".")(read(conn.CreateUser(cmd.Context(), nil,
				api.UserWrite{Name: args[0], Role: api.Role(role), Scopes: scopes, Password: password})))
		},
	}
	c.Flags().StringVar(&role, "role", "", "viewer, operator, editor or admin")
	c.Flags().StringArrayVar(&scopes, "scope", nil, "what the user may change, such as zone/example.com; several times for several (default: whatever the role may)")
	return c
}

// userWritten prints what became of a write.
func userWritten(g *globals, cmd *cobra.Command, done string) func(*reply, error) error {
	return func(r *reply, err error) error {
		result, r, err := decode[api.WriteResult](r, err)
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		if done, err := g.structured(out, r.body); done || err != nil {
			return err
		}
		fmt.Fprintln(out, done)
		printAfter(out, result.Nodes, result.Unpublished, result.Warnings)
		return nil
	}
}

// readPassword asks for a password twice where there is a terminal, else it takes the first line that comes.
func readPassword(cmd *cobra.Command, what string) (string, error) {
	in, ok := cmd.InOrStdin().(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		data, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), policy.MaxPassword+2))
		line, _, _ := strings.Cut(string(data), "\n")
		if line = strings.TrimSuffix(line, "\r"); err == nil && line == "" {
			err = errors.New("there is no password on standard input; pipe it in, or run this in a terminal")
		}
		return line, err
	}
	var got [2]string
	for i, prompt := range []string{what, "Again"} {
		fmt.Fprint(cmd.ErrOrStderr(), prompt+": ")
		b, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(cmd.ErrOrStderr())
		if err != nil {
			return "", err
		}
		got[i] = string(b)
	}
	if got[0] != got[1] {
		return "", errors.New("the two are not the same; nothing is changed")
	}
	return got[0], nil
}

func userList(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the users",
		Example: "  meridian user list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conn, err := g.connect()
			if err != nil {
				return err
			}
			list, r, err := decode[api.UserList](read(conn.ListUsers(cmd.Context())))
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if done, err := g.structured(out, r.body); done || err != nil {
				return err
			}
			var rows [][]string
			for _, u := range list.Items {
				state := "may log in"
				if u.Disabled {
					state = "disabled"
				}
				rows = append(rows, []string{u.Name, string(u.Role), orDash(strings.Join(u.Scopes, " ")), state, fmt.Sprint(u.Sessions), whenOrDash(u.PasswordAt), orDash(u.CreatedBy)})
			}
			table(out, []string{"NAME", "ROLE", "SCOPES", "STATE", "SESSIONS", "PASSWORD", "BY"}, rows)
			return nil
		},
	}
}

func userPassword(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "passwd NAME",
		Short:   "Give a user another password, and end the user's sessions",
		Example: "  meridian user passwd anna",
		Args:    exactly("NAME", "as meridian user list shows it"),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, err := g.connect()
			if err != nil {
				return err
			}
			password, err := readPassword(cmd, "New password of "+args[0])
			if err != nil {
				return err
			}
			return userWritten(g, cmd, "The user "+args[0]+" has another password; the sessions that were open have ended.")(
				read(conn.UpdateUser(cmd.Context(), args[0], nil, api.UserUpdate{Password: password})))
		},
	}
}

func userRemove(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "remove NAME",
		Short:   "Remove a user, and end the user's sessions",
		Example: "  meridian user remove anna",
		Args:    exactly("NAME", "as meridian user list shows it"),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, err := g.connect()
			if err != nil {
				return err
			}
			return userWritten(g, cmd, "Removed the user "+args[0]+".")(read(conn.DeleteUser(cmd.Context(), args[0], nil)))
		},
	}
}
