package invoke

import "weir/internal/cloud"

// Throttle reasons, as Error.Reason of a cloud.Limit error.
const (
	ThrottledFunction = "reserved-concurrency"
	ThrottledAccount  = "account-concurrency"
)

// limits counts running invocations. A function with reserved concurrency has
// its own share, which the others of its scope cannot use; the invoker's lock
// guards it.
type limits struct {
	total     int                       // per scope (account and region)
	reserved  map[string]int            // scope → sum of all reservations
	functions map[cloud.FunctionKey]int // running
	shared    map[string]int            // scope → running, of functions without a reservation
}

func newLimits(total int) *limits {
	return &limits{total: total, reserved: map[string]int{}, functions: map[cloud.FunctionKey]int{}, shared: map[string]int{}}
}

// permit is a running invocation's place; it remembers which count it is in,
// as a reservation may come or go while it runs.
type permit struct {
	fn    cloud.FunctionKey
	scope string // "" if it runs on the function's own reservation
}

func (l *limits) enter(fn *cloud.Function) (permit, error) {
	p := permit{fn: fn.Key}
	if r := fn.ReservedConcurrency; r != nil {
		if l.functions[fn.Key] >= *r {
			return p, cloud.Errorf(cloud.Limit, cloud.KindFunction, fn.Name, ThrottledFunction, "function %s runs %d times at once, its reserved concurrency", fn.Name, *r)
		}
	} else {
		p.scope = fn.Scope()
		if free := l.total - l.reserved[p.scope]; l.shared[p.scope] >= free {
			return p, cloud.Errorf(cloud.Limit, cloud.KindFunction, fn.Name, ThrottledAccount, "the account runs %d functions at once, its limit without reservations", free)
		}
		l.shared[p.scope]++
	}
	l.functions[fn.Key]++
	return p, nil
}

func (l *limits) leave(p permit) {
	if l.functions[p.fn]--; l.functions[p.fn] == 0 {
		delete(l.functions, p.fn)
	}
	if p.scope != "" {
		l.shared[p.scope]--
	}
}

// reservations sums up what the functions of each scope have reserved.
func reservations(v cloud.View) map[string]int {
	sums := map[string]int{}
	for fn := range cloud.Functions.All(v) {
		if fn.ReservedConcurrency != nil {
			sums[fn.Scope()] += *fn.ReservedConcurrency
		}
	}
	return sums
}
