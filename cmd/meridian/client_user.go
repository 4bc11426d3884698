package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
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
		Short: "Make, list, change and remove users, who log in with a password",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(userAdd(g), userList(g), userSet(g), userPassword(g), userRemove(g))
	return c
}

const userName = "letters, digits, dots, dashes and underscores"

func userAdd(g *globals) *cobra.Command {
	var role string
	var scopes []string
	var rehearse *dry
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
			user := api.UserWrite{Name: args[0], Role: api.Role(role), Scopes: scopes, Password: notShown}
			call := func() (*http.Response, error) { return conn.CreateUser(cmd.Context(), nil, user) }
			if done, err := rehearse.show(cmd, g, conn, call); done {
				return err
			}
			if user.Password, err = readPassword(cmd, "Password of "+args[0]); err != nil {
				return err
			}
			return userWritten(g, cmd, "Made the user "+args[0]+".", func(out io.Writer) { undo(out, "user", "remove", args[0]) })(read(call()))
		},
	}
	c.Flags().StringVar(&role, "role", "", "viewer, operator, editor or admin")
	c.Flags().StringArrayVar(&scopes, "scope", nil, "what the user may change, such as zone/example.com; several times for several (default: whatever the role may)")
	_ = c.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(policy.Roles[1:], cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	rehearse = dryFlag(c)
	reasonFlag(c, g)
	return c
}

// notShown stands where a password would, in a call that is shown.
const notShown = "(not shown)"

// userNames are the users, with what they may do.
func userNames(ctx context.Context, c *client) []string {
	list, _, err := decode[api.UserList](read(c.ListUsers(ctx)))
	if err != nil {
		return nil
	}
	var names []string
	for _, u := range list.Items {
		names = append(names, u.Name+"\t"+string(u.Role))
	}
	return names
}

// userWritten prints what became of a write, and how it is taken back.
func userWritten(g *globals, cmd *cobra.Command, done string, back func(io.Writer)) func(*reply, error) error {
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
		back(out)
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
			return present(cmd, g, func(ctx context.Context, conn *client) (*http.Response, error) {
				return conn.ListUsers(ctx)
			}, func(out io.Writer, list api.UserList) {
				var rows [][]string
				for _, u := range list.Items {
					state := "may log in"
					if u.Disabled {
						state = "disabled"
					}
					rows = append(rows, []string{u.Name, string(u.Role), orDash(strings.Join(u.Scopes, " ")), state, fmt.Sprint(u.Sessions), whenOrDash(u.PasswordAt), orDash(u.CreatedBy)})
				}
				table(out, []string{"NAME", "ROLE", "SCOPES", "STATE", "SESSIONS", "PASSWORD", "BY"}, rows)
			})
		},
	}
}

func userSet(g *globals) *cobra.Command {
	var role string
	var disable, enable bool
	var rehearse *dry
	c := &cobra.Command{
		Use:   "set NAME --role ROLE | --disable | --enable",
		Short: "Give a user another role, or let in no more, or again",
		Long: `Give a user another role; the scopes stay. Or disable the user: the sessions that are open end, and
nobody logs in by that name until it is enabled again.`,
		Example: "  meridian user set anna --role operator\n  meridian user set anna --disable --reason \"on leave\"",
		Args:    exactly("NAME", "as meridian user list shows it"), ValidArgsFunction: complete(g, userNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case role == "" && !disable && !enable:
				return errors.New("what should be another? --role ROLE, --disable or --enable")
			case role != "" && !slices.Contains(policy.Roles[1:], role):
				return fmt.Errorf("%q is no role of users; --role is one of %s", role, strings.Join(policy.Roles[1:], ", "))
			}
			conn, err := g.connect()
			if err != nil {
				return err
			}
			old, err := userNamed(cmd.Context(), conn, args[0])
			if err != nil {
				return err
			}
			to, done, back := api.UserUpdate{}, []string{}, []string{"user", "set", old.Name}
			if role != "" {
				to.Role, to.Scopes = api.Role(role), old.Scopes // without them there would be none any more
				done, back = append(done, "has the role "+role), append(back, "--role", string(old.Role))
			}
			var touches []string
			if disable || enable {
				to.Disabled = &disable
				done = append(done, map[bool]string{true: "is disabled, and the sessions that were open have ended", false: "may log in"}[disable])
				back = append(back, map[bool]string{true: "--disable", false: "--enable"}[old.Disabled])
			}
			if disable {
				touches = append(touches, userGoes(old.Name, "is let in no more"))
			}
			call := func() (*http.Response, error) { return conn.UpdateUser(cmd.Context(), old.Name, nil, to) }
			if done, err := rehearse.show(cmd, g, conn, call, touches...); done {
				return err
			}
			return userWritten(g, cmd, "The user "+old.Name+" "+strings.Join(done, ", and ")+".", func(out io.Writer) { undo(out, back...) })(read(call()))
		},
	}
	c.Flags().StringVar(&role, "role", "", "viewer, operator, editor or admin")
	c.Flags().BoolVar(&disable, "disable", false, "let the user in no more, and end the sessions that are open")
	c.Flags().BoolVar(&enable, "enable", false, "let the user in again")
	c.MarkFlagsMutuallyExclusive("disable", "enable")
	_ = c.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(policy.Roles[1:], cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	rehearse = dryFlag(c)
	reasonFlag(c, g)
	return c
}

// userNamed is a user as the cluster has it.
func userNamed(ctx context.Context, conn *client, name string) (api.User, error) {
	list, _, err := decode[api.UserList](read(conn.ListUsers(ctx)))
	if err != nil {
		return api.User{}, err
	}
	var names []string
	for _, u := range list.Items {
		if u.Name == name {
			return u, nil
		}
		names = append(names, u.Name)
	}
	return api.User{}, fmt.Errorf("there is no user %q; there are %s", name, first(some(names), "none"))
}

func userPassword(g *globals) *cobra.Command {
	var rehearse *dry
	c := &cobra.Command{
		Use:     "passwd NAME",
		Short:   "Give a user another password, and end the user's sessions",
		Example: "  meridian user passwd anna",
		Args:    exactly("NAME", "as meridian user list shows it"), ValidArgsFunction: complete(g, userNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, err := g.connect()
			if err != nil {
				return err
			}
			to := api.UserUpdate{Password: notShown}
			call := func() (*http.Response, error) { return conn.UpdateUser(cmd.Context(), args[0], nil, to) }
			if done, err := rehearse.show(cmd, g, conn, call, userGoes(args[0], "has another password")); done {
				return err
			}
			if to.Password, err = readPassword(cmd, "New password of "+args[0]); err != nil {
				return err
			}
			return userWritten(g, cmd, "The user "+args[0]+" has another password; the sessions that were open have ended.", func(out io.Writer) {
				noUndo(out, "nobody knows the password of before; set it again with meridian user passwd "+shell(args[0]))
			})(read(call()))
		},
	}
	rehearse = dryFlag(c)
	reasonFlag(c, g)
	return c
}

// userGoes says what a change does to whoever is logged in.
func userGoes(name, what string) string {
	return "the user " + name + " " + what + ", and the sessions that are open end"
}

func userRemove(g *globals) *cobra.Command {
	var rehearse *dry
	var yes bool
	c := &cobra.Command{
		Use:     "remove NAME",
		Short:   "Remove a user, and end the user's sessions",
		Example: "  meridian user remove anna",
		Args:    exactly("NAME", "as meridian user list shows it"), ValidArgsFunction: complete(g, userNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, err := g.connect()
			if err != nil {
				return err
			}
			call := func() (*http.Response, error) { return conn.DeleteUser(cmd.Context(), args[0], nil) }
			goes := userGoes(args[0], "is let in no more")
			if done, err := rehearse.show(cmd, g, conn, call, goes); done {
				return err
			}
			if err := confirm(cmd, yes, "For good: "+goes+"."); err != nil {
				return err
			}
			return userWritten(g, cmd, "Removed the user "+args[0]+".", func(out io.Writer) {
				noUndo(out, "make the user again with meridian user add "+shell(args[0])+" --role ROLE")
			})(read(call()))
		},
	}
	rehearse = dryFlag(c)
	yesFlag(c, &yes)
	reasonFlag(c, g)
	return c
}
