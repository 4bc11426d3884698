// Package health holds the rules by which probe results become verdicts, as pure
// functions over values: no clock, no goroutine, no randomness.
//
// There are two stages. A Track turns one vantage's samples of one check into a
// settled opinion by rise and fall. Judge turns the opinions of all assigned
// vantages into the cluster's verdict by quorum, and Step does so for every check
// at once and returns only the edges, the verdicts that differ from those in State.
//
// The same Step runs on every node over the same inputs. The leader's edges go
// through Raft; a node without a leader keeps its own to itself (island mode).
package health
