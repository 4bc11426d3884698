package policy

import "time"

// Stats is how busy the nodes are, and how much of the world they answer from is well.
type Stats struct {
	Nodes     []NodeStats   `json:"nodes"`     // those that could be asked, in order of labels
	Missing   []string      `json:"missing"`   // labels of those that could not
	Queries   float64       `json:"queries"`   // a second, of all that could be asked
	Endpoints EndpointCount `json:"endpoints"` // as the node that was asked has them
	Services  ServiceCount  `json:"services"`  //
	Index     uint64        `json:"index"`     // of the state that they were counted in
}

// NodeStats is how busy one node is. Rates are of a second, over the last ten or as long as it runs.
type NodeStats struct {
	Node        string            `json:"node"`
	ID          string            `json:"id"`
	Uptime      Duration          `json:"uptime"`
	Queries     float64           `json:"queries"` // taken in
	ByTransport TransportRates    `json:"byTransport"`
	Answers     AnswerRates       `json:"answers"`
	Dropped     float64           `json:"dropped"` // taken in and not answered
	Age         Duration          `json:"age"`     // of the newest sample
	History     []TrafficInterval `json:"history"` // the last 10 minutes, oldest first
}

// TransportRates are queries a second by what they came over.
type TransportRates struct {
	UDP float64 `json:"udp"`
	TCP float64 `json:"tcp"`
	DoT float64 `json:"dot"`
}

// AnswerRates are responses a second by response code.
type AnswerRates struct {
	NoError  float64 `json:"noError"`
	NXDomain float64 `json:"nxDomain"`
	Refused  float64 `json:"refused"`
	ServFail float64 `json:"servFail"`
	Other    float64 `json:"other"`
}

// TrafficInterval is about 5 seconds of a node's traffic.
type TrafficInterval struct {
	Until    time.Time `json:"until"` // by the clock of the node that was asked
	Queries  float64   `json:"queries"`
	NXDomain float64   `json:"nxDomain"`
	Refused  float64   `json:"refused"`
}

// EndpointCount is how many endpoints are what answers go by. Each is in one of the fields.
type EndpointCount struct {
	Up       int `json:"up"`
	Degraded int `json:"degraded"` // up and less than usual: coming back by steps, with a share of its clients only, or held up by force or panic
	Down     int `json:"down"`
	Drained  int `json:"drained"`
	Unknown  int `json:"unknown"`
}

// ServiceCount is how many services have fewer endpoints up than they have.
type ServiceCount struct {
	All   int            `json:"all"`
	Short int            `json:"short"`
	Items []ServiceShort `json:"items"` // those that have the least left ahead, MaxShort at most
}

// MaxShort is how many services a ServiceCount lists.
const MaxShort = 100

// ServiceShort is a service of which some endpoints are not up, or drained.
type ServiceShort struct {
	Service   string `json:"service"`
	Up        int    `json:"up"`
	Endpoints int    `json:"endpoints"`
}
