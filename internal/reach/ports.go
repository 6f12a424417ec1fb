package reach

import (
	"slices"

	"weir/internal/cloud"
)

// Ports are ports of a range, one in each stretch of it that no rule of the
// plan tells apart for this protocol: whether any port passes, these tell.
func (x *Analyser) Ports(protocol, from, to int) []int {
	out := []int{from}
	edge := func(p, lo, hi int) {
		if p != -1 && p != protocol {
			return
		}
		for _, n := range []int{lo, hi + 1} {
			if n > from && n <= to {
				out = append(out, n)
			}
		}
	}
	for _, v := range x.near() {
		v.edges(edge)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// edges calls f with the ports of every rule.
func (x *Analyser) edges(f func(protocol, from, to int)) {
	for _, p := range x.p.Profiles {
		for _, r := range slices.Concat(p.In, p.Out) {
			f(r.Protocol, r.From, r.To)
		}
	}
	for _, a := range x.p.ACLs {
		for _, l := range slices.Concat(a.In, a.Out) {
			f(l.Protocol, l.From, l.To)
		}
	}
}

// Passes reports whether a hop of the path is this resource, or in it.
func Passes(path []Hop, r cloud.Ref) bool {
	return slices.ContainsFunc(path, func(h Hop) bool {
		in := h.ENI != nil && r.Kind == cloud.KindSubnet && string(h.ENI.Subnet) == r.ID
		return in || h.Resource.Kind == r.Kind && h.Resource.ID == r.ID
	})
}

// Last is the packet as it arrives at the end of a path.
func Last(path []Hop) Header {
	for _, h := range slices.Backward(InOrder(path)) {
		switch {
		case h.Out.Valid():
			return h.Out
		case h.In.Valid():
			return h.In
		}
	}
	return Header{}
}
