package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/web/api"
)

// getPast shows an endpoint's health over the time before now.
func getPast(cmd *cobra.Command, g *globals, conn *client, args []string, back time.Duration) error {
	if k, _ := kindNamed(args[0]); k.name != "health" || len(args) != 2 {
		return fmt.Errorf("--history is of one endpoint: meridian get health POOL/ENDPOINT --history %v", back)
	}
	if back < 0 {
		return fmt.Errorf("--history of %v goes ahead; say how far back, such as 24h", back)
	}
	h, r, err := decode[api.EndpointHistory](read(conn.GetHealthHistory(cmd.Context(), args[1], &api.GetHealthHistoryParams{From: time.Now().Add(-back).UTC().Truncate(time.Second)})))
	if err != nil {
		return err
	}
	if done, err := g.structured(cmd.OutOrStdout(), r.body); done || err != nil {
		return err
	}
	printPast(cmd.OutOrStdout(), h)
	return nil
}

func printPast(w io.Writer, h api.EndpointHistory) {
	fmt.Fprintf(w, "%s from %s to %s, in steps of %s\n", strings.TrimPrefix(h.Endpoint, "endpoint/"), second(h.From), second(h.To), rounded(h.Step))
	if len(h.Checks) == 0 {
		fmt.Fprintln(w, "No monitor checks it.")
	}
	step, _ := time.ParseDuration(h.Step)
	for _, c := range h.Checks {
		fmt.Fprintf(w, "\nMonitor %s: %s\n", c.Monitor, uptime(c.Timeline))
		fmt.Fprintf(w, "  [%s]  = up, x down, ? unknown, and nothing where nothing was kept\n", pastBar(c.Timeline, h.From, h.To, step))
		var rows [][]string
		for _, v := range c.Vantages {
			rows = append(rows, measured(v))
		}
		if len(rows) > 0 {
			table(w, []string{"VANTAGE", "MEAN", "LONGEST", "LOST"}, rows)
		}
		printEdges(w, "Changes", c.Changes)
	}
	if len(h.Missing) > 0 {
		fmt.Fprintf(w, "\nCould not be asked: %s\n", strings.Join(h.Missing, ", "))
	}
}

// uptime is the share of the time of which something is known that it was not down.
func uptime(line []api.TimelinePoint) string {
	known, down := 0, 0.0
	for _, p := range line {
		if p.Status != "unknown" || p.Down > 0 {
			known++
			down += p.Down
		}
	}
	if known == 0 {
		return "nothing is known of that time"
	}
	return fmt.Sprintf("up %.2f %% of the time that is known", 100*(1-down/float64(known)))
}

// pastBar is a time line in 60 characters, each of them as the worst of its time was, so that no short failure is lost.
func pastBar(line []api.TimelinePoint, from, to time.Time, step time.Duration) string {
	const width = 60
	bar := []byte(strings.Repeat(" ", width))
	long := to.Sub(from)
	if long <= 0 {
		return string(bar)
	}
	signs := map[api.Status]byte{"up": '=', "unknown": '?', "down": 'x'}
	const worse = " =?x"
	for _, p := range line {
		first := int(p.At.Sub(from) * width / long)
		last := int((p.At.Sub(from) + max(step, 1) - 1) * width / long)
		for i := max(first, 0); i <= min(last, width-1); i++ {
			if strings.IndexByte(worse, signs[p.Status]) > strings.IndexByte(worse, bar[i]) {
				bar[i] = signs[p.Status]
			}
		}
	}
	return string(bar)
}

// measured is what a vantage measured, all in all.
func measured(v api.VantageHistory) []string {
	var sum, longest time.Duration
	good, lost := 0, 0.0
	for _, p := range v.Points {
		lost += p.Loss
		if d, err := time.ParseDuration(p.Latency); err == nil {
			sum, good = sum+d, good+1
		}
		if d, err := time.ParseDuration(p.Max); err == nil {
			longest = max(longest, d)
		}
	}
	mean := "-"
	if good > 0 {
		mean = rounded((sum / time.Duration(good)).String())
	}
	return []string{v.Vantage, mean, rounded(longest.String()), fmt.Sprintf("%.2f %%", 100*lost/float64(max(1, len(v.Points))))}
}
