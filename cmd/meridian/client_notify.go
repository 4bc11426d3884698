package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/web/api"
)

func notifyCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "notify",
		Short: "See who is told of what happens, and try it",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(notifyList(g), notifyTest(g), notifyDeliveries(g))
	return c
}

func notifyList(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the receivers, and how they fare",
		Example: "  meridian notify list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return present(cmd, g, func(ctx context.Context, conn *client) (*http.Response, error) {
				return conn.ListNotifications(ctx)
			}, func(out io.Writer, list api.ReceiverStatusList) {
				var rows [][]string
				for _, v := range list.Items {
					rows = append(rows, receiverRow(v))
				}
				if len(rows) == 0 {
					fmt.Fprintln(out, "There are no receivers; they stand in the document, under notifications.")
					return
				}
				table(out, receiverHeading, rows)
			})
		},
	}
}

var receiverHeading = []string{"NAME", "KIND", "LAST TOLD", "LAST FAILED", "FAILING"} // by the cluster's clock, UTC

func receiverRow(v api.ReceiverStatus) []string {
	return []string{v.Name, string(v.Kind), whenOrDash(v.LastSuccess), whenOrDash(v.LastFailure), orDash(v.Failing)}
}

func notifyTest(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "test NAME",
		Short: "Send a receiver a test, now",
		Long: `Send a receiver a test, once, from the node that leads. An incident or alert that it makes ends at once.
The exit status is 2 when the receiver was not told.`,
		Example: "  meridian notify test oncall",
		Args:    exactly("NAME", "a receiver, as meridian notify list shows it"), ValidArgsFunction: complete(g, kindNames("notifications")),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, err := g.connect()
			if err != nil {
				return err
			}
			d, r, err := decode[api.Delivery](read(conn.TestNotification(cmd.Context(), args[0])))
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			failed := d.Status != api.DeliveryStatusDelivered
			if done, err := g.structured(out, r.body); err != nil {
				return err
			} else if !done && failed {
				fmt.Fprintf(out, "%s was not told: %s\n", d.Receiver, d.Error)
			} else if !done {
				fmt.Fprintf(out, "%s was told; it answered %d\n", d.Receiver, d.Code)
			}
			if failed {
				return errFound
			}
			return nil
		},
	}
}

func notifyDeliveries(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "deliveries",
		Short:   "What was delivered, is tried again, or was given up",
		Example: "  meridian notify deliveries",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return present(cmd, g, func(ctx context.Context, conn *client) (*http.Response, error) {
				return conn.ListDeliveries(ctx)
			}, func(out io.Writer, list api.DeliveryList) {
				var rows [][]string
				for _, d := range list.Items {
					what := d.Text
					if d.Error != "" {
						what += " (" + d.Error + ")"
					}
					rows = append(rows, []string{second(d.At), d.Receiver, string(d.Status), strconv.Itoa(d.Attempts), strconv.Itoa(d.Notices), what})
				}
				if len(rows) == 0 {
					fmt.Fprintln(out, "Nothing was delivered yet.")
					return
				}
				table(out, []string{"AT", "RECEIVER", "STATUS", "TRIES", "NOTICES", "WHAT"}, rows)
			})
		},
	}
}
