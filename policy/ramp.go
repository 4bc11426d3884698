package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Bounds on ramps.
const (
	EvenSteps     = 10 // of a ramp that says only how long it takes
	MinRampEvery  = Duration(time.Second)
	MaxRampEvery  = Duration(24 * time.Hour)
	MaxRampOver   = Duration(7 * 24 * time.Hour)
	MaxConditions = 20 // of one list
)

// RampPlan is how a control is to come into force by and by: over a time in even steps, or in steps of its own.
type RampPlan struct {
	Over      Duration `json:"over,omitempty"`      // until it is there; the first step is at once
	Steps     []int    `json:"steps,omitempty"`     // what is kept after each, in percent, going down; the first is at once
	Every     Duration `json:"every,omitempty"`     // between two of Steps
	PauseWhen []string `json:"pauseWhen,omitempty"` // conditions that hold it where it is
	BackWhen  []string `json:"backWhen,omitempty"`  // conditions that take it back
}

// Ramp is how far a control has come that goes in steps.
type Ramp struct {
	Steps     []int    `json:"steps"` // what is kept after each, in percent, going down
	Every     Duration `json:"every"`
	PauseWhen []string `json:"pauseWhen,omitempty"`
	BackWhen  []string `json:"backWhen,omitempty"`
	Done      int      `json:"done,omitempty"`   // steps that are made; 0: everything is kept
	At        int64    `json:"at,omitempty"`     // State clock from which Every counts: of the last step, of a step that was refused, or of the end of a pause
	Unsafe    bool     `json:"unsafe,omitempty"` // it is paused for its next step was refused
}

// Kept is what is kept now, in percent.
func (r *Ramp) Kept() int {
	if r.Done == 0 {
		return 100
	}
	return r.Steps[r.Done-1]
}

// Even is a ramp from everything to what is kept in the end, or back, over a time.
func Even(kept int, over Duration) Ramp {
	n := max(1, min(EvenSteps, 100-kept))
	r := Ramp{Every: over / Duration(max(1, n-1))}
	for i := 1; i <= n; i++ {
		r.Steps = append(r.Steps, 100-(100-kept)*i/n)
	}
	return r
}

// Ramp makes the plan a ramp that goes to what is kept in the end, in percent.
func (p *RampPlan) Ramp(kept int) (*Ramp, error) {
	var r Ramp
	switch {
	case kept >= 100:
		return nil, Errorf(Invalid, "a ramp to 100 %% goes nowhere; leave it out")
	case (p.Over != 0) == (len(p.Steps) > 0):
		return nil, Errorf(Invalid, `a ramp is either {"over": "10m"} or {"steps": [75, 50, 25, 0], "every": "2m"}`)
	case p.Over != 0 && p.Every != 0:
		return nil, Errorf(Invalid, "every is between steps; with over it is worked out")
	case p.Over < 0 || p.Over > MaxRampOver:
		return nil, Errorf(Invalid, "over of %v is not within 0 to %v", p.Over, MaxRampOver)
	case p.Over != 0:
		r = Even(kept, p.Over)
		if r.Every < MinRampEvery {
			return nil, Errorf(Invalid, "over of %v is too short for %d steps, %v apart at the least; write %v or more", p.Over, len(r.Steps), MinRampEvery, MinRampEvery*Duration(max(1, len(r.Steps)-1)))
		}
	default:
		r = Ramp{Steps: slices.Clone(p.Steps), Every: p.Every}
		was := 100
		for _, step := range r.Steps {
			if step >= was || step < kept {
				return nil, Errorf(Invalid, "the steps %v do not go down from below 100 to %d: they say what percent is kept after each", p.Steps, kept)
			}
			was = step
		}
		if was != kept {
			return nil, Errorf(Invalid, "the steps %v end at %d, not at %d where this goes; add it", p.Steps, was, kept)
		}
		if r.Every < MinRampEvery || r.Every > MaxRampEvery {
			return nil, Errorf(Invalid, "every of %v is not within %v to %v", r.Every, MinRampEvery, MaxRampEvery)
		}
	}
	if len(p.PauseWhen) > MaxConditions || len(p.BackWhen) > MaxConditions {
		return nil, Errorf(Invalid, "a ramp has %d conditions of a kind at the most", MaxConditions)
	}
	r.PauseWhen, r.BackWhen = p.PauseWhen, p.BackWhen
	return &r, nil
}

// Step is what becomes of a control on its way at a time of State's clock, safety aside: a step on or back, a
// pause, or that it goes on. gone says that it is back where it came from. Nothing becomes of it when next is c.
func (s *State) Step(c Control, now int64) (next Control, gone bool) {
	if !c.OnItsWay() {
		return c, false
	}
	r := *c.Ramp
	next = c
	next.Ramp = &r
	due := r.At+int64(r.Every) <= now
	if c.Phase == Returning {
		if !due {
			return c, false
		}
		r.Done, r.At = r.Done-1, now
		return next, r.Done <= 0
	}
	back, problem := s.troubles(r.BackWhen, "backWhen", now)
	held, why := s.troubles(r.PauseWhen, "pauseWhen", now)
	switch {
	case back == bad:
		r.Done, r.At, r.Unsafe = r.Done-1, now, false
		next.Phase, next.Problem = Returning, problem
		return next, r.Done <= 0
	case back == unclear && held == fine:
		why = problem
		fallthrough
	case held != fine:
		if c.Phase == Paused && !r.Unsafe && sameCondition(c.Problem, why) {
			return c, false
		}
		r.Unsafe = false
		next.Phase, next.Problem = Paused, why
		return next, false
	case c.Phase == Paused && !r.Unsafe: // it goes on a step's time later: what cleared may come back
		r.At = now
		next.Phase, next.Problem = Ramping, ""
		return next, false
	case !due:
		return c, false
	}
	r.Done, r.At, r.Unsafe = r.Done+1, now, false
	next.Phase, next.Problem = Ramping, ""
	if r.Done >= len(r.Steps) {
		next.Phase = InForce
	}
	return next, false
}

type trouble int

const (
	fine    trouble = iota
	unclear         // it cannot be told whether a condition holds
	bad
)

// troubles says whether any condition of a list holds, and which. What cannot be told is no reason to go back.
func (s *State) troubles(list []string, name string, now int64) (worst trouble, text string) {
	for _, condition := range list {
		problem, err := s.Condition(condition, now)
		is := fine
		switch {
		case err != nil:
			is, problem = unclear, err.Error()
		case problem != "":
			is = bad
		}
		if is > worst {
			worst, text = is, fmt.Sprintf("%s (%s %s)", problem, name, condition)
		}
	}
	return worst, text
}

// sameCondition says whether two problems are of one condition, whatever its numbers are now.
func sameCondition(a, b string) bool {
	return a[strings.LastIndexByte(a, '(')+1:] == b[strings.LastIndexByte(b, '(')+1:]
}
