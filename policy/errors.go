package policy

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says what sort of refusal an Error is. The web package maps each kind
// to one HTTP status; nothing else decides statuses.
type Kind string

// The kinds of refusal.
const (
	NotFound    Kind = "not-found"    // the named object does not exist
	Invalid     Kind = "invalid"      // the input is wrong; see Problems
	Conflict    Kind = "conflict"     // clashes with what is there (If-Match, references, duplicates)
	Stale       Kind = "stale"        // If-Match names a revision that is no longer the current one
	Forbidden   Kind = "forbidden"    // the caller may not do this
	Unsafe      Kind = "unsafe"       // a safety rule or the last-resort tier forbids it
	NotLeader   Kind = "not-leader"   // this node cannot take the write itself
	Unavailable Kind = "unavailable"  // no quorum, or the outcome is unknown
	TooMany     Kind = "rate-limited" // too many calls; wait and try again
	Unsupported Kind = "unsupported"  // a change this version cannot apply
)

// Problem is one mistake in an input.
type Problem struct {
	// Pointer is the RFC 6901 JSON pointer of the offending value, "" for the whole input.
	Pointer string `json:"pointer,omitempty"`
	// File, Line and Column say where it stands in a text input; Line 0 means unknown.
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	// Rule is the safety rule that is broken, if that is the problem: what an override names.
	Rule string `json:"rule,omitempty"`
	// Message names the cause, both values in a conflict, and what to do.
	Message string `json:"message"`
}

// String is the problem as one line: file:line:column: pointer: message.
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File + ":")
	}
	if p.Line > 0 {
		fmt.Fprintf(&b, "%d:", p.Line)
		if p.Column > 0 {
			fmt.Fprintf(&b, "%d:", p.Column)
		}
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	if p.Pointer != "" {
		b.WriteString(p.Pointer + ": ")
	}
	return b.String() + p.Message
}

// Error is a refusal with its kind and every mistake that was found.
type Error struct {
	Kind     Kind      `json:"kind"`
	Message  string    `json:"message"`
	Problems []Problem `json:"problems,omitempty"`
}

func (e *Error) Error() string {
	if len(e.Problems) == 0 {
		return e.Message
	}
	lines := make([]string, 0, len(e.Problems)+1)
	if e.Message != "" {
		lines = append(lines, e.Message)
	}
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

// Errorf makes an Error of a kind.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// KindOf is the kind of an error, or "" when it is not a refusal of ours.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

// Problems collects mistakes.
type Problems []Problem

// Add notes a mistake at a JSON pointer.
func (p *Problems) Add(pointer, format string, args ...any) {
	*p = append(*p, Problem{Pointer: pointer, Message: fmt.Sprintf(format, args...)})
}

// Err is nil without problems, and an Invalid error listing all of them otherwise.
func (p Problems) Err(message string) error {
	if len(p) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Message: message, Problems: p}
}
