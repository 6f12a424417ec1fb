package reach_test

import (
	"context"
	"slices"
	"testing"

	"weir/internal/cloud"
	"weir/internal/netplan"
	"weir/internal/reach"
	"weir/internal/store"
)

// TestHiding: what is hidden is not looked into: a path ends before it, and an
// endpoint of a hidden service is as far as anyone sees.
func TestHiding(t *testing.T) {
	both := func(fs ...func(cloud.Tx)) func(cloud.Tx) {
		return func(tx cloud.Tx) {
			for _, f := range fs {
				f(tx)
			}
		}
	}
	shut := func(tx cloud.Tx) { // the target's group; nobody who looks could find the way
		edit(tx, cloud.SecurityGroups, "sg-target", func(g *cloud.SecurityGroup) { g.Rules = nil })
		cloud.Listeners.Delete(tx, "l-1")
	}
	for _, c := range []struct {
		name       string
		world      func(cloud.Tx)
		from       cloud.InterfaceID
		to         string
		reachable  bool
		code, last string // the last component
	}{
		{name: "peering", world: both(base, peered), from: "eni-fn", to: "10.1.0.30", code: "NO_POSSIBLE_DESTINATION", last: "pcx-1"},
		{name: "nobody is there", world: both(base, peered), from: "eni-fn", to: "10.1.0.99", code: "NO_POSSIBLE_DESTINATION", last: "pcx-1"},
		{name: "transit router", world: both(base, hubbed), from: "eni-fn", to: "10.1.0.20", code: "NO_POSSIBLE_DESTINATION", last: "tgw-1"},
		{name: "its own rules still count", world: both(base, peered), from: "eni-dark", to: "10.1.0.30", code: "NO_ROUTE_TO_DESTINATION"},
		{name: "endpoint service", world: offered, from: "eni-db", to: "10.0.1.70", reachable: true, last: "eni-vpce"},
		{name: "endpoint service that leads nowhere", world: both(offered, shut), from: "eni-db", to: "10.0.1.70", reachable: true, last: "eni-vpce"},
		{name: "answers of an endpoint service", world: both(offered, func(tx cloud.Tx) {
			edit(tx, cloud.NetworkACLs, "acl-pub", func(a *cloud.NetworkACL) { a.Entries = openACL()[2:] })
		}), from: "eni-web", to: "10.0.1.70", code: "SUBNET_ACL_RESTRICTION", last: "eni-vpce"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := store.NewMemory(cloud.Schema())
			if _, err := s.Update(context.Background(), func(tx cloud.Tx) error { c.world(tx); return nil }); err != nil {
				t.Fatal(err)
			}
			compile := func(id cloud.VPCID) *netplan.Plan {
				if id != "vpc-1" {
					t.Errorf("looks into %s", id)
				}
				return netplan.Compile(s.View(), id)
			}
			hidden := []string{"vpc-2", "vpc-3", "svc-1"}
			a := reach.Across("vpc-1", compile).Hiding(func(r cloud.Ref) bool { return slices.Contains(hidden, r.ID) }).
				Explain(reach.Query{From: c.from, To: ip(c.to), Port: 80})
			if a.Reachable != c.reachable || a.Code != c.code {
				t.Fatalf("reachable %v, code %s, want %v, %s: %s", a.Reachable, a.Code, c.reachable, c.code, a.Text)
			}
			path := reach.InOrder(a.Path)
			if c.last != "" && path[len(path)-1].Resource.ID != c.last {
				t.Errorf("the path ends at %s, want %s", path[len(path)-1].Resource.ID, c.last)
			}
		})
	}
}
