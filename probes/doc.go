// Package probes finds out, from where this node stands, which endpoints answer.
//
// Prober runs one probe after the other for every check, at fixed intervals and
// in random phases, and settles the results into opinions by the rules of
// policy/health. Report gives the whole table of opinions, of the same size
// whatever their state. References says when the node should abstain because it
// seems to be cut off itself. Guard keeps probes from places where an operator of
// services, who need not be an operator of nodes, should not be able to send them.
//
// A kind of probe is a function in a file of its own and a line in the table of Kinds.
package probes
