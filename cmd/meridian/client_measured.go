package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

const subjectHelp = `SUBJECT says whose latency it is: a network (192.0.2.0/24, 2001:db8::/48), a country
(country/DE) or an autonomous system (asn/64500).`

func latencyCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "latency",
		Short: "Say how far clients are from regions, in milliseconds",
		Long: `Feed measured round trips between clients and regions. meridian get latency shows them;
PUT /api/v1/latency takes thousands at once, and POST /api/v1/beacons what browsers measure.`,
	}
	c.AddCommand(latencySet(g), latencyForget(g))
	return c
}

func latencySet(g *globals) *cobra.Command {
	var age string
	var rehearse *dry
	c := &cobra.Command{
		Use:   "set SUBJECT REGION=MS...",
		Short: "Put the latency between some clients and regions",
		Long: subjectHelp + `

MS is the round trip in milliseconds, above 0 and at most 60000. Regions that are not
named keep what they have. Each value goes by itself when it is older than --max-age.`,
		Example: `  meridian latency set 192.0.2.0/24 us-east=12.5 eu-central=88
  meridian latency set country/DE eu-central=9 --max-age 720h`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return fmt.Errorf("%s takes a SUBJECT and at least one REGION=MS; see %s --help", cmd.CommandPath(), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := subjectOf(args[0])
			if err != nil {
				return err
			}
			body := api.LatencyPut{}
			if body.MaxAge, err = maxAge(age); err != nil {
				return err
			}
			var wrong []error
			for _, arg := range args[1:] {
				region, ms, err := assignment(arg, "REGION=MS")
				if err == nil {
					err = policy.Measurable(ms)
				}
				if err != nil {
					wrong = append(wrong, fmt.Errorf("%s: %w", arg, err))
				}
				m.Region, m.Ms = region, ms
				body.Measurements = append(body.Measurements, m)
			}
			if err := errors.Join(wrong...); err != nil {
				return err
			}
			before := func(conn *client) ([][]string, error) {
				return conn.latencyBefore(cmd.Context(), args[0], body.Measurements)
			}
			return putMeasured(cmd, g, rehearse, args[1:], fmt.Sprintf("Put %s for %s.", strings.Join(args[1:], ", "), args[0]), before, func(conn *client) (*http.Response, error) {
				return conn.PutLatency(cmd.Context(), nil, body)
			})
		},
		ValidArgsFunction: completeAssignments(g, 1, kindNames("regions")),
	}
	rehearse = dryFlag(c)
	reasonFlag(c, g)
	c.Flags().StringVar(&age, "max-age", "", "when it is too old to count, 1s to 720h (default 24h)")
	return c
}

func latencyForget(g *globals) *cobra.Command {
	var rehearse *dry
	c := &cobra.Command{
		Use:     "forget SUBJECT...",
		Short:   "Take out all that is known of some clients",
		Long:    subjectHelp,
		Example: "  meridian latency forget 192.0.2.0/24 country/DE",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var body api.LatencyPut
			for _, arg := range args {
				m, err := subjectOf(arg)
				if err != nil {
					return err
				}
				body.Measurements = append(body.Measurements, m)
			}
			before := func(conn *client) (back [][]string, err error) {
				for _, arg := range args {
					words, err := conn.latencyBefore(cmd.Context(), arg, nil)
					if err != nil {
						return nil, err
					}
					back = append(back, words...)
				}
				return back, nil
			}
			return putMeasured(cmd, g, rehearse, args, "Took out "+strings.Join(args, ", ")+".", before, func(conn *client) (*http.Response, error) {
				return conn.PutLatency(cmd.Context(), nil, body)
			})
		},
	}
	rehearse = dryFlag(c)
	reasonFlag(c, g)
	return c
}

// latencyBefore tells how to put back what is known of a subject: all of it, or
// what a write of some regions replaces.
func (c *client) latencyBefore(ctx context.Context, subject string, written []api.Measurement) (back [][]string, err error) {
	s, err := policy.ParseSubject(subject)
	if err != nil {
		return nil, err
	}
	page, _, err := decode[api.LatencyPage](read(c.ListLatency(ctx, &api.ListLatencyParams{Subject: s.String(), Limit: 1})))
	if err != nil {
		return nil, err
	}
	old := []string{"latency", "set", subject}
	known := map[string]bool{}
	for _, l := range page.Items {
		for _, r := range l.Regions {
			known[r.Region] = true
			old = append(old, r.Region+"="+decimal(r.Ms))
		}
	}
	if slices.ContainsFunc(written, func(m api.Measurement) bool { return !known[m.Region] }) {
		back = append(back, []string{"latency", "forget", subject})
	}
	if len(known) > 0 {
		back = append(back, old)
	}
	return back, nil
}

func loadCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "load",
		Short: "Say how busy regions, pools, endpoints and services are",
		Long:  "Feed loads, in the unit that capacities are declared in. meridian get load shows them.",
	}
	c.AddCommand(loadSet(g))
	return c
}

func loadSet(g *globals) *cobra.Command {
	var age string
	var rehearse *dry
	c := &cobra.Command{
		Use:   "set TARGET=VALUE...",
		Short: "Put the load of one or several targets",
		Long: `TARGET is endpoint/POOL/NAME, pool/NAME, region/NAME or service/NAME. VALUE is 0 to 1e15, in
the unit that the capacity is declared in. All go in or none: what is refused leaves
the loads as they were. A load that is not fed again goes when it is older than --max-age.`,
		Example: `  meridian load set pool/web-us-east=850 pool/web-eu=120
  meridian load set endpoint/web-us-east/a=0.4 --max-age 30s`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("%s takes at least one TARGET=VALUE; see %s --help", cmd.CommandPath(), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var body api.LoadPut
			lasts, err := maxAge(age)
			if err != nil {
				return err
			}
			var wrong []error
			for _, arg := range args {
				target, value, err := assignment(arg, "TARGET=VALUE")
				if err != nil {
					wrong = append(wrong, fmt.Errorf("%s: %w", arg, err))
				}
				body.Loads = append(body.Loads, api.LoadValue{Target: target, Value: value, MaxAge: lasts})
			}
			if err := errors.Join(wrong...); err != nil {
				return err
			}
			before := func(conn *client) ([][]string, error) { return conn.loadBefore(cmd.Context(), body.Loads) }
			return putMeasured(cmd, g, rehearse, args, "Put "+strings.Join(args, ", ")+".", before, func(conn *client) (*http.Response, error) {
				return conn.PutLoad(cmd.Context(), nil, body)
			})
		},
		ValidArgsFunction: completeAssignments(g, 0, loadNames),
	}
	rehearse = dryFlag(c)
	reasonFlag(c, g)
	c.Flags().StringVar(&age, "max-age", "", "when it is too old to count, 1s to 24h (default 1m)")
	return c
}

// loadBefore tells how to put back the loads that a write replaces.
func (c *client) loadBefore(ctx context.Context, written []api.LoadValue) (back [][]string, err error) {
	list, _, err := decode[api.LoadList](read(c.ListLoad(ctx)))
	words := []string{"load", "set"}
	for _, l := range list.Items {
		if slices.ContainsFunc(written, func(v api.LoadValue) bool { return v.Target == l.Target }) {
			words = append(words, l.Target+"="+decimal(l.Value))
		}
	}
	if len(words) > 2 {
		back = append(back, words)
	}
	return back, err
}

// subjectOf is a measurement that names its clients and nothing else.
func subjectOf(text string) (m api.Measurement, err error) {
	s, err := policy.ParseSubject(text)
	if s.Prefix.IsValid() {
		m.Client = s.Prefix.String()
	}
	m.Country, m.Asn = s.Country, int64(s.ASN)
	return m, err
}

// assignment reads NAME=NUMBER.
func assignment(arg, form string) (name string, value float64, err error) {
	i := strings.LastIndexByte(arg, '=')
	if i < 1 {
		return "", 0, fmt.Errorf("it has to be %s", form)
	}
	if value, err = strconv.ParseFloat(arg[i+1:], 64); err != nil {
		return "", 0, fmt.Errorf("%q is not a number", arg[i+1:])
	}
	return arg[:i], value, nil
}

func maxAge(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	var d policy.Duration
	if err := d.UnmarshalText([]byte(text)); err != nil || d <= 0 {
		return "", fmt.Errorf("--max-age %q is not a time to come; write 30s or 2h", text)
	}
	return d.String(), nil
}

// putMeasured makes a write of one item for each argument, by which its mistakes are named.
// before reads what the write replaces and gives the lines that tell how to undo it.
func putMeasured(cmd *cobra.Command, g *globals, rehearse *dry, args []string, done string, before func(*client) (undo [][]string, err error), put func(*client) (*http.Response, error)) error {
	conn, err := g.connect()
	if err != nil {
		return err
	}
	back, err := before(conn)
	if err != nil {
		return err
	}
	if rehearse.on {
		_, err := rehearse.show(cmd, g, conn, func() (*http.Response, error) { return put(conn) })
		return err
	}
	result, r, err := decode[api.WriteResult](read(put(conn)))
	var refused *refusal
	if errors.As(err, &refused) {
		for i := range refused.Problems {
			p := &refused.Problems[i]
			p.Line = 0 // of a body that nobody has seen
			if parts := strings.Split(p.Pointer, "/"); len(parts) > 2 {
				if n, err := strconv.Atoi(parts[2]); err == nil && n < len(args) {
					p.Pointer = args[n]
				}
			}
		}
	}
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if done, err := g.structured(out, r.body); done || err != nil {
		return err
	}
	fmt.Fprintln(out, done)
	printAfter(out, nil, result.Unpublished, result.Warnings)
	for _, words := range back {
		undo(out, words...)
	}
	if len(back) == 0 {
		noUndo(out, "nothing was there before, and it goes by itself when it is too old")
	}
	return nil
}

// getLatency shows latencies, of one subject or page by page up to a limit.
func getLatency(cmd *cobra.Command, g *globals, args []string, after string, limit int) error {
	if limit < 0 {
		return fmt.Errorf("--limit %d is less than nothing; 0 is without a limit", limit)
	}
	params := api.ListLatencyParams{After: after}
	if len(args) > 0 {
		s, err := policy.ParseSubject(args[0])
		if err != nil {
			return err
		}
		params.Subject = s.String()
	}
	conn, err := g.connect()
	if err != nil {
		return err
	}
	var all api.LatencyPage
	all.Items, all.Next, err = pages(limit, params.After, func(most int, after string) ([]api.Latency, string, error) {
		params.Limit, params.After = most, after
		page, _, err := decode[api.LatencyPage](read(conn.ListLatency(cmd.Context(), &params)))
		return page.Items, page.Next, err
	})
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if g.output != "table" {
		body, err := json.MarshalIndent(all, "", "  ")
		if err == nil {
			_, err = g.structured(out, append(body, '\n'))
		}
		return err
	}
	if len(all.Items) == 0 {
		fmt.Fprintln(out, "There are no such latencies.")
		return nil
	}
	var rows [][]string
	for _, l := range all.Items {
		for _, r := range l.Regions {
			rows = append(rows, []string{l.Subject, r.Region, decimal(r.Ms), strconv.Itoa(r.Samples), second(r.At), second(r.ExpiresAt)})
		}
	}
	table(out, []string{"SUBJECT", "REGION", "MS", "SAMPLES", "SINCE", "UNTIL"}, rows)
	if all.Next != "" {
		fmt.Fprintf(out, "There is more: --after %s\n", shell(all.Next))
	}
	return nil
}

func decimal(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// second is a time of the cluster's clock, to the second.
func second(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }
