package dataplane

import (
	"context"
	"net"
	"net/netip"
	"os"
	"time"

	"weir/internal/cloud"
	"weir/internal/dataplane/nft"
)

// Kernel has the side effects: package linux, or Memory in tests. Its methods
// may be called at the same time for different VPCs, and slots' at any time.
type Kernel interface {
	// Left lists the VPCs that an earlier process left, until the first Apply for
	// each takes over what it has and changes what differs.
	Left() map[cloud.VPCID]Kept
	// Apply makes the VPC's namespaces what the Network says. After an error
	// some of it may be in place; Apply may be called again.
	Apply(ctx context.Context, want *Network) error
	// Open gives a handle on a namespace that Apply made.
	Open(vpc cloud.VPCID, namespace string) (*os.File, error)
	// AddSlot makes a slot's namespace and hangs it on its host.
	AddSlot(ctx context.Context, vpc cloud.VPCID, s *SlotNet) (*os.File, error)
	// DropSlot takes a slot from its host and closes the namespace.
	DropSlot(vpc cloud.VPCID, s *SlotNet, ns *os.File)
	// Flows reads what the VPC's router counted since the last call; with an
	// error, what could be read.
	Flows(ctx context.Context, vpc cloud.VPCID) (FlowCounts, error)
	// JoinSlot gives a slot a second link, to a host of this VPC.
	JoinSlot(ctx context.Context, vpc cloud.VPCID, s *SlotNet, ns *os.File) error
	// LeaveSlot has the host forget a second link.
	LeaveSlot(vpc cloud.VPCID, s *SlotNet)
	// NATUse reads what the namespace of a NAT gateway counted since it was made.
	NATUse(ctx context.Context, vpc cloud.VPCID, namespace string) ([]nft.Count, Tracked, error)
	Listener
	// OnDrop sets who is told of dropped packets; called once, before anything else.
	OnDrop(func(Packet))
	// Close removes everything.
	Close() error
}

// Listener opens sockets inside a VPC: in its router, or behind one of its interfaces.
type Listener interface {
	ListenTCP(ctx context.Context, vpc cloud.VPCID, addr netip.AddrPort) (net.Listener, error)
	ListenPacket(ctx context.Context, vpc cloud.VPCID, addr netip.AddrPort) (net.PacketConn, error)
	// ListenBehind listens in the interface's own namespace. Connections send no
	// keep-alive packets of their own.
	ListenBehind(ctx context.Context, vpc cloud.VPCID, eni cloud.InterfaceID, addr netip.AddrPort) (net.Listener, error)
}

// Packet is a packet that a rule dropped.
type Packet struct {
	Lost      bool // not a packet: some came too fast and are unknown
	VPC       cloud.VPCID
	Namespace string
	Time      time.Time
	Prefix    string // that the rule logged
	Mark      uint32
	In, Out   int    // link indexes; 0 is none
	Head      []byte // from the IP header on
}
