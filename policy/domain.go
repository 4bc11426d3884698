package policy

// DownWhen says what share of a failure domain's endpoints must be down for all of
// it to count as down. Absent: the domain never does.
type DownWhen struct {
	AZ     Percent `json:"az,omitempty"`     // of each availability zone of the region
	Region Percent `json:"region,omitempty"` // of the region
}

// Provider is what there is to say of a provider that regions name.
type Provider struct {
	Name     string  `json:"name"`
	DownWhen Percent `json:"downWhen,omitempty"` // share of the endpoints in all its regions
}

// Domains are the failure domains that an endpoint is in, as targets, the
// smallest first: "az/us-east/a", "region/us-east", "provider/aws".
func (s *State) Domains(pool *Pool, e *Endpoint) []string {
	r := s.Region(e.RegionOr(pool))
	if r == nil {
		return nil
	}
	var list []string
	if e.AZ != "" {
		list = append(list, "az/"+r.Name+"/"+e.AZ)
	}
	list = append(list, "region/"+r.Name)
	if r.Provider != "" {
		list = append(list, "provider/"+r.Provider)
	}
	return list
}

func (d *DownWhen) validate(at string, p *Problems) {
	switch {
	case d == nil:
		return
	case *d == DownWhen{}:
		p.Add(at, "downWhen says nothing; write the share of the endpoints, as in {az: 50%%, region: 60%%}, or leave it out")
	}
	if d.AZ != 0 {
		d.AZ.validate(at+"/az", "downWhen", p)
	}
	if d.Region != 0 {
		d.Region.validate(at+"/region", "downWhen", p)
	}
}

func (o *Provider) validate(at string, regions []Region, p *Problems) {
	used := false
	for i := range regions {
		used = used || regions[i].Provider == o.Name
	}
	if o.Name != "" && !used {
		p.Add(at+"/name", "no region has the provider %q; name it in a region, or remove it here", o.Name)
	}
	if o.DownWhen == 0 {
		p.Add(at+"/downWhen", "provider %q says nothing; write the share of its endpoints that must be down, as in downWhen: 70%%", o.Name)
	} else {
		o.DownWhen.validate(at+"/downWhen", "downWhen", p)
	}
}
