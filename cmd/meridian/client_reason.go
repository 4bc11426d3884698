package main

import "github.com/spf13/cobra"

// reasonFlag is --reason of a command that changes something: it goes with every write, for the audit.
func reasonFlag(c *cobra.Command, g *globals) {
	c.Flags().StringVar(&g.reason, "reason", "", "why, for the audit")
}
