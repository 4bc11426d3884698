// Package change holds every legal change to a policy.State as a type, the
// one function that applies them, and the versioned bytes they travel and rest in.
//
// Apply is pure: the same state, index and change give the same result on
// every node and at every replay. It reads no clock (changes carry the
// leader's), no random source, no file and no geographic data.
package change
