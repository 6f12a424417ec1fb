package fc

import (
	"context"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"time"

	"weir/internal/api/alibaba/ecs"
	aliregion "weir/internal/api/alibaba/region"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/alibaba/vpc"
	"weir/internal/cloud"
	"weir/internal/control"
)

// Console has what the product's console does in one step and its API in many:
// a network for a function, and a fixed public address for what leaves by it.
// Each step looks for what an earlier run left, so that a run that was cut short
// is finished by another.
// https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/configure-network-settings
type Console struct {
	Control *control.Control
	Now     func() time.Time
}

// Names of what is made begin as the console's do.
const (
	autoVPC    = "fc.auto.create.vpc."
	autoSwitch = "fc.auto.create.vswitch."
	autoGroup  = "fc.auto.create.SecurityGroup."
	autoNAT    = "fc.auto.create.natgateway."
)

// The block of a VPC that is made, and the length of its vSwitches' blocks: 252
// addresses each, says the product.
var autoBlock = netip.MustParsePrefix("192.168.0.0/16")

const autoBits = 24

// Network is what a function reaches after a step.
type Network struct {
	VPC       string   `json:"vpc"`
	VSwitches []string `json:"vswitches"`
	Group     string   `json:"security_group"`
	// Made are the IDs of what was not there before.
	Made       []string     `json:"made"`
	NATGateway string       `json:"nat_gateway,omitempty"`
	Addresses  []netip.Addr `json:"addresses,omitempty"` // that the far side sees
}

// AutoNetwork attaches a function to a VPC, a vSwitch and a security group that
// were made for functions of this account and region, and makes what is missing.
// Whether the function also has the internet by the platform stays as it is.
func (c *Console) AutoNetwork(ctx context.Context, who control.Caller, function string) (*Network, error) {
	fn, err := c.function(who, function)
	if err != nil {
		return nil, err
	}
	n := &Network{}
	v, err := c.autoVPC(ctx, who, n)
	if err != nil {
		return nil, err
	}
	s, err := c.autoSwitch(ctx, who, v, n)
	if err != nil {
		return nil, err
	}
	g, err := c.autoGroup(ctx, who, s, n)
	if err != nil {
		return nil, err
	}
	n.VPC, n.VSwitches, n.Group = string(v.ID), []string{string(s.ID)}, string(g.ID)
	return n, c.attach(ctx, who, fn, control.FunctionNetworkSettings{
		VPC: v.ID, Subnets: []cloud.SubnetID{s.ID}, Groups: []cloud.SecurityGroupID{g.ID}, DefaultEgress: fn.Latest.Network.DefaultEgress,
	})
}

// function is one that this product made: others keep to their own rules.
func (c *Console) function(who control.Caller, name string) (*cloud.Function, error) {
	fn, ok := cloud.Functions.Get(c.Control.View(), cloud.MakeFunctionKey(who.Account, who.Region, name))
	switch {
	case !ok:
		return nil, cloud.Errorf(cloud.NotFound, cloud.KindFunction, name, "", "there is no function %s in region %s", name, who.Region)
	case fn.Latest.Attrs["fc.id"] == "":
		return nil, cloud.Errorf(cloud.Invalid, cloud.KindFunction, name, "", "function %s was not made by Function Compute's API: configure its network by the API that made it", name)
	}
	return fn, nil
}

func (c *Console) attach(ctx context.Context, who control.Caller, fn *cloud.Function, n control.FunctionNetworkSettings) error {
	n.Unchecked = true
	n.Wide = fn.Latest.Attrs["fc.gpuType"] != "" && n.DefaultEgress
	_, err := c.Control.UpdateFunctionSettings(ctx, who, control.UpdateFunctionSettings{Name: fn.Name, Settings: control.FunctionSettings{Network: &n}})
	return err
}

// oldest is the first made of those whose name begins with prefix.
func oldest[T any](all iter.Seq[T], prefix string, meta func(T) *cloud.Meta) (first T, ok bool) {
	for r := range all {
		if strings.HasPrefix(meta(r).Attrs[resource.AttrName], prefix) && (!ok || meta(r).Created.Before(meta(first).Created)) {
			first, ok = r, true
		}
	}
	return first, ok
}

func named(name string) control.Labels {
	return control.Labels{Attrs: map[string]string{resource.AttrName: name}}
}

func (c *Console) autoVPC(ctx context.Context, who control.Caller, n *Network) (*cloud.VPC, error) {
	if v, ok := oldest(cloud.VPCs.By(c.Control.View(), "scope", cloud.Scope(who.Account, who.Region)), autoVPC, func(v *cloud.VPC) *cloud.Meta { return &v.Meta }); ok {
		return v, nil
	}
	v, err := c.Control.CreateVPC(ctx, who, vpc.NewVPC(autoBlock, named(fmt.Sprint(autoVPC, c.Now().Unix()))))
	if err == nil {
		n.Made = append(n.Made, string(v.ID))
	}
	return v, err
}

// autoSwitch is in a zone where functions can have interfaces.
func (c *Console) autoSwitch(ctx context.Context, who control.Caller, v *cloud.VPC, n *Network) (*cloud.Subnet, error) {
	region, _ := aliregion.Get(who.Region)
	there := cloud.Subnets.By(c.Control.View(), "vpc", string(v.ID))
	if s, ok := oldest(there, autoSwitch, func(s *cloud.Subnet) *cloud.Meta { return &s.Meta }); ok && region.Serves(s.Zone) {
		return s, nil
	}
	zones := slices.DeleteFunc(c.Control.OpenZones(who.Region), func(z string) bool { return !region.Serves(z) })
	if len(zones) == 0 {
		return nil, cloud.Errorf(cloud.Exhausted, cloud.KindZone, who.Region, "", "no zone of region %s can take a vSwitch for functions", who.Region)
	}
	block, ok := freeBlock(v, there)
	if !ok {
		return nil, cloud.Errorf(cloud.Exhausted, cloud.KindVPC, string(v.ID), "", "VPC %s has no room for a vSwitch of /%d", v.ID, autoBits)
	}
	s, err := c.Control.CreateSubnet(ctx, who, vpc.NewVSwitch(v.ID, zones[0], block, named(autoSwitch+string(v.ID))))
	if err == nil {
		n.Made = append(n.Made, string(s.ID))
	}
	return s, err
}

// freeBlock is the first block of a VPC's that no vSwitch has a part of.
func freeBlock(v *cloud.VPC, there iter.Seq[*cloud.Subnet]) (netip.Prefix, bool) {
	var taken []netip.Prefix
	for s := range there {
		taken = append(taken, s.CIDR)
	}
	for _, b := range v.CIDRs {
		if p, ok := control.FreeBlock(b.Prefix, autoBits, taken); ok {
			return p, true
		}
	}
	return netip.Prefix{}, false
}

// autoGroup lets everything out, ICMP too, by which the platform checks the connection.
func (c *Console) autoGroup(ctx context.Context, who control.Caller, s *cloud.Subnet, n *Network) (*cloud.SecurityGroup, error) {
	for g := range cloud.SecurityGroups.By(c.Control.View(), "vpc", string(s.VPC)) {
		if strings.HasPrefix(g.Name, autoGroup) {
			return g, nil
		}
	}
	g, err := c.Control.CreateSecurityGroup(ctx, who, ecs.NewGroup(s.VPC, autoGroup+string(s.ID), "", "normal", control.Labels{}))
	if err == nil {
		n.Made = append(n.Made, string(g.ID))
	}
	return g, err
}
