package webtest

import (
	"crypto/sha256"
	"net/netip"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
)

// Zone is the master file of example.com.
const Zone = `$ORIGIN example.com.
$TTL 300
@     IN SOA ns1 hostmaster 1 7200 900 1209600 300
@     IN NS  ns1
@     IN NS  ns2
ns1   IN A   192.0.2.1
ns2   IN A   192.0.2.2
mail  IN MX  10 mx1.example.net.
`

// Document is a configuration of two regions that steers www.example.com.
const Document = `regions:
  - {name: eu-central, place: {lat: 50.11, lon: 8.68}, provider: gcp}
  - {name: us-east, place: {iata: IAD}, provider: aws, azs: [a, b]}
monitors:
  - {name: web, http: {port: 8080, path: /healthz}, interval: 1s, timeout: 500ms}
pools:
  - name: web-eu
    region: eu-central
    monitor: web
    endpoints:
      - {name: a, address: 198.51.100.1}
  - name: web-us-east
    region: us-east
    monitor: web
    endpoints:
      - {name: a, address: 192.0.2.11, az: a}
      - {name: b, address: 192.0.2.12, az: b}
services:
  - name: www.example.com
    ttl: 30
    steer:
      nearest:
        - {pool: web-us-east}
        - {pool: web-eu}
`

// Verdict records what the cluster holds of an endpoint's check, "web-eu/a@web".
func (n *Node) Verdict(check string, status policy.Status) {
	voices := []policy.Ballot{{Vantage: "ns1", Status: status}, {Vantage: "ns2", Status: status}, {Vantage: "ns3", Absent: "silent"}}
	v := policy.Verdict{Check: check, Status: status, Since: Start.UnixNano(), Ballots: voices, Ramp: 100}
	n.must(change.RecordVerdicts{Edges: []policy.Edge{{Verdict: v}}})
}

// Grant makes a token, past the API.
func (n *Node) Grant(id, token, role string) {
	hash := sha256.Sum256([]byte(token))
	n.must(change.PutToken{Token: policy.Token{ID: id, Name: id, Hash: hash[:], Role: role}})
}

// Record records what a leader judged.
func (n *Node) Record(edges ...policy.Edge) { n.must(change.RecordVerdicts{Edges: edges}) }

// Hold makes a verdict that is down wait for something, with rivals by their endpoint ids.
func (n *Node) Hold(check, waits string, rivals ...string) {
	v, _ := n.State().Verdicts.Get(check)
	v.Waits, v.Rivals = waits, rivals
	n.must(change.RecordVerdicts{Edges: []policy.Edge{{Verdict: v}}})
}

// Loopback is a client's address on this machine, for requests without a connection.
var Loopback = netip.MustParseAddrPort("127.0.0.1:40000")
