package control

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"

	"weir/internal/cloud"
)

// CreateInterface is the input of Control.CreateInterface.
type CreateInterface struct {
	Labels
	Subnet      cloud.SubnetID
	Description string
	Groups      []cloud.SecurityGroupID // none is the VPC's default group
	Addrs       []netip.Addr            // primary first; an invalid one lets the platform choose
	Count       int                     // of IPv4 addresses in all; at least 1
	Addrs6      []netip.Addr
	Count6      int
	AnySource   bool // no check of source and destination
}

// CreateInterface makes a network interface that nothing is attached to.
func (c *Control) CreateInterface(ctx context.Context, who Caller, in CreateInterface) (*cloud.Interface, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.Interface, error) {
		id := func(i *cloud.Interface) cloud.InterfaceID { return i.ID }
		return once(tx, who, cloud.Interfaces, "interface", in.Labels, in, id, func() (*cloud.Interface, error) {
			s, err := find(tx, who, cloud.Subnets, cloud.KindSubnet, in.Subnet)
			if err != nil {
				return nil, err
			}
			n := count(cloud.Interfaces.By(tx, "scope", who.scope()), nil)
			if err := within(n, c.quotas(who).Interfaces, cloud.KindInterface, "", ""); err != nil {
				return nil, err
			}
			groups, err := c.interfaceGroups(tx, who, s.VPC, in.Groups)
			if err != nil {
				return nil, err
			}
			n6 := in.Count6
			if s.AssignIPv6 && n6 == 0 && len(in.Addrs6) == 0 {
				n6 = 1
			}
			return c.placeInterface(tx, who, placement{
				Labels: in.Labels, subnet: s, use: cloud.UseHost, groups: groups, description: in.Description,
				addrs: in.Addrs, count: in.Count, addrs6: in.Addrs6, ipv6: n6, anySource: in.AnySource,
			})
		})
	})
}

// interfaceGroups checks the groups for an interface in this VPC; none is the default group.
func (c *Control) interfaceGroups(v cloud.View, who Caller, vpc cloud.VPCID, ids []cloud.SecurityGroupID) ([]cloud.SecurityGroupID, error) {
	if len(ids) == 0 {
		return []cloud.SecurityGroupID{defaultSecurityGroup(v, vpc).ID}, nil
	}
	if len(ids) > c.quotas(who).GroupsPerInterface {
		return nil, cloud.Errorf(cloud.Limit, cloud.KindInterface, "", "groups", "an interface carries at most %d security groups, not %d", c.quotas(who).GroupsPerInterface, len(ids))
	}
	for _, id := range ids {
		g, err := find(v, who, cloud.SecurityGroups, cloud.KindSecurityGroup, id)
		if err != nil {
			return nil, err
		}
		if g.VPC != vpc {
			return nil, otherVPC(cloud.KindInterface, string(id), "Security group %s and the subnet belong to different networks.", id)
		}
	}
	return ids, nil
}

// placement says what interface to make.
type placement struct {
	Labels
	subnet      *cloud.Subnet
	use         cloud.InterfaceUse
	managed     string
	owner       string
	groups      []cloud.SecurityGroupID
	description string
	addrs       []netip.Addr
	count       int
	addrs6      []netip.Addr
	ipv6        int
	anySource   bool
}

func (c *Control) placeInterface(tx cloud.Tx, who Caller, p placement) (*cloud.Interface, error) {
	s := p.subnet
	i := &cloud.Interface{
		Meta: c.meta(who, p.Labels), ID: cloud.InterfaceID(who.NewID(cloud.KindInterface)), VPC: s.VPC, Subnet: s.ID,
		Use: p.use, Managed: p.managed, Owner: p.owner, SecurityGroups: p.groups, Description: p.description,
		SourceDestCheck: !p.anySource && p.use != cloud.UseNAT && p.use != cloud.UseTransit,
	}
	i.MAC = macAddress(i.ID)
	if err := c.addressQuota(i.ID, max(p.count, len(p.addrs)), max(p.ipv6, len(p.addrs6))); err != nil {
		return nil, err
	}
	var err error
	count := max(p.count, 1)
	if !s.CIDR.IsValid() && p.use == cloud.UseHost { // one address it has all the same
		count, p.ipv6 = 0, max(p.ipv6, 1)
	}
	if i.Addrs, err = takeAddresses(tx, s, p.addrs, count); err != nil {
		return nil, err
	}
	if i.Addrs6, err = takeAddresses6(tx, s, p.addrs6, p.ipv6); err != nil {
		return nil, err
	}
	cloud.Interfaces.Put(tx, i)
	return i, nil
}

// macAddress is a locally administered address that follows from the ID.
func macAddress(id cloud.InterfaceID) string {
	h := sha256.Sum256([]byte(id))
	return fmt.Sprintf("02:%02x:%02x:%02x:%02x:%02x", h[0], h[1], h[2], h[3], h[4])
}

func defaultSecurityGroup(v cloud.View, vpc cloud.VPCID) *cloud.SecurityGroup {
	for g := range cloud.SecurityGroups.By(v, "vpc", string(vpc)) {
		if g.Name == defaultGroup {
			return g
		}
	}
	panic("control: VPC " + string(vpc) + " has no default security group")
}

// userInterface is an interface that the user may change.
func userInterface(v cloud.View, who Caller, id cloud.InterfaceID) (*cloud.Interface, error) {
	i, err := find(v, who, cloud.Interfaces, cloud.KindInterface, id)
	if err != nil {
		return nil, err
	}
	if i.Managed != "" {
		return nil, managed(i)
	}
	return i, nil
}

func managed(i *cloud.Interface) error {
	return cloud.Errorf(cloud.Denied, cloud.KindInterface, string(i.ID), "managed", "interface %s belongs to the %s service; only that changes it", i.ID, i.Managed)
}

// DeleteInterface deletes an interface that is not attached; its elastic IPs stay allocated.
func (c *Control) DeleteInterface(ctx context.Context, who Caller, id cloud.InterfaceID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		i, err := find(tx, who, cloud.Interfaces, cloud.KindInterface, id)
		if err != nil {
			return err
		}
		if i.Managed != "" || i.Attachment != nil {
			return cloud.Errorf(cloud.InUse, cloud.KindInterface, string(id), "", "cannot delete interface %s: it is in use; detach it, or delete what uses it", id)
		}
		removeInterface(tx, id)
		return nil
	})
}

// removeInterface deletes an interface and frees its elastic IPs.
func removeInterface(tx cloud.Tx, id cloud.InterfaceID) {
	for e := range cloud.ElasticIPs.By(tx, "interface", string(id)) {
		disassociate(tx, e)
	}
	dropIPv6Rules(tx, id, func(netip.Addr) bool { return true })
	dropFlowLogs(tx, string(id))
	cloud.Interfaces.Delete(tx, id)
}

// ModifyInterface changes what is not nil.
type ModifyInterface struct {
	Attrs               map[string]string
	Description         *string
	SourceDestCheck     *bool
	Groups              []cloud.SecurityGroupID
	Attachment          string // with DeleteOnTermination
	DeleteOnTermination *bool
}

// ModifyInterface changes an interface's settings.
func (c *Control) ModifyInterface(ctx context.Context, who Caller, id cloud.InterfaceID, in ModifyInterface) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		old, err := userInterface(tx, who, id)
		if err != nil {
			return err
		}
		i := *old
		i.Attrs = merged(i.Attrs, in.Attrs)
		set(&i.Description, in.Description)
		set(&i.SourceDestCheck, in.SourceDestCheck)
		if in.Groups != nil {
			if i.SecurityGroups, err = c.interfaceGroups(tx, who, i.VPC, in.Groups); err != nil {
				return err
			}
		}
		if in.DeleteOnTermination != nil {
			if old.Attachment == nil || old.Attachment.ID != in.Attachment {
				return absent(cloud.KindAttachment, in.Attachment)
			}
			a := *old.Attachment
			a.DeleteOnTermination = *in.DeleteOnTermination
			i.Attachment = &a
		}
		cloud.Interfaces.Put(tx, &i)
		return nil
	})
}

// CheckAttach refuses to attach an interface that is attached, or to an instance
// that there is not.
func (c *Control) CheckAttach(who Caller, id cloud.InterfaceID, instance cloud.InstanceID) error {
	v := c.View()
	i, err := userInterface(v, who, id)
	if err != nil {
		return err
	}
	if i.Attachment != nil {
		return cloud.Errorf(cloud.InUse, cloud.KindAttachment, string(id), "", "interface %s is attached to %s; detach it first", id, i.Attachment.Instance)
	}
	_, err = c.instance(v, who, instance)
	return err
}

// CheckDetach refuses to detach: an instance keeps its one interface.
func (c *Control) CheckDetach(who Caller, attachment string) error {
	for i := range cloud.Interfaces.By(c.View(), "scope", who.scope()) {
		if i.Attachment != nil && i.Attachment.ID == attachment {
			return cloud.Errorf(cloud.State, cloud.KindAttachment, string(i.ID), "primary", "The network interface at device index 0 and networkCard index 0 cannot be detached.")
		}
	}
	return absent(cloud.KindAttachment, attachment)
}

// withoutAddrs is addrs without those in drop; ok is false if one of drop is not there.
func withoutAddrs(addrs, drop []netip.Addr) (left []netip.Addr, ok bool) {
	left = slices.Clone(addrs)
	for _, a := range drop {
		i := slices.Index(left, a)
		if i < 0 {
			return nil, false
		}
		left = slices.Delete(left, i, i+1)
	}
	return left, true
}
