package policy

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func contents[V any](t *Tree[V]) map[string]V { return maps.Collect(t.All) }

// TestTreeAgainstMap drives trees and copies of them beside plain maps.
func TestTreeAgainstMap(t *testing.T) {
	type version struct {
		tree *Tree[int]
		want map[string]int
	}
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.Custom(func(t *rapid.T) string { return fmt.Sprintf("k%03d", rapid.IntRange(0, 300).Draw(t, "key")) })
		versions := []version{{jsonTree[int](), map[string]int{}}}
		now := func() *version { return &versions[len(versions)-1] }
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				for range rapid.IntRange(1, 40).Draw(t, "times") {
					k, v := key.Draw(t, "key"), rapid.IntRange(0, 5).Draw(t, "value")
					now().tree.Set(k, v)
					now().want[k] = v
				}
			},
			"delete": func(t *rapid.T) {
				for range rapid.IntRange(1, 40).Draw(t, "times") {
					k := key.Draw(t, "key")
					_, had := now().want[k]
					if now().tree.Delete(k) != had {
						t.Fatalf("Delete(%s) is not %v", k, had)
					}
					delete(now().want, k)
				}
			},
			"copy": func(*rapid.T) { // what was there is frozen from here on
				versions = append(versions, version{now().tree.Copy(), maps.Clone(now().want)})
			},
			"": func(t *rapid.T) {
				for i, v := range versions {
					if got := contents(v.tree); !maps.Equal(got, v.want) || v.tree.Len() != len(v.want) {
						t.Fatalf("version %d of %d holds %v, want %v", i, len(versions), got, v.want)
					}
					fresh := jsonTree[int]()
					for _, k := range slices.Backward(slices.Sorted(maps.Keys(v.want))) {
						fresh.Set(k, v.want[k])
					}
					if fresh.Sum() != v.tree.Sum() {
						t.Fatalf("version %d: the sum depends on how its content came about", i)
					}
				}
			},
		})
		var keys []string
		start := key.Draw(t, "start")
		now().tree.From(start, func(k string, _ int) bool { keys = append(keys, k); return len(keys) < 5 })
		want := slices.Sorted(maps.Keys(now().want))
		at, _ := slices.BinarySearch(want, start)
		if want = want[at:min(at+5, len(want))]; !slices.Equal(keys, want) {
			t.Fatalf("From(%s) goes through %v, want %v", start, keys, want)
		}
	})
}

// TestTreeSumTellsApart: a sum that ignored keys, values or their pairing would make I-15 worthless.
func TestTreeSumTellsApart(t *testing.T) {
	sums := map[uint64]string{}
	for _, pairs := range [][]string{{}, {"a=1"}, {"a=2"}, {"b=1"}, {"a=1", "b=2"}, {"a=2", "b=1"}, {"a=1", "b=1"}, {"ab=1"}, {"a=1", "c=1"}} {
		tree := jsonTree[string]()
		for _, p := range pairs {
			tree.Set(p[:len(p)-2], p[len(p)-1:])
		}
		if other, ok := sums[tree.Sum()]; ok {
			t.Errorf("%v and %s have one sum", pairs, other)
		}
		sums[tree.Sum()] = fmt.Sprint(pairs)
	}
}

// TestTreeCopyConcurrent has readers on a frozen tree while many copies of it
// are made and written to. It means most with -race.
func TestTreeCopyConcurrent(t *testing.T) {
	frozen := jsonTree[int]()
	for i := range 2000 {
		frozen.Set(fmt.Sprintf("k%05d", i), i)
	}
	sum := frozen.Sum()
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(g)))
			for range 50 {
				mine := frozen.Copy()
				for range 100 {
					k := fmt.Sprintf("k%05d", rng.IntN(3000))
					if rng.IntN(2) == 0 {
						mine.Set(k, -1)
					} else {
						mine.Delete(k)
					}
				}
			}
		})
		wg.Go(func() {
			for range 200 {
				n := 0
				for k, v := range frozen.All {
					if k != fmt.Sprintf("k%05d", v) {
						t.Errorf("a reader of the frozen tree saw %s = %d", k, v)
						return
					}
					if n++; n == 100 {
						break
					}
				}
				if _, ok := frozen.Get("k01999"); !ok {
					t.Error("a reader of the frozen tree missed an entry")
				}
			}
		})
	}
	wg.Wait()
	if len(contents(frozen)) != 2000 || frozen.Sum() != sum {
		t.Error("the frozen tree changed")
	}
}

// TestTreeKeepsPointers: values that nobody set stay the very same, whatever
// becomes of their neighbours and whatever methods they have. A snapshot goes by it.
func TestTreeKeepsPointers(t *testing.T) {
	zones := NewState().Zones
	var all []*Zone
	for i := range 500 {
		z := NewZone(MustName(fmt.Sprintf("z%d.example", i)))
		all = append(all, z)
		zones.Set(z.Name.Key(), z)
	}
	next := zones.Copy()
	changed := all[250].Copy()
	next.Set(changed.Name.Key(), changed)
	next.Delete(all[400].Name.Key())
	for i, z := range all {
		got, ok := next.Get(z.Name.Key())
		switch {
		case i == 250 && got != changed, i == 400 && ok, i != 250 && i != 400 && got != z:
			t.Fatalf("zone %d is another one after a neighbour's change", i)
		}
	}
}

// Whatever number of changes came before, the latest maxTouches can be told.
func TestTreeSince(t *testing.T) {
	tree := NewTree(hashJSON[int])
	for i := range 20 {
		before := tree.Copy()
		after := before.Copy()
		for k := range maxTouches {
			after.Set(strconv.Itoa(k), k)
		}
		keys, ok := after.Since(before)
		if !ok || len(keys) != maxTouches || keys[0] != strconv.Itoa(maxTouches-1) || keys[maxTouches-1] != "0" {
			t.Fatalf("%d: %d keys, %v", i, len(keys), ok)
		}
		tree = after
		for k := range 501 { // so that the cut comes elsewhere next time
			tree.Set("x", k)
		}
	}
	if _, ok := tree.Since(NewTree(hashJSON[int])); ok {
		t.Error("a tree that is no relation")
	}
}
