package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// The bounds of a message: a mass failure is one message, not ten thousand.
const (
	mostListed  = 100 // notices that a webhook lists
	mostLines   = 10  // that people are shown
	mostSingles = 20  // PagerDuty events of one window; the rest is one more
	mostAlerts  = 500 // in one post to Alertmanager
)

// message is one request to a receiver.
type message struct {
	id     string
	url    string
	header http.Header
	body   []byte
	of     []policy.Notice
}

// idOf is the id of a message: the same for the same notices, whoever tells of them.
func idOf(receiver string, list []policy.Notice) string {
	h := sha256.New()
	fmt.Fprintln(h, receiver)
	for i := range list {
		fmt.Fprintln(h, list[i].ID)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

func newMessage(id, url string, body any, of []policy.Notice) (message, error) {
	b, err := json.Marshal(body)
	return message{id: id, url: url, header: http.Header{"Content-Type": {"application/json"}, "User-Agent": {"meridian"}}, body: b, of: of}, err
}

// ranks says what a person wants to read first.
var ranks = []string{"service", "region", "pool", "member", "leader", "safety", "endpoint", "control", "config", "drill"}

func ranked(list []policy.Notice) []policy.Notice {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b policy.Notice) int { return slices.Index(ranks, a.Event) - slices.Index(ranks, b.Event) })
	return list
}

// summary is a line about several notices.
func summary(list []policy.Notice) string {
	first := ranked(list)[0].Text
	if len(list) == 1 {
		return first
	}
	return fmt.Sprintf("%s, and %d more", first, len(list)-1)
}

// webhookBody is what a webhook gets.
type webhookBody struct {
	ID      string          `json:"id"` // of the message, for telling a retry from news
	Cluster string          `json:"cluster"`
	Node    string          `json:"node"`
	Text    string          `json:"text"`
	Notices []policy.Notice `json:"notices"`        // the first mostListed, what matters most first
	More    int             `json:"more,omitempty"` // that are not listed
}

func (n *Notifier) webhook(r *policy.Receiver, list []policy.Notice, cluster string) ([]message, error) {
	all := ranked(list)
	body := webhookBody{ID: idOf(r.Name, list), Cluster: cluster, Node: n.cfg.Node, Text: summary(list), Notices: all[:min(len(all), mostListed)], More: max(0, len(all)-mostListed)}
	m, err := newMessage(body.ID, r.Webhook.URL, body, list)
	m.header.Set("X-Meridian-Id", m.id)
	return []message{m}, err
}

// Sign is the value of X-Meridian-Signature: the time, and HMAC-SHA256 over the time, a full stop and the body.
func Sign(secret string, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(t + "."))
	h.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(h.Sum(nil))
}

func slack(r *policy.Receiver, url string, list []policy.Notice) ([]message, error) {
	all := ranked(list)
	var lines []string
	for _, v := range all[:min(len(all), mostLines)] {
		sign := ":information_source:"
		switch {
		case v.Resolves:
			sign = ":large_green_circle:"
		case v.Severity == policy.Critical:
			sign = ":red_circle:"
		case v.Severity == policy.Warning:
			sign = ":large_orange_circle:"
		}
		lines = append(lines, sign+" "+slackText.Replace(short(v.Text, 250)))
	}
	if more := len(all) - mostLines; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	m, err := newMessage(idOf(r.Name, list), url, map[string]any{
		"text":   slackText.Replace(short(summary(list), 300)),
		"blocks": []any{map[string]any{"type": "section", "text": map[string]any{"type": "mrkdwn", "text": strings.Join(lines, "\n")}}},
	}, list)
	return []message{m}, err
}

// slackText keeps what is told from being read as markup.
var slackText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func short(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// pagerDuty makes incidents of what is down, by its key, and ends them. Of a window with more than mostSingles the rest
// is one incident, which ends with the last of them. known is what was told before and has not ended.
func pagerDuty(r *policy.Receiver, key string, list []policy.Notice, cluster string, many map[string]bool) (messages []message, err error) {
	_, url := r.URL()
	event := func(action, dedup string, v policy.Notice, of []policy.Notice) {
		body := map[string]any{"routing_key": key, "event_action": action, "dedup_key": dedup, "client": "Meridian"}
		if action == "trigger" {
			body["payload"] = map[string]any{
				"summary": short(v.Text, 1000), "source": "meridian/" + cluster, "severity": v.Severity, "timestamp": v.At.Format(time.RFC3339Nano),
				"component": v.Key, "group": strings.Join(v.Services, " "), "class": v.Event,
			}
		}
		m, e := newMessage(idOf(r.Name+" "+dedup+" "+action, of), url, body, of)
		if e != nil {
			err = e
		}
		messages = append(messages, m)
	}
	dedup := func(key string) string { return short("meridian/"+cluster+"/"+key, 255) }
	singles, before := 0, len(many)
	var rest []policy.Notice
	for _, v := range ranked(list) {
		switch {
		case v.Resolves && many[v.Key]:
			delete(many, v.Key)
		case !v.Firing && !v.Resolves: // news is no incident
		case singles < mostSingles:
			singles++
			action := "trigger"
			if v.Resolves {
				action = "resolve"
			}
			event(action, dedup(v.Key), v, []policy.Notice{v})
		case v.Firing:
			many[v.Key] = true
			rest = append(rest, v)
		}
	}
	switch {
	case len(rest) > 0:
		v := rest[0]
		v.Text, v.Key, v.Severity = summary(rest), "many", policy.Critical
		event("trigger", dedup("many"), v, rest)
	case before > 0 && len(many) == 0:
		event("resolve", dedup("many"), policy.Notice{}, list)
	}
	return messages, err
}

// alertmanager posts what fires, until a time by which it is posted again, and what has ended.
func alertmanager(r *policy.Receiver, list []policy.Notice, cluster string, now time.Time) (messages []message, err error) {
	type alert struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
		StartsAt    string            `json:"startsAt,omitempty"`
		EndsAt      string            `json:"endsAt,omitempty"`
	}
	for part := range slices.Chunk(list, mostAlerts) {
		var alerts []alert
		for _, v := range part {
			a := alert{
				Labels: map[string]string{"alertname": "Meridian" + strings.ToUpper(v.Event[:1]) + v.Event[1:], "cluster": cluster, "object": v.Key, "severity": v.Severity,
					"region": strings.Join(v.Regions, ","), "service": strings.Join(v.Services, ",")},
				Annotations: map[string]string{"summary": v.Text},
			}
			switch {
			case v.Firing:
				a.StartsAt, a.EndsAt = v.At.Format(time.RFC3339Nano), now.Add(4*resendEvery).Format(time.RFC3339Nano)
			case v.Resolves: // Alertmanager takes the start from the alert that it has
				a.EndsAt = now.Format(time.RFC3339Nano)
			default: // what is over as soon as it is told: long enough to be seen
				a.Labels["event"] = v.ID
				a.StartsAt, a.EndsAt = v.At.Format(time.RFC3339Nano), now.Add(4*resendEvery).Format(time.RFC3339Nano)
			}
			alerts = append(alerts, a)
		}
		m, e := newMessage(idOf(r.Name, part), strings.TrimSuffix(r.Alertmanager.URL, "/")+"/api/v2/alerts", alerts, part)
		if e != nil {
			return nil, e
		}
		messages = append(messages, m)
	}
	return messages, nil
}
