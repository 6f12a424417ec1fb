package main

import (
	"fmt"
	"net/http"

	"weir/internal/cloud"
)

// status reports what runs, what this machine cannot enforce, and what went wrong.
func (d *daemon) status(*http.Request) (any, error) {
	v := d.store.View()
	r := statusReport{
		Revision: v.Rev(), Networks: map[string]uint64{},
		Ready: d.ready(), Internet: d.cfg.internet, Account: d.cfg.account, Region: d.cfg.region, Since: d.began,
		NotEnforced: append(d.engine.Check(), d.machines.Check()...), Runtimes: map[string]string{}, Counts: map[string]int{},
	}
	for f := range cloud.Functions.All(v) {
		r.Counts["functions"]++
		name := f.Latest.Runtime
		if i, err := d.engine.Resolve(name); err != nil {
			r.Runtimes[name] = err.Error()
		} else if i.Note != "" {
			r.Runtimes[name] = i.Note
		} else {
			r.Runtimes[name] = i.Path
		}
	}
	for vpc := range cloud.VPCs.All(v) {
		if !vpc.Service {
			r.Counts["VPCs"]++
		}
	}
	r.Counts["network interfaces"] = tally(cloud.Interfaces.All(v))
	for _, s := range d.network.Status() {
		r.Counts["VPC routers"]++
		r.Instances += s.Leased
		r.Networks[string(s.VPC)] = s.Rev
		if s.Err != nil {
			r.Problems = append(r.Problems, fmt.Sprintf("%s: the kernel shows revision %d: %v", s.VPC, s.Rev, s.Err))
		}
		for _, p := range s.Problems {
			r.Problems = append(r.Problems, fmt.Sprintf("%s: %s", s.VPC, p.Msg))
		}
	}
	return r, nil
}

func tally[T any](all func(func(T) bool)) int {
	n := 0
	all(func(T) bool { n++; return true })
	return n
}
