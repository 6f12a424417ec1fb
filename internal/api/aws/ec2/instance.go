package ec2

import (
	"cmp"
	"context"
	"encoding/base64"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// Attributes of an instance that this API alone shows.
const (
	attrImage   = "aws.image"
	attrToken   = "aws.token"
	attrCredits = "aws.credits"

	attrProfileARN = "aws.profile-arn"
	attrProfileID  = "aws.profile-id"
)

func (a *api) runInstances(ctx context.Context, in *RunInstancesInput) (*RunInstancesOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.refuseInstance(in); err != nil {
		return nil, err
	}
	c := control.RunInstances{
		Reservation: NewID(cloud.KindReservation), Min: int(*in.MinCount), Max: int(*in.MaxCount),
		TerminateOnExit: in.InstanceInitiatedShutdownBehavior == ShutdownBehaviorTerminate, KeepAPI: yes(in.DisableApiTermination), KeepRunning: yes(in.DisableApiStop),
	}
	if c.Min < 1 || c.Max < c.Min {
		return nil, badValue("maxCount", strconv.Itoa(c.Max), "It must be at least minCount, and minCount at least 1.")
	}
	t, s, err := sizeOf(in.InstanceType)
	if err != nil {
		return nil, err
	}
	c.Type, c.CPUs, c.MemoryMiB = string(t), s.cpus, s.memoryMiB
	if c.UserData, err = a.userData(in.UserData); err != nil {
		return nil, err
	}
	if err := instanceLabels(in, &c); err != nil {
		return nil, err
	}
	if c.Interface, err = a.newInterface(who, in); err != nil {
		return nil, err
	}
	c.Attrs = map[string]string{attrImage: *in.ImageId, attrToken: text(in.ClientToken)}
	if err := a.profile(ctx, who, in.IamInstanceProfile, &c); err != nil {
		return nil, err
	}
	if c.Metadata, err = a.metadata(c.Metadata, in.MetadataOptions); err != nil {
		return nil, err
	}
	if in.CreditSpecification != nil {
		c.Attrs[attrCredits] = text(in.CreditSpecification.CpuCredits)
	}
	if o := in.PrivateDnsNameOptions; o != nil {
		c.Names = control.NameOptions{ByID: byID(o.HostnameType), A: o.EnableResourceNameDnsARecord, AAAA: o.EnableResourceNameDnsAAAARecord}
	}
	made, err := a.control.RunInstances(ctx, who, c)
	if err != nil {
		return nil, err
	}
	out := &RunInstancesOutput{ReservationId: new(made[0].Reservation), OwnerId: new(who.Account), Groups: []GroupIdentifier{}}
	shape := a.instanceShape(a.control.View())
	for _, i := range made {
		x := shape(i)
		out.Instances = append(out.Instances, x)
	}
	return out, nil
}

// refuseInstance names what of a request cannot be had.
func (a *api) refuseInstance(in *RunInstancesInput) error {
	if text(in.ImageId) == "" {
		return missing("ImageId")
	}
	in.ImageId = new(namedImage(*in.ImageId))
	if err := checkImage(*in.ImageId); err != nil {
		return err
	}
	if text(in.KeyName) != "" {
		return &wire.Error{Code: "InvalidKeyPair.NotFound", Msg: "The key pair '" + *in.KeyName + "' does not exist"}
	}
	p := in.Placement
	for what, asked := range map[string]bool{
		"A launch template":                            in.LaunchTemplate != nil,
		"A volume of one's own":                        len(in.BlockDeviceMappings) > 0,
		"A spot instance":                              in.InstanceMarketOptions != nil,
		"A CPU option":                                 in.CpuOptions != nil,
		"An enclave":                                   in.EnclaveOptions != nil && yes(in.EnclaveOptions.Enabled),
		"Hibernation":                                  in.HibernationOptions != nil && yes(in.HibernationOptions.Configured),
		"Detailed monitoring":                          in.Monitoring != nil && yes(in.Monitoring.Enabled),
		"A graphics processor":                         len(in.ElasticGpuSpecification)+len(in.ElasticInferenceAccelerators) > 0,
		"A license configuration":                      len(in.LicenseSpecifications) > 0,
		"A kernel or RAM disk":                         in.KernelId != nil || in.RamdiskId != nil,
		"A secondary interface":                        len(in.SecondaryInterfaces) > 0,
		"The placement of an instance beyond its zone": p != nil && (text(p.GroupName) != "" || text(p.GroupId) != "" || text(p.HostId) != "" || p.HostResourceGroupArn != nil || p.Tenancy != "" && p.Tenancy != "default"),
		"A capacity reservation":                       in.CapacityReservationSpecification != nil && in.CapacityReservationSpecification.CapacityReservationTarget != nil,
	} {
		if asked {
			return a.unsupported(what)
		}
	}
	return nil
}

// maxUserData is the vendor's limit, before it is encoded.
const maxUserData = 16 << 10

// userData reads a script; nothing else is understood.
func (a *api) userData(p *string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(text(p))
	if err != nil {
		return nil, &wire.Error{Code: "InvalidUserData.Malformed", Msg: "Invalid BASE64 encoding of user data."}
	}
	return b, a.checkUserData(b)
}

func (a *api) checkUserData(b []byte) error {
	switch {
	case len(b) == 0:
	case len(b) > maxUserData:
		return &wire.Error{Code: badParameter, Msg: "User data is limited to 16384 bytes"}
	case !strings.HasPrefix(string(b), "#!"):
		return a.unsupported("User data that is no script, which begins with #!,")
	}
	return nil
}

// instanceLabels reads the tags of instances and of their interfaces. An instance
// here has no volume that tags for volumes could go to.
func instanceLabels(in *RunInstancesInput, c *control.RunInstances) error {
	var own, eni []TagSpecification
	for _, s := range in.TagSpecifications {
		switch s.ResourceType {
		case "network-interface":
			eni = append(eni, s)
		case "volume":
			if err := checkTags(s.Tags); err != nil {
				return err
			}
		default:
			own = append(own, s)
		}
	}
	var err error
	if c.Labels, err = labels(cloud.KindInstance, own, in.ClientToken); err != nil {
		return err
	}
	l, err := labels(cloud.KindInterface, eni, nil)
	c.InterfaceTags = l.Tags
	return err
}

// newInterface reads where the instances are to be.
func (a *api) newInterface(who control.Caller, in *RunInstancesInput) (n control.NewInterface, err error) {
	if in.Placement != nil {
		n.Zone = cmp.Or(text(in.Placement.AvailabilityZone), text(in.Placement.AvailabilityZoneId))
	}
	spec := InstanceNetworkInterfaceSpecification{
		SubnetId: in.SubnetId, Groups: in.SecurityGroupIds, PrivateIpAddress: in.PrivateIpAddress,
		Ipv6AddressCount: in.Ipv6AddressCount, Ipv6Addresses: in.Ipv6Addresses,
	}
	switch {
	case len(in.NetworkInterfaces) > 1:
		return n, a.unsupported("A second network interface of an instance")
	case len(in.NetworkInterfaces) == 1:
		if in.SubnetId != nil || len(in.SecurityGroupIds)+len(in.SecurityGroups) > 0 || in.PrivateIpAddress != nil || in.Ipv6AddressCount != nil || len(in.Ipv6Addresses) > 0 {
			return n, combination("Network interfaces and an instance-level subnet ID, security groups, private address or IPv6 addresses may not be specified on the same request")
		}
		spec = in.NetworkInterfaces[0]
		if number(spec.DeviceIndex) != 0 || number(spec.NetworkCardIndex) != 0 {
			return n, badValue("deviceIndex", strconv.Itoa(int(number(spec.DeviceIndex))), "The first interface has device index 0.")
		}
	case len(in.SecurityGroups) > 0:
		if spec.Groups, err = a.groupsByName(who, in.SecurityGroups, spec.Groups); err != nil {
			return n, err
		}
	}
	if err := a.interfaceSpec(spec, &n); err != nil {
		return n, err
	}
	if *in.MaxCount > 1 && (n.Existing != "" || len(n.Addrs)+len(n.Addrs6) > 0) {
		return n, combination("A network interface or addresses of your choice cannot be given to more than one instance")
	}
	return n, nil
}

// interfaceSpec reads the specification of an instance's interface.
func (a *api) interfaceSpec(s InstanceNetworkInterfaceSpecification, n *control.NewInterface) (err error) {
	switch {
	case number(s.Ipv4PrefixCount)+number(s.Ipv6PrefixCount) > 0 || len(s.Ipv4Prefixes)+len(s.Ipv6Prefixes) > 0:
		return a.unsupported("Prefix delegation")
	case s.InterfaceType != nil && *s.InterfaceType != "interface":
		return a.unsupported("A network interface of type " + *s.InterfaceType)
	case len(s.Ipv6Addresses) > 0 && s.Ipv6AddressCount != nil:
		return combination("Only one of ipv6Addresses and ipv6AddressCount may be specified")
	}
	n.Existing, n.Keep = cloud.InterfaceID(text(s.NetworkInterfaceId)), s.DeleteOnTermination != nil && !*s.DeleteOnTermination
	if n.Existing != "" {
		if s.SubnetId != nil || len(s.Groups) > 0 || s.PrivateIpAddress != nil || s.AssociatePublicIpAddress != nil || yes(s.DeleteOnTermination) {
			return combination("A network interface that exists already takes no subnet, groups, addresses or deletion on termination")
		}
		return nil
	}
	n.Subnet, n.Groups, n.Description, n.Public = cloud.SubnetID(text(s.SubnetId)), ids[cloud.SecurityGroupID](s.Groups), text(s.Description), s.AssociatePublicIpAddress
	if n.Addrs, err = privateAddresses(&CreateNetworkInterfaceInput{PrivateIpAddress: s.PrivateIpAddress, PrivateIpAddresses: s.PrivateIpAddresses}); err != nil {
		return err
	}
	more, err := counted("secondaryPrivateIpAddressCount", s.SecondaryPrivateIpAddressCount)
	if err != nil {
		return err
	}
	n.Count = max(1, len(n.Addrs)) + more
	if n.Count6, err = counted("ipv6AddressCount", s.Ipv6AddressCount); err != nil {
		return err
	}
	for _, x := range s.Ipv6Addresses {
		var addr netip.Addr
		if addr, err = address("ipv6Addresses", x.Ipv6Address, true); err != nil {
			return err
		}
		n.Addrs6 = append(n.Addrs6, addr)
	}
	return nil
}

// groupsByName adds the default VPC's groups with these names.
func (a *api) groupsByName(who control.Caller, names, groups []string) ([]string, error) {
	v := a.control.View()
	found := map[string]string{}
	for g := range cloud.SecurityGroups.By(v, "scope", cloud.Scope(who.Account, who.Region)) {
		if vpc, ok := cloud.VPCs.Get(v, g.VPC); ok && vpc.Default {
			found[g.Name] = string(g.ID)
		}
	}
	for _, name := range names {
		id, ok := found[name]
		if !ok {
			return nil, &wire.Error{Code: "InvalidGroup.NotFound", Msg: "The security group '" + name + "' does not exist in default VPC"}
		}
		groups = append(groups, id)
	}
	return groups, nil
}

func (a *api) describeInstances(ctx context.Context, in *DescribeInstancesInput) (*DescribeInstancesOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	got, next, err := instanceListing.answer(ctx, a.shownInstances(who), question{in.InstanceIds, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &DescribeInstancesOutput{NextToken: next, Reservations: []Reservation{}}
	at := map[string]int{}
	for _, i := range got {
		n, ok := at[i.reservation]
		if !ok {
			n = len(out.Reservations)
			at[i.reservation] = n
			out.Reservations = append(out.Reservations, Reservation{ReservationId: new(i.reservation), OwnerId: new(i.owner), Groups: []GroupIdentifier{}})
		}
		out.Reservations[n].Instances = append(out.Reservations[n].Instances, i.Instance)
	}
	for _, r := range out.Reservations {
		slices.SortStableFunc(r.Instances, func(x, y Instance) int { return cmp.Compare(*x.AmiLaunchIndex, *y.AmiLaunchIndex) })
	}
	return out, nil
}
