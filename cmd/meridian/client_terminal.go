package main

import (
	"bytes"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// onTerminal says whether a stream of the command is a terminal.
func onTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// colourful says whether status words are coloured on it: on a terminal that can, unless NO_COLOR asks for none.
func colourful(w io.Writer) bool {
	switch v := w.(type) {
	case *page:
		return v.colour
	case *os.File:
		return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && onTerminal(v)
	}
	return false
}

// page is output that is collected before it is shown, in the colours of where it goes.
type page struct {
	bytes.Buffer
	colour bool
}

// Colours of the words that say how something is, as SGR parameters. Nothing else has a colour.
var statusColours = map[string]string{
	"up": "32", "closed": "32", "yes": "32", "ok": "32", "published": "32",
	"down": "31", "open": "31", "no": "31", "refused": "31", "incomplete": "31",
	"unknown": "33", "half-open": "33", "drained": "33", "planned": "33", "near": "33", "publishing": "33", "draining": "33", "abstains": "33", "silent": "33", "stale": "33",
}

// statusColumns are the headings of columns whose cells begin with such a word.
var statusColumns = map[string]bool{
	"MEASURED": true, "EFFECTIVE": true, "CIRCUIT": true, "STATUS": true, "SEES": true, "SAYS": true, "VOTED": true,
	"WAS": true, "IS": true, "STATE": true, "REACHED": true,
}

// painted is a text whose first word says how something is, coloured if w takes colours.
func painted(w io.Writer, text string) string {
	if !colourful(w) {
		return text
	}
	word := text
	if i := strings.IndexAny(text, " ,("); i >= 0 {
		word = text[:i]
	}
	if c, ok := statusColours[word]; ok {
		return "\x1b[" + c + "m" + word + "\x1b[0m" + text[len(word):]
	}
	return text
}
