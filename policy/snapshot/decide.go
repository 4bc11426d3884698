package snapshot

// Decide picks the answer to a query for a steered name. It is a pure function
// of the snapshot and the query, takes no lock and allocates nothing.
func (s *Snapshot) Decide(q Query) Decision {
	svc := s.Services.At(q.Service)
	if !svc.tree.Serves[q.Kind] {
		return Decision{Set: -1, TTL: svc.TTL}
	}
	class, scope := svc.geo.lookup(q.Client, q.Bits)
	o := &svc.classes[q.Kind][class]
	var client uint64
	if svc.sticky != nil {
		var length uint8
		client, length = stickyHash(svc.sticky, q.Client, q.Bits)
		scope = max(scope, length)
	}
	if len(o.sets) == 0 {
		return Decision{Set: -1, TTL: o.ttl, Scope: scope}
	}
	var set int32
	if o.draw != nil {
		set = o.stick(client)
	} else {
		i := 0
		for i < len(o.until)-1 && q.Rand >= o.until[i] {
			i++
		}
		set = o.sets[i]
	}
	return Decision{Set: set, TTL: min(o.ttl, svc.Sets[set].TTL), Scope: scope}
}
