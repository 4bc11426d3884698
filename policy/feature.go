package policy

import "slices"

// Feature levels. A node says which it can apply; a change that needs a level waits
// until every member has it, and the leader has raised the one in force.
const (
	FeatureCookies  = 2 // State may hold cookie keys
	FeatureSteering = 3 // State may hold measured latencies and loads, and every kind of branch
	FeatureHealth   = 4 // every kind of monitor, composed health, failure domains, planned drains
	FeatureAccess   = 5 // tokens with roles
	FeatureReview   = 6 // audit and revisions, users and scopes, drafts, notifications
	FeatureDrill    = 7 // every kind of control, ramps, every kind of safety rule, switches, drills and reports
)

// FeatureLevel is the highest that this version can apply. Level 1 is what a cluster starts with.
const FeatureLevel = FeatureDrill

// Feature is the level that a document needs, so that no node of a version before
// leaves out what it does not know.
func (c *Config) Feature() int {
	if len(c.DrillPlans) > 0 || slices.ContainsFunc(c.SafetyRules, func(r SafetyRule) bool { return r.later() }) {
		return FeatureDrill
	}
	if len(c.Notifications) > 0 || len(c.ReviewRules) > 0 {
		return FeatureReview
	}
	if c.checks() {
		return FeatureHealth
	}
	if c.steers() {
		return FeatureSteering
	}
	return 1
}

// checks says whether a document has anything in it that came with FeatureHealth.
func (c *Config) checks() bool {
	if len(c.Providers) > 0 {
		return true
	}
	for i := range c.Regions {
		if c.Regions[i].DownWhen != nil {
			return true
		}
	}
	for i := range c.Monitors {
		if m := &c.Monitors[i]; m.isLater() || m.Quorum.String() != AgreeMajority || !m.Vantages.IsZero() || m.Target != nil || m.Invert || m.Exclusive || m.Resume == Manual {
			return true
		}
	}
	if slices.ContainsFunc(c.Regions, func(r Region) bool { return r.Continent != "" }) {
		return true
	}
	for i := range c.Pools {
		o := &c.Pools[i]
		if o.Monitors != nil || o.MinAvailable.Share != 0 || o.PanicThreshold != 0 ||
			slices.ContainsFunc(o.Endpoints, func(e Endpoint) bool { return e.Monitor != "" || e.Monitors != nil }) {
			return true
		}
	}
	return false
}
