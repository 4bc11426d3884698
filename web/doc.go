// Package web is the API of a node: HTTP in front, one small interface behind.
//
// Every route does the same three things: bind the request, make one call on
// [Node], render what came of it. The contract is openapi.yaml beside this
// file; web/api is generated from it, and [New] serves exactly its routes, plus
// /healthz, /readyz and /metrics. What a refusal looks like is decided in one
// table (problem.go), and a route is closed to callers without a token unless
// it stands in another (auth.go).
//
// The package opens no sockets and knows neither Raft nor DNS. [NewServer] puts
// the limits on an http.Server that a server on an open network needs.
package web
