package control

import (
	"context"
	"errors"
	"slices"

	"weir/internal/cloud"
	"weir/internal/netplan"
	"weir/internal/reach"
)

// OpenNetwork is what a dialect asks of a function's network when the function
// runs, having checked nothing when it was configured.
type OpenNetwork struct {
	// ZoneServed says whether functions can have interfaces in a zone.
	ZoneServed func(zone string) bool
	// Role makes the interfaces: it must be allowed to do the Actions.
	Role    string
	Actions []string
	// Registry, if set, is where the function's image is; its name must lead into the network.
	Registry cloud.RegistryID
	// Managed and Description mark the interfaces as the service's own.
	Managed, Description string
}

// OpenFunctionNetwork checks the network of a function's version and makes its
// interfaces, unless that was done before. A subnet that is full is passed over
// while another one is not. Errors: NotFound of the VPC, a subnet or a group;
// Invalid "other-vpc", "zone", "icmp"; Denied; Exhausted.
func (c *Control) OpenFunctionNetwork(ctx context.Context, who Caller, name string, version int, in OpenNetwork) (*cloud.Version, error) {
	key := cloud.MakeFunctionKey(who.Account, who.Region, name)
	v, err := numbered(c.View(), key, version)
	if err != nil || opened(c.View(), v.Network) {
		return v, err
	}
	var out cloud.Version
	err = c.transact(ctx, func(tx cloud.Tx) error {
		v, err := numbered(tx, key, version)
		if err != nil {
			return err
		}
		out = *v
		if opened(tx, v.Network) {
			return nil
		}
		if err := c.openNetwork(tx, who, &out, in); err != nil {
			return err
		}
		return putOpened(tx, key, &out)
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// opened tells whether there is nothing to check or to make.
func opened(v cloud.View, n cloud.FunctionNetwork) bool {
	there := func(id cloud.InterfaceID) bool { _, ok := cloud.Interfaces.Get(v, id); return ok }
	return !n.Unchecked || len(n.Interfaces) > 0 && !slices.ContainsFunc(n.Interfaces, func(id cloud.InterfaceID) bool { return !there(id) })
}

func numbered(v cloud.View, key cloud.FunctionKey, version int) (*cloud.Version, error) {
	fn, ok := cloud.Functions.Get(v, key)
	if !ok {
		return nil, cloud.Errorf(cloud.NotFound, cloud.KindFunction, string(key), "", "there is no function %s", key)
	}
	return fn.Numbered(v, version)
}

// putOpened stores a version whose network was opened: its revision stays, as
// it is the same to whoever uses it.
func putOpened(tx cloud.Tx, key cloud.FunctionKey, v *cloud.Version) error {
	if v.Number == 0 {
		fn, _ := cloud.Functions.Get(tx, key)
		fn = copyFunction(fn)
		fn.Latest = *v
		cloud.Functions.Put(tx, fn)
		return nil
	}
	pv, ok := cloud.PublishedVersions.Get(tx, cloud.MakeVersionKey(key, v.Number))
	if !ok {
		return absent(cloud.KindVersion, v.Label())
	}
	changed := *pv
	changed.Version = *v
	cloud.PublishedVersions.Put(tx, &changed)
	return nil
}

func (c *Control) openNetwork(tx cloud.Tx, who Caller, v *cloud.Version, in OpenNetwork) error {
	n := &v.Network
	n.Interfaces, n.Side = nil, ""
	settings := FunctionNetworkSettings{
		VPC: n.VPC, Subnets: n.Subnets, Groups: n.Groups, IPv6: n.IPv6, DefaultEgress: n.DefaultEgress,
		Managed: in.Managed, Description: in.Description,
	}
	if len(n.Subnets) == 0 {
		return c.functionInterfaces(tx, who, n, settings)
	}
	if err := checkOpen(tx, who, n, in.ZoneServed); err != nil {
		return err
	}
	if in.Registry != "" {
		if err := checkRegistry(tx, who, n, in.Registry); err != nil {
			return err
		}
	}
	for _, action := range in.Actions {
		if err := c.roleAllows(tx, in.Role, action); err != nil {
			return err
		}
	}
	if err := c.openInterfaces(tx, who, n, settings); err != nil {
		return err
	}
	if err := checkPing(tx, n); err != nil {
		return err
	}
	return c.besideInterface(tx, who, n)
}

// checkOpen wants the VPC, and subnets in served zones and groups, all of that VPC.
func checkOpen(v cloud.View, who Caller, n *cloud.FunctionNetwork, served func(string) bool) error {
	if _, err := find(v, who, cloud.VPCs, cloud.KindVPC, n.VPC); err != nil {
		return err
	}
	for _, id := range n.Subnets {
		s, err := find(v, who, cloud.Subnets, cloud.KindSubnet, id)
		if err != nil {
			return err
		}
		if s.VPC != n.VPC {
			return cloud.Errorf(cloud.Invalid, cloud.KindSubnet, string(id), "other-vpc", "subnet %s is in %s, not in %s", id, s.VPC, n.VPC)
		}
		if served != nil && !served(s.Zone) {
			return cloud.Errorf(cloud.Invalid, cloud.KindSubnet, string(id), "zone", "subnet %s is in zone %s, where functions have no network interfaces; use a subnet of another zone of the VPC, which reaches this zone privately", id, s.Zone)
		}
	}
	for _, id := range n.Groups {
		g, err := find(v, who, cloud.SecurityGroups, cloud.KindSecurityGroup, id)
		if err != nil {
			return err
		}
		if g.VPC != n.VPC {
			return cloud.Errorf(cloud.Invalid, cloud.KindSecurityGroup, string(id), "other-vpc", "security group %s is in %s, not in %s", id, g.VPC, n.VPC)
		}
	}
	return nil
}

// openInterfaces makes what interfaces the subnets have addresses for, at least one.
func (c *Control) openInterfaces(tx cloud.Tx, who Caller, n *cloud.FunctionNetwork, settings FunctionNetworkSettings) error {
	var full []error
	for _, id := range n.Subnets {
		i, err := c.functionInterface(tx, who, id, settings)
		switch {
		case cloud.IsKind(err, cloud.Exhausted):
			full = append(full, err)
		case err != nil:
			return err
		default:
			n.Interfaces = append(n.Interfaces, i.ID)
		}
	}
	if len(n.Interfaces) == 0 {
		return &cloud.Error{Kind: cloud.Exhausted, Resource: cloud.KindSubnet, ID: string(n.Subnets[0]), Reason: "no-addresses",
			Msg: "no subnet of the function has a free address for a network interface", Err: errors.Join(full...)}
	}
	return nil
}

// checkPing carries out the platform's check of a connection to a VPC: the
// groups of each interface must let ICMP echo out to its subnet.
func checkPing(tx cloud.Tx, n *cloud.FunctionNetwork) error {
	x := reach.New(netplan.Compile(tx, n.VPC))
	for _, id := range n.Interfaces {
		i, _ := cloud.Interfaces.Get(tx, id)
		s, ok := cloud.Subnets.Get(tx, i.Subnet)
		if ok && s.CIDR.IsValid() && !x.LetsOut(id, s.CIDR.Masked().Addr().Next(), icmpEcho, 0) {
			return cloud.Errorf(cloud.Invalid, cloud.KindSecurityGroup, string(i.SecurityGroups[0]), "icmp",
				"the connection of network interface %s to %s cannot be checked: the outbound rules of its security group %s do not allow ICMP; allow it", id, n.VPC, i.SecurityGroups[0])
		}
	}
	return nil
}

const icmpEcho = 1 // the protocol that the check uses
