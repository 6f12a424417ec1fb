package linux

import (
	"context"
	"fmt"
	"testing"

	"weir/internal/dataplane"
	"weir/internal/dataplane/nft"
)

// TestNATUse has more connections to one destination than a NAT gateway, of
// four ports here, has ports for.
func TestNATUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := sample("vpc-1")
	n := dataplane.Lower(p, w.num(p.VPC))
	name := ""
	for i := range n.Namespaces {
		if ns := &n.Namespaces[i]; dataplane.Translates(ns) {
			table := *ns.Table
			table.Chains = nil
			for _, c := range ns.Table.Chains {
				if c.Name == "translate" {
					c = &nft.Chain{Name: c.Name, Hook: c.Hook, Rules: []nft.Rule{nft.R(nft.Eq(nft.L4Proto, nft.Proto(17)), nft.SNAT(ip("10.0.0.9"), 2000, 2003))}}
				}
				table.Chains = append(table.Chains, c)
			}
			ns.Table, name = &table, ns.Name
		}
	}
	if err := w.k.Apply(context.Background(), n); err != nil {
		t.Fatal(err)
	}
	app := w.ns(n, "eni-app")
	answered := 0
	for range 6 {
		if w.udp(app, "198.51.100.7:80").IsValid() {
			answered++
		}
	}
	if answered != 4 {
		t.Errorf("%d of 6 flows through 4 ports are answered; dropped: %v", answered, w.log())
	}
	counts, tracked, err := w.k.NATUse(context.Background(), p.VPC, name)
	if err != nil {
		t.Fatal(err)
	}
	if tracked.Connections != 4 || tracked.Refused != 2 {
		t.Errorf("tracked %+v, want 4 connections and 2 that found no port", tracked)
	}
	var got []string
	for _, c := range counts {
		got = append(got, fmt.Sprint(c.Key, c.Packets, c.Bytes))
	}
	u := dataplane.Sum(tracked, counts)
	if u.ConnectionAttemptCount != 6 || u.PacketsFromSource != 6 || u.BytesFromSource != 6*29 || u.PacketsFromDestination != 4 {
		t.Errorf("use %+v (%v), want 6 attempts of one packet of 29 bytes, and 4 answers", u, got)
	}
}
