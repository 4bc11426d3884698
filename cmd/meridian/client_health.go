package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

// circuits is the circuits of an endpoint's checks, as a table shows them.
func circuits(h api.EndpointHealth) string {
	var list []string
	for _, c := range h.Checks {
		list = append(list, orDash(string(c.Circuit)))
	}
	return orDash(strings.Join(list, ","))
}

// agreeing says how many of the vantages see now what the verdicts say, check by
// check. Ballots are those of the moment a verdict was reached, when a majority was enough.
func agreeing(h api.EndpointHealth) string {
	var list []string
	for _, c := range h.Checks {
		agree := 0
		for _, r := range c.Reports {
			if r.Fresh && !r.Abstaining && r.Status == c.Verdict.Status {
				agree++
			}
		}
		list = append(list, fmt.Sprintf("%d/%d", agree, max(len(c.Verdict.Ballots), len(c.Reports))))
	}
	return orDash(strings.Join(list, ","))
}

func healthDetail(w io.Writer, body []byte) error {
	var h api.EndpointHealth
	if err := json.Unmarshal(body, &h); err != nil {
		return err
	}
	if h.Why != "" {
		fmt.Fprintf(w, "\n%s: %s\n", painted(w, string(h.Effective)), h.Why)
	}
	for _, c := range h.Checks {
		v := c.Verdict
		fmt.Fprintf(w, "\nMonitor %s: %s", c.Monitor, painted(w, string(v.Status)))
		if c.Circuit != "" {
			fmt.Fprintf(w, ", circuit %s", painted(w, string(c.Circuit)))
		}
		if v.Status == "up" && v.Ramp < 100 {
			fmt.Fprintf(w, " with %d %% of its weight", v.Ramp)
		}
		if v.Penalty != "" {
			fmt.Fprintf(w, ", flap penalty %s", v.Penalty)
		}
		fmt.Fprintln(w)
		printWaits(w, h.Endpoint, v)
		printReports(w, c)
		printSamples(w, c)
		printEdges(w, "Changes that this node has seen", c.History)
	}
	return nil
}

func voted(b api.Ballot) string {
	if b.Absent != "" {
		return b.Absent
	}
	return string(b.Status)
}

func printReports(w io.Writer, c api.CheckHealth) {
	if len(c.Reports) == 1 && strings.HasPrefix(c.Reports[0].Vantage, policy.SignalVoice) {
		printSignal(w, c.Reports[0])
		return
	}
	ballots := map[string]string{}
	for _, b := range c.Verdict.Ballots {
		ballots[b.Vantage] = voted(b)
	}
	var rows [][]string
	for _, v := range c.Reports {
		sees := string(v.Status)
		switch {
		case v.Abstaining:
			sees = "abstains"
		case !v.Fresh:
			sees += " (old)"
		}
		if v.Against > 0 {
			sees += fmt.Sprintf(" (%d against)", v.Against)
		}
		rows = append(rows, []string{v.Vantage, sees, orDash(ballots[v.Vantage]), orDash(rounded(v.Latency)), rounded(v.Age) + " ago", orDash(v.Error)})
	}
	if len(rows) > 0 {
		table(w, []string{"VANTAGE", "SEES", "VOTED", "LATENCY", "REPORTED", "LAST ERROR"}, rows)
	}
}

// printSignal shows a signal in the place of what vantages report.
func printSignal(w io.Writer, v api.HealthVoice) {
	says, given := string(v.Status), rounded(v.Age)+" ago"
	switch {
	case v.Status == "unknown":
		says, given = "-", "never"
	case !v.Fresh:
		says += " (stale)"
	}
	table(w, []string{"SIGNAL", "SAYS", "GIVEN", "WHY"}, [][]string{{strings.TrimPrefix(v.Vantage, policy.SignalVoice), says, given, orDash(v.Error)}})
}

func printSamples(w io.Writer, c api.CheckHealth) {
	var rows [][]string
	for _, v := range c.Samples {
		if v.Error != "" {
			rows = append(rows, []string{v.Vantage, "-", "-", "-", "-", "-", "-", v.Error})
		}
		for _, s := range v.Samples {
			p := s.Phases
			rows = append(rows, []string{
				v.Vantage, s.At.UTC().Format("15:04:05.0Z"), rounded(s.Took), orDash(rounded(p.Dns)), orDash(rounded(p.Connect)),
				orDash(rounded(p.Tls)), orDash(rounded(p.FirstByte)), outcome(s) + expiry(s),
			})
		}
	}
	if len(rows) > 0 {
		fmt.Fprintln(w, "\nLast samples")
		table(w, []string{"VANTAGE", "AT", "TOOK", "DNS", "CONNECT", "TLS", "1ST BYTE", "RESULT"}, rows)
	}
}

func outcome(s api.Evidence) string {
	switch {
	case s.Ok:
		return "ok"
	case s.Error != "":
		return s.Error
	}
	return "failed"
}

// expiry says when the certificate that was shown expires, when that is soon.
func expiry(s api.Evidence) string {
	if s.TlsExpiry.IsZero() || s.TlsExpiry.Sub(s.At) > 30*24*time.Hour {
		return ""
	}
	return ", certificate until " + s.TlsExpiry.UTC().Format("2006-01-02")
}

func printEdges(w io.Writer, title string, edges []api.VerdictEdge) {
	var rows [][]string
	for _, e := range edges {
		rows = append(rows, []string{e.At.UTC().Format("2006-01-02 15:04:05Z"), string(e.Was), string(e.Status), orDash(string(e.Circuit)), orDash(ballotText(e.Ballots))})
	}
	if len(rows) > 0 {
		fmt.Fprintln(w, "\n"+title)
		table(w, []string{"AT", "WAS", "IS", "CIRCUIT", "BALLOTS"}, rows)
	}
}

func probeCommand(g *globals) *cobra.Command {
	var ask api.ProbeRequest
	c := &cobra.Command{
		Use:   "probe POOL/ENDPOINT",
		Short: "Probe an endpoint now, and show where the time goes",
		Long: `Make one probe of an endpoint at once, as its monitor says, and show what it found. It
counts for no verdict. --vantage names the node that probes; by default the one asked.
The exit code is 2 when the probe failed.`,
		Example: `  meridian probe web-us-east/a
  meridian probe web-us-east/a --vantage ns2`,
		ValidArgsFunction: complete(g, endpointNames),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("which endpoint? Write POOL/ENDPOINT, as meridian get health lists them")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, err := g.connect()
			if err != nil {
				return err
			}
			r, err := read(conn.ProbeEndpoint(cmd.Context(), args[0], ask))
			if err != nil {
				return err
			}
			var p api.ProbeResult
			if err := json.Unmarshal(r.body, &p); err != nil {
				return err
			}
			done, err := g.structured(cmd.OutOrStdout(), r.body)
			if err == nil && !done {
				printProbe(cmd.OutOrStdout(), p)
			}
			if err == nil && !p.Evidence.Ok {
				err = errFound
			}
			return err
		},
	}
	c.Flags().StringVar(&ask.Vantage, "vantage", "", "label of the node that probes (default the one that is asked)")
	c.Flags().StringVar(&ask.Monitor, "monitor", "", "monitor to probe by (default the endpoint's only one)")
	_ = c.RegisterFlagCompletionFunc("vantage", completeEach(g, memberNames)) // the flags are there
	_ = c.RegisterFlagCompletionFunc("monitor", completeEach(g, kindNames("monitors")))
	return c
}

// printProbe prints a probe as a small timeline: one bar for each part of its time.
func printProbe(w io.Writer, p api.ProbeResult) {
	e := p.Evidence
	fmt.Fprintf(w, "%s from %s, monitor %s (%s): %s\n", strings.TrimPrefix(p.Endpoint, "endpoint/"), p.Vantage, p.Monitor, p.Kind, outcome(e))
	facts := []string{orDash(e.Address)}
	for _, fact := range []string{e.TlsVersion, e.Status} {
		if fact != "" {
			facts = append(facts, fact)
		}
	}
	if !e.TlsExpiry.IsZero() {
		facts = append(facts, "certificate until "+e.TlsExpiry.UTC().Format("2006-01-02 15:04Z"))
	}
	fmt.Fprintf(w, "  %s\n", strings.Join(facts, ", "))
	took, _ := time.ParseDuration(e.Took)
	at := time.Duration(0)
	bar := func(name, text string) {
		d, _ := time.ParseDuration(text)
		if d <= 0 {
			return
		}
		const width = 50
		from, long := 0, width
		if took > 0 {
			from = int(min(at, took) * width / took)
			long = min(width-from, max(1, int(d*width/took)))
		}
		fmt.Fprintf(w, "  %-10s %8s  %s%s\n", name, rounded(text), strings.Repeat(" ", from), strings.Repeat("=", max(1, long)))
		at += d
	}
	bar("dns", e.Phases.Dns)
	bar("connect", e.Phases.Connect)
	bar("tls", e.Phases.Tls)
	bar("first byte", e.Phases.FirstByte)
	fmt.Fprintf(w, "  %-10s %8s\n", "took", rounded(e.Took))
}
