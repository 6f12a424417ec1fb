package ec2

import (
	"maps"
	"time"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// shownInstance is an instance with what filters know of its reservation and its interface.
type shownInstance struct {
	Instance
	reservation, owner string
	eni                func() []NetworkInterface // the first, if it has one
}

// shownInstances are the caller's instances.
func (a *api) shownInstances(who control.Caller) []shownInstance {
	v, now := a.control.View(), a.control.Now()
	shape, enis := a.instanceShape(v), a.interfaceShape(v)
	var all []shownInstance
	for i := range cloud.Instances.By(v, "scope", cloud.Scope(who.Account, who.Region)) {
		if !control.InstanceShown(i, now) {
			continue
		}
		all = append(all, shownInstance{shape(i), i.Reservation, i.Account, func() []NetworkInterface {
			if eni, ok := cloud.Interfaces.Get(v, i.Interface); ok {
				return []NetworkInterface{enis(eni)}
			}
			return nil
		}})
	}
	return all
}

var instanceListing = listing[shownInstance]{
	kind: cloud.KindInstance, param: "instancesSet",
	id:     func(i shownInstance) *string { return i.InstanceId },
	tags:   func(i shownInstance) []Tag { return i.Tags },
	fields: instanceFields(),
}

// absent are the filters by what no resource here has: they match nothing.
func absent[T any](names ...string) wire.Fields[T] {
	f := wire.Fields[T]{}
	for _, name := range names {
		f[name] = func(T) []string { return nil }
	}
	return f
}

// merged is all of these filters.
func merged[T any](all ...wire.Fields[T]) wire.Fields[T] {
	f := wire.Fields[T]{}
	for _, x := range all {
		maps.Copy(f, x)
	}
	return f
}

// of reads a filter's values from a part that a resource may lack.
func of[T, P any](part func(T) *P, f func(*P) []string) func(T) []string {
	return func(t T) []string {
		p := part(t)
		if p == nil {
			return nil
		}
		return f(p)
	}
}

// moment is a time as filters compare it, which is as answers show it.
func moment(t *time.Time) []string {
	if t == nil {
		return nil
	}
	return []string{t.UTC().Format("2006-01-02T15:04:05.000Z")}
}

// instanceFields are the filters of DescribeInstances.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
func instanceFields() wire.Fields[shownInstance] {
	group := func(g func(GroupIdentifier) []string) func(shownInstance) []string {
		return func(i shownInstance) []string { return facts(i.SecurityGroups, g) }
	}
	id, name := group(func(g GroupIdentifier) []string { return fact(g.GroupId) }), group(func(g GroupIdentifier) []string { return fact(g.GroupName) })
	return merged(plainInstanceFields, instanceOptionFields, instanceInterfaceFields(),
		wire.Fields[shownInstance]{"group-id": id, "instance.group-id": id, "group-name": name, "instance.group-name": name},
		absent[shownInstance]("affinity", "block-device-mapping.attach-time", "block-device-mapping.delete-on-termination", "block-device-mapping.device-name",
			"block-device-mapping.status", "block-device-mapping.volume-id", "boot-mode", "capacity-reservation-id",
			"capacity-reservation-specification.capacity-reservation-target.capacity-reservation-id",
			"capacity-reservation-specification.capacity-reservation-target.capacity-reservation-resource-group-arn",
			"current-instance-boot-mode", "host-id", "instance-lifecycle", "kernel-id", "network-performance-options.bandwidth-weighting",
			"operator.principal", "outpost-arn", "placement-group-name", "placement-partition-number", "platform", "product-code", "product-code.type",
			"ramdisk-id", "requester-id", "spot-instance-request-id", "tpm-support", "usage-operation-update-time"))
}

var plainInstanceFields = wire.Fields[shownInstance]{
	"architecture":         func(i shownInstance) []string { return fact(&i.Architecture) },
	"availability-zone":    func(i shownInstance) []string { return fact(i.Placement.AvailabilityZone) },
	"availability-zone-id": func(i shownInstance) []string { return fact(i.Placement.AvailabilityZoneId) },
	"client-token":         func(i shownInstance) []string { return fact(i.ClientToken) },
	"dns-name":             func(i shownInstance) []string { return fact(i.PublicDnsName) },
	"ebs-optimized":        func(i shownInstance) []string { return flag(i.EbsOptimized) },
	"ena-support":          func(i shownInstance) []string { return flag(i.EnaSupport) },
	"hypervisor":           func(i shownInstance) []string { return fact(&i.Hypervisor) },
	"image-id":             func(i shownInstance) []string { return fact(i.ImageId) },
	"instance-id":          func(i shownInstance) []string { return fact(i.InstanceId) },
	"instance-state-code":  func(i shownInstance) []string { return decimal(i.State.Code) },
	"instance-state-name":  func(i shownInstance) []string { return fact(&i.State.Name) },
	"instance-type":        func(i shownInstance) []string { return fact(&i.InstanceType) },
	"ip-address":           func(i shownInstance) []string { return fact(i.PublicIpAddress) },
	"ipv6-address":         func(i shownInstance) []string { return fact(i.Ipv6Address) },
	"key-name":             func(i shownInstance) []string { return fact(i.KeyName) },
	"launch-index":         func(i shownInstance) []string { return decimal(i.AmiLaunchIndex) },
	"launch-time":          func(i shownInstance) []string { return moment(i.LaunchTime) },
	"monitoring-state":     func(i shownInstance) []string { return fact(&i.Monitoring.State) },
	"owner-id":             func(i shownInstance) []string { return []string{i.owner} },
	"platform-details":     func(i shownInstance) []string { return fact(i.PlatformDetails) },
	"private-dns-name":     func(i shownInstance) []string { return fact(i.PrivateDnsName) },
	"private-ip-address":   func(i shownInstance) []string { return fact(i.PrivateIpAddress) },
	"reason":               func(i shownInstance) []string { return fact(i.StateTransitionReason) },
	"reservation-id":       func(i shownInstance) []string { return []string{i.reservation} },
	"root-device-name":     func(i shownInstance) []string { return fact(i.RootDeviceName) },
	"root-device-type":     func(i shownInstance) []string { return fact(&i.RootDeviceType) },
	"source-dest-check":    func(i shownInstance) []string { return flag(i.SourceDestCheck) },
	"subnet-id":            func(i shownInstance) []string { return fact(i.SubnetId) },
	"tenancy":              func(i shownInstance) []string { return fact(&i.Placement.Tenancy) },
	"usage-operation":      func(i shownInstance) []string { return fact(i.UsageOperation) },
	"virtualization-type":  func(i shownInstance) []string { return fact(&i.VirtualizationType) },
	"vpc-id":               func(i shownInstance) []string { return fact(i.VpcId) },
}

func metadataFact(f func(*InstanceMetadataOptionsResponse) []string) func(shownInstance) []string {
	return of(func(i shownInstance) *InstanceMetadataOptionsResponse { return i.MetadataOptions }, f)
}

func nameFact(f func(*PrivateDnsNameOptionsResponse) []string) func(shownInstance) []string {
	return of(func(i shownInstance) *PrivateDnsNameOptionsResponse { return i.PrivateDnsNameOptions }, f)
}

func profileFact(f func(*IamInstanceProfile) []string) func(shownInstance) []string {
	return of(func(i shownInstance) *IamInstanceProfile { return i.IamInstanceProfile }, f)
}

func reasonFact(f func(*StateReason) []string) func(shownInstance) []string {
	return of(func(i shownInstance) *StateReason { return i.StateReason }, f)
}

var instanceOptionFields = wire.Fields[shownInstance]{
	"capacity-reservation-specification.capacity-reservation-preference": func(i shownInstance) []string {
		return fact(&i.CapacityReservationSpecification.CapacityReservationPreference)
	},
	"enclave-options.enabled":                                       func(i shownInstance) []string { return flag(i.EnclaveOptions.Enabled) },
	"hibernation-options.configured":                                func(i shownInstance) []string { return flag(i.HibernationOptions.Configured) },
	"iam-instance-profile.arn":                                      profileFact(func(p *IamInstanceProfile) []string { return fact(p.Arn) }),
	"iam-instance-profile.id":                                       profileFact(func(p *IamInstanceProfile) []string { return fact(p.Id) }),
	"maintenance-options.auto-recovery":                             func(i shownInstance) []string { return fact(&i.MaintenanceOptions.AutoRecovery) },
	"metadata-options.http-endpoint":                                metadataFact(func(m *InstanceMetadataOptionsResponse) []string { return fact(&m.HttpEndpoint) }),
	"metadata-options.http-protocol-ipv4":                           metadataFact(func(m *InstanceMetadataOptionsResponse) []string { return fact(&m.HttpEndpoint) }),
	"metadata-options.http-protocol-ipv6":                           metadataFact(func(m *InstanceMetadataOptionsResponse) []string { return fact(&m.HttpProtocolIpv6) }),
	"metadata-options.http-put-response-hop-limit":                  metadataFact(func(m *InstanceMetadataOptionsResponse) []string { return decimal(m.HttpPutResponseHopLimit) }),
	"metadata-options.http-tokens":                                  metadataFact(func(m *InstanceMetadataOptionsResponse) []string { return fact(&m.HttpTokens) }),
	"metadata-options.instance-metadata-tags":                       metadataFact(func(m *InstanceMetadataOptionsResponse) []string { return fact(&m.InstanceMetadataTags) }),
	"metadata-options.state":                                        metadataFact(func(m *InstanceMetadataOptionsResponse) []string { return fact(&m.State) }),
	"operator.managed":                                              func(i shownInstance) []string { return flag(i.Operator.Managed) },
	"private-dns-name-options.enable-resource-name-dns-a-record":    nameFact(func(o *PrivateDnsNameOptionsResponse) []string { return flag(o.EnableResourceNameDnsARecord) }),
	"private-dns-name-options.enable-resource-name-dns-aaaa-record": nameFact(func(o *PrivateDnsNameOptionsResponse) []string { return flag(o.EnableResourceNameDnsAAAARecord) }),
	"private-dns-name-options.hostname-type":                        nameFact(func(o *PrivateDnsNameOptionsResponse) []string { return fact(&o.HostnameType) }),
	"state-reason-code":                                             reasonFact(func(r *StateReason) []string { return fact(r.Code) }),
	"state-reason-message":                                          reasonFact(func(r *StateReason) []string { return fact(r.Message) }),
}

// instanceInterfaceFields are DescribeNetworkInterfaces' filters for the interface
// of an instance, and those that only instances have.
func instanceInterfaceFields() wire.Fields[shownInstance] {
	out := wire.Fields[shownInstance]{}
	for name, get := range merged(interfaceListing.fields, wire.Fields[NetworkInterface]{
		"addresses.association.allocation-id":   interfaceListing.fields["association.allocation-id"],
		"addresses.association.association-id":  interfaceListing.fields["association.association-id"],
		"addresses.association.ip-owner-id":     interfaceListing.fields["association.ip-owner-id"],
		"addresses.association.public-dns-name": interfaceListing.fields["association.public-dns-name"],
		"addresses.private-dns-name":            privateFacts(func(p NetworkInterfacePrivateIpAddress) []string { return fact(p.PrivateDnsName) }),
		"attachment.network-card-index":         attachmentFact(func(x *NetworkInterfaceAttachment) []string { return decimal(x.NetworkCardIndex) }),
		"ipv6-address":                          func(i NetworkInterface) []string { return fact(i.Ipv6Address) },
		"public-dns-name":                       interfaceListing.fields["association.public-dns-name"],
		"tag-key":                               func(i NetworkInterface) []string { return facts(i.TagSet, func(t Tag) []string { return fact(t.Key) }) },
		"tag-value": func(i NetworkInterface) []string {
			return facts(i.TagSet, func(t Tag) []string { return fact(t.Value) })
		},
		"ipv6-addresses.is-primary-ipv6": func(i NetworkInterface) []string {
			return facts(i.Ipv6Addresses, func(x NetworkInterfaceIpv6Address) []string { return flag(x.IsPrimaryIpv6) })
		},
		"ipv6-native": func(i NetworkInterface) []string { return flag(new(i.PrivateIpAddress == nil)) },
	}, absent[NetworkInterface]("addresses.association.carrier-ip", "addresses.association.customer-owned-ip", "association.carrier-ip",
		"association.customer-owned-ip", "deny-all-igw-traffic", "ipv4-prefixes.ipv4-prefix", "ipv6-prefixes.ipv6-prefix", "outpost-arn")) {
		out["network-interface."+name] = func(i shownInstance) []string { return facts(i.eni(), get) }
	}
	return out
}
