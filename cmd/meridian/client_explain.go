package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/web/api"
)

func explainCommand(g *globals) *cobra.Command {
	var from, draft string
	var assume []string
	var w *watch
	c := &cobra.Command{
		Use:   "explain NAME [TYPE] | FIELD",
		Short: "Say what a client is answered, and why; or what a field means",
		Long: `Say what a client is answered, and why: where it is taken to be, the distances, the
verdicts, the distribution of answers and what decided it.

--client is the client's address, or its prefix as EDNS Client Subnet carries it; or
anybody in a country (country/DE) or behind an AS number (asn/64500).
--assume asks "what if": down:TARGET, up:TARGET or drain:TARGET, any number of times.
--draft asks what would be answered if a document were merged into the configuration.

Given a field of an object, such as pool or pool.endpoints.weight, it says what the field
means: type, unit, range, default, an example, and the fields below. That needs no node. A
name is a field when all of it is one and neither a type nor --client, --assume or --draft
is given; write a final dot (pool.) to ask for the DNS name.`,
		Example: `  meridian explain www.example.com A --client 91.10.0.1
  meridian explain www.example.com AAAA --client 2001:db8::/48
  meridian explain www.example.com --client 91.10.0.1 --assume down:region/eu-central
  meridian explain www.example.com --client country/DE --draft new.yaml
  meridian explain pool.endpoints.weight`,
		Args: nameAndType, ValidArgsFunction: completeExplain(g),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && from == "" && draft == "" && len(assume) == 0 {
				if s, needed, ok, err := fieldAt(args[0]); ok || err != nil {
					if err == nil {
						err = tellField(g, cmd.OutOrStdout(), args[0], s, needed)
					}
					return err
				}
				if hint := almostField(args[0]); hint != "" {
					fmt.Fprintln(cmd.ErrOrStderr(), "note:", hint)
				}
			}
			if draft == "-" && w.every != "" {
				return errors.New("--watch reads the draft again each time: write it to a file")
			}
			return w.run(cmd, g, func() error { return explain(cmd, g, args, from, draft, assume) })
		},
	}
	w = watchFlag(c)
	c.Flags().StringVar(&from, "client", "", "the client's address or prefix, country/DE or asn/64500 (default this machine's, as the node sees it)")
	c.Flags().StringVar(&draft, "draft", "", "a document, YAML or JSON, to merge into the configuration for this question; - is standard input")
	c.Flags().StringArrayVar(&assume, "assume", nil, "what if: down:TARGET, up:TARGET or drain:TARGET")
	_ = c.RegisterFlagCompletionFunc("assume", completeAssume(g)) // the flags are there
	_ = c.MarkFlagFilename("draft", "yaml", "yml", "json")
	return c
}

func explain(cmd *cobra.Command, g *globals, args []string, from, draft string, assume []string) error {
	conn, err := g.connect()
	if err != nil {
		return err
	}
	params := &api.ExplainParams{Name: args[0], Type: "A", Client: from, Assume: assume}
	if len(args) > 1 {
		params.Type = args[1]
	}
	media := "application/json"
	if g.output == "table" {
		media = "text/plain"
	}
	ask := func() (*http.Response, error) { return conn.Explain(cmd.Context(), params, header("Accept", media)) }
	if draft != "" {
		text, err := readFile(cmd, draft)
		if err != nil {
			return err
		}
		ask = func() (*http.Response, error) {
			p := api.ExplainDraftParams(*params)
			return conn.ExplainDraftWithBody(cmd.Context(), &p, "application/yaml", bytes.NewReader(text), header("Accept", media))
		}
	}
	r, err := read(ask())
	if err != nil {
		return err
	}
	done, err := g.structured(cmd.OutOrStdout(), r.body)
	if !done && err == nil {
		_, err = cmd.OutOrStdout().Write(r.body)
	}
	return err
}

func nameAndType(cmd *cobra.Command, args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return fmt.Errorf("%s takes a name and perhaps a type, as in: %s www.example.com AAAA", cmd.CommandPath(), cmd.CommandPath())
	}
	return nil
}
