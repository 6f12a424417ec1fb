package vpc

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
)

func (a *api) forwards(s *wire.Service) {
	wire.Handle(s, "CreateForwardEntry", a.createForwardEntry)
	wire.Handle(s, "ModifyForwardEntry", a.modifyForwardEntry)
	wire.Handle(s, "DeleteForwardEntry", a.deleteForwardEntry)
	wire.Handle(s, "DescribeForwardTableEntries", a.describeForwardTableEntries)
}

// A gateway's DNAT table has an ID that follows from the gateway's.
func forwardTable(id cloud.NATGatewayID) string {
	return "ftb-" + strings.TrimPrefix(string(id), "ngw-")
}

// ofForwardTable finds the gateway with a DNAT table.
func (a *api) ofForwardTable(ctx context.Context, id string) (*cloud.NATGateway, error) {
	for _, g := range a.natGateways(ctx) {
		if forwardTable(g.ID) == id {
			return g, nil
		}
	}
	return nil, resource.Missing("InvalidForwardTableId.NotFound", "Specified forward table does not exist.")
}

const anyPort = "any"

// portRange reads "80", "80/90" or, for all, "any".
func portRange(s string) (from, to int, ok bool) {
	first, last, both := strings.Cut(s, "/")
	if !both {
		last = first
	}
	from, err1 := strconv.Atoi(first)
	to, err2 := strconv.Atoi(last)
	return from, to, err1 == nil && err2 == nil && from >= 1 && from <= to && to <= 65535
}

var ipProtocols = map[string]int{"tcp": tcp, "udp": udp, anyPort: -1}

// forwarding sets what an entry says of protocols, ports and hosts; what is nil stays.
// Ports are ranges of the same size; with any protocol they are "any", without "any"
// neither is.
// https://www.alibabacloud.com/help/en/nat-gateway/developer-reference/api-vpc-2016-04-28-createforwardentry-natgws
func forwarding(f *cloud.NATForward, protocol, external, internal, host *string) error {
	ports, inside := forwardPorts(f)
	if protocol != nil {
		n, ok := ipProtocols[strings.ToLower(*protocol)]
		if !ok {
			return resource.Fault("InvalidProtocal.ValueNotSupported", "The specified IpProtocol does not support.")
		}
		f.Protocol = n
	}
	if external != nil {
		ports = strings.ToLower(*external)
	}
	if internal != nil {
		inside = strings.ToLower(*internal)
	}
	if host != nil {
		addr, err := netip.ParseAddr(*host)
		if err != nil || !addr.Is4() {
			return resource.Fault("InvalidInternalIp.Malformed", "The specified InternalIp is not a valid IP address.")
		}
		f.Host = addr
	}
	if f.All() {
		f.From, f.To, f.Port = 0, 0, 0
		switch {
		case ports != anyPort:
			return resource.Fault("InvalidExternalPort.Malformed", "The specified ExternalPort is not a valid port: it is Any for any protocol.")
		case inside != anyPort:
			return resource.Fault("InvalidInternalPort.Malformed", "The specified InternalPort is not a valid port: it is Any for any protocol.")
		}
		return nil
	}
	var last int
	var ok bool
	if f.From, f.To, ok = portRange(ports); !ok {
		return resource.Fault("InvalidExternalPort.Malformed", "The specified ExternalPort is not a valid port.")
	}
	if f.Port, last, ok = portRange(inside); !ok || last-f.Port != f.To-f.From {
		return resource.Fault("InvalidInternalPort.Malformed", "The specified InternalPort is not a valid port, or not as many as the ExternalPort.")
	}
	return nil
}

// forwardPorts writes an entry's ports.
func forwardPorts(f *cloud.NATForward) (external, internal string) {
	write := func(from, to int) string {
		if from == to {
			return strconv.Itoa(from)
		}
		return fmt.Sprintf("%d/%d", from, to)
	}
	if f.All() {
		return anyPort, anyPort
	}
	return write(f.From, f.To), write(f.Port, f.Port+f.To-f.From)
}

// externalIP finds the address of a gateway's that an entry names.
func (a *api) externalIP(g *cloud.NATGateway, value string) (cloud.AllocationID, error) {
	addr, err := netip.ParseAddr(value)
	if err != nil || !addr.Is4() {
		return "", resource.Fault("InvalidExternalIp.Malformed", "The specified ExternalIp is not a valid IP address.")
	}
	if id, ok := a.natAddress(g, addr); ok {
		return id, nil
	}
	return "", resource.Fault("InvalidIp.NotInNatgw", "The specified Ip not belong to natgateway.")
}

func (a *api) createForwardEntry(ctx context.Context, in *CreateForwardEntryInput) (*CreateForwardEntryOutput, error) {
	g, err := a.ofForwardTable(ctx, *in.ForwardTableId)
	if err != nil {
		return nil, err
	}
	f := cloud.NATForward{Name: text(in.ForwardEntryName)}
	if f.Address, err = a.externalIP(g, *in.ExternalIp); err != nil {
		return nil, err
	}
	if err := forwarding(&f, in.IpProtocol, in.ExternalPort, in.InternalPort, in.InternalIp); err != nil {
		return nil, err
	}
	made, err := a.control.AddNATForward(ctx, resource.Caller(ctx), g.ID, f, in.PortBreak != nil && *in.PortBreak)
	if err != nil {
		return nil, err
	}
	return &CreateForwardEntryOutput{ForwardEntryId: &made.ID}, nil
}

func (a *api) modifyForwardEntry(ctx context.Context, in *ModifyForwardEntryInput) (*ModifyForwardEntryOutput, error) {
	g, err := a.ofForwardTable(ctx, *in.ForwardTableId)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(g.Forwards, func(f cloud.NATForward) bool { return f.ID == *in.ForwardEntryId })
	if i < 0 {
		return nil, resource.Missing("InvalidForwardEntryId.NotFound", "Specified forward entry ID does not exist")
	}
	f := g.Forwards[i]
	if in.ForwardEntryName != nil {
		f.Name = *in.ForwardEntryName
	}
	if text(in.ExternalIp) != "" {
		if f.Address, err = a.externalIP(g, *in.ExternalIp); err != nil {
			return nil, err
		}
	}
	if err := forwarding(&f, in.IpProtocol, in.ExternalPort, in.InternalPort, in.InternalIp); err != nil {
		return nil, err
	}
	return nil, a.control.EditNATForward(ctx, resource.Caller(ctx), g.ID, f.ID, in.PortBreak != nil && *in.PortBreak, func(now *cloud.NATForward) { *now = f })
}

func (a *api) deleteForwardEntry(ctx context.Context, in *DeleteForwardEntryInput) (*DeleteForwardEntryOutput, error) {
	g, err := a.ofForwardTable(ctx, *in.ForwardTableId)
	if err != nil {
		return nil, err
	}
	return nil, a.control.EditNATForward(ctx, resource.Caller(ctx), g.ID, *in.ForwardEntryId, false, nil)
}

func (a *api) describeForwardTableEntries(ctx context.Context, in *DescribeForwardTableEntriesInput) (*DescribeForwardTableEntriesOutput, error) {
	all := []ForwardTableEntry{}
	for _, g := range a.natGateways(ctx) {
		for _, f := range g.Forwards {
			e := a.forwardFacts(g, f)
			if matches(in.NatGatewayId, *e.NatGatewayId) && matches(in.ForwardTableId, *e.ForwardTableId) && matches(in.ForwardEntryId, *e.ForwardEntryId) &&
				matches(in.ForwardEntryName, *e.ForwardEntryName) && matches(in.ExternalIp, *e.ExternalIp) && matches(in.InternalIp, *e.InternalIp) &&
				alike(in.ExternalPort, *e.ExternalPort) && alike(in.InternalPort, *e.InternalPort) && alike(in.IpProtocol, *e.IpProtocol) {
				all = append(all, e)
			}
		}
	}
	slices.SortFunc(all, func(x, y ForwardTableEntry) int { return strings.Compare(*x.ForwardEntryId, *y.ForwardEntryId) })
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, sizes)
	if err != nil {
		return nil, err
	}
	return &DescribeForwardTableEntriesOutput{PageNumber: p.Number, PageSize: p.Size, TotalCount: p.Total, ForwardTableEntries: p.Items}, nil
}

// alike is matches for words that are written large or small.
func alike(filter *string, have string) bool {
	return text(filter) == "" || strings.EqualFold(*filter, have)
}

func (a *api) forwardFacts(g *cloud.NATGateway, f cloud.NATForward) ForwardTableEntry {
	external, internal := forwardPorts(&f)
	out := ForwardTableEntry{
		ForwardEntryId: &f.ID, ForwardEntryName: &f.Name, ForwardTableId: new(forwardTable(g.ID)), NatGatewayId: new(string(g.ID)), Status: new("Available"),
		ExternalIp: new(a.natAddressIP(g, f.Address)), ExternalPort: &external, InternalIp: new(f.Host.String()), InternalPort: &internal,
	}
	for name, n := range ipProtocols {
		if n == f.Protocol {
			out.IpProtocol = &name
		}
	}
	return out
}
