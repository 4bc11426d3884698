package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/web/api"
)

func geoCommand(g *globals) *cobra.Command {
	c := &cobra.Command{Use: "geo", Short: "Say where addresses are taken to be", Args: cobra.NoArgs}
	c.AddCommand(&cobra.Command{
		Use:   "lookup ADDRESS...",
		Short: "Look addresses up in a node's geographic data",
		Long: `Look addresses up in the geographic data of a node, as it does for clients: the
place, the network that the database has there, the AS number if the node has an
ASN database, and what decided: the database with its date, or an override of the configuration.`,
		Example: `  meridian geo lookup 91.10.0.1 2001:200::1
  meridian geo lookup 91.10.0.1 -o json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("geo lookup takes addresses, as in: meridian geo lookup 91.10.0.1 2001:200::1")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return lookupPlaces(cmd, g, args) },
	})
	return c
}

func lookupPlaces(cmd *cobra.Command, g *globals, addresses []string) error {
	conn, err := g.connect()
	if err != nil {
		return err
	}
	var items []json.RawMessage
	var places []api.Where
	for _, a := range addresses {
		r, err := read(conn.LookupPlace(cmd.Context(), &api.LookupPlaceParams{Address: a}))
		if err != nil {
			return err
		}
		var w api.Where
		if err := json.Unmarshal(r.body, &w); err != nil {
			return err
		}
		items, places = append(items, r.body), append(places, w)
	}
	body, err := json.Marshal(map[string]any{"items": items})
	if err != nil {
		return err
	}
	if done, err := g.structured(cmd.OutOrStdout(), append(body, '\n')); done || err != nil {
		return err
	}
	printPlaces(cmd.OutOrStdout(), places)
	return nil
}

func printPlaces(w io.Writer, places []api.Where) {
	var rows [][]string
	var credits []string
	credit := func(s api.GeoSource) {
		if s.Name == "" {
			return
		}
		line := strings.TrimSpace(fmt.Sprintf("%s: %s", sourceText(s), s.Attribution))
		if s.Link != "" && !strings.Contains(s.Attribution, s.Link) {
			line += ", " + s.Link
		}
		if !slices.Contains(credits, line) {
			credits = append(credits, line)
		}
	}
	for _, p := range places {
		number, by, point := "-", "nothing known", "-"
		if p.Asn != 0 {
			number = fmt.Sprintf("AS%d", p.Asn)
		}
		if p.Point != nil {
			point = fmt.Sprintf("%.2f, %.2f", p.Point.Lat, p.Point.Lon)
		}
		if p.Database.Name != "" {
			by = sourceText(p.Database)
		}
		if p.Override != "" {
			by = "override " + p.Override
		}
		place := strings.Join(slices.DeleteFunc([]string{p.City, p.Subdivision, p.Country, p.Continent}, func(s string) bool { return s == "" }), ", ")
		rows = append(rows, []string{p.Address, orDash(place), point, p.Network, number, by})
		credit(p.Database)
		credit(p.AsnDatabase)
	}
	table(w, []string{"ADDRESS", "PLACE", "COORDINATES", "NETWORK", "AS", "BY"}, rows)
	for _, line := range credits {
		fmt.Fprintln(w, line)
	}
}

// sourceText is a database and its date.
func sourceText(s api.GeoSource) string { return s.Name + " of " + s.Built.UTC().Format("2006-01-02") }
