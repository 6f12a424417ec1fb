package invoke

import (
	"time"

	"weir/internal/cloud"
)

// Instance is what can be told of an instance.
type Instance struct {
	ID          string
	Function    cloud.FunctionKey
	Version     string // "$LATEST" or a number
	Qualifier   string // that it was started for
	Born, Ended time.Time
	Ready       bool // its code is loaded
	Provisioned bool
}

// endedKept is how many ended instances are remembered.
const endedKept = 1000

func (in *instance) info() Instance {
	return Instance{ID: in.id, Function: in.key.fn, Version: in.label, Qualifier: in.qualifier, Born: in.born, Ready: in.ready, Provisioned: in.provisioned}
}

// remember notes that an instance has ended; mu is held.
func (i *Invoker) remember(in *instance) {
	info := in.info()
	info.Ended = i.cfg.Now()
	if len(i.ended) >= endedKept {
		i.ended = append(i.ended[:0], i.ended[len(i.ended)-endedKept+1:]...)
	}
	i.ended = append(i.ended, info)
}

// Instances lists the instances of a function, and those of the last that have ended.
func (i *Invoker) Instances(fn cloud.FunctionKey) (out []Instance) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for in := range i.all {
		if in.key.fn == fn {
			out = append(out, in.info())
		}
	}
	for _, e := range i.ended {
		if e.Function == fn {
			out = append(out, e)
		}
	}
	return out
}
