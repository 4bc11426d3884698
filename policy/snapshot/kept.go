package snapshot

import (
	"slices"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/steer"
)

// Kept is what safety rules for automation do now, by rule: one text for each service and way of acting. A rule acts where
// some clients are answered by it.
func (s *Snapshot) Kept() map[string][]steer.Kept {
	all := map[string][]steer.Kept{}
	for _, svc := range s.Services.All() {
		for k := range policy.AnswerKinds {
			for _, kept := range svc.tree.Kept[k] {
				if kept.Text == "" {
					continue
				}
				kept.Acts = kept.Acts && slices.ContainsFunc(svc.classes[k], func(o outcome) bool { return o.tier == steer.LastResort })
				kept.Text = "service " + svc.ID + ": " + kept.Text
				if !slices.Contains(all[kept.Rule], kept) {
					all[kept.Rule] = append(all[kept.Rule], kept)
				}
			}
		}
	}
	return all
}
