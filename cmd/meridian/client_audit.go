package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

func auditCommand(g *globals) *cobra.Command {
	var f auditFilter
	c := &cobra.Command{
		Use:   "audit",
		Short: "Who did what, from where, when and why",
		Long: `List the audit: every change that an operator made, and every one that was
refused where it is applied, the newest first. Each entry's hash is over the one
before, so that nobody can change the past without being found out.`,
		Example: `  meridian audit --object service/www.example.com
  meridian audit --actor 0a1b2c3d --since 24h
  meridian audit export audit.jsonl && meridian audit verify audit.jsonl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conn, err := g.connect()
			if err != nil {
				return err
			}
			params, err := f.params(cmd)
			if err != nil {
				return err
			}
			page, r, err := decode[api.AuditPage](read(conn.ListAudit(cmd.Context(), params)))
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if done, err := g.structured(out, r.body); done || err != nil {
				return err
			}
			for _, e := range page.Items {
				printAuditEntry(out, e)
			}
			if len(page.Items) == 0 {
				fmt.Fprintln(out, "No entries.")
			}
			if page.Next != 0 {
				fmt.Fprintf(out, "More: meridian audit --before %d\n", page.Next)
			}
			return nil
		},
	}
	f.flags(c)
	_ = c.RegisterFlagCompletionFunc("object", completeObject(g)) // the flag is there
	c.AddCommand(auditExport(g), auditVerify(g), auditNode(g))
	return c
}

// auditFilter is which entries are wanted.
type auditFilter struct {
	actor, object, kind, request, since, until string
	refused                                    bool
	before                                     uint64
	limit                                      int
}

func (f *auditFilter) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.actor, "actor", "", "only what this token or user did")
	c.Flags().StringVar(&f.object, "object", "", "only what touched this object (service/www.example.com), or those of a kind (pool/)")
	c.Flags().StringVar(&f.kind, "kind", "", "only this kind of change, as config.put")
	c.Flags().StringVar(&f.request, "request", "", "only the write with this Idempotency-Key")
	c.Flags().StringVar(&f.since, "since", "", "only since then: a time (2026-11-26T10:00:00Z), or how long ago (24h)")
	c.Flags().StringVar(&f.until, "until", "", "only until then, likewise")
	c.Flags().BoolVar(&f.refused, "refused", false, "only what was refused (=false: only what was done)")
	c.Flags().Uint64Var(&f.before, "before", 0, "only entries before this one")
	c.Flags().IntVarP(&f.limit, "limit", "n", 20, "how many, 1 to 1000")
}

func (f *auditFilter) params(cmd *cobra.Command) (*api.ListAuditParams, error) {
	p := &api.ListAuditParams{Actor: f.actor, Object: f.object, Kind: f.kind, Request: f.request, Before: f.before, Limit: f.limit}
	var err error
	if p.Since, err = timeOrAgo("--since", f.since); err == nil {
		p.Until, err = timeOrAgo("--until", f.until)
	}
	if cmd.Flags().Changed("refused") {
		p.Refused = &f.refused
	}
	return p, err
}

// timeOrAgo reads a time, or how long ago it was.
func timeOrAgo(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil {
		return time.Now().Add(-ago).UTC().Truncate(time.Second), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("%s %q is neither a time (2026-11-26T10:00:00Z) nor how long ago (24h)", flag, text)
	}
	return t, nil
}

func printAuditEntry(out io.Writer, e api.AuditEntry) {
	who := first(e.ActorName, e.Actor, "the cluster")
	if e.From != "" {
		who += " from " + e.From
	}
	line := fmt.Sprintf("#%d  %s  %s  %s", e.Seq, second(e.At), who, e.Kind)
	if e.Object != "" {
		line += " " + e.Object
	}
	if e.Revision != 0 {
		line += fmt.Sprintf("  revision %d", e.Revision)
	}
	fmt.Fprintln(out, line)
	if len(e.Override) > 0 {
		fmt.Fprintf(out, "    overrides the safety rules: %s\n", strings.Join(e.Override, ", "))
	}
	if e.Reason != "" {
		fmt.Fprintf(out, "    why: %s\n", e.Reason)
	}
	if e.Refused != "" {
		fmt.Fprintf(out, "    refused: %s\n", strings.ReplaceAll(e.Refused, "\n", "\n      "))
	}
	if e.Missed > 0 {
		fmt.Fprintf(out, "    before it %s without an entry: there were too many\n", count(e.Missed, "refusal"))
	}
	const most = 10
	var b strings.Builder
	printChanges(&b, e.Edits[:min(len(e.Edits), most)])
	for edit := range strings.Lines(b.String()) {
		fmt.Fprint(out, "    ", edit)
	}
	if more := len(e.Edits) - most; more > 0 {
		fmt.Fprintf(out, "    and %s (-o json)\n", count(more+e.More, "more edit"))
	}
	if e.Omitted > 0 {
		fmt.Fprintf(out, "    %s changed, more than is kept\n", count(e.Omitted, "object"))
	}
}

func auditExport(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "export [FILE]",
		Short: "Write every entry, the oldest first, as JSON lines",
		Long: `Write every entry that is kept, the oldest first, one to a line, with the hashes
by which meridian audit verify checks them. Keep exports elsewhere: a chain that was
cut at its end is found out by the head that an earlier export had.`,
		Example: "  meridian audit export audit-$(date +%F).jsonl",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := exported(cmd, g)
			if err != nil {
				return err
			}
			if len(args) == 0 || args[0] == "-" {
				_, err = cmd.OutOrStdout().Write(text)
				return err
			}
			v, err := verifyAudit(text, "")
			if err != nil {
				return err
			}
			f, err := os.OpenFile(args[0], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if errors.Is(err, os.ErrExist) {
				return fmt.Errorf("%s is there already, and may hold entries that the cluster has no more; take another name", args[0])
			}
			if err != nil {
				return err
			}
			if _, err = f.Write(text); err == nil {
				err = f.Sync()
			}
			if err = errors.Join(err, f.Close()); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s in %s; the head is %s.\n", v, args[0], v.head())
			return nil
		},
	}
}

func exported(cmd *cobra.Command, g *globals) ([]byte, error) {
	conn, err := g.connect()
	if err != nil {
		return nil, err
	}
	conn.rotation.patience = time.Minute
	r, err := read(conn.ListAudit(cmd.Context(), nil, header("Accept", "application/x-ndjson")))
	if err != nil {
		return nil, err
	}
	return r.body, nil
}

func auditVerify(g *globals) *cobra.Command {
	var head string
	c := &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Check the chain of the audit, of the cluster or of an export",
		Long: `Check that each entry of the audit is as it was written and that none is missing: of
the cluster, or of a file that meridian audit export wrote. With --head, that what
had that head once still has it: who cuts entries off the end cannot hide it from
whoever wrote the head down. The exit code is 2 when something is wrong.`,
		Example: "  meridian audit verify\n  meridian audit verify audit.jsonl --head 42:5b1f…",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var text []byte
			var err error
			if len(args) == 1 {
				text, err = readFile(cmd, args[0])
			} else {
				text, err = exported(cmd, g)
			}
			if err != nil {
				return err
			}
			v, err := verifyAudit(text, head)
			out := cmd.OutOrStdout()
			if err != nil {
				fmt.Fprintln(out, err)
				return errFound
			}
			fmt.Fprintf(out, "%s in order; the head is %s.\n", v, v.head())
			return nil
		},
	}
	c.Flags().StringVar(&head, "head", "", "SEQ:HASH that the audit had once, as export and verify print it")
	return c
}

// verified is what an export that is in order holds.
type verified struct {
	first, last policy.AuditLine
	n           int
}

func (v verified) String() string {
	switch v.n {
	case 0:
		return "No entries"
	case 1:
		return fmt.Sprintf("Entry %d", v.last.Seq)
	}
	return fmt.Sprintf("Entries %d to %d", v.first.Seq, v.last.Seq)
}

// head is what shows later when entries are missing at the end.
func (v verified) head() string {
	if v.n == 0 {
		return "-"
	}
	return fmt.Sprintf("%d:%s", v.last.Seq, v.last.Hash)
}

// verifyAudit checks an export, and that it has an entry with a head ("42:5b1f…") that was seen before.
func verifyAudit(text []byte, head string) (v verified, err error) {
	wantSeq, wantHash, given := strings.Cut(head, ":")
	if head != "" && !given {
		return v, fmt.Errorf("--head %q is not SEQ:HASH", head)
	}
	seen := head == ""
	for line := range bytes.Lines(text) {
		var l policy.AuditLine
		if err := json.Unmarshal(line, &l); err != nil {
			return v, fmt.Errorf("line %d, after entry %d, is no entry: %v", v.n+1, v.last.Seq, err)
		}
		if v.n == 0 {
			v.first = l
		}
		if err := checkAuditLine(l, line, v.last, v.n == 0); err != nil {
			return v, err
		}
		if strconv.FormatUint(l.Seq, 10) == wantSeq {
			if l.Hash != wantHash {
				return v, fmt.Errorf("entry %d has the hash %s, and not the one of --head: the audit was written anew up to it", l.Seq, l.Hash)
			}
			seen = true
		}
		v.last = l
		v.n++
	}
	if seq, err := strconv.ParseUint(wantSeq, 10, 64); !seen && err == nil && seq < v.first.Seq {
		return v, fmt.Errorf("entry %d is not in it: it begins at %d, and earlier entries are in earlier exports", seq, v.first.Seq)
	}
	if !seen {
		return v, fmt.Errorf("entry %s is missing: the audit ends at %d, and had that one once", wantSeq, v.last.Seq)
	}
	return v, nil
}

// checkAuditLine says what is wrong with a line that comes after another.
func checkAuditLine(l policy.AuditLine, text []byte, last policy.AuditLine, first bool) error {
	var again bytes.Buffer
	enc := json.NewEncoder(&again)
	enc.SetEscapeHTML(false)
	switch {
	case !first && l.Seq != last.Seq+1:
		return fmt.Errorf("entry %d is followed by entry %d: what was between them is missing", last.Seq, l.Seq)
	case !first && l.Prev != last.Hash:
		return fmt.Errorf("entry %d does not follow entry %d: that has another hash", l.Seq, last.Seq)
	case first && l.Seq == 1 && l.Prev != "":
		return errors.New("entry 1 follows another entry")
	case enc.Encode(l) != nil || !bytes.Equal(bytes.TrimSpace(again.Bytes()), bytes.TrimSpace(text)):
		return fmt.Errorf("entry %d has something in its line that no export writes", l.Seq) // which somebody else may read instead
	}
	e, err := l.Check(l.Prev)
	if err != nil {
		return err
	}
	sums := map[string]string{}
	for _, edit := range e.Edits {
		sums[edit.ID()] = edit.After
	}
	for id, v := range l.After {
		if want, ok := sums[id]; !ok || policy.AuditSum(v) != want {
			return fmt.Errorf("entry %d: %s is not what the change made it", l.Seq, id)
		}
	}
	return nil
}
