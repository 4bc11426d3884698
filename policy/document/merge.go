package document

import (
	"cmp"
	"slices"

	"github.com/meridian-gtm/meridian/policy"
)

// Merge is base with the objects of over put in: one replaces the object of
// its kind and name whole, and the others of base stay. Each list is in order of
// names, as policy.State.Config gives it. The result shares the objects' parts
// with both, which nobody changes; nil is an empty configuration.
func Merge(base, over *policy.Config) *policy.Config {
	base, over = canonical(base), canonical(over)
	return &policy.Config{
		Regions:       mergeObjects(base.Regions, over.Regions, regionName),
		Providers:     mergeObjects(base.Providers, over.Providers, providerName),
		Monitors:      mergeObjects(base.Monitors, over.Monitors, monitorName),
		Pools:         mergeObjects(base.Pools, over.Pools, poolName),
		Templates:     mergeObjects(base.Templates, over.Templates, templateName),
		Services:      mergeObjects(base.Services, over.Services, serviceName),
		SafetyRules:   mergeObjects(base.SafetyRules, over.SafetyRules, ruleName),
		Places:        mergeObjects(base.Places, over.Places, (*policy.PlaceOverride).ID),
		Notifications: mergeObjects(base.Notifications, over.Notifications, receiverName),
		ReviewRules:   mergeObjects(base.ReviewRules, over.ReviewRules, reviewRuleName),
		DrillPlans:    mergeObjects(base.DrillPlans, over.DrillPlans, drillPlanName),
	}
}

// mergeObjects keeps an object that over has twice: Validate then says so.
func mergeObjects[T any](base, over []T, name func(*T) string) []T {
	replaced := make(map[string]bool, len(over))
	for i := range over {
		replaced[name(&over[i])] = true
	}
	var list []T
	for i := range base {
		if !replaced[name(&base[i])] {
			list = append(list, base[i])
		}
	}
	list = append(list, over...)
	slices.SortStableFunc(list, func(a, b T) int { return cmp.Compare(name(&a), name(&b)) })
	return list
}

// What the objects of each kind go by.
func regionName(o *policy.Region) string         { return o.Name }
func providerName(o *policy.Provider) string     { return o.Name }
func monitorName(o *policy.Monitor) string       { return o.Name }
func poolName(o *policy.Pool) string             { return o.Name }
func templateName(o *policy.Template) string     { return o.Name }
func serviceName(o *policy.Service) string       { return o.ID() }
func receiverName(o *policy.Receiver) string     { return o.Name }
func ruleName(o *policy.SafetyRule) string       { return o.Name }
func drillPlanName(o *policy.DrillPlan) string   { return o.Name }
func reviewRuleName(o *policy.ReviewRule) string { return o.Name }
