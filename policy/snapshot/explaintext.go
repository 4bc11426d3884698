package snapshot

import (
	"fmt"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// Text is the explanation as a person reads it.
func (x *Explanation) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s for client %s", x.Name, x.Type, x.Client)
	if len(x.Assumed) > 0 {
		fmt.Fprintf(&b, ", assuming %s", strings.Join(x.Assumed, ", "))
	}
	fmt.Fprintf(&b, "\n\n  result    %s\n", x.Result)
	if x.Place != nil {
		where := "not known"
		if x.Place.Located {
			where = placeText(x.Place)
		}
		fmt.Fprintf(&b, "  place     %s\n  source    %s\n", where, x.Place.Source)
	}
	if len(x.Distribution) > 0 {
		b.WriteString("\nAnswers\n")
		for _, d := range x.Distribution {
			fmt.Fprintf(&b, "  %5.1f %%  %-34s %s\n", d.Probability*100, strings.Join(d.Answers, " "), strings.Join(d.Endpoints, ", "))
		}
		fmt.Fprintf(&b, "  TTL %d s, scope /%d\n", x.TTL, x.Scope)
	}
	if len(x.Distances) > 0 {
		b.WriteString("\nDistances\n")
		for _, d := range x.Distances {
			fmt.Fprintf(&b, "  %8.0f km  %s", d.Km, d.Branch)
			b.WriteString(d.note())
			b.WriteByte('\n')
		}
	}
	if len(x.Endpoints) > 0 {
		b.WriteString("\nEndpoints\n")
		for _, e := range x.Endpoints {
			fmt.Fprintf(&b, "  %-34s %-8s", e.Endpoint, e.Status)
			if e.Quorum != "" {
				fmt.Fprintf(&b, " by %s vantages", e.Quorum)
			}
			if v, ok := policy.SignalBallot(e.Ballots); ok {
				fmt.Fprintf(&b, " by %s (%s)", v.Vantage, v.Error)
			}
			if e.Drained != "" {
				fmt.Fprintf(&b, "  drained by %s", e.Drained)
			}
			if e.Share != nil {
				fmt.Fprintf(&b, "  keeps %d %% by %s", *e.Share, e.Shared)
			}
			if e.Why != "" {
				fmt.Fprintf(&b, "  %s", e.Why)
			}
			b.WriteByte('\n')
		}
	}
	b.WriteString("\nWhy\n")
	for _, r := range x.Reasons {
		fmt.Fprintf(&b, "  - %s\n", r)
	}
	fmt.Fprintf(&b, "\nstate index %d\n", x.Index)
	return b.String()
}

// note is what there is to say of a leg beside its distance. What counts is
// milliseconds, not kilometres, where anything was measured.
func (l Leg) note() string {
	switch {
	case l.Ms > 0 && l.Biased != l.Ms:
		return fmt.Sprintf("  (%.1f ms, %s; counts as %.1f ms by its bias)", l.Ms, l.Source, l.Biased)
	case l.Ms > 0:
		return fmt.Sprintf("  (%.1f ms, %s)", l.Ms, l.Source)
	case l.Source != "":
		return "  (" + l.Source + ")"
	case l.Biased != l.Km:
		return fmt.Sprintf("  (counts as %.0f km by its bias)", l.Biased)
	}
	return ""
}
