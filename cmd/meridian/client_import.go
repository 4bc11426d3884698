package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/cmd/meridian/migrate"
	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/document"
	"github.com/meridian-gtm/meridian/policy/zonefile"
)

// importing is what the formats of import have in common.
type importing struct {
	output, zones string
}

func importCommand() *cobra.Command {
	i := &importing{}
	c := &cobra.Command{
		Use:   "import FORMAT FILE",
		Short: "Translate another server's configuration, without a node",
		Long: `Translate what another server steers by into a configuration document, which apply
takes, and its zones into master files, which zone import takes. Nothing is asked of a
node, and nothing is changed there. (A zone alone comes in with zone import.)

The document goes to standard output, or to the file of -o; the zones go to --zones.
Standard error lists, with file and line, what is "not translated" and why, and as a
"note" what works otherwise here. Read both before you apply.

Exit codes: 0 all was translated, 2 something was not, 1 nothing was for an error.`,
		Example: `  meridian import gdnsd /etc/gdnsd -o meridian.yaml --zones zones
  meridian import route53 records.json --health-checks checks.json -o meridian.yaml
  meridian import octodns example.com.yaml --zones zones > meridian.yaml
  meridian import pdns-lua example.com.zone -o meridian.yaml --zones zones
  meridian check -f meridian.yaml                # and then, with a node:
  meridian zone import zones/example.com.zone
  meridian plan -f meridian.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.PersistentFlags().StringVarP(&i.output, "output", "o", "", "write the document to this file (default standard output)")
	c.PersistentFlags().StringVar(&i.zones, "zones", "", "write the zones as master files into this directory, made if it is missing")
	_ = c.MarkPersistentFlagDirname("zones") // the flag is there
	c.AddCommand(i.gdnsd(), i.route53(), i.octodns(), i.powerDNS())
	return c
}

func (i *importing) gdnsd() *cobra.Command {
	return &cobra.Command{
		Use:   "gdnsd FILE",
		Short: "From gdnsd: its configuration, and the DYNA and DYNC records of its zones",
		Long: `Translate gdnsd's configuration directory, or the file "config" in it: the plugins
simplefo, multifo, weighted, metafo, geoip and static, the service types, and the zones
in its directory "zones", whose DYNA and DYNC records become services.`,
		Example: "  meridian import gdnsd /etc/gdnsd -o meridian.yaml --zones zones",
		Args:    exactly("FILE", "gdnsd's configuration directory, or the file config in it"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := migrate.Gdnsd(args[0])
			return i.write(cmd, r, err)
		},
	}
}

func (i *importing) route53() *cobra.Command {
	var checks, blocks string
	c := &cobra.Command{
		Use:   "route53 FILE",
		Short: "From Amazon Route 53: the record sets of a hosted zone",
		Long: `Translate the record sets of a hosted zone, as JSON: weighted, latency, failover,
geolocation, geoproximity, IP-based and multivalue routing, and aliases. A and AAAA
records of a name that are routed alike become one service.`,
		Example: `  aws route53 list-resource-record-sets --hosted-zone-id Z1 --output json > records.json
  aws route53 list-health-checks --output json > checks.json
  meridian import route53 records.json --health-checks checks.json -o meridian.yaml --zones zones`,
		Args: exactly("FILE", "what aws route53 list-resource-record-sets prints, or - for standard input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f := migrate.Route53Files{RecordsName: args[0], ChecksName: checks, CIDRName: blocks}
			var err error
			if f.Records, err = readFile(cmd, args[0]); err != nil {
				return err
			}
			for _, more := range []struct {
				file string
				to   *[]byte
			}{{checks, &f.HealthChecks}, {blocks, &f.CIDRBlocks}} {
				if more.file == "" {
					continue
				}
				if *more.to, err = os.ReadFile(more.file); err != nil {
					return err
				}
			}
			r, err := migrate.Route53(f)
			return i.write(cmd, r, err)
		},
	}
	c.Flags().StringVar(&checks, "health-checks", "", "what aws route53 list-health-checks prints: without it nothing is checked")
	c.Flags().StringVar(&blocks, "cidr-blocks", "", "what aws route53 list-cidr-blocks prints, for IP-based routing")
	return c
}

// named is a format whose file is of one zone, which --name may name.
func (i *importing) named(c *cobra.Command, translate func(text []byte, file string, name policy.Name) (*migrate.Result, error)) *cobra.Command {
	var zone string
	c.RunE = func(cmd *cobra.Command, args []string) error {
		var name policy.Name
		if zone != "" {
			n, err := policy.ParseName(zone)
			if err != nil {
				return fmt.Errorf("--name: %w", err)
			}
			name = n
		}
		text, err := readFile(cmd, args[0])
		if err != nil {
			return err
		}
		r, err := translate(text, args[0], name)
		return i.write(cmd, r, err)
	}
	c.Flags().StringVar(&zone, "name", "", "the zone's name, when the file does not say it")
	return c
}

func (i *importing) octodns() *cobra.Command {
	return i.named(&cobra.Command{
		Use:     "octodns FILE",
		Short:   "From octoDNS: a zone's YAML, with its dynamic records",
		Long:    "Translate a zone of octoDNS, example.com.yaml: its dynamic records become services, the others the zone.",
		Example: "  meridian import octodns example.com.yaml -o meridian.yaml --zones zones",
		Args:    exactly("FILE", "a zone's YAML, or - for standard input"),
	}, migrate.Octodns)
}

func (i *importing) powerDNS() *cobra.Command {
	return i.named(&cobra.Command{
		Use:   "pdns-lua FILE",
		Short: "From PowerDNS: a master file with LUA records",
		Long: `Translate a zone of PowerDNS, as pdnsutil list-zone prints it: its LUA records become
services, the others the zone. Of Lua the usual is understood: ifportup, ifurlup,
pickrandom, pickwrandom, pickhashed, pickwhashed, pickclosest, and an if by country,
continent, asnum or netmask.`,
		Example: `  pdnsutil list-zone example.com > example.com.zone
  meridian import pdns-lua example.com.zone -o meridian.yaml --zones zones`,
		Args: exactly("FILE", "a master file, or - for standard input"),
	}, migrate.PowerDNS)
}

// write puts a translation where it belongs and says what is not in it.
func (i *importing) write(cmd *cobra.Command, r *migrate.Result, err error) error {
	if err != nil {
		return err
	}
	text, err := document.Encode(r.Config, document.YAML)
	if err != nil {
		return err
	}
	errs := cmd.ErrOrStderr()
	for _, n := range r.Notes {
		fmt.Fprintln(errs, n)
	}
	if i.zones != "" {
		if err := os.MkdirAll(i.zones, 0o755); err != nil {
			return err
		}
	}
	for _, z := range r.Zones {
		if err := i.writeZone(cmd, z); err != nil {
			return err
		}
	}
	if i.output == "" {
		_, err = cmd.OutOrStdout().Write(text)
	} else if err = os.WriteFile(i.output, text, 0o644); err == nil {
		fmt.Fprintf(errs, "Wrote %s: %s, %s, %s.\n", i.output, count(len(r.Config.Services), "service"), count(len(r.Config.Pools), "pool"), count(len(r.Config.Monitors), "monitor"))
	}
	if err == nil && r.LeftOut() {
		err = errFound
	}
	return err
}

func (i *importing) writeZone(cmd *cobra.Command, z *policy.Zone) error {
	errs := cmd.ErrOrStderr()
	if i.zones == "" {
		fmt.Fprintf(errs, "Zone %s with %s is not written; --zones DIR writes it.\n", z.Name, count(z.Records, "record"))
		return nil
	}
	var b bytes.Buffer
	if err := zonefile.Write(&b, z); err != nil {
		return fmt.Errorf("zone %s: %w", z.Name, err)
	}
	file := filepath.Join(i.zones, filepath.Base(z.Name.String())+".zone")
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(errs, "Wrote %s: %s.\n", file, count(z.Records, "record"))
	return nil
}
