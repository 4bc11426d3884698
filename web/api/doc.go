// Package api is Meridian's REST API in Go: its types, a client, and the
// interface that a server has to satisfy. All of it is generated from
// openapi.yaml, which is the contract; nothing here knows another package of
// Meridian, so that a program that talks to a node needs no more than this.
package api

import _ "embed"

//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2 -config oapi-codegen.yaml openapi.yaml

// Contract is openapi.yaml, word for word. The generator's own copy (embedded-spec)
// drops what is said beside a $ref.
//
//go:embed openapi.yaml
var Contract []byte
