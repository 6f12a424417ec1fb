package control

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"weir/internal/cloud"
)

// RunInstances asks for instances.
type RunInstances struct {
	Labels
	Reservation    string // an ID for all of them
	Min, Max       int
	Type           string
	CPUs           int
	MemoryMiB      int
	UserData       []byte
	Interface      NewInterface
	InterfaceTags  map[string]string
	InterfaceAttrs map[string]string
	Profile, Role  string
	Metadata       cloud.MetadataOptions
	Stopped        bool // until they are started
	Names          NameOptions
	// See cloud.Instance.
	TerminateOnExit, KeepAPI, KeepRunning bool
}

// NameOptions change cloud.HostNames where they are given.
type NameOptions struct{ ByID, A, AAAA *bool }

func (o NameOptions) of(n cloud.HostNames) cloud.HostNames {
	set(&n.ByID, o.ByID)
	set(&n.A, o.A)
	set(&n.AAAA, o.AAAA)
	return n
}

// names are those of an instance: as asked for, or as its subnet says. One without
// IPv4 has no name by its address.
func (o NameOptions) names(v cloud.View, eni *cloud.Interface) (cloud.HostNames, error) {
	var n cloud.HostNames
	if s, ok := cloud.Subnets.Get(v, eni.Subnet); ok {
		n = s.Names
	}
	switch {
	case len(eni.Addrs) > 0:
		return o.of(n), nil
	case o.ByID != nil && !*o.ByID:
		return n, cloud.Errorf(cloud.Invalid, cloud.KindInstance, "", "address-name", "an instance without an IPv4 address cannot be named for one; name it for its ID")
	}
	n.ByID = true
	return o.of(n), nil
}

// NewInterface is an instance's own interface: one that exists, or a new one.
type NewInterface struct {
	Existing    cloud.InterfaceID
	Subnet      cloud.SubnetID // "" is the default one of Zone
	Zone        string         // "" is any
	Groups      []cloud.SecurityGroupID
	Addrs       []netip.Addr
	Count       int
	Addrs6      []netip.Addr
	Count6      int
	Description string
	Public      *bool // nil is as the subnet says
	AnySource   bool  // no check of source and destination
	Keep        bool  // when the instance ends
}

// instanceShown is how long a terminated instance is shown.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/terminating-instances.html
const instanceShown = time.Hour

// InstanceShown reports whether APIs still show the instance.
func InstanceShown(i *cloud.Instance, now time.Time) bool {
	return i.Ended.IsZero() || now.Before(i.Ended.Add(instanceShown))
}

// RunInstances makes instances: as many as there are addresses for, at most Max
// and at least Min, or none.
func (c *Control) RunInstances(ctx context.Context, who Caller, in RunInstances) ([]*cloud.Instance, error) {
	var made []*cloud.Instance
	err := c.transact(ctx, func(tx cloud.Tx) (err error) {
		made, err = c.runOnce(tx, who, in)
		return err
	})
	return made, err
}

// runOnce is once for a whole reservation.
func (c *Control) runOnce(tx cloud.Tx, who Caller, in RunInstances) ([]*cloud.Instance, error) {
	var made []*cloud.Instance
	input := in
	input.Reservation = ""
	id := func(i *cloud.Instance) cloud.InstanceID { return i.ID }
	first, err := once(tx, who, cloud.Instances, "instances", in.Labels, input, id, func() (*cloud.Instance, error) {
		c.forgetInstances(tx, who)
		var err error
		if made, err = c.runInstances(tx, who, in); err != nil {
			return nil, err
		}
		return made[0], nil
	})
	if err != nil || made != nil {
		return made, err
	}
	made = slices.Collect(cloud.Instances.By(tx, "reservation", first.Reservation))
	slices.SortFunc(made, func(x, y *cloud.Instance) int { return x.Index - y.Index })
	return made, nil
}

func (c *Control) forgetInstances(tx cloud.Tx, who Caller) {
	for i := range cloud.Instances.By(tx, "scope", who.scope()) {
		if !InstanceShown(i, c.now()) {
			cloud.Instances.Delete(tx, i.ID)
		}
	}
}

func (c *Control) runInstances(tx cloud.Tx, who Caller, in RunInstances) ([]*cloud.Instance, error) {
	n := count(cloud.Instances.By(tx, "scope", who.scope()), func(i *cloud.Instance) bool { return i.Phase != cloud.Terminated })
	if n+in.Min > c.quotas(who).Instances {
		return nil, cloud.Errorf(cloud.Limit, cloud.KindInstance, "", "", "no more than %d instances are allowed; terminate some", c.quotas(who).Instances)
	}
	var made []*cloud.Instance
	for k := range min(in.Max, c.quotas(who).Instances-n) {
		i, err := c.runInstance(tx, who, in, k)
		if cloud.IsKind(err, cloud.Exhausted) && k >= in.Min {
			break
		}
		if err != nil {
			return nil, err
		}
		made = append(made, i)
	}
	return made, nil
}

func (c *Control) runInstance(tx cloud.Tx, who Caller, in RunInstances, index int) (*cloud.Instance, error) {
	i := &cloud.Instance{
		Meta: c.meta(who, in.Labels), ID: cloud.InstanceID(who.NewID(cloud.KindInstance)), Reservation: in.Reservation, Index: index,
		Type: in.Type, CPUs: in.CPUs, MemoryMiB: in.MemoryMiB, UserData: in.UserData, Profile: in.Profile, Role: in.Role, Metadata: in.Metadata, Phase: cloud.Pending, Boot: 1, Launched: c.now().UTC().Truncate(time.Second),
		TerminateOnExit: in.TerminateOnExit, KeepAPI: in.KeepAPI, KeepRunning: in.KeepRunning,
	}
	if in.Stopped {
		i.Phase = cloud.Stopped
	}
	eni, public, err := c.instanceInterface(tx, who, in)
	if err != nil {
		return nil, err
	}
	if i.Names, err = in.Names.names(tx, eni); err != nil {
		return nil, err
	}
	next := *eni
	next.Attachment = &cloud.InterfaceAttachment{
		ID: who.NewID(cloud.KindAttachment), Instance: string(i.ID), At: i.Launched, DeleteOnTermination: in.Interface.Existing == "" && !in.Interface.Keep,
	}
	public = public && len(eni.Addrs) > 0
	i.PublicIP = public
	if public && !in.Stopped {
		if next.PublicIP, err = c.publicAddress(tx); err != nil {
			return nil, err
		}
	}
	i.VPC, i.Subnet, i.Interface, i.Addr = next.VPC, next.Subnet, next.ID, next.Primary()
	cloud.Interfaces.Put(tx, &next)
	cloud.Instances.Put(tx, i)
	return i, nil
}

// instanceInterface finds or makes an instance's interface, and says whether it
// is to have a public address.
func (c *Control) instanceInterface(tx cloud.Tx, who Caller, in RunInstances) (*cloud.Interface, bool, error) {
	if want := in.Interface.Existing; want != "" {
		eni, err := userInterface(tx, who, want)
		if err != nil {
			return nil, false, err
		}
		if eni.Attachment != nil {
			return nil, false, cloud.Errorf(cloud.InUse, cloud.KindAttachment, string(want), "", "interface %s is attached to %s; detach it first", want, eni.Attachment.Instance)
		}
		s, err := find(tx, who, cloud.Subnets, cloud.KindSubnet, eni.Subnet)
		if err == nil {
			err = zoneRuns(tx, s, in.Type)
		}
		return eni, false, err
	}
	s, err := c.instanceSubnet(tx, who, in.Interface)
	if err == nil {
		err = zoneRuns(tx, s, in.Type)
	}
	if err != nil {
		return nil, false, err
	}
	groups, err := c.interfaceGroups(tx, who, s.VPC, in.Interface.Groups)
	if err != nil {
		return nil, false, err
	}
	n := count(cloud.Interfaces.By(tx, "scope", who.scope()), nil)
	if err := within(n, c.quotas(who).Interfaces, cloud.KindInterface, "", ""); err != nil {
		return nil, false, err
	}
	n6 := in.Interface.Count6
	if s.AssignIPv6 && n6 == 0 && len(in.Interface.Addrs6) == 0 {
		n6 = 1
	}
	public := s.MapPublicIP
	set(&public, in.Interface.Public)
	eni, err := c.placeInterface(tx, who, placement{
		Labels: Labels{Tags: in.InterfaceTags, Attrs: in.InterfaceAttrs}, subnet: s, use: cloud.UseHost, groups: groups, description: in.Interface.Description,
		addrs: in.Interface.Addrs, count: in.Interface.Count, addrs6: in.Interface.Addrs6, ipv6: n6, anySource: in.Interface.AnySource,
	})
	return eni, public, err
}

// instanceSubnet is the subnet asked for, or the default one of the zone.
func (c *Control) instanceSubnet(v cloud.View, who Caller, in NewInterface) (*cloud.Subnet, error) {
	zone := ""
	if in.Zone != "" {
		z, err := c.zone(who, in.Zone)
		if err != nil {
			return nil, err
		}
		zone = z.Name
	}
	if in.Subnet != "" {
		s, err := find(v, who, cloud.Subnets, cloud.KindSubnet, in.Subnet)
		if err == nil && zone != "" && s.Zone != zone {
			err = cloud.Errorf(cloud.Conflict, cloud.KindInstance, zone, "zone", "The subnet %s is in zone %s, not in %s", s.ID, s.Zone, zone)
		}
		return s, err
	}
	var found *cloud.Subnet
	for s := range cloud.Subnets.By(v, "scope", who.scope()) {
		if s.Default && (zone == "" && zoneRuns(v, s, "") == nil || s.Zone == zone) && (found == nil || s.Zone < found.Zone) {
			found = s
		}
	}
	if found == nil {
		return nil, cloud.Errorf(cloud.Missing, cloud.KindSubnet, "", "no-default", "No subnets found for the default VPC. Please specify a subnet.")
	}
	return found, nil
}

// PrimaryInterface is the interface of an instance.
func (c *Control) PrimaryInterface(who Caller, id cloud.InstanceID) (cloud.InterfaceID, error) {
	i, err := c.instance(c.View(), who, id)
	if err == nil && i.Interface == "" {
		err = wrongPhase(i, "used: it has no network interface any more")
	}
	if err != nil {
		return "", err
	}
	return i.Interface, nil
}
