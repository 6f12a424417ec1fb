package control

import (
	"context"
	"net/netip"
	"regexp"
	"strings"

	"weir/internal/cloud"
)

// CreateHost asks for an interface of its own for a host: a program of the
// machine, or an instance.
type CreateHost struct {
	Labels
	Subnet cloud.SubnetID
	Groups []cloud.SecurityGroupID // none is the VPC's default group
	Addr   netip.Addr              // private address; invalid lets the platform choose
	Name   string                  // of its own in the VPC's DNS; "" for none
	IPv6   bool                    // an IPv6 address although the subnet gives none by itself
}

// hostManager marks the interfaces that hosts have, so that nobody deletes them under a host.
const hostManager = "host"

// CreateHost makes the interface of a host. In a subnet that maps public
// addresses on launch it gets one.
func (c *Control) CreateHost(ctx context.Context, who Caller, in CreateHost) (*cloud.Interface, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.Interface, error) {
		s, err := find(tx, who, cloud.Subnets, cloud.KindSubnet, in.Subnet)
		if err != nil {
			return nil, err
		}
		groups, err := c.interfaceGroups(tx, who, s.VPC, in.Groups)
		if err != nil {
			return nil, err
		}
		p := placement{
			Labels: in.Labels, subnet: s, use: cloud.UseHost, managed: hostManager, groups: groups, description: "Weir host " + in.Name, count: 1,
		}
		if in.Addr.IsValid() {
			p.addrs = []netip.Addr{in.Addr}
		}
		if s.AssignIPv6 || in.IPv6 {
			p.ipv6 = 1
		}
		if err := checkHostName(tx, s.VPC, in.Name); err != nil {
			return nil, err
		}
		i, err := c.placeInterface(tx, who, p)
		if err != nil {
			return nil, err
		}
		next := *i
		next.Hostname = in.Name
		if s.MapPublicIP {
			if next.PublicIP, err = c.publicAddress(tx); err != nil {
				return nil, err
			}
		}
		cloud.Interfaces.Put(tx, &next)
		return &next, nil
	})
}

// hostLabel is what a host may be called, in either case: https://www.rfc-editor.org/rfc/rfc1123#section-2.1
var hostLabel = regexp.MustCompile(`^(?i:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)$`)

func checkHostName(v cloud.View, vpc cloud.VPCID, name string) error {
	if name == "" {
		return nil
	}
	if !hostLabel.MatchString(name) {
		return cloud.Errorf(cloud.Malformed, cloud.KindInterface, name, "hostname", "a host cannot be called %q: choose up to 63 letters, digits and hyphens, no hyphen first or last", name)
	}
	for i := range cloud.Interfaces.By(v, "vpc", string(vpc)) {
		if strings.EqualFold(i.Hostname, name) {
			return cloud.Errorf(cloud.Exists, cloud.KindInterface, name, "hostname", "a host called %q is in VPC %s already (%s); choose another name", name, vpc, i.ID)
		}
	}
	return nil
}

// DeleteHost gives a host's interface back.
func (c *Control) DeleteHost(ctx context.Context, id cloud.InterfaceID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		if i, ok := cloud.Interfaces.Get(tx, id); ok && i.Managed == hostManager {
			removeInterface(tx, id)
		}
		return nil
	})
}

// ForgetHosts removes the interfaces of hosts of an earlier daemon that are not held any more.
func (c *Control) ForgetHosts(ctx context.Context, held func(cloud.InterfaceID) bool) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		for i := range cloud.Interfaces.All(tx) {
			if i.Managed == hostManager && !held(i.ID) {
				removeInterface(tx, i.ID)
			}
		}
		return nil
	})
}
