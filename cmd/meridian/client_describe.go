package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

const describable = "region/NAME, pool/NAME, endpoint/POOL/NAME, service/NAME, zone/NAME or monitor/NAME"

func describeCommand(g *globals) *cobra.Command {
	var w *watch
	c := &cobra.Command{
		Use:   "describe OBJECT",
		Short: "Show all there is to know of one object, on a page",
		Long: `Show all there is to know of one object: what it is declared to be and at which
revision, who uses it, the health of its endpoints with who voted what, the controls on
it, and what the services that use it answer now, to clients of some countries.
OBJECT is ` + describable + `.`,
		Example: `  meridian describe pool/web-us-east
  meridian describe endpoint/web-us-east/a
  meridian describe service/www.example.com -o json
  meridian describe control/c17
  meridian describe region/us-east -w`,
		Args: exactly("OBJECT", describable), ValidArgsFunction: completeDescribe(g),
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.run(cmd, g, func() error {
				conn, err := g.connect()
				if err != nil {
					return err
				}
				if id, ok := strings.CutPrefix(args[0], "control/"); ok {
					return describeControl(cmd, g, conn, id)
				}
				d, err := conn.describe(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if done, err := g.structure(cmd.OutOrStdout(), d); done || err != nil {
					return err
				}
				return d.print(cmd)
			})
		},
	}
	w = watchFlag(c)
	return c
}

// described is all there is to know of an object.
type described struct {
	Object   string               `json:"object"`
	Revision uint64               `json:"revision"` // of the configuration, or of the zone, that changed it last
	Spec     json.RawMessage      `json:"spec"`
	Uses     []string             `json:"uses"`
	UsedBy   []string             `json:"usedBy"`
	Health   []api.EndpointHealth `json:"health"`
	Controls []api.Control        `json:"controls"`
	Answers  []answered           `json:"answers"`

	alone bool // one endpoint, whose health is shown in full
}

// answered is what some clients are answered now.
type answered struct {
	Service   string   `json:"service"`
	Type      string   `json:"type"`
	Clients   string   `json:"clients"`
	Share     float64  `json:"share"`
	Answers   []string `json:"answers"`
	Endpoints []string `json:"endpoints"`
}

func (c *client) describe(ctx context.Context, object string) (*described, error) {
	kind, name, _ := strings.Cut(object, "/")
	if name == "" {
		return nil, fmt.Errorf("%q is no object; write %s", object, describable)
	}
	cfg, err := c.config(ctx)
	if err != nil {
		return nil, err
	}
	d := &described{Object: object, Uses: []string{}, UsedBy: []string{}, Health: []api.EndpointHealth{}, Controls: []api.Control{}, Answers: []answered{}}
	var what reach
	switch kind {
	case "region":
		err = d.spec(c.GetRegion(ctx, name))
		what, _ = reachOf(&cfg, object)
	case "pool":
		err = d.spec(c.GetPool(ctx, name))
		what, _ = reachOf(&cfg, object)
	case "endpoint":
		d.alone = true
		err = d.endpoint(ctx, c, name)
		what, _ = reachOf(&cfg, object)
	case "service":
		err = d.spec(c.GetService(ctx, name))
		what = d.service(&cfg)
	case "monitor":
		err = d.spec(c.GetMonitor(ctx, name))
		what = reachWhere(&cfg, object, func(_ *policy.Region, p *policy.Pool, e *policy.Endpoint) bool { return checkedBy(p, e, name) })
	case "zone":
		what, err = d.zone(ctx, c, &cfg, name)
	default:
		return nil, fmt.Errorf("%q cannot be described; write %s", object, describable)
	}
	if k, ok := kindNamed(kind); ok && isKind(err, "not-found") {
		return nil, k.othersThan(ctx, c, err)
	}
	if err != nil {
		return nil, err
	}
	d.relate(&cfg, kind, what)
	if err := d.health(ctx, c, kind, name, what); err != nil {
		return nil, err
	}
	if err := d.controls(ctx, c, &cfg, what); err != nil {
		return nil, err
	}
	return d, d.answers(ctx, c, what.services)
}

// spec takes in an object as it is declared.
func (d *described) spec(res *http.Response, err error) error {
	r, err := read(res, err)
	if err != nil {
		return err
	}
	d.Spec = r.body
	d.Revision, _ = strconv.ParseUint(unquoted(r.revision()), 10, 64)
	return nil
}

// endpoint takes the endpoint out of its pool.
func (d *described) endpoint(ctx context.Context, c *client, name string) error {
	pool, endpoint, _ := strings.Cut(name, "/")
	if err := d.spec(c.GetPool(ctx, pool)); err != nil {
		return err
	}
	var p struct {
		Endpoints []json.RawMessage `json:"endpoints"`
	}
	if err := json.Unmarshal(d.Spec, &p); err != nil {
		return err
	}
	var names []string
	for _, raw := range p.Endpoints {
		var e struct{ Name string }
		if err := json.Unmarshal(raw, &e); err != nil {
			return err
		}
		if e.Name == endpoint {
			d.Spec = raw
			return nil
		}
		names = append(names, "endpoint/"+pool+"/"+e.Name)
	}
	return fmt.Errorf("there is no endpoint %q in pool %s; there are %s", endpoint, pool, some(names))
}

// service is what the service's pools reach.
func (d *described) service(cfg *policy.Config) reach {
	var s policy.Service
	if json.Unmarshal(d.Spec, &s) != nil {
		return reach{}
	}
	pools := slices.Collect(cfg.PoolsOf(&s))
	r := reachWhere(cfg, d.Object, func(_ *policy.Region, p *policy.Pool, _ *policy.Endpoint) bool { return slices.Contains(pools, p.Name) })
	r.services = []string{s.ID()}
	return r
}

// zone takes in what is at the apex, and finds the services with a name in the zone.
func (d *described) zone(ctx context.Context, c *client, cfg *policy.Config, name string) (r reach, err error) {
	list, _, err := decode[api.ZoneList](read(c.ListZones(ctx)))
	if err != nil {
		return r, err
	}
	apex, err := policy.ParseName(name)
	if err != nil {
		return r, err
	}
	i := slices.IndexFunc(list.Items, func(z api.ZoneSummary) bool { return z.Name == apex.String() })
	if i < 0 {
		var names []string
		for _, z := range list.Items {
			names = append(names, "zone/"+z.Name)
		}
		return r, fmt.Errorf("there is no zone %q; there are %s", name, first(some(names), "none"))
	}
	top, _, err := decode[api.RRsetPage](read(c.ListRRsets(ctx, name, &api.ListRRsetsParams{Name: name, Limit: 1000})))
	if err != nil {
		return r, err
	}
	d.Revision = list.Items[i].Revision
	d.Spec, err = json.Marshal(struct {
		Name    string      `json:"name"`
		Records int         `json:"records"`
		Apex    []api.RRset `json:"apex"`
	}{apex.String(), list.Items[i].Records, top.Items})
	for j := range cfg.Services {
		s := &cfg.Services[j]
		if slices.ContainsFunc(s.Owners(), func(n policy.Name) bool { return n.Under(apex) }) {
			r.services = append(r.services, s.ID())
		}
	}
	return r, err
}

func checkedBy(p *policy.Pool, e *policy.Endpoint, monitor string) bool {
	one, several := p.Monitor, p.Monitors
	if e.Monitor != "" || e.Monitors != nil {
		one, several = e.Monitor, e.Monitors
	}
	return one == monitor || several != nil && slices.Contains(slices.Concat(several.All, several.Any, several.Of), monitor)
}

// relate says what the object uses and who uses it.
func (d *described) relate(cfg *policy.Config, kind string, what reach) {
	var pools []string
	for _, p := range what.pools {
		pools = append(pools, "pool/"+p)
	}
	switch kind {
	case "service":
		d.Uses = append(d.Uses, pools...)
		return
	case "region", "monitor", "endpoint":
		d.UsedBy = append(d.UsedBy, pools...)
	case "pool":
		d.Uses = append(d.Uses, uses(cfg, d.Object)...)
	}
	for _, s := range what.services {
		d.UsedBy = append(d.UsedBy, "service/"+s)
	}
}

// uses are the regions and monitors of a pool and its endpoints.
func uses(cfg *policy.Config, object string) (list []string) {
	for i := range cfg.Pools {
		p := &cfg.Pools[i]
		if "pool/"+p.Name != object {
			continue
		}
		for _, r := range cfg.Regions {
			if slices.ContainsFunc(p.Endpoints, func(e policy.Endpoint) bool { return e.RegionOr(p) == r.Name }) {
				list = append(list, "region/"+r.Name)
			}
		}
		for _, m := range cfg.Monitors {
			if slices.ContainsFunc(p.Endpoints, func(e policy.Endpoint) bool { return checkedBy(p, &e, m.Name) }) {
				list = append(list, "monitor/"+m.Name)
			}
		}
	}
	return list
}

func (d *described) health(ctx context.Context, c *client, kind, name string, what reach) error {
	if d.alone {
		h, _, err := decode[api.EndpointHealth](read(c.GetHealth(ctx, name)))
		d.Health = append(d.Health, h)
		return err
	}
	if len(what.endpoints) == 0 {
		return nil
	}
	list, _, err := decode[api.HealthList](read(c.ListHealth(ctx, nil)))
	for _, h := range list.Items {
		if !what.covers(h.Endpoint) {
			continue
		}
		if kind == "monitor" {
			h.Checks = slices.DeleteFunc(h.Checks, func(c api.CheckHealth) bool { return c.Monitor != name })
		}
		d.Health = append(d.Health, h)
	}
	return err
}

// controls finds those on the object, on what it is in and on parts of it.
func (d *described) controls(ctx context.Context, c *client, cfg *policy.Config, what reach) error {
	list, _, err := decode[api.ControlList](read(c.ListControls(ctx)))
	for _, v := range list.Items {
		on, e := reachOf(cfg, v.Target)
		if v.Target == d.Object || e == nil && slices.ContainsFunc(on.endpoints, what.covers) {
			d.Controls = append(d.Controls, v)
		}
	}
	return err
}

// sampled are the countries whose clients are shown, one or two of each continent.
var sampled = []string{"US", "BR", "DE", "ZA", "SG", "AU"}

// maxServices is of how many services the answers are shown.
const maxServices = 4

func (d *described) answers(ctx context.Context, c *client, services []string) error {
	for _, s := range services[:min(len(services), maxServices)] {
		for _, typ := range []string{"A", "AAAA"} {
			found := false
			for _, country := range sampled {
				clients := "country/" + country
				e, _, err := decode[api.Explanation](read(c.Explain(ctx, &api.ExplainParams{Name: s, Type: typ, Client: clients}, header("Accept", "application/json"))))
				if err != nil {
					return err
				}
				for _, part := range e.Distribution {
					found = found || len(part.Answers) > 0
					d.Answers = append(d.Answers, answered{s, typ, clients, part.Probability, part.Answers, part.Endpoints})
				}
			}
			if found {
				break
			}
		}
	}
	return nil
}

func completeDescribe(g *globals) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return completeObject(g)(cmd, nil, begun)
	}
}

// completeObject completes KIND/NAME.
func completeObject(g *globals) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		kind, _, ok := strings.Cut(begun, "/")
		if !ok {
			return starting([]string{"region/", "pool/", "endpoint/", "service/", "zone/", "monitor/"}, begun), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		}
		from := kindNames(kind)
		if kind == "endpoint" {
			from = endpointNames
		}
		names := g.names(cmd.Context(), from)
		for i := range names {
			names[i] = kind + "/" + names[i]
		}
		return starting(names, begun), cobra.ShellCompDirectiveNoFileComp
	}
}
