package linux

import (
	"context"
	"fmt"
	"os"

	"weir/internal/cloud"
	"weir/internal/dataplane"
	"weir/internal/dataplane/nft"
)

// JoinSlot gives a slot, wherever its first link leads, a second one to a host
// of this VPC.
func (k *Kernel) JoinSlot(ctx context.Context, id cloud.VPCID, n *dataplane.SlotNet, ns *os.File) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	v, err := k.find(id)
	if err != nil {
		return err
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	host, err := k.space(v, n.Host)
	if err != nil {
		return err
	}
	slot := &space{name: n.Inner.Name}
	if err := k.threads.inside(ns, func() error { return slot.open(false) }); err != nil {
		return err
	}
	defer slot.rt.Close()
	if n.Reused {
		if err := k.forgetSlot(host, n); err != nil {
			return err
		}
	}
	if err := k.second(v, host, slot, ns, n); err != nil {
		_ = v.slotRules(host, n, nft.DelElems)
		return fmt.Errorf("slot %s of VPC %s: %w", n.Inner.Name, id, err)
	}
	return nil
}

func (k *Kernel) second(v *vpc, host, slot *space, ns *os.File, n *dataplane.SlotNet) error {
	if err := v.slotRules(host, n, nft.AddElems); err != nil {
		return err
	}
	if err := host.addLink(n.Link, ns); err != nil {
		return err
	}
	if err := host.configure(&dataplane.Change{AddNeighs: n.Neighs, PutRoutes: n.Routes}, host.indexes([]dataplane.Link{n.Link})); err != nil {
		return err
	}
	if err := slot.up(n.Link.Peer); err != nil {
		return err
	}
	in := &dataplane.Change{AddAddrs: n.Inner.Addrs, AddNeighs: n.Inner.Neighs, PutRoutes: n.Inner.Routes}
	if err := slot.configure(in, slot.indexes(nil)); err != nil {
		return err
	}
	if err := host.ready([]dataplane.Link{n.Link}, nil); err != nil {
		return err
	}
	k.joinFast(v, host, n.Link.Index)
	return nil
}

// LeaveSlot takes a slot's second link off its host; the link itself goes with
// the slot's namespace.
func (k *Kernel) LeaveSlot(id cloud.VPCID, n *dataplane.SlotNet) {
	v, err := k.find(id)
	if err != nil {
		return
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	k.takeOff(v, id, n)
}
