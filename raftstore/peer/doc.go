// Package peer is the one port over which the nodes of a cluster speak to each
// other. It is TLS 1.3 only, and its connections are told apart by ALPN:
//
//   - "meridian-raft/1": streams for Raft (Streams), mutual TLS;
//   - "meridian-call/1": calls from node to node (Handle, Call), mutual TLS;
//   - "meridian-join/1": the exchange by which a node that has no certificate
//     yet gets one (ServeJoin, Join).
//
// Both ends of a mutual connection must hold a certificate of the cluster's
// own authority that carries the server role of this very cluster
// ("server.<cluster-id>.meridian") and one node id
// ("<node-id>.node.<cluster-id>.meridian"). No byte of a connection reaches a
// decoder before that is settled.
package peer
