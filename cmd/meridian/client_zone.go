package main

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/zonefile"
	"github.com/meridian-gtm/meridian/web/api"
)

const mediaZone = "text/dns"

func zoneCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "zone",
		Short: "Bring DNS zones in and out, and edit their records",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(zoneImport(g), zoneExport(g), zoneList(g), zoneDelete(g), zoneCheck(g), zoneSet(g), zoneUnset(g))
	return c
}

// readZone reads a master file here, for its apex and for mistakes that need no node to be found.
func readZone(text []byte, file, name string) (*policy.Zone, []policy.Problem, error) {
	var apex policy.Name
	if name != "" {
		var err error
		if apex, err = policy.ParseName(name); err != nil {
			return nil, nil, fmt.Errorf("--name: %w", err)
		}
	}
	return zonefile.Parse(bytes.NewReader(text), apex, file, zonefile.Limits{})
}

func zoneImport(g *globals) *cobra.Command {
	var name string
	var rehearse bool
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Create a zone from a master file, or replace the whole of it",
		Long: `Create a zone from a master file (RFC 1035, with $TTL and $GENERATE), or replace the
whole of it. The zone's name is that of its SOA record, unless --name says it. If
anything is wrong nothing goes in, and each mistake is named with its line.

A zone that is replaced is kept in your cache directory, for undoing.`,
		Example: "  meridian zone import example.com.zone\n  meridian zone import db.10 --name 10.in-addr.arpa",
		Args:    exactly("FILE", "a master file, or - for standard input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, err := g.connect()
			if err != nil {
				return err
			}
			text, err := readFile(cmd, args[0])
			if err != nil {
				return err
			}
			zone, warnings, err := readZone(text, args[0], name)
			if err != nil {
				return err
			}
			return importZone(cmd, g, conn, zone, args[0], text, warnings, rehearse)
		},
	}
	reasonFlag(c, g)
	c.Flags().BoolVar(&rehearse, "dry-run", false, "only say which records it would add and remove")
	c.Flags().StringVar(&name, "name", "", "the zone's name, when the file's names are relative to it")
	return c
}

func importZone(cmd *cobra.Command, g *globals, conn *client, parsed *policy.Zone, file string, text []byte, warnings []policy.Problem, rehearse bool) error {
	zone := parsed.Name.String()
	conn.long(cmd.Context(), 3*time.Minute)
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	params := &api.PutZoneParams{IfMatch: `"0"`}
	before, err := read(conn.GetZone(ctx, zone, header("Accept", mediaZone)))
	switch {
	case err == nil:
		params.IfMatch = before.revision()
	case !isKind(err, "not-found"):
		return err
	}
	if rehearse {
		return rehearseImport(cmd, g, zone, before, parsed)
	}
	r, err := read(conn.PutZoneWithBody(ctx, zone, params, mediaZone, bytes.NewReader(text)))
	result, r, err := decode[api.WriteResult](r, in(file, err))
	if err != nil {
		return err
	}
	if done, err := g.structured(out, r.body); done || err != nil {
		return err
	}
	for _, w := range warnings { // the node says the same, and does not know the file's name
		full := w.String()
		w.File = ""
		if i := slices.Index(result.Warnings, w.String()); i >= 0 {
			result.Warnings[i] = full
		}
	}
	switch {
	case before == nil:
		fmt.Fprintf(out, "Created zone %s at revision %d.\n", zone, result.Revision)
	case unquoted(before.revision()) == fmt.Sprint(result.Revision):
		fmt.Fprintf(out, "Nothing to change: zone %s is as the file says, at revision %d.\n", zone, result.Revision)
		printWarnings(out, result.Warnings)
		return nil
	default:
		fmt.Fprintf(out, "Replaced zone %s: revision %d, which was %s.\n", zone, result.Revision, unquoted(before.revision()))
	}
	printAfter(out, result.Nodes, result.Unpublished, result.Warnings)
	if before == nil {
		undo(out, "zone", "delete", zone)
	} else if kept := keep(zone+"-r"+unquoted(before.revision())+".zone", before.body); kept != "" {
		undo(out, "zone", "import", kept)
	} else {
		noUndo(out, "the zone of before could not be kept in your cache directory")
	}
	return nil
}

func zoneExport(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "export ZONE",
		Short:   "Print a zone as a master file",
		Long:    "Print a zone as a master file, which import takes back unchanged. With -o json or yaml it is printed as such.",
		Example: "  meridian zone export example.com > example.com.zone",
		Args:    exactly("ZONE", "as meridian zone list shows them"), ValidArgsFunction: complete(g, zoneNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, err := g.connect()
			if err != nil {
				return err
			}
			conn.long(cmd.Context(), time.Minute)
			media := mediaZone
			if g.output != "table" {
				media = "application/json"
			}
			r, err := read(conn.GetZone(cmd.Context(), args[0], header("Accept", media)))
			if err != nil {
				return err
			}
			done, err := g.structured(cmd.OutOrStdout(), r.body)
			if !done && err == nil {
				_, err = cmd.OutOrStdout().Write(r.body)
			}
			return err
		},
	}
}

func zoneList(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the zones",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conn, err := g.connect()
			if err != nil {
				return err
			}
			k, _ := kindNamed("zones")
			return k.get(cmd, g, conn, nil)
		},
	}
}

func zoneDelete(g *globals) *cobra.Command {
	var yes bool
	var rehearse *dry
	c := &cobra.Command{
		Use:     "delete ZONE",
		Short:   "Delete a zone",
		Long:    "Delete a zone, after asking. It is refused while a service steers a name in it.\nThe zone is kept in your cache directory, for undoing.",
		Example: "  meridian zone delete example.com\n  meridian zone delete example.com --yes",
		Args:    exactly("ZONE", "as meridian zone list shows them"), ValidArgsFunction: complete(g, zoneNames),
		RunE: func(cmd *cobra.Command, args []string) error { return deleteZone(cmd, g, args[0], yes, rehearse) },
	}
	rehearse = dryFlag(c)
	yesFlag(c, &yes)
	reasonFlag(c, g)
	return c
}

func deleteZone(cmd *cobra.Command, g *globals, zone string, yes bool, rehearse *dry) error {
	conn, err := g.connect()
	if err != nil {
		return err
	}
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	conn.long(ctx, time.Minute)
	before, err := read(conn.GetZone(ctx, zone, header("Accept", mediaZone)))
	if err != nil {
		return err
	}
	call := func() (*http.Response, error) {
		return conn.DeleteZone(ctx, zone, &api.DeleteZoneParams{IfMatch: before.revision()})
	}
	list, _, err := decode[api.ZoneList](read(conn.ListZones(ctx)))
	if err != nil {
		return err
	}
	cfg, err := conn.config(ctx)
	if err != nil {
		return err
	}
	goes := "zone " + zone
	for _, z := range list.Items {
		if strings.EqualFold(z.Name, strings.TrimSuffix(zone, ".")) {
			goes = zoneReach(z, &cfg)
		}
	}
	if done, err := rehearse.show(cmd, g, conn, call, goes); done || err != nil {
		return err
	}
	if err := confirm(cmd, yes, "This deletes "+goes+"."); err != nil {
		return err
	}
	kept := keep(zone+"-r"+unquoted(before.revision())+".zone", before.body)
	result, r, err := decode[api.WriteResult](read(call()))
	if err != nil {
		return err
	}
	if done, err := g.structured(out, r.body); done || err != nil {
		return err
	}
	fmt.Fprintf(out, "Deleted zone %s at revision %d.\n", zone, result.Revision)
	printAfter(out, result.Nodes, result.Unpublished, result.Warnings)
	if kept != "" {
		undo(out, "zone", "import", kept)
	}
	return nil
}

func zoneCheck(g *globals) *cobra.Command {
	var name string
	c := &cobra.Command{
		Use:   "check FILE",
		Short: "Check a master file without a node",
		Long: `Check a master file as import would, and print each mistake and warning with its
line. Nothing is asked of a node. The exit code is 2 for mistakes; warnings alone are 0.`,
		Example: "  meridian zone check example.com.zone",
		Args:    exactly("FILE", "a master file, or - for standard input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := readFile(cmd, args[0])
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			zone, warnings, err := readZone(text, args[0], name)
			found := mistakes(err)
			if err != nil && found == nil {
				return err
			}
			var noted []string
			for _, w := range warnings {
				noted = append(noted, w.String())
			}
			if done, err := g.checked(out, args[0], found, noted); done || err != nil {
				return err
			}
			fmt.Fprintf(out, "%s is in order: zone %s with %s.\n", args[0], zone.Name, count(zone.Records, "record"))
			return nil
		},
	}
	c.Flags().StringVar(&name, "name", "", "the zone's name, when the file's names are relative to it")
	return c
}
