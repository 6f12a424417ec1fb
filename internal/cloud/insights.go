package cloud

import (
	"net/netip"
	"time"
)

// Typed IDs.
type (
	InsightsPathID     string
	InsightsAnalysisID string
)

// InsightsPath is a question about reachability that can be asked again: from
// one resource to another one, or to an address.
type InsightsPath struct {
	Meta
	ID          InsightsPathID
	Source      Ref
	Destination Ref // ID "" if only AtDestination or AtSource say where to
	Protocol    int
	// What the packet is at either end; translation may make them differ.
	AtSource      PacketFilter
	AtDestination PacketFilter
}

// PacketFilter narrows what packets a question is about. Invalid addresses and
// zero ports are any.
type PacketFilter struct {
	Source, Destination           netip.Addr
	SourcePorts, DestinationPorts PortRange
}

// PortRange is a range of ports, ends included.
type PortRange struct{ From, To int }

// InsightsAnalysis is one answer to an InsightsPath, as the network was when it was asked.
type InsightsAnalysis struct {
	Meta
	ID      InsightsAnalysisID
	Path    InsightsPathID
	ReadyAt time.Time // shown as running until then
	// Through are resources that the path must pass, Around ones that it must not.
	Through, Around []Ref
	Failure         string // why it could not be carried out, if so
	Found           bool
	Forward, Return []PathStep
	Stop            *PathStop // if not found
}

// PathStep is a resource that a packet passes.
type PathStep struct {
	Resource Ref
	Outbound bool               // of a security group or network ACL: as it leaves
	Route    *PathRoute         // of a route table
	Line     *NetworkACLEntry   // of a network ACL
	Rule     *SecurityGroupRule // of a security group; nil lets an answer pass
	Attached string             // the instance of an interface
	Subnet   SubnetID           // of an interface
	VPC      VPCID              // of an interface or gateway
	In, Out  *PacketHeader      // as it arrives and as it goes on, where of interest
}

// PathRoute is the route that a packet took.
type PathRoute struct {
	Route
	Local     bool
	Blackhole bool
}

// PacketHeader is what filters see of a packet.
type PacketHeader struct {
	Protocol                      int
	Source, Destination           netip.Addr
	SourcePorts, DestinationPorts PortRange
}

// PathStop is what stops a packet.
type PathStop struct {
	Code string // the analyser's explanation code
	Text string
	// Direction is "ingress" or "egress" for filters, else "".
	Direction string
	Blame     []PathStep
}

// Insights tables.
var (
	InsightsPaths = newTable("insights-path", func(r *InsightsPath) InsightsPathID { return r.ID }, index[InsightsPath]{
		"scope": func(r *InsightsPath) []string { return one(r.Scope()) },
	})
	InsightsAnalyses = newTable("insights-analysis", func(r *InsightsAnalysis) InsightsAnalysisID { return r.ID }, index[InsightsAnalysis]{
		"scope": func(r *InsightsAnalysis) []string { return one(r.Scope()) },
		"path":  func(r *InsightsAnalysis) []string { return one(r.Path) },
	})
)
