package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/policy/document"
	"github.com/meridian-gtm/meridian/web/api"
)

func draftCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "draft",
		Short: "Changes that wait for others to look at them, or for some nodes to try them",
		Long: `A draft is a change on the server that is not made yet. Others look at it with its
effect on answers, and approve or reject it; a canary has some nodes answer by it
first. It is published as a whole, unless somebody changed the same objects meanwhile.
Review rules (reviewRules in the document) say which objects change by approved drafts only.`,
		Example: `  meridian draft create -f meridian.yaml --title "more weight for Frankfurt"
  meridian draft show d17
  meridian draft approve d17
  meridian draft canary d17 --node ns1 --for 10m --abort-when signal:slo
  meridian draft publish d17`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(draftList(g), draftShow(g), draftCreate(g), draftReview(g, "approve"), draftReview(g, "reject"), draftCanary(g), draftPublish(g), draftWithdraw(g))
	return c
}

func draftList(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the drafts",
		Example: "  meridian draft list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return present(cmd, g, func(ctx context.Context, conn *client) (*http.Response, error) {
				return conn.ListDrafts(ctx)
			}, func(out io.Writer, list api.DraftList) {
				var rows [][]string
				for _, v := range list.Items {
					rows = append(rows, []string{v.Id, second(v.CreatedAt), first(v.AuthorName, v.Author, "-"), draftState(v), reviewsText(v), v.Title})
				}
				table(out, []string{"ID", "MADE", "BY", "STATE", "REVIEWS", "TITLE"}, rows)
			})
		},
	}
}

func draftState(v api.Draft) string {
	if v.Canary != nil && v.State == "open" {
		return "canary " + string(v.Canary.State)
	}
	if v.Revision != 0 {
		return fmt.Sprintf("%s (%d)", v.State, v.Revision)
	}
	return string(v.State)
}

func reviewsText(v api.Draft) string {
	var list []string
	for _, r := range v.Reviews {
		sign := "+"
		if !r.Approve {
			sign = "-"
		}
		list = append(list, sign+first(r.ActorName, r.Actor))
	}
	return orDash(strings.Join(list, " "))
}

// draftArgs makes a command take a draft.
func draftArgs(g *globals, c *cobra.Command) *cobra.Command {
	c.Args, c.ValidArgsFunction = exactly("ID", "as meridian draft list shows it"), complete(g, draftNames)
	return c
}

// draftNames are the open drafts, with their titles.
func draftNames(ctx context.Context, c *client) (names []string) {
	list, _, err := decode[api.DraftList](read(c.ListDrafts(ctx)))
	if err != nil {
		return nil
	}
	for _, v := range list.Items {
		if v.State == "open" {
			names = append(names, v.Id+"\t"+v.Title)
		}
	}
	return names
}

func draftShow(g *globals) *cobra.Command {
	return draftArgs(g, &cobra.Command{
		Use:     "show ID",
		Short:   "Look at a draft: what it would change, and for whom",
		Example: "  meridian draft show d17",
		RunE: func(cmd *cobra.Command, args []string) error {
			return present(cmd, g, func(ctx context.Context, conn *client) (*http.Response, error) {
				return conn.GetDraft(ctx, args[0])
			}, func(out io.Writer, v api.DraftShown) {
				d := v.Draft
				fmt.Fprintf(out, "%s  %s\n%s by %s, %s, based on revision %d\n", d.Id, d.Title, draftState(d), first(d.AuthorName, d.Author, "-"), second(d.CreatedAt), d.Base)
				for _, w := range d.Reviews {
					said := "approved"
					if !w.Approve {
						said = "rejected"
					}
					fmt.Fprintf(out, "%s by %s, %s", said, first(w.ActorName, w.Actor), second(w.At))
					if w.Comment != "" {
						fmt.Fprintf(out, ": %s", w.Comment)
					}
					fmt.Fprintln(out)
				}
				if k := d.Canary; k != nil {
					fmt.Fprintf(out, "canary %s at %s, %s to %s", k.State, strings.Join(k.Nodes, ", "), second(k.StartedAt), second(k.EndsAt))
					if len(k.AbortWhen) > 0 {
						fmt.Fprintf(out, ", aborted when %s", strings.Join(k.AbortWhen, " or "))
					}
					fmt.Fprintln(out)
					if k.Problem != "" {
						fmt.Fprintf(out, "  %s\n", k.Problem)
					}
				}
				if d.State != "open" {
					return
				}
				fmt.Fprintln(out)
				printChanges(out, v.Changes)
				if v.Effects != nil {
					printEffects(out, v.Effects)
				}
				printBehind(out, v)
				printWarnings(out, v.Warnings)
				if !v.Fits {
					fmt.Fprintf(out, "It cannot be published now: %s\n", v.Problem)
				}
			})
		},
	})
}

// printBehind shows how healthy what is behind the changed services is, and how the conditions of a canary stand.
func printBehind(out io.Writer, v api.DraftShown) {
	if len(v.Health) > 0 {
		fmt.Fprintln(out, "Health of what is behind the answers, up and not drained:")
		for _, h := range v.Health {
			fmt.Fprintf(out, "  %s  now %d of %d endpoints, by the draft %d of %d\n", h.Service, h.Up, h.Endpoints, h.DraftUp, h.DraftEndpoints)
		}
		fmt.Fprintln(out)
	}
	if len(v.Conditions) > 0 {
		fmt.Fprintln(out, "The canary is aborted when one of these holds:")
		for _, k := range v.Conditions {
			fmt.Fprintf(out, "  %s  %s\n", k.Condition, first(k.Problem, "does not hold"))
		}
		fmt.Fprintln(out)
	}
}

func draftCreate(g *globals) *cobra.Command {
	var file, title, into string
	var prune, force bool
	var back uint64
	var rehearse *dry
	c := &cobra.Command{
		Use:   "create --title TEXT (-f FILE | --rollback REVISION)",
		Short: "Make a draft of a document, or of a rollback",
		Long: `Make a draft of what apply would do with a document, or of a rollback. --into puts
another content into a draft that is there: what was said of that is forgotten then.`,
		Example: "  meridian draft create -f meridian.yaml --title \"more weight for Frankfurt\"\n  meridian draft create --rollback 16 --title \"back to before\"\n  meridian draft create -f meridian.yaml --title \"mended\" --into d17",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (file == "") == !cmd.Flags().Changed("rollback") {
				return fmt.Errorf("a draft is made of one of -f FILE and --rollback REVISION")
			}
			body := map[string]any{"title": title}
			if file != "" {
				text, err := readFile(cmd, file)
				if err != nil {
					return err
				}
				doc, err := document.Decode(text, file)
				if err != nil {
					return err
				}
				plain, err := document.Encode(doc, document.JSON)
				if err != nil {
					return err
				}
				body["changes"] = []any{map[string]any{"config": map[string]any{"document": json.RawMessage(plain), "merge": !prune, "force": force}}}
			} else {
				body["rollback"], body["force"] = back, force
			}
			sent, err := json.Marshal(body)
			if err != nil {
				return err
			}
			conn, err := g.connect()
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			call := func() (*http.Response, error) {
				if into != "" {
					return conn.PutDraftWithBody(ctx, into, nil, "application/json", strings.NewReader(string(sent)))
				}
				return conn.CreateDraftWithBody(ctx, nil, "application/json", strings.NewReader(string(sent)))
			}
			if done, err := rehearse.show(cmd, g, conn, call, "drafts alone; nothing that is answered"); done || err != nil {
				return err
			}
			made, r, err := decode[api.DraftWritten](read(call()))
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if done, err := g.structured(out, r.body); done || err != nil {
				return err
			}
			fmt.Fprintf(out, "Made the draft %s. Look at it: meridian draft show %s\n", made.Id, made.Id)
			undo(out, "draft", "withdraw", made.Id)
			return nil
		},
	}
	rehearse = dryFlag(c)
	c.Flags().StringVarP(&file, "file", "f", "", "the document, YAML or JSON; - is standard input")
	c.Flags().StringVar(&title, "title", "", "what it is about, on one line")
	c.Flags().StringVar(&into, "into", "", "a draft to put it into")
	c.Flags().BoolVar(&prune, "prune", false, "delete the objects that the document does not name")
	c.Flags().BoolVar(&force, "force", false, forceUsage)
	c.Flags().Uint64Var(&back, "rollback", 0, "the revision to go back to")
	_ = c.MarkFlagFilename("file", "yaml", "yml", "json")
	return c
}

// draftAct is a command that does one thing with a draft.
func draftAct(g *globals, c *cobra.Command, touches string, call func(cmd *cobra.Command, conn *client, id string) (*http.Response, error), after func(cmd *cobra.Command, id string, w api.WriteResult)) *cobra.Command {
	var rehearse *dry
	c.RunE = func(cmd *cobra.Command, args []string) error {
		conn, err := g.connect()
		if err != nil {
			return err
		}
		send := func() (*http.Response, error) { return call(cmd, conn, args[0]) }
		if done, err := rehearse.show(cmd, g, conn, send, touches); done || err != nil {
			return err
		}
		result, r, err := decode[api.WriteResult](read(send()))
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		if done, err := g.structured(out, r.body); done || err != nil {
			return err
		}
		after(cmd, args[0], result)
		return nil
	}
	rehearse = dryFlag(c)
	return draftArgs(g, c)
}

func draftReview(g *globals, verdict string) *cobra.Command {
	var comment string
	done, short := "Approved", "Approve somebody else's draft"
	if verdict == "reject" {
		done, short = "Rejected", "Reject a draft, saying why"
	}
	c := &cobra.Command{Use: verdict + " ID", Short: short, Example: "  meridian draft " + verdict + " d17 --comment \"the weights add up\""}
	c.Flags().StringVar(&comment, "comment", "", "why")
	return draftAct(g, c, "what is said of the draft; nothing that is answered",
		func(cmd *cobra.Command, conn *client, id string) (*http.Response, error) {
			return conn.ReviewDraft(cmd.Context(), id, nil, api.ReviewWrite{Verdict: api.ReviewWriteVerdict(verdict), Comment: comment})
		},
		func(cmd *cobra.Command, id string, _ api.WriteResult) {
			fmt.Fprintf(cmd.OutOrStdout(), "%s the draft %s.\n", done, id)
			noUndo(cmd.OutOrStdout(), "say something else of it; the last word counts")
		})
}

func draftCanary(g *globals) *cobra.Command {
	var body api.CanaryWrite
	var end bool
	c := &cobra.Command{
		Use:   "canary ID --node NODE --for TIME",
		Short: "Have some nodes answer by a draft before all others",
		Long: `Have some nodes answer by a draft for a time. Then it is published everywhere, or
with --hold waits. It is taken back by itself when a condition of --abort-when
comes true: down:pool/NAME (a region, provider, az, pool or endpoint more than half
of which is down), or signal:NAME (an external signal that is down or stale).
Endpoints that are new in the draft are probed only once it is published.`,
		Example: "  meridian draft canary d17 --node ns1 --for 10m --abort-when signal:slo\n  meridian draft canary d17 --end",
	}
	c.Flags().StringArrayVar(&body.Nodes, "node", nil, "label of a node that tries it; several times for several")
	c.Flags().StringVar(&body.For, "for", "10m", "how long, 10s to 168h")
	c.Flags().BoolVar(&body.Hold, "hold", false, "do not publish it when the time is over")
	c.Flags().StringArrayVar(&body.AbortWhen, "abort-when", nil, "what ends it: down:pool/NAME and so on, or signal:NAME; several times for several")
	c.Flags().BoolVar(&end, "end", false, "take it back from the nodes now")
	return draftAct(g, c, "what those nodes answer",
		func(cmd *cobra.Command, conn *client, id string) (*http.Response, error) {
			if end {
				return conn.EndCanary(cmd.Context(), id, nil)
			}
			return conn.StartCanary(cmd.Context(), id, nil, body)
		},
		func(cmd *cobra.Command, id string, w api.WriteResult) {
			out := cmd.OutOrStdout()
			if end {
				fmt.Fprintf(out, "The draft %s is in use nowhere any more.\n", id)
				noUndo(out, "begin another canary")
				return
			}
			fmt.Fprintf(out, "The draft %s is in use at %s for %s. Follow it: meridian draft show %s\n", id, strings.Join(body.Nodes, ", "), body.For, id)
			printAfter(out, nil, w.Unpublished, w.Warnings)
			undo(out, "draft", "canary", id, "--end")
		})
}

func draftPublish(g *globals) *cobra.Command {
	c := &cobra.Command{Use: "publish ID", Short: "Make the change that a draft holds, everywhere", Example: "  meridian draft publish d17"}
	reasonFlag(c, g)
	overrideFlag(c, g)
	return draftAct(g, c, "what the draft changes (meridian draft show)",
		func(cmd *cobra.Command, conn *client, id string) (*http.Response, error) {
			return conn.PublishDraft(cmd.Context(), id, nil)
		},
		func(cmd *cobra.Command, id string, w api.WriteResult) {
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "Published the draft %s as revision %d.\n", id, w.Revision)
			printAfter(out, w.Nodes, w.Unpublished, w.Warnings)
			undo(out, "rollback", strconv.FormatUint(w.Revision-1, 10))
		})
}

func draftWithdraw(g *globals) *cobra.Command {
	c := &cobra.Command{Use: "withdraw ID", Short: "Close a draft without making its change", Example: "  meridian draft withdraw d17"}
	return draftAct(g, c, "the draft, and a canary of it",
		func(cmd *cobra.Command, conn *client, id string) (*http.Response, error) {
			return conn.WithdrawDraft(cmd.Context(), id, nil)
		},
		func(cmd *cobra.Command, id string, _ api.WriteResult) {
			fmt.Fprintf(cmd.OutOrStdout(), "Withdrew the draft %s.\n", id)
			noUndo(cmd.OutOrStdout(), "make another draft")
		})
}
