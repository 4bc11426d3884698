package main

import (
	"bufio"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// yesFlag is -y of a command that asks before it does something dangerous.
func yesFlag(c *cobra.Command, yes *bool) {
	c.Flags().BoolVarP(yes, "yes", "y", false, "do it without asking")
}

// confirm asks whoever is at the terminal, after saying what goes. Without a terminal only --yes will do.
func confirm(cmd *cobra.Command, yes bool, goes string) error {
	if yes {
		return nil
	}
	if !onTerminal(cmd.InOrStdin()) {
		return fmt.Errorf("%s\nNothing has been done: there is no terminal to ask at. Say --yes (-y) to go on", goes)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s\nGo on? [y/N] ", goes)
	answer, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n') // an end of input is a no
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errors.New("nothing has been done")
}

// some is a list for a sentence: the first few, and how many more there are.
func some(list []string) string {
	const most = 8
	if len(list) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
	}
	return strings.Join(list, ", ")
}
