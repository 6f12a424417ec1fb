package dataplane

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"

	"weir/internal/cloud"
	"weir/internal/dataplane/nft"
)

// Memory is a Kernel that only remembers, for tests. Its namespaces are /dev/null.
type Memory struct {
	mu       sync.Mutex
	networks map[cloud.VPCID]*Network
	slots    map[string]bool // by VPC and name
	tell     func(Packet)
	flows    map[cloud.VPCID]FlowCounts
	// Fail, if set, is asked before each Apply and AddSlot.
	Fail func(vpc cloud.VPCID) error
}

var _ Kernel = (*Memory)(nil)

// NewMemory makes an empty one.
func NewMemory() *Memory {
	return &Memory{networks: map[cloud.VPCID]*Network{}, slots: map[string]bool{}, flows: map[cloud.VPCID]FlowCounts{}}
}

// Network is what was applied last; nil if the VPC has nothing.
func (m *Memory) Network(id cloud.VPCID) *Network {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.networks[id]
}

// Slots counts those that exist.
func (m *Memory) Slots() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.slots)
}

// Drop has a packet dropped.
func (m *Memory) Drop(p Packet) { m.tell(p) }

func (m *Memory) fail(id cloud.VPCID) error {
	if m.Fail == nil {
		return nil
	}
	return m.Fail(id)
}

// Left implements Kernel: nothing outlives a process.
func (m *Memory) Left() map[cloud.VPCID]Kept { return nil }

// Apply implements Kernel.
func (m *Memory) Apply(_ context.Context, want *Network) error {
	if err := m.fail(want.VPC); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := Diff(m.networks[want.VPC], want); err != nil {
		return err
	}
	if m.networks[want.VPC] = want; len(want.Namespaces) == 0 {
		delete(m.networks, want.VPC)
	}
	return nil
}

func (m *Memory) has(id cloud.VPCID, name string) error {
	if n := m.networks[id]; n != nil {
		for _, ns := range n.Namespaces {
			if ns.Name == name {
				return nil
			}
		}
	}
	return fmt.Errorf("VPC %s has no namespace %s", id, name)
}

// Open implements Kernel.
func (m *Memory) Open(id cloud.VPCID, name string) (*os.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.has(id, name); err != nil {
		return nil, err
	}
	return os.Open(os.DevNull)
}

// AddSlot implements Kernel.
func (m *Memory) AddSlot(_ context.Context, id cloud.VPCID, s *SlotNet) (*os.File, error) {
	if err := m.fail(id); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.has(id, s.Host); err != nil {
		return nil, err
	}
	m.slots[string(id)+s.Host+s.Inner.Name] = true
	return os.Open(os.DevNull)
}

// DropSlot implements Kernel.
func (m *Memory) DropSlot(id cloud.VPCID, s *SlotNet, ns *os.File) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.slots, string(id)+s.Host+s.Inner.Name)
	_ = ns.Close()
}

// JoinSlot implements Kernel.
func (m *Memory) JoinSlot(_ context.Context, id cloud.VPCID, s *SlotNet, _ *os.File) error {
	if err := m.fail(id); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.has(id, s.Host); err != nil {
		return err
	}
	m.slots[string(id)+s.Host+s.Inner.Name] = true
	return nil
}

// LeaveSlot implements Kernel.
func (m *Memory) LeaveSlot(id cloud.VPCID, s *SlotNet) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.slots, string(id)+s.Host+s.Inner.Name)
}

// ListenTCP implements Listener on the machine's loopback.
func (m *Memory) ListenTCP(_ context.Context, id cloud.VPCID, _ netip.AddrPort) (net.Listener, error) {
	if err := m.has(id, Router); err != nil {
		return nil, err
	}
	return net.Listen("tcp", "127.0.0.1:0")
}

// ListenPacket implements Listener on the machine's loopback.
func (m *Memory) ListenPacket(_ context.Context, id cloud.VPCID, _ netip.AddrPort) (net.PacketConn, error) {
	if err := m.has(id, Router); err != nil {
		return nil, err
	}
	return net.ListenPacket("udp", "127.0.0.1:0")
}

// ListenBehind implements Listener on the machine's loopback.
func (m *Memory) ListenBehind(_ context.Context, id cloud.VPCID, eni cloud.InterfaceID, _ netip.AddrPort) (net.Listener, error) {
	n := m.Network(id)
	if n == nil || n.Behind(eni) == "" {
		return nil, fmt.Errorf("VPC %s has no network interface %s", id, eni)
	}
	return net.Listen("tcp", "127.0.0.1:0")
}

// OnDrop implements Kernel.
func (m *Memory) OnDrop(f func(Packet)) { m.tell = f }

// Flows implements Kernel.
func (m *Memory) Flows(_ context.Context, id cloud.VPCID) (FlowCounts, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.flows[id]
	delete(m.flows, id)
	return c, nil
}

// NATUse implements Kernel.
func (m *Memory) NATUse(context.Context, cloud.VPCID, string) ([]nft.Count, Tracked, error) {
	return nil, Tracked{}, nil
}

// Count has the VPC's router count flows.
func (m *Memory) Count(id cloud.VPCID, c FlowCounts) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flows[id] = c
}

// Close implements Kernel.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.networks)
	return nil
}
