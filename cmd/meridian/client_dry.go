package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"
)

// dry is --dry-run of a command whose call the API cannot rehearse: the call is
// shown instead of sent, beside what it would touch, as far as reading tells.
type dry struct {
	on  bool
	ask func() error // whether the cluster would take the call, where the API can say so
}

func dryFlag(c *cobra.Command) *dry {
	d := &dry{}
	c.Flags().BoolVar(&d.on, "dry-run", false, "show the call and what it would touch, and send nothing")
	return d
}

// withheld is a request that was shown instead of sent.
type withheld struct {
	Method string          `json:"method"`
	Path   string          `json:"path"`
	Reason string          `json:"reason,omitempty"` // beside the body
	Body   json.RawMessage `json:"body,omitempty"`
}

var errWithheld = errors.New("the request was withheld")

// withhold notes a request. A body that is no JSON is told by its size.
func withhold(req *http.Request) (*withheld, error) {
	w := &withheld{Method: req.Method, Path: req.URL.RequestURI()}
	if req.Body == nil {
		return w, nil
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	if json.Valid(body) {
		w.Body = body
		return w, nil
	}
	w.Body, err = json.Marshal(fmt.Sprintf("%d octets of %s", len(body), req.Header.Get("Content-Type")))
	return w, err
}

// show shows the call that was made while on, and what it touches. done is false without --dry-run.
func (d *dry) show(cmd *cobra.Command, g *globals, conn *client, call func() (*http.Response, error), touches ...string) (done bool, err error) {
	if !d.on {
		return false, nil
	}
	conn.rotation.withhold = true
	_, err = call() //nolint:bodyclose // nothing is sent
	conn.rotation.withhold = false
	if !errors.Is(err, errWithheld) {
		return true, err
	}
	out, sent := cmd.OutOrStdout(), conn.rotation.withheld
	if g.output != "table" {
		body, err := json.MarshalIndent(struct {
			DryRun  bool      `json:"dryRun"`
			Request *withheld `json:"request"`
			Touches []string  `json:"touches"`
		}{true, sent, touches}, "", "  ")
		if err == nil {
			_, err = g.structured(out, append(body, '\n'))
		}
		if err == nil && d.ask != nil {
			err = d.ask()
		}
		return true, err
	}
	fmt.Fprintf(out, "It would send %s %s\n", sent.Method, sent.Path)
	if sent.Reason != "" {
		fmt.Fprintf(out, "  with the reason: %s\n", sent.Reason)
	}
	if len(sent.Body) > 0 {
		var b bytes.Buffer
		if json.Indent(&b, sent.Body, "  ", "  ") == nil {
			fmt.Fprintf(out, "  %s\n", b.String())
		}
	}
	for _, t := range touches {
		fmt.Fprintf(out, "Touches: %s.\n", t)
	}
	if d.ask != nil {
		fmt.Fprintln(out, "Nothing has been done.")
		if err := d.ask(); err != nil {
			return true, err
		}
		fmt.Fprintln(out, "The cluster would take it now.")
		return true, nil
	}
	fmt.Fprintln(out, "Nothing has been done. Whether the cluster would take it is not known: the API cannot rehearse this call.")
	return true, nil
}
