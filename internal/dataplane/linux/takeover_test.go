package linux

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
	dir, next := w.kept()
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

	w.letGo()
	w.in(router, func() error { return vandalize(n) })
	if w.learned(router)+w.wired(router) == before {
		t.Fatal("nothing was broken")
	}
	next()
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

// kept has the world's Kernel be one whose namespaces outlive it, in dir; next makes
// the one of the next process.
func (w *world) kept() (dir string, next func()) {
	w.t.Helper()
	dir = filepath.Join(w.t.TempDir(), "netns")
	next = func() {
		w.t.Helper()
		p, err := OpenPins(dir)
		if err != nil {
			w.t.Fatal(err)
		}
		if p.dir == "" {
			w.t.Skip("needs the right to mount")
		}
		if w.k, err = New(Config{Pins: p, Internet: w.internet}); err != nil {
			w.t.Fatal(err)
		}
		w.k.OnDrop(func(dataplane.Packet) {})
	}
	_ = w.k.Close()
	next()
	return dir, next
}

// letGo closes what the Kernel has open, as if its process had ended.
func (w *world) letGo() {
	for _, v := range w.k.vpcs {
		for _, s := range v.spaces {
			s.close()
		}
	}
	if w.k.hub != nil {
		w.k.hub.close()
	}
}

// TestFlowsEndAfterAll lets a process end after an elastic IP has moved and before
// the flows that had it were ended: the next process ends them.
func TestFlowsEndAfterAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, next := w.kept()
	n := w.apply(sample("vpc-1"))
	w.echo(w.ns(n, "eni-web"), "0.0.0.0:80")
	var c net.Conn
	w.in(w.internet, func() (err error) {
		c, err = net.DialTimeout("tcp", "203.0.113.10:80", patience)
		return err
	})
	defer c.Close()
	goesOn := func() bool {
		_ = c.SetDeadline(time.Now().Add(patience))
		_, err := c.Write([]byte("x"))
		if err == nil {
			_, err = io.ReadFull(c, make([]byte, 1))
		}
		return err == nil
	}
	moved := sample("vpc-1")
	moved.Gateway.Public[1].Private = ip("10.0.0.20")
	want := dataplane.Lower(moved, w.num("vpc-1"))
	v, err := w.k.find("vpc-1")
	if err != nil {
		t.Fatal(err)
	}
	changes, err := dataplane.Diff(v.have, want)
	if err == nil {
		err = w.k.note(v, want, changes.Forget)
	}
	if len(changes.Forget) == 0 {
		t.Fatal("the move is to end no flow")
	}
	changes.Forget = nil // so far the process got
	if err = errors.Join(err, w.k.apply(t.Context(), v, want, changes)); err != nil {
		t.Fatal(err)
	}
	if !goesOn() {
		t.Fatal("the flow has ended already")
	}
	w.letGo()
	next()
	w.apply(moved)
	if goesOn() {
		t.Error("a flow with an elastic IP that moved goes on after the next process took over")
	}
	w.letGo()
	next()
	if left := w.k.Left()["vpc-1"].Forget; len(left) > 0 {
		t.Errorf("flows of %v are to end once more", left)
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
