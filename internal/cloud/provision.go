package cloud

import "time"

// KindProvision is a Provision.
const KindProvision Resource = "provision"

// ProvisionKey is "account/region/function/qualifier".
type ProvisionKey string

// MakeProvisionKey names the provision of a qualifier; "" is $LATEST's.
func MakeProvisionKey(fn FunctionKey, qualifier string) ProvisionKey {
	return ProvisionKey(MakeEventConfigKey(fn, qualifier))
}

// Provision keeps instances of what a qualifier stands for ready before events come.
type Provision struct {
	Meta
	Key       ProvisionKey
	Function  FunctionKey
	Qualifier string // "" is $LATEST
	Target    int    // while no plan says another
	Plans     []ProvisionPlan
	Modified  time.Time
}

// ProvisionPlan sets another target at times: at one, or by a schedule.
type ProvisionPlan struct {
	Name     string
	At       time.Time // zero: by the schedule
	Schedule string    // as package control reads it
	// Start and End bound the times at which it holds; zero is no bound.
	Start, End time.Time
	Target     int
}

// TargetAt is how many instances are to be ready at a time: what the plan that fired
// last says. next is the first time of a schedule after another.
func (p *Provision) TargetAt(now time.Time, next func(schedule string, after time.Time) time.Time) int {
	target, last := p.Target, time.Time{}
	for i := range p.Plans {
		if at := p.Plans[i].fired(now, next); at.After(last) {
			target, last = p.Plans[i].Target, at
		}
	}
	return target
}

// maxSpan is how far back a plan is looked for: one that fires once in four years is found.
const maxSpan = 5 * 366 * 24 * time.Hour

// fired is when a plan that holds now fired last; zero if it has not.
func (p *ProvisionPlan) fired(now time.Time, next func(string, time.Time) time.Time) time.Time {
	began := now.Add(-maxSpan)
	if p.Start.After(began) {
		began = p.Start.Add(-time.Second) // what is at Start counts
	}
	switch {
	case !p.End.IsZero() && !now.Before(p.End), now.Before(p.Start):
		return time.Time{}
	case !p.At.IsZero() && (p.At.After(now) || p.At.Before(began)):
		return time.Time{}
	case !p.At.IsZero():
		return p.At
	}
	for span := time.Minute; ; span *= 12 {
		from := now.Add(-span)
		if from.Before(began) {
			from = began
		}
		at := next(p.Schedule, from)
		if at.IsZero() || at.After(now) {
			if from.Equal(began) {
				return time.Time{}
			}
			continue
		}
		for {
			later := next(p.Schedule, at)
			if later.IsZero() || later.After(now) {
				return at
			}
			at = later
		}
	}
}

// Provisions are all of them.
var Provisions = newTable("provision", func(r *Provision) ProvisionKey { return r.Key }, index[Provision]{
	"function": func(r *Provision) []string { return one(r.Function) },
	"scope":    func(r *Provision) []string { return one(r.Scope()) },
})
