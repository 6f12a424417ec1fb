package linux

import (
	"context"
	"fmt"
	"os"

	"weir/internal/cloud"
	"weir/internal/dataplane"
	"weir/internal/dataplane/nft"
)

// AddSlot makes a slot's namespace with a link to its host.
func (k *Kernel) AddSlot(ctx context.Context, id cloud.VPCID, n *dataplane.SlotNet) (*os.File, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v, err := k.find(id)
	if err != nil {
		return nil, err
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	host, err := k.space(v, n.Host)
	if err != nil {
		return nil, err
	}
	slot, err := newSpace(k.threads, v.pin(n.Inner.Name), n.Inner.Sysctls, false)
	if err != nil {
		return nil, err
	}
	if n.Reused { // flows of who had the address before must not go on
		err = k.forgetSlot(host, n)
	}
	if err == nil {
		err = k.hang(v, host, slot, n)
	}
	if err != nil {
		_ = v.slotRules(host, n, nft.DelElems) // if it got that far
		slot.close()
		return nil, fmt.Errorf("slot %s of VPC %s: %w", n.Inner.Name, id, err)
	}
	slot.rt.Close()
	return slot.file, nil
}

// forgetSlot ends the flows of who had the slot's addresses before.
func (k *Kernel) forgetSlot(host *space, n *dataplane.SlotNet) error {
	return k.change(func() error {
		return k.forgetIn(host, func(set addrSet) {
			for _, a := range n.Inner.Addrs {
				set[a.Addr] = true
			}
		})
	})
}

func (k *Kernel) hang(v *vpc, host, slot *space, n *dataplane.SlotNet) error {
	if err := v.slotRules(host, n, nft.AddElems); err != nil {
		return err
	}
	if err := host.addLink(n.Link, slot.file); err != nil {
		return err
	}
	ix := host.indexes([]dataplane.Link{n.Link})
	if err := host.configure(&dataplane.Change{AddNeighs: n.Neighs, PutRoutes: n.Routes}, ix); err != nil {
		return err
	}
	if err := slot.rt.LinkSetUp(device(1)); err != nil {
		return fmt.Errorf("set lo up: %w", err)
	}
	in := &dataplane.Change{New: true, AddAddrs: n.Inner.Addrs, AddNeighs: n.Inner.Neighs, PutRoutes: n.Inner.Routes}
	sx := slot.indexes(nil)
	if err := upBehind(slot, in, sx); err != nil {
		return err
	}
	if err := slot.configure(in, sx); err != nil {
		return err
	}
	if err := host.ready([]dataplane.Link{n.Link}, nil); err != nil {
		return err
	}
	k.joinFast(v, host, n.Link.Index)
	return slot.ready(nil, n.Inner.Addrs)
}

// slotRules adds the slot to its host's rules, or deletes it there.
func (v *vpc) slotRules(host *space, n *dataplane.SlotNet, change func(string, *nft.Set, ...nft.Elem) *nft.Batch) error {
	b := change(n.Table, n.Set4, n.Elem4)
	if len(n.Elem6.Key) > 0 {
		b.Ops = append(b.Ops, change(n.Table, n.Set6, n.Elem6).Ops...)
	}
	lock := v.slots[n.Host]
	lock.Lock()
	defer lock.Unlock()
	return host.rules.Commit(b)
}

// DropSlot takes a slot off its host; the link goes with the namespace.
func (k *Kernel) DropSlot(id cloud.VPCID, n *dataplane.SlotNet, ns *os.File) {
	defer ns.Close()
	v, err := k.find(id)
	if err != nil {
		return // gone, and its links with it
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	k.takeOff(v, id, n)
}

// takeOff removes what a slot's host knows of it.
func (k *Kernel) takeOff(v *vpc, id cloud.VPCID, n *dataplane.SlotNet) {
	host := v.spaces[n.Host]
	if host == nil {
		return
	}
	if err := k.change(func() error { return v.slotRules(host, n, nft.DelElems) }); err != nil {
		k.log.Warn("slot not taken out of the rules", "vpc", id, "slot", n.Inner.Name, "err", err)
	}
	ix := host.indexes([]dataplane.Link{n.Link})
	if err := host.configure(&dataplane.Change{DelRoutes: n.Routes}, ix); err != nil {
		k.log.Warn("slot's route not deleted", "vpc", id, "slot", n.Inner.Name, "err", err)
	}
}
