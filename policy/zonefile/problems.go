package zonefile

import (
	"fmt"
	"slices"

	"github.com/meridian-gtm/meridian/policy"
)

func (f *fault) problem(file string) policy.Problem {
	return policy.Problem{File: file, Line: f.line, Column: f.col, Message: f.msg}
}

func (f *fault) invalid(what, file string) error {
	return &policy.Error{Kind: policy.Invalid, Message: what + " cannot be read", Problems: []policy.Problem{f.problem(file)}}
}

// findings collects mistakes or warnings, no more than maxProblems of them.
type findings struct {
	list []policy.Problem
	more bool // there was at least one beyond the list
}

func (f *findings) add(p policy.Problem) {
	if len(f.list) >= maxProblems {
		f.more = true
		return
	}
	f.list = append(f.list, p)
}

// full says that looking for more is of no use.
func (f *findings) full() bool { return f.more }

// sorted is the list by line, with a last entry when it was cut short.
func (f *findings) sorted(file, what string) []policy.Problem {
	slices.SortStableFunc(f.list, func(a, b policy.Problem) int { return a.Line - b.Line })
	if f.more {
		f.list = append(f.list, policy.Problem{File: file, Message: fmt.Sprintf("there are more than %d %s; only these are listed", maxProblems, what)})
		f.more = false
	}
	return f.list
}
