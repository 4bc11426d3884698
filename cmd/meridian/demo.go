package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/meridian-gtm/meridian/cmd/meridian/node"
)

//go:embed demo_zone.txt
var demoZone []byte

//go:embed demo_config.yaml
var demoDocument []byte

// demoRegions are the regions of the demo, one node and one backend each.
var demoRegions = []struct {
	name, client, city string
	backend            string
	dns, api, cluster  string
}{
	{"us-east", "8.8.8.8", "Virginia", "127.0.1.1", "127.0.0.1:5301", "127.0.0.1:8080", "127.0.0.1:7301"},
	{"eu-central", "91.10.0.1", "Frankfurt", "127.0.2.1", "127.0.0.1:5302", "127.0.0.1:8081", "127.0.0.1:7302"},
	{"ap-southeast", "165.21.0.1", "Singapore", "127.0.3.1", "127.0.0.1:5303", "127.0.0.1:8082", "127.0.0.1:7303"},
}

// demoFaults is where backends are broken and healed.
const demoFaults = "127.0.0.1:8090"

func demoCommand() *cobra.Command {
	var dir, level string
	c := &cobra.Command{
		Use:   "demo",
		Short: "Run a three-region cluster on this machine, with backends to break",
		Long: `Run three nodes (us-east, eu-central, ap-southeast) as a real Raft cluster on
loopback, with a real HTTP server for each region, and the zone example.com with
the steered name www.example.com.

DNS answers on 127.0.0.1 ports 5301, 5302 and 5303 (UDP and TCP), the API on
8080, 8081 and 8082. The admin token is MERIDIAN_TOKEN, or a random one that is
printed. When all three answer it prints "ready" and lines to try.

Data lives in a temporary directory that is removed at the end, unless
--data-dir names one to keep.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := interrupted(cmd.Context())
			defer stop()
			log, err := logger(cmd.ErrOrStderr(), level)
			if err != nil {
				return err
			}
			if dir == "" {
				if dir, err = os.MkdirTemp("", "meridian-demo-"); err != nil {
					return err
				}
				defer os.RemoveAll(dir)
			}
			d := demo{dir: dir, token: os.Getenv("MERIDIAN_TOKEN"), out: cmd.OutOrStdout()}
			version, _ := buildVersion()
			group, ctx := errgroup.WithContext(ctx)
			for i := range demoRegions {
				group.Go(func() error { return d.node(ctx, i, node.Options{Version: version, Log: log}) })
				group.Go(func() error { return d.backend(ctx, i) })
			}
			group.Go(func() error { return d.faults(ctx) })
			group.Go(func() error { return d.prepare(ctx) })
			if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
				return err
			}
			return nil
		},
	}
	c.Flags().StringVar(&dir, "data-dir", "", "keep the data here instead of in a temporary directory")
	c.Flags().StringVar(&level, "log-level", "error", "debug, info, warn or error")
	return c
}

type demo struct {
	dir   string
	token string
	out   io.Writer
	up    [3]faultable
}

// node runs one of the three nodes. The second and third wait for the first one's token.
func (d *demo) node(ctx context.Context, i int, opts node.Options) error {
	r := demoRegions[i]
	cfg := &node.Config{
		Node: r.name, Region: r.name, DataDir: filepath.Join(d.dir, r.name),
		DNS: node.DNS{Listen: []string{r.dns}}, API: node.API{Listen: r.api},
		Cluster: node.Cluster{Listen: r.cluster, Bootstrap: i == 0},
		Probing: node.Probing{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	}
	if i > 0 {
		cfg.Cluster.Join = []string{demoRegions[0].cluster}
	}
	if err := cfg.Complete(); err != nil {
		return err
	}
	opts.Token = d.token
	if i > 0 && opts.Token == "" {
		var err error
		if opts.Token, err = d.adminToken(ctx); err != nil {
			return err
		}
	}
	n, err := node.New(*cfg, opts)
	if err != nil {
		return fmt.Errorf("node %s: %w", r.name, err)
	}
	return n.Run(ctx)
}

// adminToken is the token of the first node, once it has made one.
func (d *demo) adminToken(ctx context.Context) (string, error) {
	if d.token != "" {
		return d.token, nil
	}
	file := filepath.Join(d.dir, demoRegions[0].name, "admin.token")
	var token string
	err := until(ctx, func() error {
		b, err := os.ReadFile(file)
		token = strings.TrimSpace(string(b))
		return err
	})
	return token, err
}

// until tries again until it works or ctx ends.
func until(ctx context.Context, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// prepare loads zone and configuration through the API, as an operator would, and says what to try.
func (d *demo) prepare(ctx context.Context) error {
	token, err := d.adminToken(ctx)
	if err != nil {
		return err
	}
	known := filepath.Join(d.dir, "prepared")
	if _, err := os.Stat(known); errors.Is(err, os.ErrNotExist) {
		for _, put := range []struct {
			path, media string
			body        []byte
		}{{"/api/v1/zones/example.com", "text/dns", demoZone}, {"/api/v1/config", "application/yaml", demoDocument}} {
			if err := until(ctx, func() error { return d.put(ctx, token, put.path, put.media, put.body) }); err != nil {
				return err
			}
		}
		if err := os.WriteFile(known, nil, 0o600); err != nil {
			return err
		}
	}
	if err := until(ctx, func() error { return d.settled(ctx, token) }); err != nil {
		return err
	}
	d.say(token)
	return nil
}

func (d *demo) put(ctx context.Context, token, path, media string, body []byte) error {
	return d.request(ctx, http.MethodPut, "http://"+demoRegions[0].api+path, token, media, body, nil)
}

func (d *demo) request(ctx context.Context, method, url, token, media string, body []byte, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", media)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, url, res.Status, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// settled is nil when all three nodes vote, every backend is up, and each node gives every region's clients its own region.
func (d *demo) settled(ctx context.Context, token string) error {
	var c struct {
		Leader  string `json:"leader"`
		Members []struct {
			Voter bool `json:"voter"`
		} `json:"members"`
	}
	if err := d.request(ctx, http.MethodGet, "http://"+demoRegions[0].api+"/api/v1/cluster", token, "", nil, &c); err != nil {
		return err
	}
	voters := 0
	for _, m := range c.Members {
		if m.Voter {
			voters++
		}
	}
	if voters != len(demoRegions) || c.Leader == "" {
		return fmt.Errorf("%d of %d nodes vote", voters, len(demoRegions))
	}
	for _, server := range demoRegions {
		for _, r := range demoRegions {
			q := new(dns.Msg).SetQuestion("www.example.com.", dns.TypeA)
			q.SetEdns0(1232, false)
			q.IsEdns0().Option = append(q.IsEdns0().Option, &dns.EDNS0_SUBNET{
				Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: net.ParseIP(r.client).Mask(net.CIDRMask(24, 32)),
			})
			a, _, err := new(dns.Client).ExchangeContext(ctx, q, server.dns)
			if err != nil {
				return err
			}
			if len(a.Answer) != 1 || !strings.HasSuffix(a.Answer[0].String(), "\t"+r.backend) {
				return fmt.Errorf("%s does not answer %s for %s yet", server.name, r.backend, r.city)
			}
		}
	}
	return nil
}

func (d *demo) say(token string) {
	fmt.Fprintf(d.out, "\nMeridian demo: three nodes, three regions, zone example.com\n\n")
	fmt.Fprintf(d.out, "  export MERIDIAN_TOKEN=%s\n\n", token)
	fmt.Fprintln(d.out, "Ask as a client in each region (EDNS Client Subnet), at any of the nodes:")
	for _, r := range demoRegions {
		host, port, _ := net.SplitHostPort(r.dns)
		fmt.Fprintf(d.out, "  dig +short @%s -p %s www.example.com A +subnet=%s/24    # %s\n", host, port, r.client, r.city)
	}
	first := demoRegions[0]
	host, port, _ := net.SplitHostPort(first.dns)
	fmt.Fprintf(d.out, "\nGo where the answer points:\n  curl http://$(dig +short @%s -p %s www.example.com A +subnet=%s/24):8000/\n", host, port, first.client)
	fmt.Fprintln(d.out, "\nWhy that answer:\n  bin/meridian explain www.example.com A --client 91.10.0.1")
	fmt.Fprintf(d.out, "\nBreak a region, watch it leave every answer within seconds, and heal it:\n  curl -X POST http://%s/break/us-east\n  curl -X POST http://%s/heal/us-east\n", demoFaults, demoFaults)
	fmt.Fprintln(d.out, "\nTake a region out of service, and bring it back:\n  bin/meridian drain region/us-east --reason \"maintenance\"\n  bin/meridian undrain region/us-east")
	fmt.Fprintf(d.out, "\nSee the cluster:\n  bin/meridian cluster status\n  bin/meridian get health\n  curl -N -H \"Authorization: Bearer $MERIDIAN_TOKEN\" http://%s/api/v1/events\n", first.api)
	fmt.Fprintf(d.out, "\nData: %s (Ctrl-C stops everything)\n\nready\n", d.dir)
}
