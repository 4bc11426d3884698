package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

func resumeCommand(g *globals) *cobra.Command {
	var reason string
	var rehearse *dry
	c := &cobra.Command{
		Use:   "resume POOL/ENDPOINT --reason TEXT",
		Short: "Let an endpoint come up that waits for an operator",
		Long: `Let an endpoint come up again that is down by a monitor with resume: manual. It comes
up when the vantages agree that it is up, which may be later; the next failure holds
it again. Endpoints of other monitors come up by themselves.`,
		Example: `  meridian resume db-eu/a --reason "data is checked"`,
		Args:    exactly("POOL/ENDPOINT", "as meridian get health lists them"), ValidArgsFunction: complete(g, endpointNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(reason) == "" {
				return errors.New("a resume needs a reason: --reason TEXT. Whoever is on call next will want to know")
			}
			conn, err := g.connect()
			if err != nil {
				return err
			}
			call := func() (*http.Response, error) {
				return conn.ResumeEndpoint(cmd.Context(), args[0], nil, api.ResumeRequest{Reason: reason})
			}
			if rehearse.on {
				h, _, err := decode[api.EndpointHealth](read(conn.GetHealth(cmd.Context(), args[0])))
				if err != nil {
					return err
				}
				_, err = rehearse.show(cmd, g, conn, call, fmt.Sprintf("%s is %s now, and %s to clients", strings.TrimPrefix(h.Endpoint, "endpoint/"), h.Measured, h.Effective))
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
			name := strings.TrimPrefix(args[0], "endpoint/")
			fmt.Fprintf(out, "Resumed %s: it comes up when the vantages agree that it is up. Reason: %s\n", name, reason)
			printAfter(out, result.Nodes, result.Unpublished, result.Warnings)
			fmt.Fprintf(out, "Follow it: meridian get health %s -w\n", shell(name))
			noUndo(out, "to keep it out, meridian drain endpoint/"+name+" --reason TEXT")
			return nil
		},
	}
	rehearse = dryFlag(c)
	c.Flags().StringVar(&reason, "reason", "", "why, for whoever is on call next")
	return c
}

// printWaits says what keeps a check down though the vantages agree that it is up, and who else claims what it does.
func printWaits(w io.Writer, endpoint string, v api.Verdict) {
	switch {
	case v.Resumed:
		fmt.Fprintln(w, "resumed: it comes up when the vantages agree that it is up")
	case v.Waits == policy.WaitsForOperator:
		fmt.Fprintf(w, "waits for an operator: meridian resume %s --reason TEXT\n", strings.TrimPrefix(endpoint, "endpoint/"))
	case v.Waits == policy.WaitsForRival:
		fmt.Fprintln(w, "waits for a rival: one endpoint of the pool is up by this monitor at most")
	}
	if len(v.Rivals) > 0 {
		fmt.Fprintf(w, "rivals: %s\n", strings.ReplaceAll(strings.Join(v.Rivals, ", "), "endpoint/", ""))
	}
}
