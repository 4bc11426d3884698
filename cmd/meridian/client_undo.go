package main

import (
	"fmt"
	"io"
	"strings"
)

// undo says which command takes a change back.
func undo(w io.Writer, words ...string) {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = shell(word)
	}
	fmt.Fprintf(w, "Undo: meridian %s\n", strings.Join(quoted, " "))
}

// noUndo says why nothing takes it back, and what to do instead.
func noUndo(w io.Writer, why string) { fmt.Fprintf(w, "There is no undo: %s\n", why) }
