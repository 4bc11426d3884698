// Package raftstore keeps the replicated policy.State: the only room that
// knows hashicorp/raft.
//
// A Store runs one Raft node. Propose takes a change from any node to the
// leader and answers with its outcome; State is the newest state this node
// has; Watch and Wait tell of newer ones; Lead runs the leader's duties.
//
// Raft panics when its disk fails, and a leader whose disk hangs stays leader.
// Neither may touch the DNS server in the same process, so the stores are
// wrapped (guard), commits are watched, and Run closes and reopens Raft while
// State keeps what it had.
package raftstore
