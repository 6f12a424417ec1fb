package linux

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"weir/internal/cloud"
	"weir/internal/dataplane"
)

// left is what an earlier process left of one VPC.
type left struct {
	kept  dataplane.Kept
	files map[string]*os.File
}

// Left lists the VPCs that an earlier process left.
func (k *Kernel) Left() map[cloud.VPCID]dataplane.Kept {
	k.mu.Lock()
	defer k.mu.Unlock()
	list := map[cloud.VPCID]dataplane.Kept{}
	for id, l := range k.left {
		list[id] = l.kept
	}
	return list
}

// adopt takes over what an earlier process left of the VPC: it looks what is
// there, so that Apply changes what differs and nothing else, and flows go on.
// Rules are not compared but replaced, in one batch. v.mu is held.
func (k *Kernel) adopt(v *vpc, want *dataplane.Network) (err error) {
	k.mu.Lock()
	l := k.left[v.id]
	k.mu.Unlock()
	if l == nil {
		return nil
	}
	defer func() {
		if err != nil { // the next Apply begins anew
			v.drop()
			return
		}
		k.mu.Lock()
		delete(k.left, v.id)
		k.mu.Unlock()
	}()
	have := &dataplane.Network{VPC: v.id, Internet: dataplane.Namespace{Name: dataplane.Internet}}
	ends := farEnds(want)
	wanted := map[string]bool{}
	for i := range want.Namespaces {
		w := &want.Namespaces[i]
		wanted[w.Name] = true
		file := l.files[w.Name]
		if file == nil {
			continue
		}
		s := &space{name: v.pin(w.Name), file: file}
		v.spaces[w.Name], v.slots[w.Name] = s, &sync.Mutex{}
		ns, err := k.takeOver(v, s, w, ends)
		if err != nil {
			return fmt.Errorf("namespace %s: %w", w.Name, err)
		}
		have.Namespaces = append(have.Namespaces, *ns)
	}
	for name, file := range l.files {
		if !wanted[name] {
			v.spaces[name] = &space{name: v.pin(name), file: file}
			have.Namespaces = append(have.Namespaces, dataplane.Namespace{Name: name})
		}
	}
	k.inet.Lock()
	defer k.inet.Unlock()
	own := func(link string) bool { return ownLink(link, l.kept.VPC) }
	in, err := k.internet.observe(own, &want.Internet)
	if err != nil {
		return fmt.Errorf("the internet: %w", err)
	}
	in.Name = dataplane.Internet
	have.Internet = *in
	have.Hub.Name = dataplane.Hub
	if k.hub != nil {
		hub, err := k.hub.observe(own, &want.Hub)
		if err != nil {
			return fmt.Errorf("the hub: %w", err)
		}
		hub.Name = dataplane.Hub
		have.Hub = *hub
	}
	v.have, v.owed = have, l.kept.Forget
	return nil
}

// note keeps what the next process has to know of a VPC: its numbers, and whose
// flows are still to end, as nothing else would tell it that once rules and routes
// are the new ones.
func (k *Kernel) note(v *vpc, want *dataplane.Network, forget []netip.Addr) error {
	if want.Kept == nil || want.Kept == v.noted && len(forget) == 0 && len(v.owed) == 0 {
		return nil
	}
	kept := *want.Kept
	kept.Forget = forget
	if err := k.pins.note(v.id, &kept); err != nil {
		return err
	}
	v.noted, v.owed = want.Kept, forget
	return nil
}

func union(a, b []netip.Addr) []netip.Addr {
	all := slices.Concat(a, b)
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all)
}

// drop closes what is open of the VPC but for the namespaces themselves.
func (v *vpc) drop() {
	for name, s := range v.spaces {
		v.stopTranslator(name)
		s.file = nil
		s.close()
		delete(v.spaces, name)
		delete(v.slots, name)
	}
}

// ownLink tells a VPC's links in the internet's namespace by their names.
func ownLink(name string, vpc int) bool {
	rest, ok := strings.CutPrefix(name, "v"+strconv.Itoa(vpc))
	return ok && (rest == "" || rest[0] < '0' || rest[0] > '9')
}

// farEnds lists the links that are in a namespace because others lead there.
func farEnds(n *dataplane.Network) map[string]map[string]bool {
	ends := map[string]map[string]bool{}
	for _, ns := range n.Namespaces {
		for _, l := range ns.Links {
			at := l.PeerNS
			if at == "" {
				at = ns.Name
			}
			if ends[at] == nil {
				ends[at] = map[string]bool{}
			}
			ends[at][l.Peer] = true
		}
	}
	return ends
}

// takeOver opens one namespace and looks what it has. Links that are not wanted
// as they are go at once: another may get their names.
func (k *Kernel) takeOver(v *vpc, s *space, w *dataplane.Namespace, ends map[string]map[string]bool) (*dataplane.Namespace, error) {
	withRules := w.Table != nil
	if err := k.threads.inside(s.file, func() error {
		if err := writeSysctls(w.Sysctls); err != nil {
			return err
		}
		return s.open(withRules)
	}); err != nil {
		return nil, err
	}
	if withRules {
		if err := k.watch(v, w.Name, s); err != nil {
			return nil, err
		}
	}
	if err := s.clearFast(); err != nil {
		return nil, err
	}
	links, err := s.keepLinks(w.Links, ends[w.Name])
	if err != nil {
		return nil, err
	}
	// What a host has on its own loopback is not ours.
	ns, err := s.observe(func(link string) bool { return link != "lo" || w.Name == dataplane.Router }, w)
	if err != nil {
		return nil, err
	}
	ns.Name, ns.Links = w.Name, links
	return ns, nil
}
