package vpc

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"weir/internal/api/alibaba/resource"
	"weir/internal/cloud"
)

// line is a rule of an ACL as the API writes it; where it stands is its number.
type line struct{ id, name, description, policy, protocol, port, cidr, version *string }

const icmp, tcp, udp, icmp6 = 1, 6, 17, 58

var aclProtocols = map[string]int{"all": -1, "icmp": icmp, "tcp": tcp, "udp": udp, "gre": 47}

var aclPolicies = map[string]cloud.Verdict{"accept": cloud.Allow, "drop": cloud.Deny}

func aclLine(acl cloud.NetworkACLID, e cloud.NetworkACLEntry) line {
	sum := sha256.Sum256(fmt.Append(nil, acl, e.Egress, e.Number))
	l := line{
		id: new("nae-bp1" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:18]), name: new(e.Attrs[resource.AttrName]), description: new(e.Attrs[resource.AttrDescription]),
		protocol: new(strconv.Itoa(e.Protocol)), port: new("-1/-1"), cidr: new(e.Prefix.String()), version: new("IPv4"),
	}
	if e.Prefix.Addr().Is6() {
		l.version = new("IPv6")
	}
	for name, n := range aclProtocols {
		if n == e.Protocol || n == icmp && e.Protocol == icmp6 {
			l.protocol = &name
		}
	}
	if e.Protocol == tcp || e.Protocol == udp {
		l.port = new(fmt.Sprintf("%d/%d", e.From, e.To))
	}
	for name, v := range aclPolicies {
		if v == e.Action {
			l.policy = &name
		}
	}
	return l
}

// aclEntry reads a rule.
// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-updatenetworkaclentries
func aclEntry(l line, number int, egress bool) (e cloud.NetworkACLEntry, err error) {
	illegal := func(name string) error {
		return resource.Fault("IllegalParam."+name, "The specified "+name+" is illegal.")
	}
	e = cloud.NetworkACLEntry{Number: number, Egress: egress, ICMPType: -1, ICMPCode: -1}
	var ok bool
	if e.Protocol, ok = aclProtocols[strings.ToLower(text(l.protocol))]; !ok {
		return e, illegal("Protocol")
	}
	if e.Action, ok = aclPolicies[strings.ToLower(text(l.policy))]; !ok {
		return e, illegal("Policy")
	}
	if e.Prefix, err = netip.ParsePrefix(text(l.cidr)); err != nil {
		return e, illegal("CidrIp")
	}
	e.From, e.To = -1, -1
	switch e.Protocol {
	case tcp, udp:
		if e.From, e.To, ok = portRange(text(l.port)); !ok {
			return e, illegal("Port")
		}
	default:
		if text(l.port) != "-1/-1" {
			return e, illegal("Port")
		}
	}
	if e.Protocol == icmp && e.Prefix.Addr().Is6() {
		e.Protocol = icmp6
	}
	e.Attrs, err = resource.Described{Name: l.name, Description: l.description}.Attrs("IllegalParam.NetworkAclEntryName", "IllegalParam.Description")
	return e, err
}

// updateNetworkAclEntries replaces all rules of the directions that it is asked to.
func (a *api) updateNetworkAclEntries(ctx context.Context, in *UpdateNetworkAclEntriesInput) (*UpdateNetworkAclEntriesOutput, error) {
	n, err := a.networkACL(ctx, *in.NetworkAclId)
	if err != nil {
		return nil, err
	}
	ingress, egress := in.UpdateIngressAclEntries != nil && *in.UpdateIngressAclEntries, in.UpdateEgressAclEntries != nil && *in.UpdateEgressAclEntries
	entries := slices.DeleteFunc(slices.Clone(n.Entries), func(e cloud.NetworkACLEntry) bool { return e.Egress && egress || !e.Egress && ingress })
	add := func(l line, number int, egress bool) error {
		e, err := aclEntry(l, number, egress)
		entries = append(entries, e)
		return err
	}
	for i, e := range in.IngressAclEntries {
		if !ingress {
			break
		}
		if err := add(line{name: e.NetworkAclEntryName, description: e.Description, policy: e.Policy, protocol: e.Protocol, port: e.Port, cidr: e.SourceCidrIp}, i+1, false); err != nil {
			return nil, err
		}
	}
	for i, e := range in.EgressAclEntries {
		if !egress {
			break
		}
		if err := add(line{name: e.NetworkAclEntryName, description: e.Description, policy: e.Policy, protocol: e.Protocol, port: e.Port, cidr: e.DestinationCidrIp}, i+1, true); err != nil {
			return nil, err
		}
	}
	return nil, a.control.SetACLEntries(ctx, resource.Caller(ctx), n.ID, entries)
}

func (a *api) copyNetworkAclEntries(ctx context.Context, in *CopyNetworkAclEntriesInput) (*CopyNetworkAclEntriesOutput, error) {
	n, err := a.networkACL(ctx, *in.NetworkAclId)
	if err != nil {
		return nil, err
	}
	source, err := a.networkACL(ctx, *in.SourceNetworkAclId)
	if err != nil {
		return nil, err
	}
	return nil, a.control.SetACLEntries(ctx, resource.Caller(ctx), n.ID, source.Entries)
}
