package policy

import (
	"strings"
	"testing"
)

func TestReceiversAreValidated(t *testing.T) {
	base := Config{Regions: []Region{{Name: "us"}}, Pools: []Pool{{Name: "us", Endpoints: []Endpoint{{Name: "a", Hostname: MustName("x.example.net")}}}},
		Services: []Service{{Name: MustName("www.example.com"), Steer: Steering{Pool: "us"}}}}
	hook := &WebhookReceiver{URL: "https://example.net/hook"}
	for pointer, r := range map[string]Receiver{
		"":                                    {Name: "ops", Webhook: hook, Route: &Route{Regions: []string{"us"}, Services: []Name{MustName("www.example.com")}, Severities: Severities, Events: NoticeEvents}},
		"/notifications/0":                    {Name: "ops"},
		"/notifications/0/name":               {Name: "deliveries", Webhook: hook},
		"/notifications/0/webhook/url":        {Name: "ops", Webhook: &WebhookReceiver{URL: "ftp://example.net"}},
		"/notifications/0/pagerduty/url":      {Name: "ops", PagerDuty: &PagerDutyReceiver{RoutingKey: SecretRef{Secret: "k"}, URL: "https://u:p@example.net"}},
		"/notifications/0/alertmanager/url":   {Name: "ops", Alertmanager: &AlertmanagerReceiver{URL: "example.net:9093"}},
		"/notifications/0/slack/url/secret":   {Name: "ops", Slack: &SlackReceiver{}},
		"/notifications/0/route/regions/0":    {Name: "ops", Webhook: hook, Route: &Route{Regions: []string{"mars"}}},
		"/notifications/0/route/services/0":   {Name: "ops", Webhook: hook, Route: &Route{Services: []Name{MustName("w.example.com")}}},
		"/notifications/0/route/severities/1": {Name: "ops", Webhook: hook, Route: &Route{Severities: []string{"info", "bad"}}},
		"/notifications/0/route/events/0":     {Name: "ops", Webhook: hook, Route: &Route{Events: []string{"endpoint.down"}}},
	} {
		c := base
		c.Notifications = []Receiver{r}
		err := c.Validate()
		if pointer == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if e, ok := err.(*Error); !ok || len(e.Problems) != 1 || e.Problems[0].Pointer != pointer {
			t.Errorf("want one mistake at %s: %v", pointer, err)
		}
	}
}

func TestWants(t *testing.T) {
	n := &Notice{Event: "pool", Severity: Critical, Regions: []string{"us", "eu"}, Services: []string{"www.example.com"}}
	for _, c := range []struct {
		route *Route
		want  bool
	}{
		{nil, true}, {&Route{}, true},
		{&Route{Regions: []string{"eu"}}, true}, {&Route{Regions: []string{"ap"}}, false},
		{&Route{Events: []string{"endpoint", "pool"}, Severities: []string{Critical}}, true}, {&Route{Events: []string{"pool"}, Severities: []string{Info}}, false},
		{&Route{Services: []Name{MustName("www.example.com")}}, true}, {&Route{Services: []Name{MustName("x.example.com")}}, false},
	} {
		if got := (&Receiver{Route: c.route}).Wants(n); got != c.want {
			t.Errorf("%+v: %v", c.route, got)
		}
	}
}

// What looks like a credential in a URL is warned of, without its value; what does not is not.
func TestReceiverWarnings(t *testing.T) {
	for url, want := range map[string]string{
		"https://example.net/hook?token=abcdef":         `"token"`,
		"https://example.net/hook?a=1&api_key=abcdef":   `"api_key"`,
		"https://example.net/h?X-Amz-Signature=abcdef":  `"X-Amz-Signature"`,
		"https://example.net/h?sv=1&sig=abcdef&se=2026": `"sig"`,
		"https://example.net/h?secret=":                 "",
		"https://example.net/token/hook?monkey=a":       "",
		"https://example.net/hook":                      "",
	} {
		r := &Receiver{Name: "ops", Webhook: &WebhookReceiver{URL: url}}
		list := r.Warnings()
		if (want == "") != (len(list) == 0) || want != "" && (len(list) != 1 || !strings.Contains(list[0], want) || !strings.Contains(list[0], "webhook.secret") || strings.Contains(list[0], "abcdef")) {
			t.Errorf("%s: %q", url, list)
		}
	}
	if list := (&Receiver{Slack: &SlackReceiver{URL: SecretRef{Secret: "s"}}}).Warnings(); len(list) > 0 {
		t.Error(list)
	}
}
