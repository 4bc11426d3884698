package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

// kind is something that get shows.
type kind struct {
	name string
	list func(*client, context.Context) (*http.Response, error)
	one  func(c *client, ctx context.Context, name string) (*http.Response, error)
	// rows fills a table from a list, or from one object made into a list of one.
	heading []string
	rows    func(items []json.RawMessage) ([][]string, error)
	detail  func(w io.Writer, body []byte) error // of one object, after its row
}

func getCommand(g *globals) *cobra.Command {
	names := []string{"config", "records", "latency"}
	var records api.ListRRsetsParams
	var health api.ListHealthParams
	var limit int
	var back time.Duration
	var w *watch
	for _, k := range getKinds {
		names = append(names, k.name)
	}
	slices.Sort(names)
	c := &cobra.Command{
		Use:   "get KIND [NAME]",
		Short: "Show objects, health, controls, or the whole configuration",
		Long: `Show what the cluster holds. KIND is one of
` + strings.Join(names[:len(names)/2], ", ") + `,
` + strings.Join(names[len(names)/2:], ", ") + `;
the singular will do. config is the whole document, in YAML, as apply takes it.
records are those of a zone: get records ZONE [NAME]. latency is what was measured
between clients and regions, of all or of one: get latency [SUBJECT]. With --history, health of
an endpoint is how it was over that time, 90 days back at the most: verdicts, latency and loss.`,
		Example: `  meridian get health
  meridian get health web-us-east/a
  meridian get health web-us-east/a --history 24h
  meridian get pool web-us-east
  meridian get controls -o json
  meridian get health -w
  meridian get health --state down,degraded
  meridian get latency country/DE
  meridian get config > meridian.yaml
  meridian get records example.com
  meridian get records example.com mail.example.com --type MX`,
		ValidArgsFunction: completeGet(g, names),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 && (len(args) > 3 || args[0] != "records") {
				return fmt.Errorf("what should be shown? One of %s, and perhaps a name", strings.Join(names, ", "))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.run(cmd, g, func() error { return show(cmd, g, args, names, records, health, limit, back) })
		},
	}
	w = watchFlag(c)
	c.Flags().StringVar(&records.Type, "type", "", "records of this type only")
	c.Flags().StringVar(&records.After, "after", "", "records after this RRset, or latencies after this subject, as a listing that was cut short says")
	c.Flags().StringVar(&health.State, "state", "", "endpoints of health in these states only, as in down,degraded")
	c.Flags().StringVar(&health.Pool, "pool", "", "endpoints of health in these pools only, as in web-us-east,web-eu")
	c.Flags().StringVar(&health.Region, "region", "", "endpoints of health in this region only")
	c.Flags().IntVar(&limit, "limit", 1000, "this many RRsets of records, or subjects of latencies, at most; 0 is all")
	c.Flags().DurationVar(&back, "history", 0, "health of an endpoint over this time before now (24h, 2160h at most)")
	return c
}

func show(cmd *cobra.Command, g *globals, args, names []string, records api.ListRRsetsParams, health api.ListHealthParams, limit int, back time.Duration) error {
	conn, err := g.connect()
	if err != nil {
		return err
	}
	switch {
	case back != 0:
		return getPast(cmd, g, conn, args, back)
	case args[0] == "records":
		return getRecords(cmd, g, args[1:], records, limit)
	case args[0] == "latency":
		return getLatency(cmd, g, args[1:], records.After, limit)
	case args[0] == "config" && len(args) == 1:
		return getConfig(cmd, g, conn)
	}
	k, ok := kindNamed(args[0])
	if health != (api.ListHealthParams{}) {
		if k.name != "health" || len(args) > 1 {
			return fmt.Errorf("--state, --pool and --region go with get health, without a name")
		}
		k.list = func(c *client, ctx context.Context) (*http.Response, error) { return c.ListHealth(ctx, &health) }
	}
	if ok {
		return k.get(cmd, g, conn, args[1:])
	}
	return fmt.Errorf("%q cannot be shown; there are %s", strings.Join(args, " "), strings.Join(names, ", "))
}

// kindNamed finds a kind by its name or the singular of it.
func kindNamed(name string) (k kind, ok bool) {
	for _, k := range getKinds {
		if name == k.name || name+"s" == k.name {
			return k, true
		}
	}
	return k, false
}

// getConfig prints the document: YAML, in which there are no tables.
func getConfig(cmd *cobra.Command, g *globals, conn *client) error {
	media := mediaYAML
	if g.output == "json" {
		media = "application/json"
	}
	r, err := read(conn.GetConfig(cmd.Context(), header("Accept", media)))
	if err != nil {
		return err
	}
	_, err = cmd.OutOrStdout().Write(r.body)
	return err
}

func (k kind) get(cmd *cobra.Command, g *globals, conn *client, names []string) error {
	out := cmd.OutOrStdout()
	call := func() (*http.Response, error) { return k.list(conn, cmd.Context()) }
	if len(names) > 0 {
		if k.one == nil {
			return fmt.Errorf("%s are shown as a list only", k.name)
		}
		call = func() (*http.Response, error) { return k.one(conn, cmd.Context(), names[0]) }
	}
	r, err := read(call())
	if isKind(err, "not-found") && len(names) > 0 {
		return k.othersThan(cmd.Context(), conn, err)
	}
	if err != nil {
		return err
	}
	if done, err := g.structured(out, r.body); done || err != nil {
		return err
	}
	items := []json.RawMessage{r.body}
	if len(names) == 0 {
		var list struct{ Items []json.RawMessage }
		if err := json.Unmarshal(r.body, &list); err != nil {
			return err
		}
		items = list.Items
	}
	rows, err := k.rows(items)
	if err != nil {
		return fmt.Errorf("an answer that cannot be read (is the node of another version?): %w", err)
	}
	if len(rows) == 0 {
		fmt.Fprintf(out, "There are no %s.\n", k.name)
		return nil
	}
	table(out, k.heading, rows)
	if len(names) > 0 && k.detail != nil {
		return k.detail(out, r.body)
	}
	return nil
}

// othersThan adds to a refusal which objects there are, when it does not say so itself.
func (k kind) othersThan(ctx context.Context, conn *client, err error) error {
	if strings.Contains(err.Error(), ";") {
		return err
	}
	var names []string
	for _, n := range listed(k)(ctx, conn) {
		name, _, _ := strings.Cut(n, "\t")
		names = append(names, name)
	}
	return fmt.Errorf("%w; there are %s", err, first(some(names), "none"))
}

// each makes rows of items, one by one.
func each[T any](row func(T) []string) func([]json.RawMessage) ([][]string, error) {
	return func(items []json.RawMessage) ([][]string, error) {
		var rows [][]string
		for _, item := range items {
			var v T
			if err := json.Unmarshal(item, &v); err != nil {
				return nil, err
			}
			rows = append(rows, row(v))
		}
		return rows, nil
	}
}

func poolDetail(w io.Writer, body []byte) error {
	var p policy.Pool
	if err := json.Unmarshal(body, &p); err != nil {
		return err
	}
	var rows [][]string
	for i := range p.Endpoints {
		e := &p.Endpoints[i]
		var addresses []string
		for _, a := range e.Addrs() {
			addresses = append(addresses, a.String())
		}
		if e.Hostname != "" {
			addresses = append(addresses, e.Hostname.String())
		}
		addresses = append(addresses, slices.Sorted(maps.Keys(e.Records))...)
		rows = append(rows, []string{e.Name, strings.Join(addresses, ","), orDash(e.RegionOr(&p)), orDash(e.AZ), strconv.Itoa(e.WeightOr1())})
	}
	fmt.Fprintln(w)
	table(w, []string{"ENDPOINT", "ADDRESS", "REGION", "AZ", "WEIGHT"}, rows)
	return nil
}

func zoneDetail(w io.Writer, body []byte) error {
	var z api.Zone
	if err := json.Unmarshal(body, &z); err != nil {
		return err
	}
	fmt.Fprintln(w)
	table(w, recordHeading, recordRows(z.Rrsets))
	return nil
}
