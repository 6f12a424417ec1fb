package host

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"weir/internal/cloud"
	"weir/internal/sandbox"
)

// resume goes on with the machine that an earlier process left running for the
// instance. One that is not wanted any more as it is ends, and starts anew.
func (r *runner) resume(ctx context.Context) {
	left, ok := r.cfg.Machine.Left(string(r.id))
	if !ok {
		return
	}
	err := r.takeOver(ctx, left)
	if err == nil {
		return
	}
	if ctx.Err() == nil {
		r.cfg.Log.Warn("an instance is not taken over from before; it starts again", "instance", r.id, "err", err)
	}
	if r.machine != nil {
		r.end()
	}
	if err := r.cfg.Machine.EndLeft(string(r.id)); err != nil {
		r.cfg.Log.Error("ending an instance's machine", "instance", r.id, "err", err)
	}
}

func (r *runner) takeOver(ctx context.Context, left sandbox.Record) error {
	v := r.cfg.State.View()
	i, ok := cloud.Instances.Get(v, r.id)
	if !ok || !i.Phase.Up() || left.Note != strconv.Itoa(i.Boot) {
		return fmt.Errorf("it is not to run as it did")
	}
	eni, ok := cloud.Interfaces.Get(v, i.Interface)
	if !ok {
		return fmt.Errorf("its network interface %s is gone", i.Interface)
	}
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	slot, err := r.cfg.Lease(ctx, eni, v.Rev())
	if err != nil {
		return fmt.Errorf("connecting it: %w", err)
	}
	if err := same(slot.NetNS, left); err != nil {
		slot.Release()
		return err
	}
	m, err := r.cfg.Machine.Adopt(string(r.id), r.n.console.line)
	if err != nil {
		slot.Release()
		return err
	}
	r.n.console.add(fmt.Sprintf("[weir] %s went on while there was no daemon", r.id))
	return r.have(m, slot, i)
}

// same checks that a machine is in the namespace that its interface has now.
func same(ns *os.File, left sandbox.Record) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(ns.Fd()), &st); err != nil {
		return err
	}
	if inode, err := left.NetNS(); err != nil || inode != st.Ino {
		return fmt.Errorf("its network is not the interface's any more")
	}
	return nil
}
