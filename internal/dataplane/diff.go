package dataplane

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"unsafe"

	"weir/internal/dataplane/nft"
	"weir/internal/netplan"
)

// Change is what turns one namespace's configuration into another. What is
// added is listed in the order to add it.
type Change struct {
	Namespace  string
	New        bool
	Sysctls    []Sysctl
	Tables     []*nft.Batch
	AddLinks   []Link
	DelLinks   []Link
	AddAddrs   []Addr
	DelAddrs   []Addr
	AddNeighs  []Neigh
	DelNeighs  []Neigh
	PutRoutes  []Route // add, or replace the one for the same destination
	DelRoutes  []Route
	AddRules   []PolicyRule
	DelRules   []PolicyRule
	LateSysctl []Sysctl
}

// Changes is what turns one Network into another. The order is: make new
// namespaces; rules; links and what is on them; then remove.
type Changes struct {
	Namespaces []Change // those shared with other VPCs last
	Remove     []string // namespaces; their links go with them
	// Forget lists addresses whose flows must not go on: they are gone, or map to another.
	Forget []netip.Addr
}

// Empty reports whether there is nothing to do.
func (c *Changes) Empty() bool { return len(c.Namespaces)+len(c.Remove)+len(c.Forget) == 0 }

// String lists the changes, one a line.
func (c *Changes) String() string {
	var b strings.Builder
	list := func(ns, verb string, items any) { fmt.Fprintf(&b, "%s: %s %+v\n", ns, verb, items) }
	for _, ch := range c.Namespaces {
		if ch.New {
			list(ch.Namespace, "new", "")
		}
		for _, t := range ch.Tables {
			list(ch.Namespace, "rules", "\n"+t.String())
		}
		each(ch.AddLinks, func(x Link) { list(ch.Namespace, "add link", x) })
		each(ch.AddAddrs, func(x Addr) { list(ch.Namespace, "add address", x) })
		each(ch.AddNeighs, func(x Neigh) { list(ch.Namespace, "add neighbour", x) })
		each(ch.PutRoutes, func(x Route) { list(ch.Namespace, "put route", x) })
		each(ch.AddRules, func(x PolicyRule) { list(ch.Namespace, "add rule", x) })
		each(ch.DelRules, func(x PolicyRule) { list(ch.Namespace, "delete rule", x) })
		each(ch.DelRoutes, func(x Route) { list(ch.Namespace, "delete route", x) })
		each(ch.DelNeighs, func(x Neigh) { list(ch.Namespace, "delete neighbour", x) })
		each(ch.DelAddrs, func(x Addr) { list(ch.Namespace, "delete address", x) })
		each(ch.DelLinks, func(x Link) { list(ch.Namespace, "delete link", x) })
	}
	each(c.Remove, func(x string) { list(x, "remove", "") })
	each(c.Forget, func(x netip.Addr) { list("flows", "forget", x) })
	return b.String()
}

func each[T any](list []T, f func(T)) {
	for _, x := range list {
		f(x)
	}
}

// Diff gives the changes from have to want; have may be nil.
func Diff(have, want *Network) (*Changes, error) {
	if have == nil {
		have = &Network{VPC: want.VPC, Internet: Namespace{Name: Internet}}
	}
	out := &Changes{}
	old := map[string]*Namespace{}
	for i := range have.Namespaces {
		old[have.Namespaces[i].Name] = &have.Namespaces[i]
	}
	kept := map[string]bool{Internet: true, Hub: true}
	for i := range want.Namespaces {
		w := &want.Namespaces[i]
		kept[w.Name] = true
		c, err := diffNamespace(old[w.Name], w)
		if err != nil {
			return nil, fmt.Errorf("VPC %s, namespace %s: %w", want.VPC, w.Name, err)
		}
		if c != nil {
			out.Namespaces = append(out.Namespaces, *c)
		}
	}
	for _, ns := range have.Namespaces {
		if !kept[ns.Name] {
			out.Remove = append(out.Remove, ns.Name)
		}
	}
	for _, shared := range [][2]*Namespace{{&have.Internet, &want.Internet}, {&have.Hub, &want.Hub}} {
		c, err := diffNamespace(shared[0], shared[1])
		if err != nil {
			return nil, err
		}
		if c != nil {
			out.Namespaces = append(out.Namespaces, *c)
		}
	}
	for i := range out.Namespaces { // a link goes with the namespace at its far end
		ch := &out.Namespaces[i]
		ch.DelLinks = slices.DeleteFunc(ch.DelLinks, func(l Link) bool { return l.PeerNS != "" && !kept[l.PeerNS] })
	}
	out.Forget = forgotten(have, want)
	return out, nil
}

// forgotten lists addresses that are gone, and private ones whose public address is another.
func forgotten(have, want *Network) []netip.Addr {
	if sameOwners(have, want) {
		return nil
	}
	was, is := owners(have), owners(want)
	var out []netip.Addr
	for a, o := range was {
		if is[a] != o {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return out
}

// sameOwners is a quick look whether anything may be forgotten at all.
func sameOwners(have, want *Network) bool {
	return len(have.Namespaces) > 0 && len(want.Namespaces) > 0 && slices.Equal(have.Namespaces[0].Routes, want.Namespaces[0].Routes) &&
		slices.EqualFunc(have.public, want.public, func(a, b netplan.PublicAddr) bool { return a.Public == b.Public && a.Private == b.Private })
}

// owners says where an address leads: a private one to a link, a public one to a private one.
func owners(n *Network) map[netip.Addr]string {
	m := map[netip.Addr]string{}
	if len(n.Namespaces) == 0 {
		return m
	}
	r := &n.Namespaces[0]
	for _, route := range r.Routes {
		if route.Table == eniTable && route.Dest.IsSingleIP() {
			m[route.Dest.Addr()] = route.Link
		}
	}
	for _, p := range n.public {
		m[p.Public] = p.Private.String()
	}
	return m
}

func diffNamespace(have, want *Namespace) (*Change, error) {
	c := &Change{Namespace: want.Name, New: have == nil}
	if have == nil {
		have = &Namespace{}
		c.Sysctls, c.LateSysctl = want.Sysctls, want.Late
	}
	if want.Table != nil && want.Table != have.Table {
		var err error
		if c.Tables, err = nft.Diff(have.Table, want.Table); err != nil {
			return nil, err
		}
	}
	c.AddLinks, c.DelLinks = changes(have.Links, want.Links)
	c.AddAddrs, c.DelAddrs = changes(have.Addrs, want.Addrs)
	c.AddNeighs, c.DelNeighs = changes(have.Neighs, want.Neighs)
	c.AddRules, c.DelRules = changes(have.Rules, want.Rules)
	c.PutRoutes, c.DelRoutes = changes(have.Routes, want.Routes)
	if late, _ := changes(have.Late, want.Late); len(late) > 0 {
		c.LateSysctl = want.Late
	}
	type place struct {
		table  int
		dest   netip.Prefix
		metric int
	}
	put := map[place]bool{}
	for _, r := range c.PutRoutes {
		put[place{r.Table, r.Dest, r.Metric}] = true
	}
	c.DelRoutes = slices.DeleteFunc(c.DelRoutes, func(r Route) bool { return put[place{r.Table, r.Dest, r.Metric}] })
	gone := map[string]bool{} // what is on a link goes with it, but for routes: they end at once
	for _, l := range c.DelLinks {
		gone[l.Name] = true
	}
	c.DelNeighs = slices.DeleteFunc(c.DelNeighs, func(n Neigh) bool { return gone[n.Link] })
	c.DelAddrs = slices.DeleteFunc(c.DelAddrs, func(a Addr) bool { return gone[a.Link] })
	if !c.New && c.empty() {
		return nil, nil
	}
	return c, nil
}

func (c *Change) empty() bool {
	return len(c.Tables)+len(c.AddLinks)+len(c.DelLinks)+len(c.AddAddrs)+len(c.DelAddrs)+len(c.AddNeighs)+len(c.DelNeighs)+
		len(c.PutRoutes)+len(c.DelRoutes)+len(c.AddRules)+len(c.DelRules)+len(c.LateSysctl) == 0
}

// changes compares lists whose order does not matter. Most lists are the same,
// or the same at both ends.
func changes[T comparable](have, want []T) (add, del []T) {
	if len(have) == len(want) && unsafe.SliceData(have) == unsafe.SliceData(want) {
		return nil, nil
	}
	for len(have) > 0 && len(want) > 0 && have[0] == want[0] {
		have, want = have[1:], want[1:]
	}
	for len(have) > 0 && len(want) > 0 && have[len(have)-1] == want[len(want)-1] {
		have, want = have[:len(have)-1], want[:len(want)-1]
	}
	if len(have)+len(want) == 0 {
		return nil, nil
	}
	was, is := set(have), set(want)
	for _, x := range want {
		if _, ok := was[x]; !ok {
			add = append(add, x)
		}
	}
	for _, x := range have {
		if _, ok := is[x]; !ok {
			del = append(del, x)
		}
	}
	return add, del
}

func set[T comparable](list []T) map[T]struct{} {
	return maps.Collect(func(yield func(T, struct{}) bool) {
		for _, x := range list {
			if !yield(x, struct{}{}) {
				return
			}
		}
	})
}
