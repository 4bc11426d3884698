package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// breakGlassFlags let a command use a node's own token, on that node, when the cluster cannot be asked.
type breakGlassFlags struct {
	on   bool
	file string
}

func (b *breakGlassFlags) add(c *cobra.Command) {
	c.Flags().BoolVar(&b.on, "break-glass", false, "on this node alone, with its own token, while it has no leader; for 1h unless --for says otherwise, 24h at most")
	c.Flags().StringVar(&b.file, "token-file", "", "with --break-glass, the node's token: breakglass.token in its data directory")
}

// apply puts the node's token in the place of the caller's.
func (b *breakGlassFlags) apply(g *globals) error {
	switch {
	case !b.on && b.file == "":
		return nil
	case !b.on:
		return errors.New("--token-file goes with --break-glass; another token comes from MERIDIAN_TOKEN")
	case b.file == "":
		return errors.New("--break-glass needs --token-file, the node's breakglass.token in its data directory")
	}
	data, err := os.ReadFile(b.file)
	if err != nil {
		return fmt.Errorf("the break-glass token: %w", err)
	}
	g.token = strings.TrimSpace(string(data))
	return nil
}
