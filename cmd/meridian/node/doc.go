// Package node puts a node of Meridian together: its configuration file, its
// identity and keys, the journal, the replicated store, the publisher that
// turns states into views, the vantage, and the leader's duties.
//
// The query path never waits for anything here: it loads one pointer that the
// publisher swaps.
package node
