package change

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// objects is a kind of object as the audit and rollbacks see it: a table of State.
type objects struct {
	prefix string // of its objects' ids
	// touched lists the keys that may differ between two states.
	touched func(was, is *policy.State) []string
	// value is an object's JSON, without any credential; nil when there is none.
	value func(s *policy.State, key string) json.RawMessage
	count func(s *policy.State) int
	// set puts an object in, or with nil takes it out. Nil: a rollback leaves these objects alone.
	set func(s *policy.State, key string, value json.RawMessage, rev uint64) error
}

// tables of objects, in the order that entries tell of them. A test demands that each table of State is
// here or among those that nobody audits.
var objectTables = func() (list []objects) {
	for _, k := range objectKinds {
		list = append(list, k.history)
	}
	return append(list, otherTables...)
}()

// otherTables are those that are not part of the configuration document.
var otherTables = []objects{
	rows("control/", func(s *policy.State) *policy.Tree[policy.Control] { return s.Controls }, func(c policy.Control) any { return c }),
	rows("member/", func(s *policy.State) *policy.Tree[policy.Member] { return s.Members }, func(m policy.Member) any { return m }),
	rows("signal/", func(s *policy.State) *policy.Tree[policy.Signal] { return s.Signals }, func(v policy.Signal) any { return v }),
	rows("switch/", func(s *policy.State) *policy.Tree[policy.Switch] { return s.Switches }, func(v policy.Switch) any { return v }),
	rows("token/", func(s *policy.State) *policy.Tree[policy.Token] { return s.Tokens }, func(t policy.Token) any { t.Hash = nil; return t }),
	rows("draft/", func(s *policy.State) *policy.Tree[policy.Draft] { return s.Drafts }, func(v policy.Draft) any {
		return struct { // which change it holds, not the change: publishing it tells that
			policy.Draft
			Body string `json:"body,omitempty"`
		}{v, policy.AuditSum(v.Body)}
	}),
	rows("user/", func(s *policy.State) *policy.Tree[policy.User] { return s.Users }, func(u policy.User) any { u.Password = nil; return u }),
	rows("session/", func(s *policy.State) *policy.Tree[policy.Session] { return s.Sessions }, func(v policy.Session) any { return v }),
	rows("drill/", func(s *policy.State) *policy.Tree[policy.Drill] { return s.Drills }, func(r policy.Drill) any {
		return drillShown{r.ID, r.Plan.Name, r.Phase, r.Actor, r.Reason, r.Practice, r.Code, r.Problem}
	}),
	rows("secret/", func(s *policy.State) *policy.Tree[policy.Secret] { return s.Secrets }, func(v policy.Secret) any {
		return map[string]string{"name": v.Name, "sealed": policy.AuditSum(v.Sealed)} // which one, not what
	}),
}

// specs are the objects of a list of the configuration document.
func specs[T any](prefix string, tree func(*policy.State) *policy.Tree[policy.Object[T]]) objects {
	o := rows(prefix, tree, func(v policy.Object[T]) any { return v.Spec })
	o.set = func(s *policy.State, key string, value json.RawMessage, rev uint64) error {
		if value == nil {
			tree(s).Delete(key)
			return nil
		}
		next := policy.Object[T]{Rev: rev}
		if err := json.Unmarshal(value, &next.Spec); err != nil {
			return err
		}
		tree(s).Set(key, next)
		return nil
	}
	return o
}

// rows are the objects of a table; shown is one without what nobody may see.
func rows[T any](prefix string, tree func(*policy.State) *policy.Tree[T], shown func(T) any) objects {
	return objects{
		prefix:  prefix,
		touched: func(was, is *policy.State) []string { return touched(tree(was), tree(is)) },
		value: func(s *policy.State, key string) json.RawMessage {
			v, ok := tree(s).Get(key)
			if !ok {
				return nil
			}
			return raw(shown(v))
		},
		count: func(s *policy.State) int { return tree(s).Len() },
	}
}

// raw is a value's JSON: every noun has one, or it could not be in State.
func raw(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic("change: a noun that cannot be encoded: " + err.Error())
	}
	return b
}

// touched are the keys that may differ between two trees, in order, each once.
func touched[T any](was, is *policy.Tree[T]) []string {
	if was.Len() == is.Len() && was.Sum() == is.Sum() {
		return nil
	}
	keys, ok := is.Since(was)
	if !ok {
		for key := range was.All {
			keys = append(keys, key)
		}
		for key := range is.All {
			keys = append(keys, key)
		}
	}
	return sorted(keys)
}

// rrset is a record set as the audit has it.
type rrset struct {
	TTL  uint32   `json:"ttl"`
	Data [][]byte `json:"data"`
}

func rrsetValue(set *policy.RRset) json.RawMessage {
	if set == nil {
		return nil
	}
	return raw(rrset{set.TTL, set.Data})
}

// rrsetID is the id of a record set: "rrset/www.example.com/1".
func rrsetID(name policy.Name, typ uint16) string {
	return "rrset/" + name.String() + "/" + strconv.Itoa(int(typ))
}

// ParseRRsetID reads the id of a record set in an entry of the audit.
func ParseRRsetID(id string) (name policy.Name, typ uint16, ok bool) {
	rest, ok := strings.CutPrefix(id, "rrset/")
	at := strings.LastIndexByte(rest, '/')
	if !ok || at < 0 {
		return "", 0, false
	}
	n, err := strconv.ParseUint(rest[at+1:], 10, 16)
	if err != nil {
		return "", 0, false
	}
	name, err = policy.ParseName(rest[:at])
	return name, uint16(n), err == nil
}

// ParseRRsetValue reads a record set in an entry of the audit; without a value it has no data.
func ParseRRsetValue(typ uint16, value json.RawMessage) (policy.RRset, error) {
	set := policy.RRset{Type: typ}
	if value == nil {
		return set, nil
	}
	var v rrset
	err := json.Unmarshal(value, &v)
	set.TTL, set.Data = v.TTL, v.Data
	return set, err
}

// zoneValue is what an entry says of a zone as a whole: that it is there. Its content is in its record sets.
func zoneValue(z *policy.Zone) json.RawMessage {
	if z == nil {
		return nil
	}
	return json.RawMessage("{}")
}
