package dataplane

import (
	"weir/internal/cloud"
	"weir/internal/netplan"
)

// Numbers gives the things of one VPC's plan the small numbers that the kernel
// knows them by. A number stays as long as its thing and is not given to
// another: links and flows of what is gone may still be around.
type Numbers struct {
	VPC      int // tells VPCs apart in the internet's namespace
	enis     map[cloud.InterfaceID]int
	subnets  map[cloud.SubnetID]int // as link groups
	tables   map[tableUse]int
	profiles map[profileUse]int
	peers    map[cloud.PeeringID]int // as link indexes
	hub      *HubNumbers
	next     [5]int
	made     map[int]behind // by interface's number
	left     map[string]int // given by an earlier process, until the first plan
	kept     *Kept          // as of next
}

// behind remembers what was lowered for an interface: it depends on nothing else.
type behind struct {
	eni *netplan.ENI
	ns  Namespace
}

// profileUse is a profile as such, or of an interface that forwards for others:
// packets that go through one do not carry its identity.
type profileUse struct {
	key     netplan.ProfileKey
	forward bool
}

const (
	firstENI    = 1000 // as link index, above those the kernel gives out
	firstSubnet = 16   // as link group, above groupTrap and groupOutside
)

// NewNumbers starts numbering a VPC.
func NewNumbers(vpc int) *Numbers {
	return &Numbers{VPC: vpc, enis: map[cloud.InterfaceID]int{}, subnets: map[cloud.SubnetID]int{}, tables: map[tableUse]int{},
		profiles: map[profileUse]int{}, peers: map[cloud.PeeringID]int{}, hub: &HubNumbers{}, next: [5]int{firstENI, 1, 1, firstSubnet, firstENI}, made: map[int]behind{}}
}

// Renew has the interface's next namespace and link be new ones.
func (n *Numbers) Renew(id cloud.InterfaceID) {
	delete(n.enis, id)
	delete(n.left, keptName(keptENI, id))
}

// assign numbers what the plan has and forgets what it has not.
func (n *Numbers) assign(p *netplan.Plan) {
	enis := map[cloud.InterfaceID]bool{}
	profiles := map[profileUse]bool{}
	for _, e := range p.ENIs {
		enis[e.ID] = true
		if e.Attach.Grouped() {
			profiles[profileUse{e.Profile, false}] = true
			profiles[profileUse{e.Profile, true}] = profiles[profileUse{e.Profile, true}] || e.AnySource
		}
	}
	peers := map[cloud.PeeringID]bool{}
	for _, r := range p.Peers {
		if r.Up {
			peers[r.ID] = true
		}
		for _, h := range r.Hosts {
			profiles[profileUse{h.Profile, false}] = true
		}
	}
	for use, used := range profiles {
		if !used {
			delete(profiles, use)
		}
	}
	subnets := map[cloud.SubnetID]bool{}
	for _, s := range p.Subnets {
		subnets[s.ID] = true
	}
	tables := map[tableUse]bool{}
	for _, u := range tableUses(p) {
		tables[u] = true
	}
	forget(n.enis, enis)
	forget(n.subnets, subnets)
	forget(n.tables, tables)
	forget(n.peers, peers)
	forget(n.profiles, profiles)
	recall(n.left, keptENI, n.enis, enis)
	recall(n.left, keptSubnet, n.subnets, subnets)
	recall(n.left, keptTable, n.tables, tables)
	recall(n.left, keptProfile, n.profiles, profiles)
	recall(n.left, keptPeer, n.peers, peers)
	n.left = nil
	for _, e := range p.ENIs {
		n.link(e)
	}
	for _, r := range p.Peers {
		if r.Up {
			give(n.peers, r.ID, &n.next[4], 1<<30, busy)
		}
		for _, h := range r.Hosts {
			give(n.profiles, profileUse{h.Profile, false}, &n.next[2], 1<<16, all)
		}
	}
	for _, s := range p.Subnets {
		give(n.subnets, s.ID, &n.next[3], 1<<30, all)
	}
	for _, u := range tableUses(p) {
		give(n.tables, u, &n.next[1], 1<<16, all)
	}
	for _, e := range p.ENIs {
		for _, use := range []profileUse{{e.Profile, false}, {e.Profile, true}} {
			if profiles[use] {
				give(n.profiles, use, &n.next[2], 1<<16, all)
			}
		}
	}
}

// The kernel finds a link's index in one of 256 lists, for every packet that it
// routes. Links that carry many hosts' packets have some of the lists for
// themselves, so that they are found as fast among thousands.
const busyLists = 32

func busy(number int) bool  { return number%256 < busyLists }
func quiet(number int) bool { return !busy(number) }
func all(int) bool          { return true }

// link numbers an interface's link.
func (n *Numbers) link(e netplan.ENI) {
	if forwards(&e) {
		give(n.enis, e.ID, &n.next[4], 1<<30, busy)
	} else {
		give(n.enis, e.ID, &n.next[0], 1<<30, quiet)
	}
}

func forget[K comparable](numbers map[K]int, keep map[K]bool) {
	for k := range numbers {
		if !keep[k] {
			delete(numbers, k)
		}
	}
}

// give numbers k, unless it is, with the next fitting number below limit that nothing has.
func give[K comparable](numbers map[K]int, k K, next *int, limit int, fits func(int) bool) {
	if _, ok := numbers[k]; ok {
		return
	}
	var used map[int]bool
	if *next+len(numbers) >= limit { // near the end: numbers start over, so look which are free
		used = make(map[int]bool, len(numbers))
		for _, v := range numbers {
			used[v] = true
		}
	}
	for *next >= limit || used[*next] || !fits(*next) {
		if *next++; *next >= limit {
			*next = 1
		}
	}
	numbers[k] = *next
	*next++
}
