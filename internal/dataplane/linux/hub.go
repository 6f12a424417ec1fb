package linux

import (
	"fmt"

	"weir/internal/dataplane"
)

// openHub gives the namespace between VPCs, and makes it at first.
func (k *Kernel) openHub() (*space, error) {
	k.inet.Lock()
	defer k.inet.Unlock()
	if k.hub != nil {
		return k.hub, nil
	}
	s, err := newSpace(k.threads, dataplane.Hub, dataplane.HubSysctls, false)
	if err != nil {
		return nil, err
	}
	if err := s.rt.LinkSetUp(device(1)); err != nil {
		s.close()
		return nil, fmt.Errorf("set lo up in the hub: %w", err)
	}
	if err := k.pins.add(dataplane.Hub, s.file); err != nil {
		s.close()
		return nil, err
	}
	k.hub = s
	return s, nil
}
