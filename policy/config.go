package policy

// Config is the replicated configuration document. Zones are objects of their own.
type Config struct {
	Regions     []Region     `json:"regions,omitempty"`
	Providers   []Provider   `json:"providers,omitempty"`
	Monitors    []Monitor    `json:"monitors,omitempty"`
	Pools       []Pool       `json:"pools,omitempty"`
	Templates   []Template   `json:"templates,omitempty"`
	Services    []Service    `json:"services,omitempty"`
	SafetyRules []SafetyRule `json:"safetyRules,omitempty"`
	// ReviewRules say what others have to approve before it changes.
	ReviewRules []ReviewRule `json:"reviewRules,omitempty"`
	// Places say where networks are, whatever the geographic data says.
	Places []PlaceOverride `json:"places,omitempty"`
	// DrillPlans are the drills that may be run.
	DrillPlans []DrillPlan `json:"drillPlans,omitempty"`
	// Notifications are who is told of what happens.
	Notifications []Receiver `json:"notifications,omitempty"`
}

// Region is a failure domain with a place, a provider and availability zones.
type Region struct {
	Name      string    `json:"name"`
	Place     *Place    `json:"place,omitempty"`
	Provider  string    `json:"provider,omitempty"`
	Continent string    `json:"continent,omitempty"` // for quorums that ask for several: AF, AN, AS, EU, NA, OC or SA
	AZs       []string  `json:"azs,omitempty"`
	Capacity  *Capacity `json:"capacity,omitempty"`
	DownWhen  *DownWhen `json:"downWhen,omitempty"`
}
