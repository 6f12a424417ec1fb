package ecs

import (
	"net/netip"
	"strconv"
	"strings"

	"weir/internal/api/alibaba/resource"
	"weir/internal/cloud"
)

// permission is a rule as requests have it, for either direction.
type permission struct {
	egress                                       bool
	protocol, ports, policy, priority            *string
	description, nic                             *string
	cidr, cidr6, group, list                     *string // the other side
	owner, ownCIDR, ownCIDR6, ownPorts, portList *string // not implemented
	ownerID                                      bool
}

func (p Permission) permission() permission {
	return permission{
		protocol: p.IpProtocol, ports: p.PortRange, policy: p.Policy, priority: p.Priority, description: p.Description, nic: p.NicType,
		cidr: p.SourceCidrIp, cidr6: p.Ipv6SourceCidrIp, group: p.SourceGroupId, list: p.SourcePrefixListId,
		owner: p.SourceGroupOwnerAccount, ownerID: p.SourceGroupOwnerId != nil, ownCIDR: p.DestCidrIp, ownCIDR6: p.Ipv6DestCidrIp, ownPorts: p.SourcePortRange, portList: p.PortRangeListId,
	}
}

func (p AuthorizeSecurityGroupEgressPermission) permission() permission {
	return permission{
		egress: true, protocol: p.IpProtocol, ports: p.PortRange, policy: p.Policy, priority: p.Priority, description: p.Description, nic: p.NicType,
		cidr: p.DestCidrIp, cidr6: p.Ipv6DestCidrIp, group: p.DestGroupId, list: p.DestPrefixListId,
		owner: p.DestGroupOwnerAccount, ownerID: p.DestGroupOwnerId != nil, ownCIDR: p.SourceCidrIp, ownCIDR6: p.Ipv6SourceCidrIp, ownPorts: p.SourcePortRange, portList: p.PortRangeListId,
	}
}

// protocols by their names in rules.
var protocols = map[string]int{"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58, "gre": 47, "all": -1}

// rule reads a permission.
// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-authorizesecuritygroup
func (p permission) rule() (r cloud.SecurityGroupRule, err error) {
	if err := resource.Refuse(map[string]bool{
		"GroupOwner": text(p.owner) != "" || p.ownerID, "PortRangeListId": text(p.portList) != "", "SourcePortRange": text(p.ownPorts) != "" && *p.ownPorts != "-1/-1",
		"CidrIp of the group's own side": text(p.ownCIDR) != "" || text(p.ownCIDR6) != "",
	}); err != nil {
		return r, err
	}
	if n := text(p.nic); n != "" && n != "intranet" {
		return r, resource.Fault("InvalidNicType.Mismatch", "The specified NicType conflicts with the authorization record: in a VPC it is intranet.")
	}
	r = cloud.SecurityGroupRule{Egress: p.egress, Priority: 1, Action: cloud.Allow, Description: text(p.description)}
	switch strings.ToLower(text(p.policy)) {
	case "", "accept":
	case "drop":
		r.Action = cloud.Deny
	default:
		return r, resource.Fault("InvalidPolicy.Malformed", "The specified parameter \"Policy\" is not valid.")
	}
	if text(p.priority) != "" {
		r.Priority, err = strconv.Atoi(*p.priority)
		if err != nil || r.Priority <= before || r.Priority >= behind {
			return r, resource.Fault("InvalidPriority.Malformed", "The specified parameter \"Priority\" is not valid: it is from 1 to 100.")
		}
	}
	if err := p.peer(&r); err != nil {
		return r, err
	}
	return r, p.service(&r)
}

// peer reads the other side. A CIDR block goes before a group.
func (p permission) peer(r *cloud.SecurityGroupRule) error {
	code := "InvalidParam.SourceIp"
	if p.egress {
		code = "InvalidParam.DestIp"
	}
	block := func(s string, v4 bool) (err error) {
		if !strings.Contains(s, "/") {
			s += map[bool]string{true: "/32", false: "/128"}[v4]
		}
		if r.Prefix, err = netip.ParsePrefix(s); err != nil || r.Prefix.Addr().Is4() != v4 {
			return resource.Fault(code, "The specified CIDR block is not valid.")
		}
		r.Prefix = r.Prefix.Masked()
		return nil
	}
	switch {
	case text(p.cidr) != "":
		return block(*p.cidr, true)
	case text(p.cidr6) != "":
		return block(*p.cidr6, false)
	case text(p.list) != "":
		r.PrefixList = cloud.PrefixListID(*p.list)
	case text(p.group) != "":
		r.Group = cloud.SecurityGroupID(*p.group)
	default:
		return resource.Fault("MissingParameter", "A CIDR block, a prefix list or a security group of the other side is required.")
	}
	return nil
}

// service reads protocol and ports.
func (p permission) service(r *cloud.SecurityGroupRule) error {
	number, ok := protocols[strings.ToLower(text(p.protocol))]
	if !ok {
		return resource.Fault("InvalidIpProtocol.Malformed", "The specified parameter \"IpProtocol\" is not valid or missing.")
	}
	if number == 1 && r.Prefix.IsValid() && r.Prefix.Addr().Is6() {
		number = protocols["icmpv6"]
	}
	bad := resource.Fault("InvalidPortRange.Malformed", "The specified parameter \"PortRange\" is not valid or missing.")
	low, high, ok := strings.Cut(text(p.ports), "/")
	from, err := strconv.Atoi(low)
	to, err2 := strconv.Atoi(high)
	r.Protocol, r.From, r.To = number, from, to
	switch ported := number == 6 || number == 17; {
	case !ok || err != nil || err2 != nil:
		return bad
	case ported && (from < 1 || to > 65535 || from > to), !ported && (from != -1 || to != -1):
		return bad
	}
	return nil
}

// same tells whether two rules match the same packets and say the same of them.
func same(a, b cloud.SecurityGroupRule) bool {
	return a.Egress == b.Egress && a.Protocol == b.Protocol && a.From == b.From && a.To == b.To && a.Prefix == b.Prefix &&
		a.PrefixList == b.PrefixList && a.Group == b.Group && a.Priority == b.Priority && a.Action == b.Action
}
