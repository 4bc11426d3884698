package policy

import (
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Receiver is somebody who is notified of what happens: exactly one of webhook, slack, pagerduty and alertmanager.
type Receiver struct {
	Name         string                `json:"name"`
	Webhook      *WebhookReceiver      `json:"webhook,omitempty"`
	Slack        *SlackReceiver        `json:"slack,omitempty"`
	PagerDuty    *PagerDutyReceiver    `json:"pagerduty,omitempty"`
	Alertmanager *AlertmanagerReceiver `json:"alertmanager,omitempty"`
	Route        *Route                `json:"route,omitempty"` // default everything
}

// WebhookReceiver is sent JSON, signed when there is a secret.
type WebhookReceiver struct {
	URL    string     `json:"url"`
	Secret *SecretRef `json:"secret,omitempty"`
}

// SlackReceiver is an incoming webhook, whose URL is a credential.
type SlackReceiver struct {
	URL SecretRef `json:"url"`
}

// PagerDutyReceiver is sent events of version 2.
type PagerDutyReceiver struct {
	RoutingKey SecretRef `json:"routingKey"`
	URL        string    `json:"url,omitempty"` // default PagerDutyURL
}

// PagerDutyURL is where events for PagerDuty go unless a receiver says otherwise.
const PagerDutyURL = "https://events.pagerduty.com/v2/enqueue"

// AlertmanagerReceiver is a Prometheus Alertmanager.
type AlertmanagerReceiver struct {
	URL           string     `json:"url"` // without /api/v2/alerts
	Authorization *SecretRef `json:"authorization,omitempty"`
}

// Route says what a receiver is told. What is left out asks for nothing; each list holds what will do.
type Route struct {
	Regions    []string `json:"regions,omitempty"`
	Services   []Name   `json:"services,omitempty"`
	Severities []string `json:"severities,omitempty"`
	Events     []string `json:"events,omitempty"`
}

// The severities of a Notice.
const (
	Info     = "info"
	Warning  = "warning"
	Critical = "critical"
)

// Severities and NoticeEvents are what a route may name.
var (
	Severities   = []string{Info, Warning, Critical}
	NoticeEvents = []string{"endpoint", "pool", "region", "service", "control", "safety", "member", "leader", "config", "drill"}
)

// MaxReceivers is how many a configuration may have.
const MaxReceivers = 32

// Notice is something that receivers are told of.
type Notice struct {
	ID       string    `json:"id"`    // the same whoever tells it, and how often
	Event    string    `json:"event"` // one of NoticeEvents
	What     string    `json:"what"`  // "down", "up", "put", "lifted", "expired", "refused", "paused", "returning", "lost", "back", "joined", "removed", "changed"
	Firing   bool      `json:"firing"`
	Resolves bool      `json:"resolves"` // it ends what an earlier one with its Key has begun
	Severity string    `json:"severity"` // of the trouble, when it ends too
	Key      string    `json:"key"`      // of the trouble: "endpoint/web-eu/a"
	Regions  []string  `json:"regions,omitempty"`
	Services []string  `json:"services,omitempty"`
	Text     string    `json:"text"` // one line for a person
	At       time.Time `json:"at"`
	Index    uint64    `json:"index"` // of the state that brought it
}

// What became of a Delivery.
const (
	Delivered = "delivered"
	Retrying  = "retrying"
	Failed    = "failed" // given up
)

// Delivery is one message to a receiver.
type Delivery struct {
	ID       string    `json:"id"` // the same for each attempt, and at another leader
	Receiver string    `json:"receiver"`
	At       time.Time `json:"at"` // of the last attempt
	Status   string    `json:"status"`
	Attempts int       `json:"attempts"`
	Notices  int       `json:"notices"` // that it tells of
	Text     string    `json:"text"`    // the first of them
	Code     int       `json:"code,omitempty"`
	Error    string    `json:"error,omitempty"` // never has a URL or a credential in it
	Test     bool      `json:"test,omitempty"`
}

// ReceiverStatus is how a receiver fares.
type ReceiverStatus struct {
	Name        string    `json:"name"`
	Kind        string    `json:"kind"`
	LastSuccess time.Time `json:"lastSuccess,omitzero"`
	LastFailure time.Time `json:"lastFailure,omitzero"`
	Failing     string    `json:"failing,omitempty"` // why the last delivery did not go through
}

// Notifications is what the node that delivers knows of it.
type Notifications struct {
	Node       string           `json:"node"` // that leads, and so delivers
	Receivers  []ReceiverStatus `json:"receivers"`
	Deliveries []Delivery       `json:"deliveries"` // newest first, since it began to lead
}

// Wants says whether a notice is for the receiver.
func (r *Receiver) Wants(n *Notice) bool {
	o := r.Route
	if o == nil {
		return true
	}
	some := func(list []string, has ...string) bool {
		return len(list) == 0 || slices.ContainsFunc(has, func(h string) bool { return slices.Contains(list, h) })
	}
	services := make([]string, len(o.Services))
	for i, s := range o.Services {
		services[i] = s.String()
	}
	return some(o.Events, n.Event) && some(o.Severities, n.Severity) && some(o.Regions, n.Regions...) && some(services, n.Services...)
}

// Secrets are the credentials that the receiver uses, by pointer.
func (r *Receiver) Secrets() iter.Seq2[string, *SecretRef] {
	return func(yield func(string, *SecretRef) bool) {
		if r.Webhook != nil && r.Webhook.Secret != nil && !yield("/webhook/secret/secret", r.Webhook.Secret) ||
			r.Slack != nil && !yield("/slack/url/secret", &r.Slack.URL) ||
			r.PagerDuty != nil && !yield("/pagerduty/routingKey/secret", &r.PagerDuty.RoutingKey) {
			return
		}
		if r.Alertmanager != nil && r.Alertmanager.Authorization != nil {
			yield("/alertmanager/authorization/secret", r.Alertmanager.Authorization)
		}
	}
}

// Kind is what the receiver is: "webhook", "slack", "pagerduty" or "alertmanager".
func (r *Receiver) Kind() string {
	switch {
	case r.Webhook != nil:
		return "webhook"
	case r.Slack != nil:
		return "slack"
	case r.PagerDuty != nil:
		return "pagerduty"
	}
	return "alertmanager"
}

// URL is where the receiver is, unless that is a secret.
func (r *Receiver) URL() (at, url string) {
	switch {
	case r.Webhook != nil:
		return "/webhook/url", r.Webhook.URL
	case r.PagerDuty != nil && r.PagerDuty.URL == "":
		return "/pagerduty/url", PagerDutyURL
	case r.PagerDuty != nil:
		return "/pagerduty/url", r.PagerDuty.URL
	case r.Alertmanager != nil:
		return "/alertmanager/url", r.Alertmanager.URL
	}
	return "", ""
}

func (r *Receiver) validate(at string, regions map[string]int, owners map[Name]string, p *Problems) {
	n := 0
	for _, there := range []bool{r.Webhook != nil, r.Slack != nil, r.PagerDuty != nil, r.Alertmanager != nil} {
		if there {
			n++
		}
	}
	if n != 1 {
		p.Add(at, "a receiver is exactly one of webhook, slack, pagerduty and alertmanager; this one is %d of them", n)
	}
	if r.Name == "deliveries" { // it has its own path
		p.Add(at+"/name", "a receiver cannot be called deliveries")
	}
	if where, text := r.URL(); where != "" {
		if err := CheckReceiverURL(text); err != nil {
			p.Add(at+where, "%v", err)
		}
	}
	for pointer, ref := range r.Secrets() {
		if err := CheckLabel(ref.Secret); err != nil {
			p.Add(at+pointer, "%v", err)
		}
	}
	if r.Route == nil {
		return
	}
	for i, name := range r.Route.Regions {
		if _, ok := regions[name]; !ok {
			p.Add(fmt.Sprintf("%s/route/regions/%d", at, i), "there is no region %q", name)
		}
	}
	for i, name := range r.Route.Services {
		if _, ok := owners[name]; !ok {
			p.Add(fmt.Sprintf("%s/route/services/%d", at, i), "there is no service %s", name)
		}
	}
	eachOf(p, at+"/route/severities", "severity", r.Route.Severities, Severities)
	eachOf(p, at+"/route/events", "event", r.Route.Events, NoticeEvents)
}

func eachOf(p *Problems, at, what string, list, known []string) {
	for i, v := range list {
		oneOf(p, fmt.Sprintf("%s/%d", at, i), what, v, known...)
	}
}

// CheckReceiverURL says what is wrong with a URL that is to be posted to. It never repeats it: it may be a credential.
func CheckReceiverURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || len(text) > 2048:
		return fmt.Errorf("it is not a URL of at most 2048 octets (https://alerts.example.com/meridian)")
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("the URL has to begin with https:// (or http://, to hosts that the node's notifications.allow lists)")
	case u.User != nil:
		return fmt.Errorf("the URL has credentials in it; put them into a secret")
	case u.Fragment != "":
		return fmt.Errorf("the URL has a fragment (#...), which is never sent")
	}
	return nil
}

// credentials are what a parameter of a URL is called that hardly is anything else.
var credentials = []string{"token", "key", "apikey", "secret", "sig", "signature", "password", "auth", "code", "credential"}

// Warnings tells of a URL that seems to hold a credential. It is not refused: there are receivers that take it nowhere else.
func (r *Receiver) Warnings() (list []string) {
	_, text := r.URL()
	u, err := url.Parse(text)
	if err != nil {
		return nil
	}
	place := ""
	switch {
	case r.Webhook != nil:
		place = "have it check the signature by webhook.secret instead"
	case r.PagerDuty != nil:
		place = "the key's place is pagerduty.routingKey"
	case r.Alertmanager != nil:
		place = "its place is alertmanager.authorization"
	}
	for _, pair := range strings.FieldsFunc(u.RawQuery, func(c rune) bool { return c == '&' || c == ';' }) {
		name, value, _ := strings.Cut(pair, "=")
		words := strings.FieldsFunc(strings.ToLower(name), func(c rune) bool { return c < 'a' || c > 'z' })
		if value != "" && slices.ContainsFunc(words, func(w string) bool { return slices.Contains(credentials, w) }) {
			list = append(list, fmt.Sprintf("receiver %s: %q in its URL looks like a credential, which everybody sees who reads the configuration; a credential is kept as a secret (meridian secret set) and named: %s", r.Name, name, place))
		}
	}
	return list
}

// WebhookCall is one call to a webhook, that whoever is called can tell from another by its key.
type WebhookCall struct {
	URL    string
	Secret *SecretRef
	Key    string // "d17/promote"
	Body   []byte
}
