package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/policy/document"
	"github.com/meridian-gtm/meridian/web/api"
)

func (d *described) print(cmd *cobra.Command) error {
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "%s, revision %d\n\nSpec\n", d.Object, d.Revision)
	text, err := document.EncodeValue(d.Spec, document.YAML)
	if err != nil {
		return err
	}
	for line := range bytes.Lines(text) {
		fmt.Fprintf(w, "  %s", line)
	}
	if len(d.Uses) > 0 {
		fmt.Fprintf(w, "\nUses\n  %s\n", strings.Join(d.Uses, "\n  "))
	}
	if !strings.HasPrefix(d.Object, "service/") {
		fmt.Fprintf(w, "\nUsed by\n  %s\n", first(strings.Join(d.UsedBy, "\n  "), "nothing"))
	}
	if len(d.Health) > 0 {
		fmt.Fprintln(w, "\nHealth")
		k, _ := kindNamed("health")
		var items []json.RawMessage
		for _, h := range d.Health {
			raw, err := json.Marshal(onAPage(h))
			if err != nil {
				return err
			}
			items = append(items, raw)
		}
		rows, err := k.rows(items)
		if err != nil {
			return err
		}
		table(w, k.heading, rows)
		if d.alone {
			if err := healthDetail(w, items[0]); err != nil {
				return err
			}
		} else if rows := ballotRows(d.Health); len(rows) > 0 {
			fmt.Fprintln(w, "\nBallots")
			table(w, []string{"ENDPOINT", "MONITOR", "STATUS", "BALLOTS"}, rows)
		}
	}
	d.printControls(w)
	d.printAnswers(w)
	return nil
}

// onAPage is health with the last few samples only.
func onAPage(h api.EndpointHealth) api.EndpointHealth {
	const most = 3
	h.Checks = slices.Clone(h.Checks)
	for i := range h.Checks {
		samples := slices.Clone(h.Checks[i].Samples)
		for j := range samples {
			samples[j].Samples = samples[j].Samples[:min(most, len(samples[j].Samples))]
		}
		h.Checks[i].Samples = samples
	}
	return h
}

// ballotRows says who voted what, check by check.
func ballotRows(list []api.EndpointHealth) (rows [][]string) {
	for _, h := range list {
		for _, c := range h.Checks {
			rows = append(rows, []string{strings.TrimPrefix(h.Endpoint, "endpoint/"), c.Monitor, string(c.Verdict.Status), orDash(ballotText(c.Verdict.Ballots))})
		}
	}
	return rows
}

// ballotText is who voted what, in one line.
func ballotText(ballots []api.Ballot) string {
	var votes []string
	for _, b := range ballots {
		vote := b.Vantage + " " + voted(b)
		if b.Error != "" && b.Absent == "" {
			vote += " (" + b.Error + ")"
		}
		votes = append(votes, vote)
	}
	return strings.Join(votes, ", ")
}

func (d *described) printControls(w io.Writer) {
	if len(d.Controls) == 0 {
		return
	}
	fmt.Fprintln(w, "\nControls")
	var rows [][]string
	for _, v := range d.Controls {
		rows = append(rows, controlRow(v))
	}
	table(w, controlHeading, rows)
}

// printAnswers shows what clients are answered; countries that are answered alike share a row.
func (d *described) printAnswers(w io.Writer) {
	if len(d.Answers) == 0 {
		return
	}
	fmt.Fprintln(w, "\nAnswers now, by the clients' country")
	type same struct{ service, share, answers, endpoints string }
	var order []same
	clients := map[same][]string{}
	for _, a := range d.Answers {
		var endpoints []string
		for _, e := range a.Endpoints {
			endpoints = append(endpoints, strings.TrimPrefix(e, "endpoint/"))
		}
		k := same{a.Service + " " + a.Type, percent(a.Share), orDash(strings.Join(a.Answers, ",")), orDash(strings.Join(endpoints, ","))}
		if clients[k] == nil {
			order = append(order, k)
		}
		clients[k] = append(clients[k], strings.TrimPrefix(a.Clients, "country/"))
	}
	var rows [][]string
	for _, k := range order {
		rows = append(rows, []string{k.service, strings.Join(clients[k], ","), k.share, k.answers, k.endpoints})
	}
	table(w, []string{"SERVICE", "CLIENTS", "SHARE", "ANSWER", "ENDPOINT"}, rows)
}
