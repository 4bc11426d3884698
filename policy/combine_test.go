package policy

import "testing"

// TestHealthOfSeveral: what verdicts on several monitors come to.
func TestHealthOfSeveral(t *testing.T) {
	all := &MonitorSet{All: []string{"a", "b", "c"}}
	some := &MonitorSet{Any: []string{"a", "b", "c"}}
	two := &MonitorSet{AtLeast: 2, Of: []string{"a", "b", "c"}}
	for _, c := range []struct {
		set    *MonitorSet
		votes  string // of a, b and c: u, d or ?; A to C are up and held to be down by this node alone
		want   Status
		ramp   int
		own    bool
		reason string
	}{
		{all, "uuu", Up, 20, false, "as far back as the slowest"},
		{all, "uud", Down, 100, false, "one is down"},
		{all, "uu?", Unknown, 100, false, "one is unknown"},
		{all, "u?d", Down, 100, false, "unknown does not help"},
		{all, "uuC", Down, 100, true, "the node's own"},
		{some, "ddu", Up, 80, false, "one is up"},
		{some, "uuu", Up, 80, false, "as far back as the best"},
		{some, "dd?", Unknown, 100, false, "one may be up"},
		{some, "ddd", Down, 100, false, "none is up"},
		{some, "ddC", Down, 100, true, "the node's own"},
		{two, "uud", Up, 20, false, "two are up"},
		{two, "uuu", Up, 50, false, "the second best"},
		{two, "u?d", Unknown, 100, false, "the second may be up"},
		{two, "udd", Down, 100, false, "only one is up"},
		{two, "uBd", Down, 100, true, "the node's own"},
	} {
		s := NewState()
		pool := &Pool{Name: "p", Monitors: c.set, Endpoints: []Endpoint{{Name: "e"}}}
		down := map[string]bool{}
		for i, v := range c.votes {
			name := string(rune('a' + i))
			id := CheckID(pool, &pool.Endpoints[0], name)
			status := map[rune]Status{'u': Up, 'd': Down, '?': Unknown}[v]
			if v >= 'A' && v <= 'C' {
				status, down[id] = Up, true
			}
			s.Verdicts.Set(id, Verdict{Check: id, Status: status, Ramp: []int{50, 20, 80}[i]})
		}
		h := s.Health(pool, &pool.Endpoints[0], down)
		if h.Status != c.want || h.Status == Up && h.Ramp != c.ramp || h.Own != c.own {
			t.Errorf("%s of %+v (%s): %+v", c.votes, c.set, c.reason, h)
		}
	}
	pool := &Pool{Name: "p", Monitor: "a", Endpoints: []Endpoint{{Name: "e", Monitors: some}, {Name: "f", Monitor: "b"}, {Name: "g"}}}
	for i, want := range []int{3, 1, 1} {
		if names, _ := pool.SetOf(&pool.Endpoints[i]).Names(); len(names) != want {
			t.Errorf("endpoint %d has %v", i, names)
		}
	}
}
