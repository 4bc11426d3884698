package snapshot

import (
	"net/netip"

	"github.com/meridian-gtm/meridian/policy"
)

// ClassOf is the class a service puts a client in.
func (s *Snapshot) ClassOf(service int, client netip.Addr) uint16 {
	class, _ := s.Services.At(int32(service)).geo.lookup(client, client.BitLen())
	return class
}

// Reused counts the services that a snapshot has taken over from another as they were.
func (s *Snapshot) Reused(from *Snapshot) int {
	n := 0
	for _, svc := range s.Services.All() {
		if from.serviceByID(svc.ID) == svc {
			n++
		}
	}
	return n
}

// Updated says whether only what depends on some pools, or nothing, was compiled.
func (s *Snapshot) Updated() bool { return s.borrowed }

// SameZone says whether two snapshots share a zone.
func (s *Snapshot) SameZone(other *Snapshot, name policy.Name) bool {
	return s.zones[name.Key()] == other.zones[name.Key()]
}
