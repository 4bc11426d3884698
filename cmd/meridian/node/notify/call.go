package notify

import (
	"context"
	"net/http"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// callFor is how long a call of a drill is tried again.
const callFor = 2 * time.Minute

// Call calls a webhook until it answers well, refuses for good, or for long enough: connected, signed and tried again as
// messages are. The key goes along as Idempotency-Key, so that who is called does it once.
func (n *Notifier) Call(ctx context.Context, call policy.WebhookCall) (code int, err error) {
	ctx, cancel := context.WithTimeout(ctx, callFor)
	defer cancel()
	r := &policy.Receiver{Name: "drill " + call.Key, Webhook: &policy.WebhookReceiver{URL: call.URL, Secret: call.Secret}}
	m := message{id: call.Key, url: call.URL, body: call.Body, header: http.Header{
		"Content-Type": {"application/json"}, "Idempotency-Key": {call.Key}, "User-Agent": {"Meridian"},
	}}
	wait := retryFirst
	for {
		var after time.Duration
		code, after, err = n.send(ctx, r, m)
		if err == nil || code >= 300 && code < 500 && code != http.StatusTooManyRequests && code != http.StatusRequestTimeout {
			return code, err
		}
		if !pause(ctx, max(min(after, retryMost), wait)) {
			return code, err
		}
		wait = min(2*wait, retryMost)
	}
}
