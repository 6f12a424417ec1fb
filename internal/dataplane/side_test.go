package dataplane

import (
	"context"
	"net/netip"
	"slices"
	"testing"

	"weir/internal/cloud"
)

// TestLeaseBeside: once a second way was asked for, slots that have it are ready,
// and none that was made for what the network was is handed out.
func TestLeaseBeside(t *testing.T) {
	r := newRig(t, Config{Pool: 2})
	ctx := context.Background()
	put := func(blocks ...string) {
		rev := r.update(func(tx cloud.Tx) {
			putVPC(tx, cloud.UseFunction)
			vpc, _ := cloud.VPCs.Get(tx, "vpc-1")
			wider := *vpc
			for _, b := range blocks {
				wider.CIDRs = append(slices.Clip(wider.CIDRs), cloud.CIDRAssociation{ID: b, Prefix: netip.MustParsePrefix(b)})
			}
			cloud.VPCs.Put(tx, &wider)
			face, _ := cloud.Interfaces.Get(tx, "eni-function")
			side := *face
			side.ID, side.Addrs = "eni-side", []netip.Addr{netip.MustParseAddr("10.0.0.99")}
			cloud.Interfaces.Put(tx, &side)
		})
		if err := r.settle("vpc-1", rev); err != nil {
			t.Fatal(err)
		}
	}
	beside := Side{ENI: "eni-side"}
	lease := func() *Slot {
		t.Helper()
		s, err := r.m.LeaseBeside(ctx, "eni-function", beside)
		if err != nil {
			t.Fatal(err)
		}
		if s.Side != "eni-side" || s.NetNS == nil {
			t.Errorf("leased %+v", s)
		}
		return s
	}
	ready := func() (list []*Slot) {
		r.wait("slots with a second way", func() bool {
			r.m.mu.Lock()
			defer r.m.mu.Unlock()
			if b := r.m.pools["eni-function"].beside[beside]; b != nil {
				list = slices.Clone(b.ready)
			}
			return len(list) == 2
		})
		return list
	}
	put()
	first := lease()
	made := ready()
	second := lease()
	if second != made[0] || second.Addrs[0] == first.Addrs[0] {
		t.Errorf("leased %s, want %s, which was ready", second.ID, made[0].ID)
	}

	made = ready()
	put("198.18.0.0/16")
	third := lease()
	if slices.Contains(made, third) || !slices.Contains(third.way.keep, netip.MustParsePrefix("198.18.0.0/16")) {
		t.Errorf("leased %s, which keeps %v", third.ID, third.way.keep)
	}
	ready()
	for _, s := range []*Slot{first, second, third} {
		s.Close()
	}
	r.wait("the slots to be given back", func() bool { return r.m.Status()[0].Leased == 0 })

	rev := r.update(func(tx cloud.Tx) { cloud.Interfaces.Delete(tx, "eni-side") })
	if err := r.settle("vpc-1", rev); err != nil {
		t.Fatal(err)
	}
	if _, err := r.m.LeaseBeside(ctx, "eni-function", beside); !cloud.IsKind(err, cloud.Unavailable) {
		t.Errorf("a second way by an interface that is gone gives %v", err)
	}
	r.wait("what was ready to be given back", func() bool { return r.m.Status()[0].Leased == 0 })
}
