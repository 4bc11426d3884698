// Package api is Meridian's REST API in Go: its types, a client, and the
// interface that a server has to satisfy. All of it is generated from
// web/openapi.yaml, which is the contract; nothing of it is written by hand and
// nothing here knows another package of Meridian, so that a program that talks
// to a node needs no more than this.
package api

import _ "embed" // the contract

//go:generate go run ./gen ../openapi.yaml openapi.json
//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2 -config oapi-codegen.yaml ../openapi.yaml

//go:embed openapi.json
var document []byte

// Document is the contract: web/openapi.yaml as JSON, its keys in the same order. Nobody changes it.
func Document() []byte { return document }
