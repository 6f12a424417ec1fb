package dataplane

import (
	"strings"
	"sync"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// HubNumbers numbers peering connections and ports of transit routers over all
// VPCs, by what their VPCs keep of them. Numbers are not reused.
type HubNumbers struct {
	mu       sync.Mutex
	given    map[string]int // by name, as kept; guarded by mu, and so are the next ones
	peerings int
	ports    int
}

// The hub's tables: two for a peering connection, one for a port.
const (
	hubTable0  = 1000
	portTable0 = 1 << 24
)

// number is that of a peering connection or a port.
func (h *HubNumbers) number(name string, next *int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n, ok := h.given[name]
	if !ok {
		n = *next
		h.put(name, n, next)
	}
	return n
}

// put gives a number. h.mu is held.
func (h *HubNumbers) put(name string, n int, next *int) {
	if h.given == nil {
		h.given = map[string]int{}
	}
	h.given[name] = n
	*next = max(*next, n+1)
}

func (h *HubNumbers) peering(id cloud.PeeringID) int {
	return h.number(keptName(keptPeering, id), &h.peerings)
}

// table is the hub's table that leads to one end of a peering connection.
func (h *HubNumbers) table(id cloud.PeeringID, requester bool) int {
	if requester {
		return hubTable0 + 2*h.peering(id)
	}
	return hubTable0 + 2*h.peering(id) + 1
}

// port is the hub's table for what comes in by a port.
func (h *HubNumbers) port(id cloud.InterfaceID) int {
	return portTable0 + h.number(keptName(keptPort, id), &h.ports)
}

// of lists the numbers that a VPC's plan needs.
func (h *HubNumbers) of(p *netplan.Plan) map[string]int {
	var out map[string]int
	note := func(name string, n int) {
		if out == nil {
			out = map[string]int{}
		}
		out[name] = n
	}
	for _, r := range p.Peers {
		if r.Up {
			note(keptName(keptPeering, r.ID), h.peering(r.ID))
		}
	}
	for _, t := range p.Transits {
		for _, port := range t.Ports {
			note(keptName(keptPort, port.ENI), h.port(port.ENI)-portTable0)
			for _, in := range port.In {
				note(keptName(keptPort, in.ENI), h.port(in.ENI)-portTable0)
			}
		}
	}
	return out
}

// recall goes on from what a VPC kept of an earlier process's numbers. All are
// recalled before any other is given.
func (h *HubNumbers) recall(k Kept) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, n := range k.Hub {
		next := &h.ports
		if strings.HasPrefix(name, keptPeering) {
			next = &h.peerings
		}
		h.put(name, n, next)
	}
}

// In has the numbers of what several VPCs share be those of h.
func (n *Numbers) In(h *HubNumbers) *Numbers {
	n.hub = h
	return n
}
