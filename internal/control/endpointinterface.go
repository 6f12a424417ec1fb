package control

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"net/netip"
	"slices"
	"strings"
	"time"

	"weir/internal/cloud"
	"weir/internal/iam"
)

// endpointManager marks the interfaces of endpoints, so that nobody else changes them.
const endpointManager = "endpoint"

// endpointStart is how long the vendor takes until an interface endpoint works.
const endpointStart = time.Minute

// EndpointSubnet is a subnet in which an interface endpoint shall have an
// interface, with the addresses that it shall have there, if they matter.
type EndpointSubnet struct {
	ID    cloud.SubnetID
	Addr  netip.Addr
	Addr6 netip.Addr
}

// CreateInterfaceEndpoint is the input of Control.CreateInterfaceEndpoint.
type CreateInterfaceEndpoint struct {
	Labels
	VPC          cloud.VPCID
	Service, API string
	Provider     cloud.EndpointServiceID // of users' own; "" is the platform's
	Domain       string                  // the endpoint's own name ends with it
	Wildcard     bool                    // and stands for all names below it
	Plain        bool                    // and begins with its ID alone
	PrivateNames []string
	PrivateDNS   bool
	DualStack    bool
	Policy       string
	Subnets      []EndpointSubnet
	Groups       []cloud.SecurityGroupID // none is the VPC's default group
}

// CreateInterfaceEndpoint makes an endpoint with an interface in each subnet.
func (c *Control) CreateInterfaceEndpoint(ctx context.Context, who Caller, in CreateInterfaceEndpoint) (*cloud.Endpoint, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.Endpoint, error) {
		id := func(e *cloud.Endpoint) cloud.EndpointID { return e.ID }
		return once(tx, who, cloud.Endpoints, "endpoint", in.Labels, in, id, func() (*cloud.Endpoint, error) {
			if _, err := find(tx, who, cloud.VPCs, cloud.KindVPC, in.VPC); err != nil {
				return nil, err
			}
			if err := c.checkEndpointPolicy(in.Policy); err != nil {
				return nil, err
			}
			n := count(cloud.Endpoints.By(tx, "vpc", string(in.VPC)), func(e *cloud.Endpoint) bool { return !e.Gateway })
			if err := within(n, c.quotas(who).InterfaceEndpoints, cloud.KindEndpoint, "", ""); err != nil {
				return nil, err
			}
			groups, err := c.interfaceGroups(tx, who, in.VPC, in.Groups)
			if err != nil {
				return nil, err
			}
			e := &cloud.Endpoint{
				Meta: c.meta(who, in.Labels), ID: cloud.EndpointID(who.NewID(cloud.KindEndpoint)), VPC: in.VPC,
				Service: in.Service, API: in.API, Policy: in.Policy, Groups: groups,
				PrivateNames: in.PrivateNames, PrivateDNS: in.PrivateDNS, DualStack: in.DualStack,
			}
			if e.Name = string(e.ID) + "." + in.Domain; !in.Plain {
				e.Name = endpointName(e.ID, in.Domain, in.Wildcard)
			}
			if err := c.connect(tx, e, in.Provider); err != nil {
				return nil, err
			}
			if c.opt.SlowStates {
				e.ReadyAt = c.now().Add(endpointStart)
			}
			if err := privateDNSFree(tx, e); err != nil {
				return nil, err
			}
			if err := c.joinSubnets(tx, who, e, in.Subnets); err != nil {
				return nil, err
			}
			cloud.Endpoints.Put(tx, e)
			return e, nil
		})
	})
}

// endpointName is an endpoint's own name, which nobody can guess from its ID.
func endpointName(id cloud.EndpointID, domain string, wildcard bool) string {
	sum := sha256.Sum256([]byte("name of " + id))
	name := string(id) + "-" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:5])) + "." + domain
	if wildcard {
		name = "*." + name
	}
	return name
}

// checkEndpointPolicy wants a document that can be evaluated; "" allows all.
func (c *Control) checkEndpointPolicy(doc string) error {
	if doc == "" {
		return nil
	}
	if _, err := c.document(doc, iam.Resource); err != nil {
		return cloud.Errorf(cloud.Malformed, cloud.KindEndpoint, "", "policy", "The Policy Document is not valid. %v", err)
	}
	return nil
}

// privateDNSFree checks that an endpoint may have the service's names in its VPC.
// https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html
func privateDNSFree(v cloud.View, e *cloud.Endpoint) error {
	if !e.PrivateDNS {
		return nil
	}
	if !e.Open() {
		return cloud.Errorf(cloud.State, cloud.KindEndpoint, e.Service, "not-accepted", "Private DNS can only be enabled after the endpoint connection is accepted by the owner of %s.", e.Service)
	}
	if len(e.PrivateNames) == 0 {
		return cloud.Errorf(cloud.Invalid, cloud.KindEndpoint, e.Service, "no-private-name", "Private DNS can't be enabled because the service %s does not provide a private DNS name.", e.Service)
	}
	vpc, _ := cloud.VPCs.Get(v, e.VPC)
	if !vpc.DNSSupport || !vpc.DNSHostnames {
		return cloud.Errorf(cloud.State, cloud.KindEndpoint, string(e.VPC), "dns-attributes", "private DNS of an endpoint needs DNS support and DNS host names in VPC %s", e.VPC)
	}
	for _, name := range e.PrivateNames {
		if zoneWithName(v, e.VPC, name) {
			return nameTaken(e, name)
		}
	}
	for other := range cloud.Endpoints.By(v, "vpc", string(e.VPC)) {
		for _, name := range e.PrivateNames {
			if other.ID != e.ID && other.PrivateDNS && slices.Contains(other.PrivateNames, name) {
				return nameTaken(e, name)
			}
		}
	}
	return nil
}

func nameTaken(e *cloud.Endpoint, name string) error {
	return cloud.Errorf(cloud.Conflict, cloud.KindEndpoint, name, "private-name",
		"private-dns-enabled cannot be set because there is already a conflicting DNS domain for %s in the VPC %s", name, e.VPC)
}

// joinSubnets gives an endpoint an interface in each further subnet, at most one
// in a zone; e must be a copy.
func (c *Control) joinSubnets(tx cloud.Tx, who Caller, e *cloud.Endpoint, subnets []EndpointSubnet) error {
	zones := map[string]bool{}
	for _, id := range e.Subnets {
		if s, ok := cloud.Subnets.Get(tx, id); ok {
			zones[s.Zone] = true
		}
	}
	e.Subnets, e.Interfaces = slices.Clone(e.Subnets), slices.Clone(e.Interfaces)
	for _, want := range subnets {
		s, err := find(tx, who, cloud.Subnets, cloud.KindSubnet, want.ID)
		if err != nil {
			return err
		}
		switch {
		case s.VPC != e.VPC:
			return otherVPC(cloud.KindEndpoint, string(s.ID), "The subnet %s is not in the VPC %s of the endpoint", s.ID, e.VPC)
		case slices.Contains(e.Subnets, s.ID):
			continue
		case zones[s.Zone]:
			return cloud.Errorf(cloud.Conflict, cloud.KindEndpoint, string(s.ID), "zone", "Found another VPC endpoint subnet in the availability zone of %s", s.ID)
		}
		if zoneLimited(tx, s.ID) {
			return cloud.Errorf(cloud.Exhausted, cloud.KindEndpoint, string(s.ID), "zone-limited", "The VPC endpoint service %s does not support the availability zone of the subnet: %s.", e.Service, s.ID)
		}
		if err := offeredIn(tx, e, s); err != nil {
			return err
		}
		zones[s.Zone] = true
		p := placement{
			subnet: s, use: cloud.UseEndpoint, managed: endpointManager, owner: string(e.ID), groups: e.Groups, count: 1,
		}
		if want.Addr.IsValid() {
			p.addrs = []netip.Addr{want.Addr}
		}
		if want.Addr6.IsValid() {
			p.addrs6 = []netip.Addr{want.Addr6}
		}
		if e.DualStack {
			p.ipv6 = 1
		}
		i, err := c.placeInterface(tx, who, p)
		if err != nil {
			return err
		}
		e.Subnets, e.Interfaces = append(e.Subnets, s.ID), append(e.Interfaces, i.ID)
	}
	return nil
}

// leaveSubnets takes an endpoint's interfaces out of subnets; e must be a copy.
func leaveSubnets(tx cloud.Tx, e *cloud.Endpoint, subnets []cloud.SubnetID) error {
	for _, id := range subnets {
		if !slices.Contains(e.Subnets, id) {
			return absent(cloud.KindSubnet, string(id))
		}
		e.Subnets = slices.DeleteFunc(slices.Clone(e.Subnets), func(s cloud.SubnetID) bool { return s == id })
		e.Interfaces = slices.DeleteFunc(slices.Clone(e.Interfaces), func(n cloud.InterfaceID) bool {
			i, ok := cloud.Interfaces.Get(tx, n)
			if !ok || i.Subnet != id {
				return false
			}
			removeInterface(tx, n)
			return true
		})
	}
	return nil
}

// setEndpointGroups puts other security groups on an endpoint's interfaces; e must be a copy.
func (c *Control) setEndpointGroups(tx cloud.Tx, who Caller, e *cloud.Endpoint, add, remove []cloud.SecurityGroupID) error {
	groups := slices.Clone(e.Groups)
	for _, g := range remove {
		i := slices.Index(groups, g)
		if i < 0 {
			return absent(cloud.KindSecurityGroup, string(g))
		}
		groups = slices.Delete(groups, i, i+1)
	}
	for _, g := range add {
		if !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	if len(groups) == 0 {
		return cloud.Errorf(cloud.Invalid, cloud.KindEndpoint, string(e.ID), "no-groups", "endpoint %s needs at least one security group; add another before the last goes", e.ID)
	}
	var err error
	if e.Groups, err = c.interfaceGroups(tx, who, e.VPC, groups); err != nil {
		return err
	}
	for _, id := range e.Interfaces {
		if old, ok := cloud.Interfaces.Get(tx, id); ok {
			i := *old
			i.SecurityGroups = e.Groups
			cloud.Interfaces.Put(tx, &i)
		}
	}
	return nil
}

// modifyInterfaceEndpoint makes the changes that an interface endpoint knows; e must be a copy.
func (c *Control) modifyInterfaceEndpoint(tx cloud.Tx, who Caller, e *cloud.Endpoint, in ModifyEndpoint) error {
	if err := leaveSubnets(tx, e, in.RemoveSubnets); err != nil {
		return err
	}
	if len(in.AddGroups)+len(in.RemoveGroups) > 0 {
		if err := c.setEndpointGroups(tx, who, e, in.AddGroups, in.RemoveGroups); err != nil {
			return err
		}
	}
	if err := c.joinSubnets(tx, who, e, in.AddSubnets); err != nil {
		return err
	}
	if in.PrivateDNS != nil {
		e.PrivateDNS = *in.PrivateDNS
		if err := privateDNSFree(tx, e); err != nil {
			return err
		}
	}
	cloud.Endpoints.Put(tx, e)
	return nil
}

// EndpointPending tells whether the endpoint does not work yet.
func EndpointPending(e *cloud.Endpoint, now time.Time) bool { return now.Before(e.ReadyAt) }
