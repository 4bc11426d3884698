package main

import (
	"context"
	"encoding/json"
	"errors"
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

const (
	windowLook   = 500 * time.Millisecond // between two looks at a window
	windowGiveUp = 30 * time.Second       // for nodes that cannot be asked, when no larger TTL is known
)

// stayIncomplete is for how long nodes that cannot be asked are waited for: the largest window that is known. Tests do not.
var stayIncomplete = func(w api.Window) time.Duration {
	return max(windowGiveUp, time.Duration(w.MaxTTL+1)*time.Second)
}

// awaitWindow shows the window of a control until it is closed. It fails when
// nodes cannot be asked for longer than the largest window, or when the control is gone.
func awaitWindow(cmd *cobra.Command, conn *client, id string) error {
	ctx, stop := interrupted(cmd.Context())
	defer stop()
	out := cmd.OutOrStdout()
	live := onTerminal(out)
	seen, began := "", time.Now()
	for {
		v, _, err := decode[api.Control](read(conn.GetControl(ctx, id)))
		switch {
		case ctx.Err() != nil:
			return errors.New("interrupted; the control stays in force")
		case err != nil && !passes(err):
			return fmt.Errorf("%s is not followed any further: %w", id, err)
		case err != nil:
			v.Window = api.Window{State: api.WindowStatePublishing}
		}
		w := v.Window
		text := windowText(w, live)
		if live {
			fmt.Fprint(out, "\r\x1b[K"+text)
		} else if text != seen {
			fmt.Fprintln(out, text)
		}
		seen = text
		switch {
		case w.State == api.WindowStateDrained:
			if live {
				fmt.Fprintln(out)
			}
			return nil
		case w.State == api.WindowStateIncomplete && time.Since(began) > stayIncomplete(w):
			if live {
				fmt.Fprintln(out)
			}
			return fmt.Errorf("whether %s answer without it is not known: they cannot be reached. Look at them (meridian dig NAME --server ADDRESS:53), or take them out of the delegation", strings.Join(silentNodes(w), ", "))
		}
		pause := windowLook
		if left := time.Until(w.ClosesAt); !w.ClosesAt.IsZero() && left > 0 && left < pause {
			pause = left + 10*time.Millisecond
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// awaitQuietly is awaitWindow for programs: it says nothing that is not JSON or YAML.
func awaitQuietly(cmd *cobra.Command, conn *client, id string) error {
	out := cmd.OutOrStdout()
	defer cmd.SetOut(out)
	cmd.SetOut(io.Discard)
	return awaitWindow(cmd, conn, id)
}

// windowText is one line about a window; live counts down.
func windowText(w api.Window, live bool) string {
	switch w.State {
	case api.WindowStateDrained:
		return "drained: no resolver that abides by TTLs hands it out any more"
	case api.WindowStateIncomplete:
		return "incomplete: " + strings.Join(silentNodes(w), ", ") + " cannot be asked"
	case api.WindowStateDraining:
		if len(w.StillServed) > 0 {
			return "draining: still answered, " + strings.Join(w.StillServed, ", ") + "; nothing else is left, or another control says so"
		}
		if live {
			return fmt.Sprintf("draining: closes in %v (largest TTL %d s)", max(0, time.Until(w.ClosesAt)).Round(time.Second), w.MaxTTL)
		}
		return fmt.Sprintf("draining: closes at %s (largest TTL %d s)", second(w.ClosesAt), w.MaxTTL)
	}
	var behind []string
	for _, n := range w.Nodes {
		if n.Reachable && (n.PublishedAt.IsZero() || n.JournalledAt.IsZero()) {
			behind = append(behind, n.Node)
		}
	}
	if len(behind) == 0 {
		return "publishing"
	}
	return "publishing: " + strings.Join(behind, ", ") + " still to follow"
}

// silentNodes are those that cannot be asked and have not said that they published.
func silentNodes(w api.Window) (names []string) {
	for _, n := range w.Nodes {
		if !n.Reachable && (n.PublishedAt.IsZero() || n.JournalledAt.IsZero()) {
			names = append(names, n.Node)
		}
	}
	slices.Sort(names)
	return names
}

// clock is a time of day, UTC, as windows are read: to a tenth of a second.
func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("15:04:05.0Z")
}

// printWindow shows how far each node is.
func printWindow(w io.Writer, v api.Window) {
	var rows [][]string
	for _, n := range slices.SortedFunc(slices.Values(v.Nodes), func(a, b api.NodeWindow) int { return strings.Compare(a.Node, b.Node) }) {
		state := "answers by it"
		switch {
		case !n.Reachable:
			state = "cannot be reached: " + n.Error
		case n.PublishedAt.IsZero() || n.JournalledAt.IsZero():
			state = "not yet: " + n.Error
		case len(n.StillServed) > 0:
			state = "still answers " + strings.Join(n.StillServed, ", ")
		}
		rows = append(rows, []string{n.Node, clock(n.PublishedAt), fmt.Sprint(n.MaxTTL), clock(n.LastAnswerAt), clock(n.ClosesAt), state})
	}
	if len(rows) > 0 {
		table(w, []string{"NODE", "PUBLISHED", "TTL", "LAST ANSWER", "CLOSES", "STATE"}, rows)
	}
	fmt.Fprintln(w, windowText(v, false))
}

// windowsKind is what left the answers.
var windowsKind = kind{
	name: "windows",
	list: func(c *client, ctx context.Context) (*http.Response, error) { return c.ListWindows(ctx) },

	heading: []string{"SERVICE", "ENDPOINT", "CAUSE", "PUBLISHED", "TTL", "LAST ANSWER", "CLOSES"},
	rows: each(func(d api.Departure) []string {
		cause := d.Cause
		if id, ok := strings.CutPrefix(d.By, "control/"); ok {
			cause += " " + id
		}
		return []string{d.Service, strings.TrimPrefix(d.Endpoint, "endpoint/"), cause, clock(d.PublishedAt), fmt.Sprint(d.MaxTTL), clock(d.LastAnswerAt), clock(d.ClosesAt)}
	}),
}

func residualCommand(g *globals) *cobra.Command {
	var since string
	c := &cobra.Command{
		Use:   "residual ID|TARGET",
		Short: "Show who still comes to what was drained",
		Long: `Show the clients that were seen at drained endpoints after their window had closed, by
network, as far as logs were handed in (PUT /api/v1/observations): resolvers that stretch
TTLs, and programs that never ask again. ID is a control's; a TARGET
needs --since. TARGET is
` + targetLines + `.`,
		Example: "  meridian residual c17\n  meridian residual region/us-east --since 2h",
		Args:    exactly("ID or TARGET", "as meridian get controls shows them"), ValidArgsFunction: complete(g, drainedNames("")),
		RunE: func(cmd *cobra.Command, args []string) error {
			params := api.GetResidualParams{Control: args[0]}
			if strings.Contains(args[0], "/") {
				var ago policy.Duration
				at, err := time.Parse(time.RFC3339, since)
				if err != nil {
					if err := ago.UnmarshalText([]byte(since)); err != nil || ago <= 0 {
						return fmt.Errorf("a target needs --since, as a time ago or a time: --since 2h, --since 2026-01-02T03:04:05Z, not %q", since)
					}
					at = time.Now().Add(-time.Duration(ago))
				}
				params = api.GetResidualParams{Target: args[0], Since: at.UTC()}
			} else if since != "" {
				return errors.New("--since goes with a target; of a control it is since its window closed")
			}
			conn, err := g.connect()
			if err != nil {
				return err
			}
			list, r, err := decode[api.ResidualList](read(conn.GetResidual(cmd.Context(), &params)))
			if err != nil {
				return err
			}
			if done, err := g.structured(cmd.OutOrStdout(), r.body); done || err != nil {
				return err
			}
			printResidual(cmd.OutOrStdout(), list)
			return nil
		},
	}
	c.Flags().StringVar(&since, "since", "", "of a target: from when on, as a time ago (2h) or a time (2026-01-02T03:04:05Z)")
	return c
}

func printResidual(w io.Writer, list api.ResidualList) {
	if len(list.Missing) > 0 {
		fmt.Fprintf(w, "Not asked, since they cannot be reached: %s.\n", strings.Join(list.Missing, ", "))
	}
	if len(list.Items) == 0 {
		fmt.Fprintf(w, "Nobody was seen there after %s, in the logs that were handed in.\n", second(list.Since))
		return
	}
	rows := make([][]string, 0, len(list.Items))
	for _, r := range list.Items {
		asn := "-"
		if r.Asn != 0 {
			asn = fmt.Sprint("AS", r.Asn)
		}
		rows = append(rows, []string{r.Client, asn, orDash(r.Country), r.To, fmt.Sprint(r.Count), moment(r.LastAt), r.After, orDash(r.Source)})
	}
	table(w, []string{"CLIENTS", "ASN", "COUNTRY", "TO", "COUNT", "LAST", "AFTER", "SOURCE"}, rows)
	if more := list.Total - len(list.Items); more > 0 {
		fmt.Fprintf(w, "%d more networks came.\n", more)
	}
}

// controlDetail is a control's window and nodes.
func controlDetail(w io.Writer, body []byte) error {
	var v api.Control
	err := json.Unmarshal(body, &v)
	printControl(w, v)
	fmt.Fprintln(w)
	printWindow(w, v.Window)
	return err
}
