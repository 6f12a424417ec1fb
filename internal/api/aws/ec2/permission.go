package ec2

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// protocolNames are the protocols that go by name in security groups.
var protocolNames = map[int]string{-1: "-1", 1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6"}

func protocolName(n int) string {
	if name, ok := protocolNames[n]; ok {
		return name
	}
	return strconv.Itoa(n)
}

func protocolNumber(s string) (int, error) {
	for n, name := range protocolNames {
		if strings.EqualFold(name, s) {
			return n, nil
		}
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < -1 || n > 255 {
		return 0, &wire.Error{Code: "InvalidParameterValue", Msg: fmt.Sprintf("Invalid value '%s' for IP protocol. Unknown protocol.", s)}
	}
	return n, nil
}

const (
	icmp, tcp, udp, icmpv6 = 1, 6, 17, 58
)

// ports checks the port range, or ICMP type and code, of a rule. Other protocols
// have none: -1.
func ports(protocol int, from, to *int32) (int, int, error) {
	switch protocol {
	case tcp, udp:
		if from == nil || to == nil {
			return 0, 0, badSpec("Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
		}
		if *from < 0 || *to > 65535 || *from > *to {
			return 0, 0, badSpec(fmt.Sprintf("Invalid %s port range (%d,%d)", strings.ToUpper(protocolName(protocol)), *from, *to))
		}
		return int(*from), int(*to), nil
	case icmp, icmpv6:
		kind, code := -1, -1
		if from != nil {
			kind = int(*from)
		}
		if to != nil {
			code = int(*to)
		}
		if kind < -1 || kind > 255 {
			return 0, 0, badSpec(fmt.Sprintf("ICMP type (%d) out of range", kind))
		}
		if code < -1 || code > 255 || kind == -1 && code != -1 {
			return 0, 0, badSpec(fmt.Sprintf("ICMP code (%d) out of range", code))
		}
		return kind, code, nil
	}
	return -1, -1, nil
}

// flat are the parameters with which a single rule can be given without IpPermissions.
type flat struct {
	cidr, protocol, group *string
	from, to              *int32
}

// rules reads the rules of a request.
func (a *api) rules(v cloud.View, who control.Caller, egress bool, perms []IpPermission, f flat) ([]cloud.SecurityGroupRule, error) {
	if f.protocol != nil || f.cidr != nil || f.group != nil {
		if len(perms) > 0 {
			return nil, combination("The parameter 'ipPermissions' may not be used in combination with 'ipProtocol'")
		}
		p := IpPermission{IpProtocol: f.protocol, FromPort: f.from, ToPort: f.to}
		if p.IpProtocol == nil {
			p.IpProtocol = new("-1")
		}
		if f.cidr != nil {
			p.IpRanges = []IpRange{{CidrIp: f.cidr}}
		}
		if f.group != nil {
			p.UserIdGroupPairs = []UserIdGroupPair{{GroupName: f.group}}
		}
		perms = []IpPermission{p}
	}
	var out []cloud.SecurityGroupRule
	for _, p := range perms {
		rs, err := a.permissionRules(v, who, egress, p)
		if err != nil {
			return nil, err
		}
		for _, r := range rs {
			same := func(o cloud.SecurityGroupRule) bool {
				return o.Protocol == r.Protocol && o.From == r.From && o.To == r.To && o.Prefix == r.Prefix && o.PrefixList == r.PrefixList && o.Group == r.Group
			}
			if slices.ContainsFunc(out, same) {
				return nil, badSpec("The same permission must not appear multiple times")
			}
			out = append(out, r)
		}
	}
	return out, nil
}

// permissionRules are the rules in one IpPermission: one for each peer.
func (a *api) permissionRules(v cloud.View, who control.Caller, egress bool, p IpPermission) ([]cloud.SecurityGroupRule, error) {
	if p.IpProtocol == nil {
		return nil, badSpec("Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly.")
	}
	r := cloud.SecurityGroupRule{Egress: egress, Action: cloud.Allow}
	var err error
	if r.Protocol, err = protocolNumber(*p.IpProtocol); err != nil {
		return nil, err
	}
	if r.From, r.To, err = ports(r.Protocol, p.FromPort, p.ToPort); err != nil {
		return nil, err
	}
	var out []cloud.SecurityGroupRule
	add := func(description *string, set func(*cloud.SecurityGroupRule)) {
		next := r
		next.Description = text(description)
		set(&next)
		out = append(out, next)
	}
	for _, x := range p.IpRanges {
		block, err := ruleBlock(text(x.CidrIp), false)
		if err != nil {
			return nil, err
		}
		add(x.Description, func(r *cloud.SecurityGroupRule) { r.Prefix = block })
	}
	for _, x := range p.Ipv6Ranges {
		block, err := ruleBlock(text(x.CidrIpv6), true)
		if err != nil {
			return nil, err
		}
		add(x.Description, func(r *cloud.SecurityGroupRule) { r.Prefix = block })
	}
	for _, x := range p.PrefixListIds {
		add(x.Description, func(r *cloud.SecurityGroupRule) { r.PrefixList = cloud.PrefixListID(text(x.PrefixListId)) })
	}
	for _, x := range p.UserIdGroupPairs {
		id := cloud.SecurityGroupID(text(x.GroupId))
		if id == "" {
			if id, err = a.groupByName(v, who, text(x.GroupName)); err != nil {
				return nil, err
			}
		}
		add(x.Description, func(r *cloud.SecurityGroupRule) {
			r.Group = id
			if owner := text(x.UserId); owner != who.Account {
				r.GroupOwner = owner
			}
		})
	}
	if len(out) == 0 {
		return nil, missing("ipRanges, ipv6Ranges, prefixListIds or userIdGroupPairs")
	}
	return out, nil
}

func ruleBlock(s string, v6 bool) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Addr().Is6() != v6 || p.Addr().Is4In6() {
		return p, badSpec(fmt.Sprintf("CIDR block %s is malformed", s))
	}
	return p.Masked(), nil
}

// permissions are a group's rules of one direction, those of the same protocol
// and ports together.
func permissions(g *cloud.SecurityGroup, egress bool) []IpPermission {
	return grouped(g.Account, slices.DeleteFunc(slices.Clone(g.Rules), func(r cloud.SecurityGroupRule) bool { return r.Egress != egress }))
}

func grouped(account string, rules []cloud.SecurityGroupRule) []IpPermission {
	var out []IpPermission
	at := map[[3]int]int{}
	for _, r := range rules {
		key := [3]int{r.Protocol, r.From, r.To}
		i, ok := at[key]
		if !ok {
			i = len(out)
			at[key] = i
			p := IpPermission{
				IpProtocol: new(protocolName(r.Protocol)),
				IpRanges:   []IpRange{}, Ipv6Ranges: []Ipv6Range{}, PrefixListIds: []PrefixListId{}, UserIdGroupPairs: []UserIdGroupPair{},
			}
			if slices.Contains([]int{icmp, tcp, udp, icmpv6}, r.Protocol) {
				p.FromPort, p.ToPort = new(int32(r.From)), new(int32(r.To))
			}
			out = append(out, p)
		}
		addPeer(account, &out[i], r)
	}
	return out
}

func addPeer(account string, p *IpPermission, r cloud.SecurityGroupRule) {
	d := given(r.Description)
	switch {
	case r.Group != "":
		if r.GroupOwner != "" {
			account = r.GroupOwner
		}
		p.UserIdGroupPairs = append(p.UserIdGroupPairs, UserIdGroupPair{GroupId: new(string(r.Group)), UserId: new(account), VpcId: given(r.GroupVPC), Description: d})
	case r.PrefixList != "":
		p.PrefixListIds = append(p.PrefixListIds, PrefixListId{PrefixListId: new(string(r.PrefixList)), Description: d})
	case r.Prefix.Addr().Is4():
		p.IpRanges = append(p.IpRanges, IpRange{CidrIp: new(r.Prefix.String()), Description: d})
	default:
		p.Ipv6Ranges = append(p.Ipv6Ranges, Ipv6Range{CidrIpv6: new(r.Prefix.String()), Description: d})
	}
}
