// Package notify tells receivers of what happens in a cluster: webhooks, Slack,
// PagerDuty and Alertmanager.
//
// Every node derives the same notices from the states that it applies (notices.go)
// and keeps a bounded number of them; only the leader delivers, each receiver at its
// own pace (deliver.go). How far each was told is replicated, so that another leader
// goes on from there: a notice is delivered at least once, and its id is the same
// each time.
package notify
