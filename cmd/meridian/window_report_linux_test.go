package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/miekg/dns"
)

// windowReport is a window as the API tells of it.
type windowReport struct {
	State       string
	DecidedAt   time.Time
	CommittedAt time.Time
	PublishedAt time.Time
	ClosesAt    time.Time
	MaxTTL      int
	Nodes       []nodeReport
}

type nodeReport struct {
	Node         string
	Reachable    bool
	PublishedAt  time.Time
	LastAnswerAt time.Time
}

// control is a control's window.
func (w *world) control(id string) (windowReport, error) {
	var c struct{ Window windowReport }
	err := w.do(0, http.MethodGet, "/controls/"+id, "", nil, &c)
	return c.Window, err
}

// failover is the window of a site that has failed since a moment: the latest of all services that had it in their answers.
func (w *world) failover(s *site, since time.Time) (r windowReport, err error) {
	var list struct {
		Items []struct {
			Endpoint, Cause string
			windowReport
		}
	}
	if err := w.do(0, http.MethodGet, "/windows", "", nil, &list); err != nil {
		return r, err
	}
	for _, d := range list.Items {
		if d.Endpoint != w.endpoint(s) || d.PublishedAt.Before(since) {
			continue
		}
		if d.Cause != "verdict" {
			return r, fmt.Errorf("it left answers because of %q", d.Cause)
		}
		if d.ClosesAt.After(r.ClosesAt) {
			r = d.windowReport
		}
	}
	if r.State = "draining"; time.Now().After(r.ClosesAt) {
		r.State = "drained" // what is over has no state of its own
	}
	return r, nil
}

// direct asks a node as a client of the first resolver would, past it.
func (w *world) direct(i int) ([]string, error) {
	conn, err := w.caches[0].ns.dial("udp", w.nodes[i].dns)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
	m, _, err := new(dns.Client).ExchangeWithConn(new(dns.Msg).SetQuestion("www.example.com.", dns.TypeA), &dns.Conn{Conn: conn})
	if err != nil {
		return nil, err
	}
	return addresses(m), nil
}
