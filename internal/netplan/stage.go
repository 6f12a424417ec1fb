package netplan

import "strings"

// Stage names the check that stopped a packet. The kernel's log prefixes and
// the analyser's answers use the same names, so that a drop finds its reason.
// A packet meets them in about this order.
type Stage string

// Stages.
const (
	// StageSpoof: the source address is not the interface's, and its source/destination check is on.
	StageSpoof Stage = "spoof"
	// StageLinkLocal: link-local, multicast and other addresses that no VPC routes.
	StageLinkLocal Stage = "link-local"
	// StageRouter: the packet is for the router itself (its own address of a block, the resolver), which serves DNS only.
	StageRouter Stage = "router"
	// StageNoRoute: the subnet's route table has no route.
	StageNoRoute Stage = "no-route"
	// StageBlackhole: the route's target is gone.
	StageBlackhole Stage = "blackhole"
	// StageNoHost: the address is inside the VPC, but no interface has it.
	StageNoHost Stage = "no-host"
	// StageNotForMe: routed to an interface that checks destinations, for another address.
	StageNotForMe Stage = "not-for-me"
	// StageLoop: the route leads a packet back to where it comes from.
	StageLoop Stage = "loop"
	// StageNoPrivateIP: from the internet to a public address that maps to nothing here.
	StageNoPrivateIP Stage = "no-private-ip"
	// StageEgressOnlyIn: a new flow inwards to a subnet that answers through an egress-only gateway.
	StageEgressOnlyIn Stage = "egress-only-in"
	// StageACLOut and StageACLIn: the network ACL of the subnet it leaves, or enters.
	StageACLOut Stage = "nacl-out"
	StageACLIn  Stage = "nacl-in"
	// StageGroupOut and StageGroupIn: the security groups of the sender, or the receiver.
	StageGroupOut Stage = "sg-out"
	StageGroupIn  Stage = "sg-in"
	// StageNATProtocol: a NAT gateway translates TCP, UDP and ICMP only.
	StageNATProtocol Stage = "nat-protocol"
	// StageUnsolicited: a NAT gateway or a function's interface got a packet of no flow of its own.
	StageUnsolicited Stage = "unsolicited"
	// StageEndpoint: the endpoint does not take this protocol.
	StageEndpoint Stage = "endpoint"
	// StagePrivateDest: an internet gateway does not carry packets to or from private addresses.
	StagePrivateDest Stage = "private-destination"
	// StageNoPublicIP: routed to the internet gateway from an address that has no public one.
	StageNoPublicIP Stage = "no-public-ip"
	// StageFlowLimit: a function instance has as many tracked flows as it may have.
	StageFlowLimit Stage = "connection-limit"
	// StageAsymmetric: answers would leave by another gateway than the flow came in by.
	// No rule drops them, as they go where nobody knows the flow; but one drops what
	// would answer for a public address by a transit router.
	StageAsymmetric Stage = "asymmetric"
)

// maxPrefix is what the kernel keeps of a log prefix.
const maxPrefix = 127

// LogPrefix is the text a dropping rule logs: the stage and, after a colon, the
// profile, ACL, table or interface it belongs to (cut when it does not fit).
func (s Stage) LogPrefix(detail string) string {
	if detail == "" {
		return string(s)
	}
	p := string(s) + ":" + detail
	return p[:min(len(p), maxPrefix)]
}

// ParseLogPrefix is the reverse of LogPrefix.
func ParseLogPrefix(prefix string) (s Stage, detail string) {
	stage, detail, _ := strings.Cut(strings.TrimSpace(prefix), ":")
	return Stage(stage), detail
}
