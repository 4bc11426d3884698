package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/document"
	"github.com/meridian-gtm/meridian/web/api"
)

// columns is how wide a table may be.
const columns = 100

// wholeColumns are cut last: half a time is none, and neither is half of what the next command takes.
var wholeColumns = map[string]bool{"ID": true, "SINCE": true, "UNTIL": true, "AT": true, "PUBLISHED": true, "ON DISK": true, "CREATED": true, "EXPIRES": true}

// table prints rows under a heading, in at most 100 columns: the widest columns are cut until it fits.
func table(w io.Writer, heading []string, rows [][]string) {
	all := append([][]string{heading}, rows...)
	width := make([]int, len(heading))
	for _, row := range all {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for uncut := true; ; {
		total, widest := 2*(len(width)-1), -1
		for i, n := range width {
			total += n
			if n > 8 && (widest < 0 || n > width[widest]) && !(uncut && wholeColumns[heading[i]]) {
				widest = i
			}
		}
		switch {
		case total <= columns || widest < 0 && !uncut:
		case widest < 0:
			uncut = false
			continue
		default:
			width[widest] -= min(total-columns, width[widest]-8)
			continue
		}
		break
	}
	for n, row := range all {
		line, gap := "", 0 // a gap is filled when something follows
		for i, cell := range row {
			if n := utf8.RuneCountInString(cell); n > width[i] {
				cell = string([]rune(cell)[:width[i]-1]) + "…"
			}
			next := width[i] - utf8.RuneCountInString(cell) + 2
			if cell != "" {
				if n > 0 && statusColumns[heading[i]] {
					cell = painted(w, cell)
				}
				line, gap = line+strings.Repeat(" ", gap)+cell, 0
			}
			gap += next
		}
		fmt.Fprintln(w, line)
	}
}

// structured prints an answer as -o json or yaml; ok is false for a table.
func (g *globals) structured(w io.Writer, body []byte) (ok bool, err error) {
	switch g.output {
	case "json":
		_, err = w.Write(body)
	case "yaml":
		var text []byte
		if text, err = document.EncodeValue(json.RawMessage(body), document.YAML); err == nil {
			_, err = w.Write(text)
		}
	default:
		return false, nil
	}
	return true, err
}

// present asks the API and prints what it answers: as -o says, or as print does.
func present[T any](cmd *cobra.Command, g *globals, ask func(context.Context, *client) (*http.Response, error), print func(io.Writer, T)) error {
	conn, err := g.connect()
	if err != nil {
		return err
	}
	v, r, err := decode[T](read(ask(cmd.Context(), conn)))
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if done, err := g.structured(out, r.body); done || err != nil {
		return err
	}
	print(out, v)
	return nil
}

// moment is a time as a table shows it.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05.000Z")
}

// rounded is a duration as a table shows it: three digits are enough.
func rounded(text string) string {
	d, err := time.ParseDuration(text)
	if err != nil {
		return text
	}
	return policy.Duration(d).Brief()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// printNodes says which node answers by a change since when.
func printNodes(w io.Writer, nodes []api.Publication) {
	var rows [][]string
	for _, n := range slices.SortedFunc(slices.Values(nodes), func(a, b api.Publication) int { return strings.Compare(a.Node, b.Node) }) {
		state := "answers by it"
		switch {
		case !n.Reachable:
			state = "cannot be reached: " + n.Error
		case n.PublishedAt.IsZero() || n.JournalledAt.IsZero():
			state = "not yet: " + n.Error
		}
		rows = append(rows, []string{n.Node, moment(n.PublishedAt), moment(n.JournalledAt), state})
	}
	if len(rows) > 0 {
		table(w, []string{"NODE", "PUBLISHED", "ON DISK", "STATE"}, rows)
	}
}

// printAfter says what a write left to say: warnings, and nodes that are behind.
func printAfter(w io.Writer, nodes []api.Publication, unpublished, warnings []string) {
	printNodes(w, nodes)
	if len(unpublished) > 0 {
		fmt.Fprintf(w, "It is in force; %s will follow when in reach (meridian cluster status).\n", strings.Join(unpublished, ", "))
	}
	printWarnings(w, warnings)
}

func printWarnings(w io.Writer, warnings []string) {
	for _, m := range warnings {
		fmt.Fprintln(w, "warning:", m)
	}
}

// maxKept is the largest text kept for undoing, in bytes.
const maxKept = 64 << 20

// keep puts what a write replaces where it can be put back from. It gives ""
// when that is not possible, which is no reason not to write.
func keep(name string, text []byte) string {
	dir, err := os.UserCacheDir()
	if err != nil || len(text) > maxKept {
		return ""
	}
	dir = filepath.Join(dir, "meridian")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return ""
	}
	file := filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return ""
	}
	return file
}

// unquoted is a revision without the quotes of an entity tag.
func unquoted(tag string) string { return strings.Trim(tag, `"`) }
