package reach

import (
	"fmt"
	"net/netip"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// stop is why a flow fails.
type stop struct {
	stage netplan.Stage
	code  string // if it is not the stage's
	blame []cloud.Ref
	text  string
}

// codes are the vendor's explanation codes for each stage.
var codes = map[netplan.Stage]string{
	netplan.StageSpoof:            "ENI_SOURCE_DEST_CHECK_RESTRICTION",
	netplan.StageLinkLocal:        "NO_POSSIBLE_DESTINATION",
	netplan.StageRouter:           "NO_POSSIBLE_DESTINATION",
	netplan.StageNoRoute:          "NO_ROUTE_TO_DESTINATION",
	netplan.StageBlackhole:        "BAD_STATE_ROUTE",
	netplan.StageNoHost:           "NO_POSSIBLE_DESTINATION",
	netplan.StageNotForMe:         "ENI_SOURCE_DEST_CHECK_RESTRICTION",
	netplan.StageNoPrivateIP:      "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS",
	netplan.StageEgressOnlyIn:     "NO_PATH",
	netplan.StageACLOut:           "SUBNET_ACL_RESTRICTION",
	netplan.StageACLIn:            "SUBNET_ACL_RESTRICTION",
	netplan.StageGroupOut:         "ENI_SG_RULES_MISMATCH",
	netplan.StageGroupIn:          "ENI_SG_RULES_MISMATCH",
	netplan.StageNATProtocol:      "PROTOCOL_RESTRICTION",
	netplan.StageNATSource:        "NO_PATH",
	netplan.StageUnsolicited:      "NO_POSSIBLE_DESTINATION",
	netplan.StageEndpoint:         "VPCE_GATEWAY_PROTOCOL_RESTRICTION",
	netplan.StageNoPublicIP:       "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS",
	netplan.StagePrivateDest:      "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS",
	netplan.StageLoop:             "NO_PATH",
	netplan.StageTransit:          "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR",
	netplan.StageAsymmetric:       "NO_ROUTE_TO_DESTINATION",
	netplan.StageTransitZone:      "TGW_ROUTE_AZ_RESTRICTION",
	netplan.StageTransitNoTable:   "TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION",
	netplan.StageTransitNoRoute:   "TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT",
	netplan.StageTransitBlackhole: "TGW_RTB_BAD_STATE_ROUTE",
	netplan.StageFlowLimit:        "NO_PATH",
	netplan.StageZone:             "NO_PATH",
	netplan.StageConsent:          "BAD_STATE",
	netplan.StageListener:         "ELBV2_LISTENERS_MISMATCH",
	netplan.StageTargets:          "ELBV2_NO_TARGETS_IN_AZ",
}

// sprintf is fmt.Sprintf for full answers.
func (w *walk) sprintf(format string, args ...any) string {
	if w.terse {
		return ""
	}
	return fmt.Sprintf(format, args...)
}

func (s *stop) answer(w *walk) Answer {
	a := Answer{Delivered: w.answering, Path: w.path, Reply: w.reply, Stage: s.stage, VPC: w.p.VPC, Code: s.code, Blame: s.blame, Text: s.text}
	if a.Code == "" {
		a.Code = codes[s.stage]
	}
	a.Text += "."
	if w.answering {
		a.Text = "Packets arrive, but the answer does not: " + a.Text
	}
	return a
}

func (w *walk) success(from *netplan.ENI, pkt packet) string {
	who := "The internet"
	if from != nil {
		who = string(from.ID)
	}
	return fmt.Sprintf("%s (%s) reaches %s: %s to %s.", who, pkt.src, w.end, pkt.what(), pkt.dst)
}

// sends starts a text about a route: "subnet-a sends 0.0.0.0/0 to … (route table rtb-a)".
func (w *walk) sends(e *netplan.ENI, r *netplan.Route) string {
	return w.sprintf("%s sends %s to %s (route table %s)", e.Subnet, r.Dest, hopName(r), w.subnet(e).Table)
}

func hopName(r *netplan.Route) string {
	switch r.Hop {
	case netplan.HopLocal:
		return "the VPC itself"
	case netplan.HopInternet:
		return "internet gateway " + r.Target
	case netplan.HopIPv6:
		return "IPv6 gateway " + r.Target
	case netplan.HopEgressOnly:
		return "egress-only internet gateway " + r.Target
	case netplan.HopNAT:
		return "NAT gateway " + r.Target
	case netplan.HopENI:
		return "network interface " + r.Target
	case netplan.HopPeering:
		return "peering connection " + r.Target
	case netplan.HopTransit:
		return "transit router " + r.Target
	case netplan.HopEndpoint:
		if r.Target == string(netplan.ServicesID) {
			return "the platform's internal services"
		}
		return "gateway endpoint " + r.Target
	}
	if r.Target == "" {
		return "nowhere"
	}
	return r.Target
}

// either picks by IP version.
func either(a netip.Addr, v4, v6 string) string {
	if a.Is4() {
		return v4
	}
	return v6
}

func (w *walk) tableRef(e *netplan.ENI) cloud.Ref {
	return cloud.Ref{Kind: cloud.KindRouteTable, ID: string(w.subnet(e).Table)}
}

// useNAT is the advice for a private way out.
func useNAT(a netip.Addr) string {
	return either(a, "a private subnet with a route 0.0.0.0/0 to a NAT gateway", "a route ::/0 to an egress-only internet gateway")
}
