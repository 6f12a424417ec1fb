package linux

import (
	"slices"
	"strings"
	"testing"

	"weir/internal/dataplane"
	"weir/internal/netplan"
)

// TestTakeOverHub lets a Kernel go without Close, and has the next one take over
// its hub: connections between VPCs go on, and what nobody wants there is gone.
func TestTakeOverHub(t *testing.T) {
	for name, plans := range map[string]func() (a, b *netplan.Plan){"peering": pair, "transit": spokes} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			_, next := w.kept()
			a, b := plans()
			na, nb := w.apply(a), w.apply(b)
			w.echo(w.ns(nb, "eni-b"), "10.1.0.10:7")
			conn := w.dial(w.ns(na, "eni-app"), "tcp4", "10.1.0.10:7")
			answers := func(when string) {
				t.Helper()
				if _, err := conn.Write([]byte("x")); err != nil {
					t.Fatalf("%s: %v", when, err)
				}
				if _, err := conn.Read(make([]byte, 1)); err != nil {
					t.Fatalf("%s: %v", when, err)
				}
			}
			answers("at first")
			hub, err := w.k.Open("vpc-a", dataplane.Hub)
			if err != nil {
				t.Fatal(err)
			}
			defer hub.Close()
			state := func() string { // but for the routes that the kernel itself adds to links in its time
				lines := slices.Collect(strings.Lines(w.learned(hub) + "\n" + w.wired(hub)))
				return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "route 255 ") }), "")
			}
			before := state()

			w.letGo()
			w.in(hub, func() error { return clutter(nb) })
			if state() == before {
				t.Fatal("nothing was broken")
			}
			next()
			w.apply(b)
			w.apply(a)
			if now := state(); now != before {
				t.Errorf("the hub has\n%s\nbefore it had\n%s", now, before)
			}
			answers("afterwards")
		})
	}
}

// clutter adds to the hub what a VPC that is gone may have left, and what one of
// the VPCs does not want, and takes something of its away.
func clutter(n *dataplane.Network) error {
	s := &space{}
	if err := s.open(false); err != nil {
		return err
	}
	defer s.close()
	own := n.Hub.Neighs[0]
	ix := s.indexes(nil)
	i, err := ix.of(own.Link)
	if err != nil {
		return err
	}
	return eachErr([]func() error{
		func() error { return s.addLink(dataplane.Link{Name: "v77p1", Index: 5000, Peer: "far"}, nil) },
		func() error { return s.rule(dataplane.PolicyRule{Priority: 100, From: "v77p1", Table: 4321}, true) },
		func() error { return s.rule(dataplane.PolicyRule{Priority: 90, From: own.Link, Table: 1234}, true) },
		func() error {
			return s.route(dataplane.Route{Table: 4321, Dest: prefix("9.9.9.0/24"), Kind: dataplane.Discard, Metric: 1 << 16}, 0, true)
		},
		func() error {
			return s.route(dataplane.Route{Table: 1234, Dest: prefix("9.9.9.0/24"), Kind: dataplane.Discard, Metric: 1 << 16}, 0, true)
		},
		func() error {
			return s.route(dataplane.Route{Table: 1234, Dest: all4, Kind: dataplane.Unicast, Link: own.Link, Via: own.Addr}, i, true)
		},
		func() error { return s.neigh(own, i, false) },
	}, func(f func() error) error { return f() })
}
