package migrate

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// leaf is what one record set answers with: a pool of one endpoint, which has
// all its values, or for an alias the tree of the name that it is for.
func (r *route53) leaf(s *recordSet) (tree policy.Steering, answers int, ok bool) {
	name := s.owner.String()
	if s.steered() {
		name += "-" + s.SetIdentifier
	}
	pool := policy.Pool{Name: name, Endpoints: []policy.Endpoint{{Name: label(cmp.Or(s.SetIdentifier, "all"))}}}
	e := &pool.Endpoints[0]
	if s.Region != "" {
		pool.Region = r.region(s.Region, r.cloud(s.at, s.Region))
	}
	switch {
	case s.AliasTarget != nil:
		target, err := parseName53(s.AliasTarget.DNSName)
		if err != nil {
			r.left(s.at, "%s: %v", s.owner, err)
			return tree, 0, false
		}
		if !s.AliasTarget.EvaluateTargetHealth && s.steered() {
			r.note(s.at, "%s: EvaluateTargetHealth is false, and here a branch with nothing available is always passed over", s.owner)
		}
		if len(r.sets[target]) > 0 {
			return r.inZone(s, target)
		}
		e.Hostname = target
	case s.Type == "A" || s.Type == "AAAA":
		var addrs []netip.Addr
		for _, v := range values(s) {
			a, err := netip.ParseAddr(v)
			if err != nil {
				r.left(s.at, "%s %s: %q is not an address", s.owner, s.Type, v)
				return tree, 0, false
			}
			addrs = append(addrs, a)
		}
		setAddresses(e, addrs...)
	case s.Type == "CNAME":
		target, err := policy.ParseName(strings.Join(values(s), " "))
		if err != nil {
			r.left(s.at, "%s CNAME: %v", s.owner, err)
			return tree, 0, false
		}
		e.Hostname = target
	default:
		e.Records = map[string][]string{s.Type: values(s)}
	}
	r.check(s, &pool)
	return inPool(r.pool(pool)), 0, true
}

// inZone is the tree of another name of the hosted zone.
func (r *route53) inZone(s *recordSet, target policy.Name) (policy.Steering, int, bool) {
	if s.HealthCheckId != "" {
		r.left(s.at, "%s: the health check of an alias; what it points to has checks of its own", s.owner)
	}
	t := r.tree(target)
	if t == nil {
		r.left(s.at, "%s: its target %s is not translated", s.owner, target)
		return policy.Steering{}, 0, false
	}
	return t.steer, t.answers, true
}

// cloud is the place of an AWS region, or nil when it is not known.
func (r *route53) cloud(at place, region string) *policy.Place {
	p := &policy.Place{Cloud: "aws/" + region}
	if _, _, ok := p.Coordinates(); !ok {
		r.left(at, "the AWS region %q is not known here; give the branch a place", region)
		return nil
	}
	return p
}

func (r *route53) latency(branches []policy.Branch, from []*recordSet) policy.Steering {
	for i, f := range from {
		branches[i].Place = r.cloud(f.at, f.Region)
	}
	return policy.Steering{Latency: branches}
}

func (r *route53) proximity(branches []policy.Branch, from []*recordSet) policy.Steering {
	for i, f := range from {
		g := f.GeoProximityLocation
		branches[i].Bias = g.Bias
		switch {
		case g.AWSRegion != "":
			branches[i].Place = r.cloud(f.at, g.AWSRegion)
		case g.Coordinates != nil:
			lat, ok := number(g.Coordinates.Latitude)
			lon, ok2 := number(g.Coordinates.Longitude)
			if !ok || !ok2 {
				r.left(f.at, "the coordinates %q, %q cannot be read", g.Coordinates.Latitude, g.Coordinates.Longitude)
				continue
			}
			branches[i].Place = at(lat, lon)
		default:
			r.left(f.at, "the local zone group %q has no place here; give the branch one", g.LocalZoneGroup)
		}
	}
	return policy.Steering{Nearest: branches}
}

// fenced makes a geo branch of branches with a match and one without.
func (r *route53) fenced(branches []policy.Branch, fallback *policy.Steering, at place) policy.Steering {
	s := policy.Steering{Geo: branches, Default: fallback}
	if fallback == nil {
		s.Fence = true
		r.note(at, "there is no default record: who is nowhere of these has no data, as in Route 53, and a location whose records are all unhealthy keeps its clients; write a default, and take fence out, to move them")
	}
	return s
}

func (r *route53) location(branches []policy.Branch, from []*recordSet) policy.Steering {
	list := []policy.Branch{}
	var fallback *policy.Steering
	for i, f := range from {
		g := f.GeoLocation
		b := branches[i]
		switch {
		case g.CountryCode == "*":
			fallback = &branches[i].Steering
			continue
		case g.SubdivisionCode != "":
			b.Match = &policy.Match{Subdivisions: []string{g.CountryCode + "-" + g.SubdivisionCode}}
		case g.CountryCode != "":
			b.Match = &policy.Match{Countries: []string{g.CountryCode}}
		default:
			b.Match = &policy.Match{Continents: []string{g.ContinentCode}}
		}
		list = append(list, b)
	}
	if len(list) == 0 && fallback != nil {
		return *fallback
	}
	return r.fenced(list, fallback, from[0].at)
}

func (r *route53) cidr(branches []policy.Branch, from []*recordSet) policy.Steering {
	list := []policy.Branch{}
	var fallback *policy.Steering
	for i, f := range from {
		where := f.CidrRoutingConfig.LocationName
		if where == "*" {
			fallback = &branches[i].Steering
			continue
		}
		b := branches[i]
		b.Match = &policy.Match{}
		for _, text := range r.cidrs[where] {
			if p, err := netip.ParsePrefix(text); err == nil {
				b.Match.CIDRs = append(b.Match.CIDRs, p.Masked())
			} else {
				r.left(f.at, "%s: %v", where, err)
			}
		}
		if len(b.Match.CIDRs) == 0 {
			r.left(f.at, "%s: the networks of the CIDR location %q are not in this list; give them with --cidr-blocks, from aws route53 list-cidr-blocks --collection-id %s", f.owner, where, f.CidrRoutingConfig.CollectionId)
			continue
		}
		list = append(list, b)
	}
	if len(list) == 0 && fallback != nil {
		return *fallback
	}
	return r.fenced(list, fallback, from[0].at)
}

// healthCheck is an element of HealthChecks.
type healthCheck struct {
	Id                string
	HealthCheckConfig struct {
		IPAddress, Type, ResourcePath, FullyQualifiedDomainName, SearchString string
		Port, RequestInterval, FailureThreshold                               int
		Inverted, Disabled                                                    bool
		EnableSNI                                                             *bool
	}

	at place
}

func (r *route53) readChecks() error {
	r.checks, r.cidrs = map[string]*healthCheck{}, map[string][]string{}
	if r.given.HealthChecks != nil {
		list, err := elements[healthCheck](r.given.HealthChecks, r.given.ChecksName, "HealthChecks", func(h *healthCheck, at place) { h.at = at })
		if err != nil {
			return err
		}
		for i := range list {
			r.checks[list[i].Id] = &list[i]
		}
	}
	if r.given.CIDRBlocks == nil {
		return nil
	}
	type block struct{ CidrBlock, LocationName string }
	list, err := elements[block](r.given.CIDRBlocks, r.given.CIDRName, "CidrBlocks", func(*block, place) {})
	for _, b := range list {
		if !slices.Contains(r.cidrs[b.LocationName], b.CidrBlock) {
			r.cidrs[b.LocationName] = append(r.cidrs[b.LocationName], b.CidrBlock)
		}
	}
	return err
}
