package control

import (
	"slices"
	"strings"

	"weir/internal/cloud"
)

// attachNetwork checks a function's network settings and gives the version the
// interfaces that carry it. Without free addresses the version becomes failed;
// that is no error, as the vendor finds out only after it has answered.
func (c *Control) attachNetwork(tx cloud.Tx, caller Caller, v *cloud.Version, n FunctionNetworkSettings) error {
	if n.Unchecked {
		v.Network = networkOf(n, n.VPC)
		v.State = cloud.FunctionState{Status: "active"}
		return nil
	}
	vpc, err := checkFunctionNetwork(tx, caller, n)
	if err != nil {
		return err
	}
	if v.State.Status == "active" && len(v.Network.Interfaces) > 0 && sameNetwork(v.Network, n) {
		return nil // nothing is configured, so nobody asks for permissions
	}
	if vpc != "" {
		for _, action := range n.RoleActions {
			if err := c.roleAllows(tx, v.Role, action); err != nil {
				return err
			}
		}
	}
	for _, id := range n.Subnets {
		if zoneLimited(tx, id) {
			return cloud.Errorf(cloud.Exhausted, cloud.KindFunction, string(id), "zone-limited", "the zone of subnet %s is capacity-limited; use another zone", id)
		}
	}
	v.Network = networkOf(n, vpc)
	v.State = cloud.FunctionState{Status: "active"}
	err = c.functionInterfaces(tx, caller, &v.Network, n)
	if cloud.IsKind(err, cloud.Exhausted) {
		c.releaseNetwork(tx, v.Network)
		v.Network.Interfaces = nil
		v.State = cloud.FunctionState{Status: "failed", Code: "no-addresses", Msg: err.Error()}
		return nil
	}
	return err
}

// networkOf is a network without interfaces.
func networkOf(n FunctionNetworkSettings, vpc cloud.VPCID) cloud.FunctionNetwork {
	return cloud.FunctionNetwork{
		VPC: vpc, Subnets: slices.Clone(n.Subnets), Groups: slices.Clone(n.Groups),
		IPv6: n.IPv6, DefaultEgress: n.DefaultEgress, Wide: n.Wide, Unchecked: n.Unchecked,
	}
}

func sameNetwork(have cloud.FunctionNetwork, want FunctionNetworkSettings) bool {
	return slices.Equal(have.Subnets, want.Subnets) && slices.Equal(have.Groups, want.Groups) &&
		have.IPv6 == want.IPv6 && have.DefaultEgress == want.DefaultEgress && have.Wide == want.Wide
}

// functionInterfaces gives a network its interfaces: one per subnet, shared by
// all functions of the account with the same groups there.
func (c *Control) functionInterfaces(tx cloud.Tx, caller Caller, to *cloud.FunctionNetwork, n FunctionNetworkSettings) error {
	if len(n.Subnets) == 0 {
		i, err := c.serviceInterface(tx, caller, n.DefaultEgress)
		if err != nil {
			return err
		}
		to.VPC, to.Interfaces = i.VPC, []cloud.InterfaceID{i.ID}
		return nil
	}
	for _, id := range n.Subnets {
		i, err := c.functionInterface(tx, caller, id, n)
		if err != nil {
			return err
		}
		to.Interfaces = append(to.Interfaces, i.ID)
	}
	return c.besideInterface(tx, caller, to)
}

// besideInterface gives a network in a VPC its way out by the platform's, if it is to have one.
func (c *Control) besideInterface(tx cloud.Tx, caller Caller, to *cloud.FunctionNetwork) error {
	if !to.DefaultEgress {
		return nil
	}
	i, err := c.serviceInterface(tx, caller, true)
	if err != nil {
		return err
	}
	to.Side = i.ID
	return nil
}

func (c *Control) functionInterface(tx cloud.Tx, caller Caller, id cloud.SubnetID, n FunctionNetworkSettings) (*cloud.Interface, error) {
	owner := interfaceOwner(id, n)
	for i := range cloud.Interfaces.By(tx, "owner", owner) {
		return i, nil
	}
	subnet, err := find(tx, caller, cloud.Subnets, cloud.KindSubnet, id)
	if err != nil {
		return nil, err
	}
	p := placement{
		subnet:      subnet,
		use:         cloud.UseFunction,
		managed:     n.Managed,
		owner:       owner,
		groups:      slices.Clone(n.Groups),
		description: n.Description,
	}
	if n.IPv6 {
		p.ipv6 = 1
	}
	return c.placeInterface(tx, caller, p)
}

// interfaceOwner is the same for functions that can share an interface.
func interfaceOwner(subnet cloud.SubnetID, n FunctionNetworkSettings) string {
	groups := make([]string, len(n.Groups))
	for i, g := range n.Groups {
		groups[i] = string(g)
	}
	slices.Sort(groups)
	family := "ipv4"
	if n.IPv6 {
		family = "dual"
	}
	return strings.Join([]string{functionOwner, string(subnet), family, strings.Join(groups, ",")}, "/")
}

// functionOwner starts the Owner of every interface that is given back when the last function leaves.
const functionOwner = "function"

// checkFunctionNetwork wants subnets and groups that exist, all in one VPC, and
// for IPv6 only subnets that have both families. It returns the VPC, or "".
func checkFunctionNetwork(v cloud.View, caller Caller, n FunctionNetworkSettings) (cloud.VPCID, error) {
	if (len(n.Subnets) == 0) != (len(n.Groups) == 0) {
		return "", cloud.Errorf(cloud.Invalid, cloud.KindFunction, "", "subnets-and-groups", "a function's network needs both subnets and security groups, or neither")
	}
	groups := make([]*cloud.SecurityGroup, 0, len(n.Groups))
	for _, id := range n.Groups { // which the vendor misses before a subnet
		g, err := find(v, caller, cloud.SecurityGroups, cloud.KindSecurityGroup, id)
		if err != nil {
			return "", err
		}
		groups = append(groups, g)
	}
	var vpc cloud.VPCID
	for _, id := range n.Subnets {
		s, err := find(v, caller, cloud.Subnets, cloud.KindSubnet, id)
		if err != nil {
			return "", err
		}
		if vpc != "" && s.VPC != vpc {
			return "", cloud.Errorf(cloud.Invalid, cloud.KindSubnet, string(id), "two-vpcs", "subnet %s is in %s, another subnet of the function is in %s", id, s.VPC, vpc)
		}
		vpc = s.VPC
		if n.IPv6 && (len(s.CIDRs6) == 0 || !s.CIDR.IsValid()) {
			return "", cloud.Errorf(cloud.Invalid, cloud.KindSubnet, string(id), "not-dual-stack", "subnet %s does not have both an IPv4 and an IPv6 block, which IPv6 for the function needs", id)
		}
	}
	for _, g := range groups {
		if g.VPC != vpc {
			return "", cloud.Errorf(cloud.Invalid, cloud.KindSecurityGroup, string(g.ID), "other-vpc", "security group %s is in %s, the function's subnets are in %s", g.ID, g.VPC, vpc)
		}
	}
	return vpc, nil
}

// releaseNetwork gives back the interfaces of a network that no version uses
// any more. The transaction already shows the functions as they will be.
func (c *Control) releaseNetwork(tx cloud.Tx, n cloud.FunctionNetwork) {
	used := map[cloud.InterfaceID]bool{}
	for f := range cloud.Functions.By(tx, "vpc", string(n.VPC)) {
		for _, id := range f.Latest.Network.Interfaces {
			used[id] = true
		}
	}
	for pv := range cloud.PublishedVersions.By(tx, "vpc", string(n.VPC)) {
		for _, id := range pv.Version.Network.Interfaces {
			used[id] = true
		}
	}
	for _, id := range n.Interfaces {
		i, ok := cloud.Interfaces.Get(tx, id)
		if ok && !used[id] && strings.HasPrefix(i.Owner, functionOwner+"/") {
			removeInterface(tx, id)
		}
	}
}
