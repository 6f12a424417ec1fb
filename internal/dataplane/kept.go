package dataplane

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"weir/internal/netplan"
)

// Kept is what another process needs to call a VPC's things by the same numbers,
// and so to find them in the kernel.
type Kept struct {
	VPC   int
	Next  []int
	Given map[string]int
	Hub   map[string]int // the hub's numbers of what leads there from here, and to here
	// Forget are addresses whose flows were to end when the process did.
	Forget []netip.Addr `json:",omitempty"`
}

// Kinds of numbers that are kept.
const (
	keptENI     = "interface"
	keptSubnet  = "subnet"
	keptTable   = "table"
	keptProfile = "profile"
	keptPeer    = "peer"
)

// Kinds of the hub's numbers.
const (
	keptPeering = "peering"
	keptPort    = "port"
)

func keptName(kind string, k any) string { return fmt.Sprint(kind, " ", k) }

// keep gives what is kept of the numbers. Nothing new was numbered if no next
// number moved; what is forgotten since does no harm.
func (n *Numbers) keep(p *netplan.Plan) *Kept {
	shared := n.hub.of(p)
	if n.kept == nil || !slices.Equal(n.kept.Next, n.next[:]) || n.kept.VPC != n.VPC || !maps.Equal(n.kept.Hub, shared) {
		n.kept = &Kept{VPC: n.VPC, Next: slices.Clone(n.next[:]), Given: map[string]int{}, Hub: shared}
		keepAll(n.kept.Given, keptENI, n.enis)
		keepAll(n.kept.Given, keptSubnet, n.subnets)
		keepAll(n.kept.Given, keptTable, n.tables)
		keepAll(n.kept.Given, keptProfile, n.profiles)
		keepAll(n.kept.Given, keptPeer, n.peers)
	}
	return n.kept
}

func keepAll[K comparable](given map[string]int, kind string, numbers map[K]int) {
	for k, v := range numbers {
		given[keptName(kind, k)] = v
	}
}

// numbers goes on from what was kept.
func (k Kept) numbers() *Numbers {
	n := NewNumbers(k.VPC)
	copy(n.next[:], k.Next)
	n.left = maps.Clone(k.Given)
	return n
}

// recall gives things the numbers that an earlier process gave them.
func recall[K comparable](left map[string]int, kind string, numbers map[K]int, wanted map[K]bool) {
	for k := range wanted {
		if v, ok := left[keptName(kind, k)]; ok {
			numbers[k] = v
		}
	}
}

// inherit decides which interfaces stay as an earlier process left them: those of
// hosts that still run, and those that are nobody's sandbox and carry others'
// flows. Every other one gets a new namespace, so that nothing is left in it of
// whom it had.
func (m *Manager) inherit(n *Numbers, p *netplan.Plan) {
	for _, e := range p.ENIs {
		switch e.Attach {
		case netplan.AttachNAT, netplan.AttachEndpoint, netplan.AttachTransit:
		case netplan.AttachDirect:
			if !m.held(e.ID) {
				n.Renew(e.ID)
			}
		default:
			n.Renew(e.ID)
		}
	}
}
