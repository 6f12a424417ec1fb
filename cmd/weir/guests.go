package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"weir/internal/cloud"
	"weir/internal/sandbox"
)

// guests are the attached hosts that run. Those of an earlier daemon are taken
// over if the network still has their namespaces, and ended otherwise.
type guests struct {
	mu    sync.Mutex // guards all and found
	all   map[cloud.InterfaceID]*guest
	found map[cloud.InterfaceID]*foundGuest // from before, until they are taken over
}

// foundGuest is one that an earlier daemon had started.
type foundGuest struct {
	conn  net.Conn
	netns uint64 // inode of its namespace
}

// held says whether a host from before runs behind the interface.
func (g *guests) held(id cloud.InterfaceID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.found[id] != nil
}

func (g *guests) add(h *guest) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all[h.eni.ID] = h
}

func (g *guests) remove(id cloud.InterfaceID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.all, id)
}

// end ends every host and waits for that.
func (g *guests) end() {
	g.mu.Lock()
	var all []*guest
	for _, h := range g.all {
		all = append(all, h)
	}
	g.mu.Unlock()
	for _, h := range all {
		_ = writeFrame(h.conn, frameEnd, nil)
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		g.mu.Lock()
		left := 0
		for _, h := range all {
			if g.all[h.eni.ID] == h {
				left++
			}
		}
		g.mu.Unlock()
		if left == 0 {
			return
		}
	}
}

// findGuests looks for hosts that outlived an earlier daemon. One that is in a
// namespace that nobody holds any more is ended.
func (d *daemon) findGuests(context.Context) error {
	d.guests = &guests{all: map[cloud.InterfaceID]*guest{}, found: map[cloud.InterfaceID]*foundGuest{}}
	entries, err := os.ReadDir(d.guestsDir())
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("looking for attached hosts: %w", err)
	}
	for _, e := range entries {
		dir := filepath.Join(d.guestsDir(), e.Name())
		f, err := findGuest(dir)
		if err == nil && d.pins.Has(f.netns) {
			d.guests.found[cloud.InterfaceID(e.Name())] = f
			continue
		}
		if err == nil {
			f.end()
		}
		clearGuest(dir)
	}
	return nil
}

// clearGuest removes what a host leaves that has ended.
func clearGuest(dir string) {
	if _, err := os.Stat(sandbox.RootOf(dir)); err == nil { // a container, whose keeper may have been killed
		_ = sandbox.Sweep(dir)
	}
	_ = os.RemoveAll(dir)
}

func findGuest(dir string) (*foundGuest, error) {
	conn, err := dialKeeper(dir, keeperDaemon)
	if err != nil {
		return nil, err
	}
	f := &foundGuest{conn: conn}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	kind, b, err := readFrame(conn)
	if err == nil && kind == frameOutput {
		f.netns, err = strconv.ParseUint(string(b), 10, 64)
	}
	if err != nil {
		f.end()
		return nil, err
	}
	_ = conn.SetReadDeadline(time.Time{})
	return f, nil
}

// end ends it and waits until it is gone.
func (f *foundGuest) end() {
	_ = writeFrame(f.conn, frameEnd, nil)
	_ = f.conn.SetReadDeadline(time.Now().Add(patience))
	_, _, _ = readFrame(f.conn)
	_ = f.conn.Close()
}

// takeGuests takes over the hosts that were found, now that there is a network.
func (d *daemon) takeGuests(ctx context.Context) error {
	d.onClose(func() error { d.guests.end(); return nil })
	for id, f := range d.guests.found {
		if err := d.takeGuest(ctx, id, f); err != nil {
			d.log.Error("taking an attached host over; it ends", "eni", id, "err", err)
			f.end()
		}
	}
	d.guests.mu.Lock()
	defer d.guests.mu.Unlock()
	clear(d.guests.found)
	return nil
}

func (d *daemon) takeGuest(ctx context.Context, id cloud.InterfaceID, f *foundGuest) error {
	v := d.store.View()
	eni, ok := cloud.Interfaces.Get(v, id)
	if !ok {
		return fmt.Errorf("its interface is gone")
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	h := &guest{d: d, eni: eni, conn: f.conn}
	var err error
	if h.slot, err = d.lease(ctx, eni, v.Rev()); err != nil {
		h.close()
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(h.slot.NetNS.Fd()), &st); err != nil || st.Ino != f.netns {
		h.close()
		return fmt.Errorf("its namespace is not the interface's any more")
	}
	d.guests.add(h)
	go h.watch()
	return nil
}

// keep starts the host's keeper and follows it.
func (h *guest) keep() error {
	o := keepOrder{attachRequest: h.in, Names: h.dir(), Host: h.hostname(), Pins: h.d.pinsDir(), Container: h.container}
	if err := startKeeper(o, h.slot.NetNS); err != nil {
		return fmt.Errorf("starting the host's keeper: %w", err)
	}
	f, err := findGuest(h.dir())
	if err != nil {
		return fmt.Errorf("reaching the host's keeper: %w", err)
	}
	h.conn = f.conn
	h.d.guests.add(h)
	go h.watch()
	return nil
}

// watch gives everything back when the program has ended, and says so by closing
// the connection.
func (h *guest) watch() {
	_, _, _ = readFrame(h.conn)
	h.close()
	_ = h.conn.Close()
	h.d.guests.remove(h.eni.ID)
}
