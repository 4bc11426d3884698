// Package policy holds the nouns of Meridian: what an operator declares, what
// the cluster decides, and the one immutable State that both live in.
//
// It knows nothing of sockets, files, clocks or randomness, and imports no
// other package of Meridian. Everything here is a value: a State that has been
// handed out never changes, and a new one is made by Clone and the tree's Set
// and Delete, which copy only what they touch.
package policy
