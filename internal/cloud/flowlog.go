package cloud

import "time"

// FlowLogID is a typed ID.
type FlowLogID string

// FlowTraffic is which traffic a flow log records.
type FlowTraffic string

// Kinds of traffic.
const (
	TrafficAccepted FlowTraffic = "accepted"
	TrafficRejected FlowTraffic = "rejected"
	TrafficAll      FlowTraffic = "all"
)

// FlowValue is what a column of a flow log's lines holds.
type FlowValue string

// Values. FlowNothing is what no traffic here has.
const (
	FlowVersion     FlowValue = "version"
	FlowAccount     FlowValue = "account"
	FlowInterface   FlowValue = "interface"
	FlowSource      FlowValue = "source"      // at the interface: its own address where it only passes the packet on
	FlowDestination FlowValue = "destination" // likewise
	FlowSourcePort  FlowValue = "source-port"
	FlowDestPort    FlowValue = "destination-port"
	FlowProtocol    FlowValue = "protocol"
	FlowPackets     FlowValue = "packets"
	FlowBytes       FlowValue = "bytes"
	FlowStart       FlowValue = "start"
	FlowEnd         FlowValue = "end"
	FlowAction      FlowValue = "action"
	FlowStatus      FlowValue = "status"
	FlowVPC         FlowValue = "vpc"
	FlowSubnet      FlowValue = "subnet"
	FlowInstance    FlowValue = "instance"
	FlowTCPFlags    FlowValue = "tcp-flags"
	FlowFamily      FlowValue = "family"
	FlowPktSource   FlowValue = "packet-source" // in the packet's header
	FlowPktDest     FlowValue = "packet-destination"
	FlowRegion      FlowValue = "region"
	FlowZone        FlowValue = "zone"
	FlowDirection   FlowValue = "direction"
	FlowPath        FlowValue = "path" // what a packet leaves the interface towards
	FlowNothing     FlowValue = "nothing"
)

// FlowColumn is one column of a flow log's lines, under the name it has in the dialect.
type FlowColumn struct {
	Title string
	Value FlowValue
}

// FlowLog has the traffic of interfaces recorded: of one, or of all in a subnet
// or a VPC. Lines go to a log group, a stream per interface.
type FlowLog struct {
	Meta
	ID       FlowLogID
	VPC      VPCID
	Resource Ref
	Traffic  FlowTraffic
	Interval time.Duration // during which a flow's packets become one line
	Columns  []FlowColumn
	Version  int    // of the line's format
	Group    string // log group, in this account and region
	Role     string // that writes there; "" is the platform itself
	Off      bool   // it records nothing until it is switched on again
}

// Covers reports whether the flow log records the traffic of an interface.
func (f *FlowLog) Covers(eni InterfaceID, subnet SubnetID, vpc VPCID) bool {
	if f.Off {
		return false
	}
	switch f.Resource.Kind {
	case KindVPC:
		return f.Resource.ID == string(vpc)
	case KindSubnet:
		return f.Resource.ID == string(subnet)
	case KindInterface:
		return f.Resource.ID == string(eni)
	}
	return false
}

// FlowLogs is the table of flow logs.
var FlowLogs = newTable("flow-log", func(r *FlowLog) FlowLogID { return r.ID }, index[FlowLog]{
	"scope":    func(r *FlowLog) []string { return []string{r.Scope()} },
	"vpc":      func(r *FlowLog) []string { return one(r.VPC) },
	"resource": func(r *FlowLog) []string { return one(r.Resource.ID) },
})
