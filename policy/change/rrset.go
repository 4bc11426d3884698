package change

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/zonefile"
)

// failure says why a prerequisite does not hold, or "".
func (q Prerequisite) failure(z *policy.Zone) string {
	o := z.Owner(q.Name)
	if o == nil {
		o = &policy.Owner{}
	}
	set := o.Find(q.Type)
	if set == nil {
		set = &policy.RRset{Type: q.Type}
	}
	n, typ := len(set.Data), zonefile.TypeString(q.Type)
	switch q.Require {
	case NameInUse:
		if len(o.RRsets) == 0 {
			return fmt.Sprintf("%s is not in use: it has no records", q.Name)
		}
	case NameNotInUse:
		if len(o.RRsets) > 0 {
			return fmt.Sprintf("%s is in use: it has %s records", q.Name, typesOf(o))
		}
	case RRsetExists:
		if n == 0 {
			return fmt.Sprintf("%s has no %s records", q.Name, typ)
		}
	case RRsetAbsent:
		if n > 0 {
			return fmt.Sprintf("%s has %s records: %s", q.Name, typ, texts(q.Type, set.Data))
		}
	case RRsetEquals:
		lacking, beyond := without(q.Type, q.Data, set.Data), without(q.Type, set.Data, q.Data)
		var parts []string
		if len(lacking) > 0 {
			parts = append(parts, "lacks "+texts(q.Type, lacking))
		}
		if len(beyond) > 0 {
			parts = append(parts, "has "+texts(q.Type, beyond)+" beyond what is required")
		}
		if len(parts) > 0 {
			return fmt.Sprintf("%s %s %s", q.Name, typ, strings.Join(parts, " and "))
		}
	}
	return ""
}

// make does an update to a zone that may be changed.
func (u Update) make(z *policy.Zone) error {
	o := z.Owner(u.Name)
	if o == nil {
		o = &policy.Owner{}
	}
	set := policy.RRset{Type: u.Type, TTL: u.TTL, Data: distinct(u.Type, u.Data)}
	had := o.Find(u.Type)
	switch u.Op {
	case Add:
		if had != nil && u.Type != policy.TypeSOA && u.Type != policy.TypeCNAME && u.Type != policy.TypeDNAME {
			set.Data = append(slices.Clip(had.Data), without(u.Type, set.Data, had.Data)...)
		}
	case DeleteRRset:
	case DeleteRecords:
		if had == nil {
			return nil
		}
		set.TTL, set.Data = had.TTL, without(u.Type, had.Data, u.Data)
	case DeleteName:
		for _, s := range slices.Clone(o.RRsets) {
			if u.Name == z.Name && (s.Type == policy.TypeSOA || s.Type == policy.TypeNS) {
				continue
			}
			if err := z.Set(u.Name, policy.RRset{Type: s.Type}); err != nil {
				return err
			}
		}
		return nil
	}
	return z.Set(u.Name, set)
}

// distinct leaves of records that are equal, names compared without case, the first.
func distinct(typ uint16, data [][]byte) [][]byte {
	seen := map[string]bool{}
	var out [][]byte
	for _, d := range data {
		if key := string(zonefile.Canonical(typ, d)); !seen[key] {
			seen[key] = true
			out = append(out, d)
		}
	}
	return out
}

// without is the records of a list that are not in another.
func without(typ uint16, list, other [][]byte) [][]byte {
	there := map[string]bool{}
	for _, d := range other {
		there[string(zonefile.Canonical(typ, d))] = true
	}
	var out [][]byte
	for _, d := range list {
		if !there[string(zonefile.Canonical(typ, d))] {
			out = append(out, d)
		}
	}
	return out
}

// shown is how many records or types a message names.
const shown = 3

// texts names records, the first few of them.
func texts(typ uint16, data [][]byte) string {
	var list []string
	for _, d := range data[:min(len(data), shown)] {
		text, err := zonefile.FormatRData(typ, d)
		if err != nil || len(text) > 100 {
			text = fmt.Sprintf("one of %d octets", len(d))
		}
		list = append(list, text)
	}
	if more := len(data) - shown; more > 0 {
		list = append(list, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(list, ", ")
}

func typesOf(o *policy.Owner) string {
	var list []string
	for _, s := range o.RRsets[:min(len(o.RRsets), shown)] {
		list = append(list, zonefile.TypeString(s.Type))
	}
	if more := len(o.RRsets) - shown; more > 0 {
		list = append(list, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(list, ", ")
}
