package change

import (
	"maps"
	"slices"

	"github.com/meridian-gtm/meridian/policy"
)

// PutNotified notes up to which index receivers were told of what happened, so that another leader goes on from there.
// It is no configuration and raises no revision. A receiver that is gone by now is left out.
type PutNotified struct {
	Upto map[string]uint64 `json:"upto"`
}

func (b PutNotified) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	if len(b.Upto) > policy.MaxReceivers {
		return policy.Errorf(policy.Invalid, "%d receivers; %d are the most", len(b.Upto), policy.MaxReceivers)
	}
	for _, name := range slices.Sorted(maps.Keys(b.Upto)) {
		if was, _ := d.Notified.Get(name); d.Receivers.Has(name) && b.Upto[name] > was {
			d.Notified.Set(name, b.Upto[name])
		}
	}
	d.outcome.Revision = d.Revision
	return nil
}

// dropOrphanNotified forgets how far receivers were told that no longer are.
func (d *making) dropOrphanNotified() {
	var gone []string
	for name := range d.Notified.All {
		if !d.Receivers.Has(name) {
			gone = append(gone, name)
		}
	}
	for _, name := range gone {
		d.Notified.Delete(name)
	}
}
