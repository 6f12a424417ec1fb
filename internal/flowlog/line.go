package flowlog

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/internal/cloud"
)

// Interface is what lines say of an interface.
type Interface struct {
	ID       cloud.InterfaceID
	Account  string
	Region   string
	Zone     string // its ID that all accounts share
	VPC      cloud.VPCID
	Subnet   cloud.SubnetID
	Instance string // "" if none that users know
	Addrs    []netip.Addr
	// Path says, in the dialect's words, what a packet leaves towards; "" is unknown.
	Path func(to netip.Addr) string
}

// own is the interface's address that stands for a in a line: a, if it has it,
// else its first one of that family. What comes in for a secondary IPv4 address
// is shown with the primary one, too.
// https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-limitations.html
func (i *Interface) own(a netip.Addr, egress bool) netip.Addr {
	if (egress || a.Is6()) && slices.Contains(i.Addrs, a) {
		return a
	}
	for _, own := range i.Addrs {
		if own.BitLen() == a.BitLen() {
			return own
		}
	}
	return a
}

// Status of a line.
const (
	statusOK      = "OK"
	statusNone    = "NODATA"
	statusSkipped = "SKIPDATA"
)

// Flags that lines tell, and the two that together are one.
const (
	flagFIN, flagSYN, flagRST, flagACK = 1, 2, 4, 16
)

// text writes one line: of a flow, or, with nil, of an interval without any.
func text(l *cloud.FlowLog, at *Interface, f *sum, status string, start, end time.Time) string {
	columns := make([]string, len(l.Columns))
	for i, c := range l.Columns {
		v := common(l, at, c.Value, status, start, end)
		if v == "" && f != nil {
			v = f.value(at, c.Value)
		}
		if v == "" {
			v = "-"
		}
		columns[i] = v
	}
	return strings.Join(columns, " ")
}

// common are the columns that every line has.
func common(l *cloud.FlowLog, at *Interface, v cloud.FlowValue, status string, start, end time.Time) string {
	switch v {
	case cloud.FlowVersion:
		return strconv.Itoa(l.Version)
	case cloud.FlowAccount:
		return at.Account
	case cloud.FlowInterface:
		return string(at.ID)
	case cloud.FlowStart:
		return strconv.FormatInt(start.Unix(), 10)
	case cloud.FlowEnd:
		return strconv.FormatInt(end.Unix(), 10)
	case cloud.FlowStatus:
		return status
	case cloud.FlowVPC:
		return string(at.VPC)
	case cloud.FlowSubnet:
		return string(at.Subnet)
	case cloud.FlowInstance:
		return at.Instance
	case cloud.FlowRegion:
		return at.Region
	case cloud.FlowZone:
		return at.Zone
	}
	return ""
}

// value is a column of a flow's line. An interface that only passes a packet on
// has its own address in the line, and the packet's in columns of their own.
// https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-records-examples.html#flow-log-example-nat
func (f *sum) value(at *Interface, v cloud.FlowValue) string {
	switch v {
	case cloud.FlowSource:
		if f.Egress {
			return at.own(f.Src.Addr(), true).String()
		}
		return f.Src.Addr().String()
	case cloud.FlowDestination:
		if !f.Egress {
			return at.own(f.Dst.Addr(), false).String()
		}
		return f.Dst.Addr().String()
	case cloud.FlowSourcePort:
		return strconv.Itoa(int(f.Src.Port()))
	case cloud.FlowDestPort:
		return strconv.Itoa(int(f.Dst.Port()))
	case cloud.FlowPktSource:
		return f.Src.Addr().String()
	case cloud.FlowPktDest:
		return f.Dst.Addr().String()
	case cloud.FlowProtocol:
		return strconv.Itoa(f.Proto)
	case cloud.FlowPackets:
		return strconv.FormatUint(f.packets, 10)
	case cloud.FlowBytes:
		return strconv.FormatUint(f.bytes, 10)
	case cloud.FlowTCPFlags:
		return strconv.Itoa(f.flags)
	}
	return f.word(at, v)
}

func (f *sum) word(at *Interface, v cloud.FlowValue) string {
	pick := func(b bool, yes, no string) string {
		if b {
			return yes
		}
		return no
	}
	switch v {
	case cloud.FlowAction:
		return pick(f.Accepted, "ACCEPT", "REJECT")
	case cloud.FlowFamily:
		return pick(f.Src.Addr().Is6(), "IPv6", "IPv4")
	case cloud.FlowDirection:
		return pick(f.Egress, "egress", "ingress")
	case cloud.FlowPath:
		if f.Egress && at.Path != nil {
			return at.Path(f.Dst.Addr())
		}
	}
	return ""
}

// signs are a packet's flags as lines have them: ACK only beside SYN.
func signs(tcp uint8) int {
	s := int(tcp) & (flagFIN | flagSYN | flagRST)
	if tcp&flagSYN != 0 && tcp&flagACK != 0 {
		s |= flagACK
	}
	return s
}
