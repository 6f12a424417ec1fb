package linux

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"weir/internal/dataplane"
	"weir/internal/netplan"
)

// TestTakeOver lets a Kernel go without Close, breaks what it left, and has the
// next one take it over: what was right stays, what was not is put right.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := filepath.Join(t.TempDir(), "netns")
	open := func() *Kernel {
		p, err := OpenPins(dir)
		if err != nil {
			t.Fatal(err)
		}
		if p.dir == "" {
			t.Skip("needs the right to mount")
		}
		k, err := New(Config{Pins: p, Internet: w.internet})
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	_ = w.k.Close()
	w.k = open()
	n := w.apply(sample("vpc-1"))
	gone := sample("vpc-2")
	gone.Gateway, gone.NATs = nil, nil
	w.apply(gone)
	app, db := w.ns(n, "eni-app"), w.ns(n, "eni-db")
	w.whoami(db, "0.0.0.0:80")
	router, err := w.k.Open("vpc-1", dataplane.Router)
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	before := w.learned(router) + w.wired(router)

	for _, v := range w.k.vpcs { // as if the process had ended
		for _, s := range v.spaces {
			s.close()
		}
	}
	w.in(router, func() error { return vandalize(n) })
	if w.learned(router)+w.wired(router) == before {
		t.Fatal("nothing was broken")
	}
	w.k = open()
	w.k.OnDrop(func(dataplane.Packet) {})
	if left := w.k.Left(); len(left) != 2 || left["vpc-1"].VPC != 1 {
		t.Fatalf("left are %v", left)
	}
	w.apply(sample("vpc-1"))
	if err := w.k.Apply(context.Background(), dataplane.Lower(&netplan.Plan{VPC: "vpc-2"}, w.num("vpc-2"))); err != nil {
		t.Fatal(err)
	}
	if now := w.learned(router) + w.wired(router); now != before {
		t.Errorf("the router has\n%s\nbefore it had\n%s", now, before)
	}
	w.seen("a connection afterwards", w.tcp(app, "10.0.1.30:80"), "10.0.1.10")
	if names, _ := filepath.Glob(filepath.Join(dir, "vpc-2*")); len(names) > 0 {
		t.Errorf("a VPC that is not wanted any more has left %v", names)
	}
}

// vandalize adds to a router what nobody wants, and takes something away.
func vandalize(n *dataplane.Network) error {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer h.Close()
	s := &space{rt: h}
	trap, err := h.LinkByName("blackhole")
	if err != nil {
		return err
	}
	index := trap.Attrs().Index
	var lost dataplane.Neigh
	for _, x := range n.Namespaces[0].Neighs {
		if strings.HasPrefix(x.Addr.String(), "10.0.1.30") {
			lost = x
		}
	}
	link, err := h.LinkByName(lost.Link)
	if err != nil {
		return err
	}
	return eachErr([]func() error{
		func() error { return s.addLink(dataplane.Link{Name: "evil", Index: 4000, Peer: "evil-"}, nil) },
		func() error {
			return s.route(dataplane.Route{Table: 1001, Dest: prefix("9.9.9.0/24"), Kind: dataplane.Unicast, Link: "blackhole"}, index, true)
		},
		func() error { return s.rule(dataplane.PolicyRule{Priority: 50, Table: 1234}, true) },
		func() error { return s.addr(dataplane.Addr{Link: "lo", Addr: ip("10.0.0.77")}, 1, true) },
		func() error { return s.neigh(lost, link.Attrs().Index, false) },
	}, func(f func() error) error { return f() })
}

// wired lists a namespace's links and policy rules.
func (w *world) wired(ns *nsFile) string {
	w.t.Helper()
	var b strings.Builder
	w.in(ns, func() error {
		h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return err
		}
		defer h.Close()
		links, err := h.LinkList()
		if err != nil {
			return err
		}
		for _, l := range links {
			b.WriteString("link " + l.Attrs().Name + " " + l.Attrs().HardwareAddr.String() + "\n")
		}
		for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
			rules, err := h.RuleList(family)
			if err != nil {
				return err
			}
			for _, r := range rules {
				b.WriteString(r.String() + "\n")
			}
		}
		return nil
	})
	return b.String()
}
