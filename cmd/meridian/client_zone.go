package main

import (
	"bytes"
	"fmt"
	"slices"
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
	c.AddCommand(zoneImport(g), zoneExport(g), zoneList(g), zoneDelete(g), zoneCheck(), zoneSet(g), zoneUnset(g))
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
			return importZone(cmd, g, conn, zone.Name.String(), args[0], text, warnings)
		},
	}
	c.Flags().StringVar(&name, "name", "", "the zone's name, when the file's names are relative to it")
	return c
}

func importZone(cmd *cobra.Command, g *globals, conn *client, zone, file string, text []byte, warnings []policy.Problem) error {
	conn.rotation.patience = 3 * time.Minute
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	params := &api.PutZoneParams{IfMatch: `"0"`}
	before, err := read(conn.GetZone(ctx, zone, header("Accept", mediaZone)))
	switch {
	case err == nil:
		params.IfMatch = before.revision()
	case !isKind(err, "not-found"):
		return err
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
		fmt.Fprintf(out, "Undo: meridian zone delete %s\n", zone)
	} else if kept := keep(zone+"-r"+unquoted(before.revision())+".zone", before.body); kept != "" {
		fmt.Fprintf(out, "Undo: meridian zone import %s\n", kept)
	}
	return nil
}

func zoneExport(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "export ZONE",
		Short:   "Print a zone as a master file",
		Long:    "Print a zone as a master file, which import takes back unchanged. With -o json or yaml it is printed as such.",
		Example: "  meridian zone export example.com > example.com.zone",
		Args:    exactly("ZONE", "as meridian zone list shows them"),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, err := g.connect()
			if err != nil {
				return err
			}
			conn.rotation.patience = time.Minute
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
			for _, k := range getKinds {
				if k.name == "zones" {
					return k.get(cmd, g, conn, nil)
				}
			}
			return nil
		},
	}
}

func zoneDelete(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "delete ZONE",
		Short:   "Delete a zone",
		Long:    "Delete a zone. It is refused while a service steers a name in it.\nThe zone is kept in your cache directory, for undoing.",
		Example: "  meridian zone delete example.com",
		Args:    exactly("ZONE", "as meridian zone list shows them"),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, err := g.connect()
			if err != nil {
				return err
			}
			conn.rotation.patience = time.Minute
			ctx, out := cmd.Context(), cmd.OutOrStdout()
			before, err := read(conn.GetZone(ctx, args[0], header("Accept", mediaZone)))
			if err != nil {
				return err
			}
			kept := keep(args[0]+"-r"+unquoted(before.revision())+".zone", before.body)
			result, r, err := decode[api.WriteResult](read(conn.DeleteZone(ctx, args[0], &api.DeleteZoneParams{IfMatch: before.revision()})))
			if err != nil {
				return err
			}
			if done, err := g.structured(out, r.body); done || err != nil {
				return err
			}
			fmt.Fprintf(out, "Deleted zone %s at revision %d.\n", args[0], result.Revision)
			printAfter(out, result.Nodes, result.Unpublished, result.Warnings)
			if kept != "" {
				fmt.Fprintf(out, "Undo: meridian zone import %s\n", kept)
			}
			return nil
		},
	}
}

func zoneCheck() *cobra.Command {
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
			for _, w := range warnings {
				fmt.Fprintln(out, "warning:", w)
			}
			if found := mistakes(err); found != nil {
				for _, line := range found {
					fmt.Fprintln(out, line)
				}
				return errFound
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "%s is in order: zone %s with %s.\n", args[0], zone.Name, count(zone.Records, "record"))
			return nil
		},
	}
	c.Flags().StringVar(&name, "name", "", "the zone's name, when the file's names are relative to it")
	return c
}
