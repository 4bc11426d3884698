package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// How messages are delivered.
var (
	gather      = time.Second // what comes within it is one message
	resendEvery = time.Minute // what fires, to Alertmanager
	retryFirst  = time.Second // the longest wait before the first retry; it doubles
	retryMost   = time.Minute
)

const (
	retryFor  = 30 * time.Minute // until a message is given up
	attempt   = 10 * time.Second // for one request
	noteEvery = 2 * time.Second
)

// Lead delivers, as the leader's duty, until ctx ends.
func (n *Notifier) Lead(ctx context.Context, changed func() <-chan struct{}) {
	type running struct {
		of   policy.Receiver
		stop context.CancelFunc
	}
	var all sync.WaitGroup
	defer all.Wait()
	workers := map[string]running{}
	defer func() {
		for _, w := range workers {
			w.stop()
		}
	}()
	all.Go(func() { n.note(ctx) })
	for {
		next := changed()
		s := n.cfg.State()
		for name, w := range workers {
			if o, ok := s.Receivers.Get(name); !ok || !reflect.DeepEqual(o.Spec, w.of) {
				w.stop()
				delete(workers, name)
			}
		}
		for name, o := range s.Receivers.All {
			if _, ok := workers[name]; ok {
				continue
			}
			n.mu.Lock()
			upto, known := s.Notified.Get(name)
			if mine := n.told[name]; mine > upto {
				upto, known = mine, true
			}
			if !known {
				n.told[name] = s.Index // it begins now
				upto = s.Index
			}
			n.mu.Unlock()
			inner, stop := context.WithCancel(ctx)
			workers[name] = running{o.Spec, stop}
			r := o.Spec
			all.Go(func() { n.serve(inner, &r, upto) })
		}
		select {
		case <-ctx.Done():
			return
		case <-next:
		}
	}
}

// note replicates how far receivers were told, at most so often.
func (n *Notifier) note(ctx context.Context) {
	tick := time.NewTicker(noteEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s := n.cfg.State()
		upto := map[string]uint64{}
		n.mu.Lock()
		for name, index := range n.told {
			if !s.Receivers.Has(name) {
				delete(n.told, name)
			} else if was, _ := s.Notified.Get(name); index > was {
				upto[name] = index
			}
		}
		n.mu.Unlock()
		if len(upto) == 0 {
			continue
		}
		if err := n.cfg.Note(ctx, upto); err != nil && ctx.Err() == nil {
			n.cfg.Log.Debug("how far receivers were told is not replicated; it is tried again", "error", err)
		}
	}
}

// serve tells one receiver what happens after an index, until ctx ends.
func (n *Notifier) serve(ctx context.Context, r *policy.Receiver, upto uint64) {
	seq := n.after(upto)
	many := map[string]bool{}
	resend := time.NewTicker(resendEvery)
	defer resend.Stop()
	for {
		_, next, _, more := n.since(seq)
		again := r.Alertmanager != nil
		if next == seq {
			select {
			case <-ctx.Done():
				return
			case <-more:
			case <-resend.C:
				if !again {
					continue
				}
			}
		}
		if !pause(ctx, gather) {
			return
		}
		list, next, forgotten, _ := n.since(seq)
		var index uint64
		for i := range list {
			index = max(index, list[i].Index)
		}
		list = slices.DeleteFunc(list, func(v policy.Notice) bool { return !r.Wants(&v) })
		if forgotten > 0 {
			n.cfg.Log.Warn("notices were forgotten before a receiver could be told", "receiver", r.Name, "notices", forgotten)
		}
		if again {
			list = n.alerts(r, list)
		}
		if len(list) > 0 && !n.tell(ctx, r, list, many) {
			return
		}
		if seq = next; index > 0 {
			n.upto(r.Name, index)
		}
	}
}

// alerts are a receiver's news with all that fires now, each once.
func (n *Notifier) alerts(r *policy.Receiver, news []policy.Notice) (list []policy.Notice) {
	now := n.firing()
	fires := map[string]bool{}
	for _, v := range now {
		if r.Wants(&v) {
			fires[v.Key] = true
			list = append(list, v)
		}
	}
	for _, v := range news {
		if !fires[v.Key] && !v.Firing {
			list = append(list, v)
		}
	}
	return list
}

// pause waits, and says whether ctx still goes on.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// tell delivers notices, however many attempts it takes; it is false when ctx ended before.
func (n *Notifier) tell(ctx context.Context, r *policy.Receiver, list []policy.Notice, many map[string]bool) bool {
	messages, err := n.messages(r, list, many)
	if err != nil {
		n.record(policy.Delivery{ID: idOf(r.Name, list), Receiver: r.Name, At: time.Now(), Status: policy.Failed, Notices: len(list), Text: summary(list), Error: err.Error()})
		return true
	}
	for _, m := range messages {
		if !n.persist(ctx, r, m) {
			return false
		}
	}
	return true
}

func (n *Notifier) messages(r *policy.Receiver, list []policy.Notice, many map[string]bool) ([]message, error) {
	cluster := n.cfg.State().Cluster.ID
	secret := func(ref *policy.SecretRef) (string, error) {
		v, err := n.cfg.Secret(ref.Secret)
		if err != nil {
			return "", fmt.Errorf("the secret %q cannot be opened: %w", ref.Secret, err)
		}
		return v, nil
	}
	switch {
	case r.Webhook != nil:
		return n.webhook(r, list, cluster)
	case r.Slack != nil:
		to, err := secret(&r.Slack.URL)
		if err != nil {
			return nil, err
		}
		if err := policy.CheckReceiverURL(to); err != nil {
			return nil, fmt.Errorf("the secret %q is no URL: %w", r.Slack.URL.Secret, err)
		}
		return slack(r, to, list)
	case r.PagerDuty != nil:
		key, err := secret(&r.PagerDuty.RoutingKey)
		if err != nil {
			return nil, err
		}
		return pagerDuty(r, key, list, cluster, many)
	}
	messages, err := alertmanager(r, list, cluster, time.Now())
	if ref := r.Alertmanager.Authorization; ref != nil && err == nil {
		value, err := secret(ref)
		if err != nil {
			return nil, err
		}
		for i := range messages {
			messages[i].header.Set("Authorization", value)
		}
	}
	return messages, err
}

// persist sends a message until it is taken, refused for good, or too old. It waits between attempts for up to twice as
// long each time, by chance, so that receivers that come back are not run over (I-19).
func (n *Notifier) persist(ctx context.Context, r *policy.Receiver, m message) bool {
	d := policy.Delivery{ID: m.id, Receiver: r.Name, Notices: len(m.of), Text: summary(m.of)}
	began, longest := time.Now(), retryFirst
	for {
		code, after, err := n.send(ctx, r, m)
		if ctx.Err() != nil {
			return false
		}
		d.At, d.Code, d.Error = time.Now(), code, ""
		d.Attempts++
		switch {
		case err == nil:
			d.Status = policy.Delivered
		case code >= 300 && code < 500 && code != http.StatusTooManyRequests && code != http.StatusRequestTimeout, time.Since(began) > retryFor:
			d.Status, d.Error = policy.Failed, err.Error()
		default:
			d.Status, d.Error = policy.Retrying, err.Error()
		}
		n.record(d)
		if d.Status != policy.Retrying {
			if d.Status == policy.Failed {
				n.cfg.Log.Warn("a receiver was not told and will not be", "receiver", r.Name, "message", m.id, "attempts", d.Attempts, "error", d.Error)
			}
			return true
		}
		if !pause(ctx, max(min(after, retryMost), time.Duration(rand.Int64N(int64(longest))))) {
			return false
		}
		longest = min(2*longest, retryMost)
	}
}

// send makes one attempt. Its error has neither a URL nor a credential in it.
func (n *Notifier) send(ctx context.Context, r *policy.Receiver, m message) (code int, after time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.url, bytes.NewReader(m.body))
	if err != nil {
		return 0, 0, errors.New("its URL cannot be read")
	}
	req.Header = m.header.Clone()
	if r.Webhook != nil && r.Webhook.Secret != nil {
		key, err := n.cfg.Secret(r.Webhook.Secret.Secret)
		if err != nil {
			return 0, 0, fmt.Errorf("the secret %q cannot be opened: %w", r.Webhook.Secret.Secret, err)
		}
		req.Header.Set("X-Meridian-Signature", Sign(key, time.Now(), m.body))
	}
	client := n.client(req.URL.Scheme == "http")
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) { // which has the URL in it
			err = u.Err
		}
		return 0, 0, err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && s > 0 {
		after = time.Duration(min(s, 3600)) * time.Second
	}
	if res.StatusCode/100 != 2 {
		return res.StatusCode, after, fmt.Errorf("it answers %d %s", res.StatusCode, http.StatusText(res.StatusCode))
	}
	return res.StatusCode, 0, nil
}

// client connects to where probes may (S-16), follows no redirects and knows no proxy. In clear it goes only to hosts
// that the node's own configuration lists.
func (n *Notifier) client(plain bool) *http.Client {
	d := net.Dialer{ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return errors.New("refused: it is not at an address")
		}
		if plain && !slices.ContainsFunc(n.cfg.Allow, func(p netip.Prefix) bool { return p.Contains(to.Addr().Unmap()) }) {
			return fmt.Errorf("refused: plain HTTP to %s; use https, or add it to notifications.allow in the node's configuration", to.Addr())
		}
		return n.cfg.Check(to)
	}}
	return &http.Client{
		Transport:     &http.Transport{DialContext: d.DialContext, TLSHandshakeTimeout: attempt, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Test sends a receiver a message that says that it is a test, once, and tells what came of it.
func (n *Notifier) Test(ctx context.Context, name string) (policy.Delivery, error) {
	s := n.cfg.State()
	o, ok := s.Receivers.Get(name)
	if !ok {
		return policy.Delivery{}, policy.Errorf(policy.NotFound, "there is no notification %q", name)
	}
	v := finish(s, policy.Notice{Event: "config", What: "test", Firing: true, Severity: policy.Info, Key: "test", Text: "this is a test of Meridian's notifications; nothing is wrong"}, time.Now().UnixNano())
	d := policy.Delivery{Receiver: name, At: time.Now(), Status: policy.Delivered, Attempts: 1, Notices: 1, Text: v.Text, Test: true, ID: idOf(name, []policy.Notice{v})}
	fail := func(err error) (policy.Delivery, error) {
		d.Status, d.Error = policy.Failed, err.Error()
		n.record(d)
		return d, nil
	}
	end := v
	end.Firing, end.Resolves = false, true // an incident that a test has made ends at once
	for _, one := range []policy.Notice{v, end} {
		if one.Resolves && o.Spec.PagerDuty == nil && o.Spec.Alertmanager == nil {
			break
		}
		messages, err := n.messages(&o.Spec, []policy.Notice{one}, map[string]bool{})
		if err != nil {
			return fail(err)
		}
		for _, m := range messages {
			code, _, err := n.send(ctx, &o.Spec, m)
			if d.Code = code; err != nil {
				return fail(err)
			}
		}
	}
	n.record(d)
	return d, nil
}
