package main

import (
	"fmt"
	"io"
	"strings"
)

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
