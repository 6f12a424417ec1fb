package ec2

import (
	"net/netip"

	"weir/internal/api/wire"
	"weir/internal/cloud"
)

func (a *api) interfaceShape(v cloud.View) func(*cloud.Interface) NetworkInterface {
	return func(i *cloud.Interface) NetworkInterface {
		domain := internalDomain(i.Region)
		out := NetworkInterface{
			NetworkInterfaceId: new(string(i.ID)), VpcId: new(string(i.VPC)), SubnetId: new(string(i.Subnet)), OwnerId: new(i.Account),
			Description: new(i.Description), MacAddress: new(i.MAC), SourceDestCheck: new(i.SourceDestCheck), InterfaceType: NetworkInterfaceTypeInterface,
			RequesterManaged: new(i.Managed != ""), Status: NetworkInterfaceStatusAvailable, TagSet: shown(tagList(i.Tags)),
			Groups: []GroupIdentifier{}, Ipv6Addresses: []NetworkInterfaceIpv6Address{},
			Operator: &OperatorResponse{Managed: new(false)},
		}
		if s, ok := cloud.Subnets.Get(v, i.Subnet); ok {
			out.AvailabilityZone, out.AvailabilityZoneId = new(s.Zone), new(a.zoneID(s.Region, s.Zone))
		}
		for _, id := range i.SecurityGroups {
			g := GroupIdentifier{GroupId: new(string(id))}
			if r, ok := cloud.SecurityGroups.Get(v, id); ok {
				g.GroupName = new(r.Name)
			}
			out.Groups = append(out.Groups, g)
		}
		if len(i.Addrs) > 0 {
			out.PrivateIpAddress, out.PrivateDnsName = new(i.Addrs[0].String()), new("ip-"+dashed(i.Addrs[0])+"."+domain)
		}
		addressShapes(v, i, &out, domain)
		useShape(v, i, &out)
		return out
	}
}

// internalDomain is the domain of a region's private names.
func internalDomain(region string) string { return defaults(region).DHCP["domain-name"][0] }

func addressShapes(v cloud.View, i *cloud.Interface, out *NetworkInterface, domain string) {
	for n, addr := range i.Addrs {
		x := NetworkInterfacePrivateIpAddress{PrivateIpAddress: new(addr.String()), Primary: new(n == 0), PrivateDnsName: new("ip-" + dashed(addr) + "." + domain)}
		for e := range cloud.ElasticIPs.By(v, "interface", string(i.ID)) {
			if e.Private == addr {
				x.Association = &NetworkInterfaceAssociation{
					AllocationId: new(string(e.ID)), AssociationId: new(e.AssocID), PublicIp: new(e.Addr.String()), IpOwnerId: new(e.Account),
					PublicDnsName: new(publicName(e.Region, e.Addr)),
				}
			}
		}
		if n == 0 && x.Association == nil && i.PublicIP.IsValid() {
			x.Association = &NetworkInterfaceAssociation{PublicIp: new(i.PublicIP.String()), IpOwnerId: new("amazon"), PublicDnsName: new(publicName(i.Region, i.PublicIP))}
		}
		out.PrivateIpAddresses = append(out.PrivateIpAddresses, x)
	}
	if len(out.PrivateIpAddresses) > 0 {
		out.Association = out.PrivateIpAddresses[0].Association
	}
	for n, addr := range i.Addrs6 {
		if n == 0 {
			out.Ipv6Address = new(addr.String())
		}
		out.Ipv6Addresses = append(out.Ipv6Addresses, NetworkInterfaceIpv6Address{Ipv6Address: new(addr.String()), IsPrimaryIpv6: new(false)})
	}
}

func publicName(region string, addr netip.Addr) string {
	if region == "us-east-1" {
		return "ec2-" + dashed(addr) + ".compute-1.amazonaws.com"
	}
	return "ec2-" + dashed(addr) + "." + region + ".compute.amazonaws.com"
}

// useShape shows what the interface serves.
func useShape(v cloud.View, i *cloud.Interface, out *NetworkInterface) {
	if t := i.Attachment; t != nil {
		out.Status = NetworkInterfaceStatusInUse
		out.Attachment = &NetworkInterfaceAttachment{
			AttachmentId: new(t.ID), InstanceId: given(t.Instance), InstanceOwnerId: new(i.Account), DeviceIndex: new(int32(t.Device)), NetworkCardIndex: new(int32(0)),
			AttachTime: new(t.At), DeleteOnTermination: new(t.DeleteOnTermination), Status: AttachmentStatusAttached,
		}
	}
	if i.Managed == "" {
		return
	}
	out.Status = NetworkInterfaceStatusInUse
	out.Attachment = &NetworkInterfaceAttachment{
		AttachmentId: new(managedAttachment(i.ID)), InstanceOwnerId: new("amazon-aws"), DeviceIndex: new(int32(1)), NetworkCardIndex: new(int32(0)),
		AttachTime: new(i.Created), DeleteOnTermination: new(false), Status: AttachmentStatusAttached,
	}
	switch i.Use {
	case cloud.UseNAT:
		// Amazon's answers say nat_gateway, its model natGateway.
		out.InterfaceType, out.RequesterId = "nat_gateway", new("amazon-aws")
		out.Description = new("Interface for NAT Gateway " + i.Owner)
	case cloud.UseFunction:
		out.InterfaceType, out.RequesterId = NetworkInterfaceTypeLambda, new("amazon-aws")
		if i.Description == "" {
			out.Description = new(functionUsers(v, i))
		}
	case cloud.UseEndpoint:
		out.InterfaceType, out.RequesterId = NetworkInterfaceTypeVpcEndpoint, new("amazon-aws")
		out.Description = new("VPC Endpoint Interface " + i.Owner)
	case cloud.UseTransit:
		out.InterfaceType, out.RequesterId = NetworkInterfaceTypeTransitGateway, new("amazon-aws")
		out.Description = new("Network Interface for Transit Gateway Attachment " + i.Owner)
	case cloud.UseBalancer:
		out.InterfaceType, out.RequesterId = NetworkInterfaceTypeNetworkLoadBalancer, new("amazon-elb")
		out.Attachment.InstanceOwnerId = new("amazon-elb")
		if b, ok := cloud.LoadBalancers.Get(v, cloud.LoadBalancerID(i.Owner)); ok {
			out.Description = new("ELB net/" + b.Name + "/" + i.Owner)
		}
	}
}

func privateFacts(f func(NetworkInterfacePrivateIpAddress) []string) func(NetworkInterface) []string {
	return func(i NetworkInterface) []string { return facts(i.PrivateIpAddresses, f) }
}

func assocFact(f func(*NetworkInterfaceAssociation) []string) func(NetworkInterface) []string {
	return privateFacts(func(p NetworkInterfacePrivateIpAddress) []string {
		if p.Association == nil {
			return nil
		}
		return f(p.Association)
	})
}

func attachmentFact(f func(*NetworkInterfaceAttachment) []string) func(NetworkInterface) []string {
	return of(func(i NetworkInterface) *NetworkInterfaceAttachment { return i.Attachment }, f)
}

var interfaceListing = listing[NetworkInterface]{
	kind: cloud.KindInterface, param: "networkInterfaceIds",
	id:   func(i NetworkInterface) *string { return i.NetworkInterfaceId },
	tags: func(i NetworkInterface) []Tag { return i.TagSet },
	fields: wire.Fields[NetworkInterface]{
		"network-interface-id": func(i NetworkInterface) []string { return fact(i.NetworkInterfaceId) },
		"vpc-id":               func(i NetworkInterface) []string { return fact(i.VpcId) },
		"subnet-id":            func(i NetworkInterface) []string { return fact(i.SubnetId) },
		"owner-id":             func(i NetworkInterface) []string { return fact(i.OwnerId) },
		"status":               func(i NetworkInterface) []string { return fact(&i.Status) },
		"description":          func(i NetworkInterface) []string { return fact(i.Description) },
		"interface-type":       func(i NetworkInterface) []string { return fact(&i.InterfaceType) },
		"availability-zone":    func(i NetworkInterface) []string { return fact(i.AvailabilityZone) },
		"availability-zone-id": func(i NetworkInterface) []string { return fact(i.AvailabilityZoneId) },
		"mac-address":          func(i NetworkInterface) []string { return fact(i.MacAddress) },
		"private-ip-address":   func(i NetworkInterface) []string { return fact(i.PrivateIpAddress) },
		"private-dns-name":     func(i NetworkInterface) []string { return fact(i.PrivateDnsName) },
		"requester-id":         func(i NetworkInterface) []string { return fact(i.RequesterId) },
		"requester-managed":    func(i NetworkInterface) []string { return flag(i.RequesterManaged) },
		"source-dest-check":    func(i NetworkInterface) []string { return flag(i.SourceDestCheck) },
		"operator.managed":     func(i NetworkInterface) []string { return flag(i.Operator.Managed) },
		"operator.principal":   func(NetworkInterface) []string { return nil },
		"group-id": func(i NetworkInterface) []string {
			return facts(i.Groups, func(g GroupIdentifier) []string { return fact(g.GroupId) })
		},
		"group-name": func(i NetworkInterface) []string {
			return facts(i.Groups, func(g GroupIdentifier) []string { return fact(g.GroupName) })
		},
		"ipv6-addresses.ipv6-address": func(i NetworkInterface) []string {
			return facts(i.Ipv6Addresses, func(x NetworkInterfaceIpv6Address) []string { return fact(x.Ipv6Address) })
		},
		"addresses.private-ip-address":     privateFacts(func(p NetworkInterfacePrivateIpAddress) []string { return fact(p.PrivateIpAddress) }),
		"addresses.primary":                privateFacts(func(p NetworkInterfacePrivateIpAddress) []string { return flag(p.Primary) }),
		"addresses.association.public-ip":  assocFact(func(x *NetworkInterfaceAssociation) []string { return fact(x.PublicIp) }),
		"addresses.association.owner-id":   assocFact(func(x *NetworkInterfaceAssociation) []string { return fact(x.IpOwnerId) }),
		"association.allocation-id":        assocFact(func(x *NetworkInterfaceAssociation) []string { return fact(x.AllocationId) }),
		"association.association-id":       assocFact(func(x *NetworkInterfaceAssociation) []string { return fact(x.AssociationId) }),
		"association.ip-owner-id":          assocFact(func(x *NetworkInterfaceAssociation) []string { return fact(x.IpOwnerId) }),
		"association.public-ip":            assocFact(func(x *NetworkInterfaceAssociation) []string { return fact(x.PublicIp) }),
		"association.public-dns-name":      assocFact(func(x *NetworkInterfaceAssociation) []string { return fact(x.PublicDnsName) }),
		"attachment.attach-time":           attachmentFact(func(x *NetworkInterfaceAttachment) []string { return moment(x.AttachTime) }),
		"attachment.attachment-id":         attachmentFact(func(x *NetworkInterfaceAttachment) []string { return fact(x.AttachmentId) }),
		"attachment.delete-on-termination": attachmentFact(func(x *NetworkInterfaceAttachment) []string { return flag(x.DeleteOnTermination) }),
		"attachment.device-index":          attachmentFact(index),
		"attachment.instance-id":           attachmentFact(func(x *NetworkInterfaceAttachment) []string { return fact(x.InstanceId) }),
		"attachment.instance-owner-id":     attachmentFact(func(x *NetworkInterfaceAttachment) []string { return fact(x.InstanceOwnerId) }),
		"attachment.status":                attachmentFact(func(x *NetworkInterfaceAttachment) []string { return fact(&x.Status) }),
	},
}
