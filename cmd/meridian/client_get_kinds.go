package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

// getKinds are what get shows, beside the document, records and latencies.
var getKinds = []kind{
	{
		name: "regions",
		list: func(c *client, ctx context.Context) (*http.Response, error) { return c.ListRegions(ctx) },
		one:  func(c *client, ctx context.Context, n string) (*http.Response, error) { return c.GetRegion(ctx, n) },

		heading: []string{"NAME", "PLACE", "PROVIDER", "AZS"},
		rows: each(func(r policy.Region) []string {
			return []string{r.Name, orDash(placeText(r.Place)), orDash(r.Provider), orDash(strings.Join(r.AZs, ","))}
		}),
	},
	{
		name: "monitors",
		list: func(c *client, ctx context.Context) (*http.Response, error) { return c.ListMonitors(ctx) },
		one:  func(c *client, ctx context.Context, n string) (*http.Response, error) { return c.GetMonitor(ctx, n) },

		heading: []string{"NAME", "CHECK", "INTERVAL", "TIMEOUT", "FALL", "RISE"},
		rows: each(func(m policy.Monitor) []string {
			d := m.WithDefaults()
			if m.Signal != nil {
				return []string{m.Name, d.Text(), "-", "-", "-", "-"}
			}
			return []string{m.Name, d.Text(), d.Interval.String(), d.Timeout.String(), strconv.Itoa(d.Fall), strconv.Itoa(d.Rise)}
		}),
	},
	{
		name: "pools",
		list: func(c *client, ctx context.Context) (*http.Response, error) { return c.ListPools(ctx) },
		one:  func(c *client, ctx context.Context, n string) (*http.Response, error) { return c.GetPool(ctx, n) },

		heading: []string{"NAME", "REGION", "MONITOR", "ENDPOINTS", "NEEDS"},
		rows: each(func(p policy.Pool) []string {
			return []string{p.Name, orDash(p.Region), orDash(p.Monitor), strconv.Itoa(len(p.Endpoints)), needs(&p)}
		}),
		detail: poolDetail,
	},
	{
		name: "services",
		list: func(c *client, ctx context.Context) (*http.Response, error) { return c.ListServices(ctx) },
		one:  func(c *client, ctx context.Context, n string) (*http.Response, error) { return c.GetService(ctx, n) },

		heading: []string{"NAME", "TTL", "STEERING"},
		rows: each(func(s policy.Service) []string {
			name := s.ID()
			if n := len(s.Owners()) - 1; n > 0 {
				name += fmt.Sprintf(" +%d", n)
			}
			return []string{name, ttlText(s.TTLRange()), steerText(&s.Steer)}
		}),
	},
	{
		name: "providers",
		list: func(c *client, ctx context.Context) (*http.Response, error) { return c.ListProviders(ctx) },
		one:  func(c *client, ctx context.Context, n string) (*http.Response, error) { return c.GetProvider(ctx, n) },

		heading: []string{"NAME", "DOWN WHEN"},
		rows: each(func(p policy.Provider) []string {
			when := ""
			if p.DownWhen > 0 {
				when = p.DownWhen.String()
			}
			return []string{p.Name, orDash(when)}
		}),
	},
	{
		name: "templates",
		list: func(c *client, ctx context.Context) (*http.Response, error) { return c.ListTemplates(ctx) },
		one:  func(c *client, ctx context.Context, n string) (*http.Response, error) { return c.GetTemplate(ctx, n) },

		heading: []string{"NAME", "STEERING"},
		rows:    each(func(v policy.Template) []string { return []string{v.Name, steerText(&v.Steer)} }),
	},
	{
		name: "safety-rules",
		list: func(c *client, ctx context.Context) (*http.Response, error) { return c.ListSafetyRules(ctx) },
		one:  func(c *client, ctx context.Context, n string) (*http.Response, error) { return c.GetSafetyRule(ctx, n) },

		heading: []string{"NAME", "SERVICE", "WANTS", "APPLIES TO"},
		rows: each(func(r policy.SafetyRule) []string {
			return []string{r.Name, first(r.Service.String(), "every service"), strings.Join(r.Wants(), "; "), first(strings.Join(r.AppliesTo, ","), "operator,drill")}
		}),
	},
	{
		name: "places",
		list: func(c *client, ctx context.Context) (*http.Response, error) { return c.ListPlaces(ctx) },
		one:  func(c *client, ctx context.Context, n string) (*http.Response, error) { return c.GetPlace(ctx, n) },

		heading: []string{"NETWORK", "PLACE", "CITY", "SUBDIVISION", "COUNTRY", "CONTINENT"},
		rows: each(func(o policy.PlaceOverride) []string {
			return []string{o.ID(), orDash(placeText(o.Place)), orDash(o.City), orDash(o.Subdivision), orDash(o.Country), orDash(o.Continent)}
		}),
	},
	{
		name: "notifications",
		list: func(c *client, ctx context.Context) (*http.Response, error) { return c.ListNotifications(ctx) },

		heading: receiverHeading,
		rows:    each(receiverRow),
	},
	{
		name: "revisions",
		list: func(c *client, ctx context.Context) (*http.Response, error) { return c.ListRevisions(ctx, nil) },

		heading: revisionHeading,
		rows:    each(revisionRow),
	},
	{
		name: "zones",
		list: func(c *client, ctx context.Context) (*http.Response, error) { return c.ListZones(ctx) },
		one:  func(c *client, ctx context.Context, n string) (*http.Response, error) { return c.GetZone(ctx, n) },

		heading: []string{"ZONE", "RECORDS", "REVISION"},
		rows: each(func(z api.ZoneSummary) []string {
			return []string{z.Name, strconv.Itoa(z.Records), strconv.FormatUint(z.Revision, 10)}
		}),
		detail: zoneDetail,
	},
	{
		name: "controls",
		list: func(c *client, ctx context.Context) (*http.Response, error) { return c.ListControls(ctx) },
		one:  func(c *client, ctx context.Context, n string) (*http.Response, error) { return c.GetControl(ctx, n) },

		heading: controlHeading,
		rows:    each(controlRow),
		detail:  controlDetail,
	},
	windowsKind,
	{
		name: "health",
		list: func(c *client, ctx context.Context) (*http.Response, error) { return c.ListHealth(ctx, nil) },
		one:  func(c *client, ctx context.Context, n string) (*http.Response, error) { return c.GetHealth(ctx, n) },

		heading: []string{"ENDPOINT", "REGION", "MEASURED", "EFFECTIVE", "CIRCUIT", "AGREE", "SINCE", "CONTROLS"},
		rows: each(func(h api.EndpointHealth) []string {
			since := "-"
			if !h.Since.IsZero() {
				since = h.Since.UTC().Format("Jan 2 15:04:05Z")
			}
			return []string{strings.TrimPrefix(h.Endpoint, "endpoint/"), orDash(h.Region), string(h.Measured), string(h.Effective), circuits(h), agreeing(h), since, orDash(strings.Join(h.Controls, ","))}
		}),
		detail: healthDetail,
	},
	{
		name: "loads",
		list: func(c *client, ctx context.Context) (*http.Response, error) { return c.ListLoad(ctx) },

		heading: []string{"TARGET", "LOAD", "SINCE", "UNTIL"}, // by the cluster's clock, UTC
		rows: each(func(l api.Load) []string {
			return []string{l.Target, decimal(l.Value), second(l.At), second(l.ExpiresAt)}
		}),
	},
	{
		name: "signals",
		list: func(c *client, ctx context.Context) (*http.Response, error) { return c.ListSignals(ctx) },
		one:  func(c *client, ctx context.Context, n string) (*http.Response, error) { return c.GetSignal(ctx, n) },

		heading: []string{"NAME", "STATUS", "BY", "SINCE", "UNTIL", "REASON"}, // by the cluster's clock, UTC
		rows: each(func(v api.Signal) []string {
			status := string(v.Status)
			if v.Stale {
				status += " (stale)"
			}
			return []string{v.Name, status, orDash(v.Actor), second(v.At), second(v.StaleAt), orDash(v.Reason)}
		}),
	},
	{
		name:    "secrets",
		list:    func(c *client, ctx context.Context) (*http.Response, error) { return c.ListSecrets(ctx) },
		heading: []string{"NAME"},
		rows:    each(func(s api.SecretName) []string { return []string{s.Name} }),
	},
}

var controlHeading = []string{"ID", "ACTION", "TARGET", "STATE", "BY", "SINCE", "UNTIL", "REASON"} // by the cluster's clock, UTC

func controlRow(v api.Control) []string {
	until := "lifted"
	if !v.ExpiresAt.IsZero() {
		until = v.ExpiresAt.UTC().Format("Jan 2 15:04Z")
	}
	state := string(v.Window.State)
	if v.Window.State == api.WindowStateDrained && v.Action != "drain" && v.Action != "force-down" {
		state = "published" // it takes nothing out of answers by itself
	}
	if v.Phase != "in-force" {
		state = string(v.Phase)
	}
	if v.Kept != nil && (v.Ramp != nil || v.Action == "share") {
		state += fmt.Sprintf(", keeps %d %%", *v.Kept)
	}
	return []string{v.Id, v.Action, v.Target, state, v.Actor, v.CreatedAt.UTC().Format("Jan 2 15:04Z"), until, v.Reason}
}
