package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// Bounds of the audit in State. What is older is forgotten there; exports keep it.
const (
	MaxAudit      = 10_000   // entries
	MaxAuditSize  = 64 << 20 // octets of all entries, but for the newest
	MaxAuditEdits = 24 << 20 // octets of one entry's edits; a larger change is told of without them, and cannot be rolled back

	// Anybody who may change anything may be refused as often as they like, which must not push out what was done.
	MaxAuditRefused = MaxAudit / 5 // of the entries that are kept; refusals beyond them are counted
	MaxAuditRefusal = 2 << 10      // octets of why
)

// AuditHead is where the audit stands.
type AuditHead struct {
	Seq   uint64 `json:"seq"`             // of the newest entry
	Hash  string `json:"hash"`            // its hash
	First uint64 `json:"first"`           // the oldest entry that is kept
	Base  string `json:"base,omitempty"`  // hash of the entry before First; "" when there was none
	Since uint64 `json:"since,omitempty"` // revision of the state before First: as far back as a rollback goes
	Size  int    `json:"size,omitempty"`  // octets of the entries that are kept

	Refused int `json:"refused,omitempty"` // of the entries that are kept
	Missed  int `json:"missed,omitempty"`  // refusals since the newest entry
}

// AuditRecord is an entry of the audit as it is kept: the very bytes that its hash is over.
type AuditRecord struct {
	Seq   uint64          `json:"seq"`
	Hash  string          `json:"hash"` // ChainHash of the hash of the entry before and Entry
	Entry json.RawMessage `json:"entry"`
}

// ChainHash is the hash of an entry of the audit that comes after another: SHA-256, in
// hexadecimal, over the hash before, in hexadecimal, a line feed, and the entry's bytes (S-20).
func ChainHash(before string, entry []byte) string {
	h := sha256.New()
	h.Write([]byte(before))
	h.Write([]byte{'\n'})
	h.Write(entry)
	return hex.EncodeToString(h.Sum(nil))
}

// AuditEntry is what one change did, who made it and why.
type AuditEntry struct {
	Seq      uint64      `json:"seq"`
	Index    uint64      `json:"index"`              // of the change in Raft's log
	Clock    int64       `json:"clock"`              // State's, in nanoseconds; near Unix time
	Actor    string      `json:"actor,omitempty"`    // a token's id, a user, or a node for what the leader does by itself
	From     string      `json:"from,omitempty"`     // address that the call came from
	Request  string      `json:"request,omitempty"`  // its request id
	Kind     string      `json:"kind"`               // of the change: "config.put"
	Object   string      `json:"object,omitempty"`   // what the change is about, where that is one thing
	Reason   string      `json:"reason,omitempty"`   // that was given
	Override []string    `json:"override,omitempty"` // safety rules that the change was let break, by name
	Revision uint64      `json:"revision,omitempty"` // that was made; 0: none
	Refused  string      `json:"refused,omitempty"`  // why nothing changed
	Edits    []AuditEdit `json:"edits,omitempty"`
	Omitted  int         `json:"omitted,omitempty"` // edits that were too large to keep
	Missed   int         `json:"missed,omitempty"`  // refusals before it that have no entry: there were too many
}

// AuditEdit is an object before and after. What it was after is known by its
// hash: the object itself is in State, or in the next entry that changed it.
type AuditEdit struct {
	Object string          `json:"object"`           // "service/www.example.com", "zone/example.com", "rrset/www.example.com/1" (the type's number)
	Zone   string          `json:"zone,omitempty"`   // of an rrset
	Before json.RawMessage `json:"before,omitempty"` // absent: there was none
	After  string          `json:"after,omitempty"`  // AuditSum; absent: there is none any more
}

// ID tells the objects of an entry apart: a name may have records in two zones.
func (e AuditEdit) ID() string {
	if e.Zone == "" {
		return e.Object
	}
	return e.Object + " in " + e.Zone
}

// AuditSum is the hash of an object's JSON as entries have it: the first 16 octets of SHA-256, in hexadecimal.
func AuditSum(object json.RawMessage) string {
	if object == nil {
		return ""
	}
	sum := sha256.Sum256(object)
	return hex.EncodeToString(sum[:16])
}

// AuditKey is the key of an entry in State.
func AuditKey(seq uint64) string { return fmt.Sprintf("%016x", seq) }

// Decode reads an entry.
func (r AuditRecord) Decode() (e AuditEntry, err error) {
	err = json.Unmarshal(r.Entry, &e)
	return e, err
}

// Record adds an entry to the audit, and forgets the oldest ones beyond the bounds.
func (s *State) Record(e AuditEntry) {
	var head AuditHead
	if s.AuditHead != nil {
		head = *s.AuditHead
	} else {
		head.First, head.Since = 1, s.Revision
		if e.Revision != 0 {
			head.Since = e.Revision - 1
		}
	}
	if e.Refused != "" {
		if head.Refused >= MaxAuditRefused {
			head.Missed++
			s.AuditHead = &head
			return
		}
		head.Refused++
		if len(e.Refused) > MaxAuditRefusal {
			e.Refused = strings.ToValidUTF8(e.Refused[:MaxAuditRefusal], "") + "…"
		}
	}
	e.Missed, head.Missed = head.Missed, 0
	head.Seq++
	e.Seq = head.Seq
	entry, err := json.Marshal(e)
	if err != nil {
		panic("policy: an entry of the audit that cannot be encoded: " + err.Error()) // strings, numbers and valid JSON
	}
	r := AuditRecord{Seq: e.Seq, Hash: ChainHash(head.Hash, entry), Entry: entry}
	head.Hash = r.Hash
	head.Size += len(entry)
	s.Audit.Set(AuditKey(e.Seq), r)
	for s.Audit.Len() > 1 && (s.Audit.Len() > MaxAudit || head.Size > MaxAuditSize) {
		for key, old := range s.Audit.All {
			s.Audit.Delete(key)
			head.First, head.Base, head.Size = old.Seq+1, old.Hash, head.Size-len(old.Entry)
			if e, err := old.Decode(); err == nil {
				head.Since = max(head.Since, e.Revision)
				if e.Refused != "" {
					head.Refused--
				}
			}
			break
		}
	}
	if e.Omitted > 0 && e.Revision != 0 {
		head.Since = e.Revision // nothing before it can be brought back
	}
	s.AuditHead = &head
}

func hashAudit(key string, r AuditRecord) uint64 {
	return hashBytes(key, []byte(AuditKey(r.Seq)), []byte(r.Hash), r.Entry)
}

// Check says what is wrong with a record that comes after one with a hash; "" is before the first.
func (r AuditRecord) Check(before string) (AuditEntry, error) {
	e, err := r.Decode()
	switch {
	case ChainHash(before, r.Entry) != r.Hash:
		return e, Errorf(Conflict, "entry %d is not as it was written: its hash does not fit", r.Seq)
	case err != nil || e.Seq != r.Seq:
		return e, Errorf(Conflict, "entry %d is not as it was written: it says that it is entry %d", r.Seq, e.Seq)
	}
	return e, nil
}

// AuditLine is a record as an export has it, one to a line.
type AuditLine struct {
	AuditRecord
	Prev  string                     `json:"prev"`            // the hash before
	After map[string]json.RawMessage `json:"after,omitempty"` // what the objects were after it, by AuditEdit.ID, where that is known
}
