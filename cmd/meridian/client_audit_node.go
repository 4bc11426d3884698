package main

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/web/api"
)

func auditNode(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "node",
		Short: "What one node has on record: refused calls, and break-glass",
		Long: `List what the node that is asked has on its own disk, the newest first: calls that were refused
before they reached the cluster, and what was done with the break-glass token. It is
replicated nowhere; --addr chooses the node. The newest 1000 are listed.`,
		Example: "  meridian audit node --addr http://ns2.example.net:8080",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return present(cmd, g, func(ctx context.Context, conn *client) (*http.Response, error) {
				return conn.ListNodeAudit(ctx)
			}, func(out io.Writer, list api.NodeAudit) {
				for _, a := range list.Items {
					who := first(a.Actor, "somebody unknown")
					if a.Peer != "" {
						who += " from " + a.Peer
					}
					fmt.Fprintf(out, "%s  %s  %s\n    %s: %s\n", second(a.At), who, a.Call, a.Kind, a.Text)
					if a.Missed > 0 {
						fmt.Fprintf(out, "    %s before it not recorded: there were too many\n", count(a.Missed, "refusal"))
					}
				}
				if len(list.Items) == 0 {
					fmt.Fprintln(out, "Nothing is on record at this node.")
				}
			})
		},
	}
}
