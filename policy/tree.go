package policy

import (
	"encoding/json"
	"hash/fnv"
	"sync"

	"github.com/tidwall/btree"
)

// Tree is the one container State is made of: a copy-on-write B-tree from
// string keys to values, in byte order of the keys, that keeps a running hash of its content.
//
// A Tree that has been published is frozen: it may be read by anybody and
// copied, and nobody may call Set or Delete on it. Copying writes a mark into
// the source that only Set and Delete look at, so copies are made one at a time.
type Tree[V any] struct {
	copying *sync.Mutex
	m       btree.Map[string, entry[V]]
	sum     uint64
	hash    func(key string, v V) uint64
	last    *touch
	older   *touch // the last of the way back that was cut off before
}

// touch is a key that was set or deleted, and the one before it. The way back
// is cut off every maxTouches, so that it does not keep all keys there ever
// were; the tree holds on to the part before the last cut, so that there is
// always as much to go back by.
type touch struct {
	key    string
	before *touch
	depth  int
}

const maxTouches = 4096

// entry wraps a value so that the B-tree does not see its methods: the B-tree
// calls the Copy method of values that have one, as a Zone has, whenever it
// copies the node they are in, and what nobody changed would come out as another value.
type entry[V any] struct{ v V }

// NewTree makes an empty tree whose entries are hashed by hash.
func NewTree[V any](hash func(key string, v V) uint64) *Tree[V] {
	return &Tree[V]{copying: new(sync.Mutex), hash: hash, last: new(touch)}
}

// Copy is a tree with the same content that may be changed. It costs O(1).
func (t *Tree[V]) Copy() *Tree[V] {
	t.copying.Lock()
	defer t.copying.Unlock()
	return &Tree[V]{copying: new(sync.Mutex), m: *t.m.IsoCopy(), sum: t.sum, hash: t.hash, last: t.last, older: t.older}
}

// Get finds an entry.
func (t *Tree[V]) Get(key string) (V, bool) {
	e, ok := t.m.Get(key)
	return e.v, ok
}

// Has says whether there is an entry.
func (t *Tree[V]) Has(key string) bool { _, ok := t.m.Get(key); return ok }

// Set puts an entry in, or replaces it.
func (t *Tree[V]) Set(key string, v V) {
	if old, ok := t.m.Set(key, entry[V]{v}); ok {
		t.sum -= t.hash(key, old.v)
	}
	t.sum += t.hash(key, v)
	t.touch(key)
}

func (t *Tree[V]) touch(key string) {
	next := &touch{key: key, before: t.last, depth: t.last.depth + 1}
	if next.depth == maxTouches {
		t.older, next.before, next.depth = t.last, nil, 0
	}
	t.last = next
}

// Since lists the keys that were set or deleted since an earlier copy, some of
// them twice. Not ok: the trees are not related, or too much has changed to tell.
func (t *Tree[V]) Since(earlier *Tree[V]) (keys []string, ok bool) {
	for _, at := range []*touch{t.last, t.older} {
		for ; at != nil; at = at.before {
			if at == earlier.last {
				return keys, true
			}
			keys = append(keys, at.key)
		}
	}
	return nil, false
}

// Delete takes an entry out and says whether it was there.
func (t *Tree[V]) Delete(key string) bool {
	old, ok := t.m.Delete(key)
	if ok {
		t.sum -= t.hash(key, old.v)
		t.touch(key)
	}
	return ok
}

// Len counts the entries.
func (t *Tree[V]) Len() int { return t.m.Len() }

// Sum is the hash of the content: equal content gives equal sums, whatever the
// order of the changes that made it.
func (t *Tree[V]) Sum() uint64 { return t.sum }

// All goes through the entries in order: for key, v := range t.All.
func (t *Tree[V]) All(yield func(key string, v V) bool) {
	t.m.Scan(func(key string, e entry[V]) bool { return yield(key, e.v) })
}

// From goes through the entries in order, from the first key not below start.
func (t *Tree[V]) From(start string, yield func(key string, v V) bool) {
	t.m.Ascend(start, func(key string, e entry[V]) bool { return yield(key, e.v) })
}

// hashBytes hashes an entry by its key and bytes, well enough mixed that sums of hashes tell trees apart.
func hashBytes(key string, parts ...[]byte) uint64 {
	h := fnv.New64a()
	h.Write([]byte(key))
	for _, p := range parts {
		h.Write([]byte{0xff})
		h.Write(p)
	}
	return mix(h.Sum64())
}

// mix is the finalizer of splitmix64.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

func hashJSON[V any](key string, v V) uint64 {
	b, err := json.Marshal(v)
	if err != nil {
		panic("policy: a noun that cannot be encoded: " + err.Error()) // every noun encodes; a test proves it
	}
	return hashBytes(key, b)
}

func jsonTree[V any]() *Tree[V] { return NewTree(hashJSON[V]) }
