package control

import (
	"context"
	"slices"

	"weir/internal/cloud"
)

// CreateDNSZone is the input of Control.CreateDNSZone.
type CreateDNSZone struct {
	Labels // the token names the request: a second one with it is refused
	Name   string
	VPC    cloud.ZoneVPC
	// Records are those that a zone begins with, and keeps.
	Records []cloud.DNSRecordSet
}

// CreateDNSZone makes a private zone, attached to a VPC of the caller's.
func (c *Control) CreateDNSZone(ctx context.Context, who Caller, in CreateDNSZone) (*cloud.DNSZone, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.DNSZone, error) {
		own := 0
		for z := range cloud.DNSZones.By(tx, "scope", who.scope()) {
			if own++; z.Token == in.Token {
				return nil, cloud.Errorf(cloud.Exists, cloud.KindDNSZone, in.Token, "", "the zone %s was made by the request %q already", z.ID, in.Token)
			}
		}
		if err := within(own, c.quotas(who).DNSZones, cloud.KindDNSZone, "", ""); err != nil {
			return nil, err
		}
		if vpc, ok := zoneVPC(tx, in.VPC); !ok || vpc.Account != who.Account {
			return nil, noZoneVPC(in.VPC)
		}
		if err := zoneNameFree(tx, in.VPC, in.Name); err != nil {
			return nil, err
		}
		z := &cloud.DNSZone{
			Meta: c.meta(who, in.Labels), ID: cloud.DNSZoneID(who.NewID(cloud.KindDNSZone)), Name: in.Name,
			VPCs: []cloud.ZoneVPC{in.VPC}, Token: in.Token,
		}
		for _, r := range in.Records {
			r.Zone = z.ID
			cloud.DNSRecordSets.Put(tx, &r)
		}
		cloud.DNSZones.Put(tx, z)
		return z, nil
	})
}

// zoneVPC finds a VPC, whoever's, where the user says it is.
func zoneVPC(v cloud.View, at cloud.ZoneVPC) (*cloud.VPC, bool) {
	vpc, ok := cloud.VPCs.Get(v, at.VPC)
	return vpc, ok && vpc.Region == at.Region && !vpc.Service
}

func noZoneVPC(at cloud.ZoneVPC) error {
	return cloud.Errorf(cloud.Invalid, cloud.KindDNSVPC, string(at.VPC), "vpc", "there is no VPC %s in region %s that this account may use", at.VPC, at.Region)
}

// zoneNameFree refuses a second zone of one name in a VPC; an interface
// endpoint's private names are zones too.
func zoneNameFree(v cloud.View, at cloud.ZoneVPC, name string) error {
	for z := range cloud.DNSZones.By(v, "vpc", string(at.VPC)) {
		if z.Name == name {
			return cloud.Errorf(cloud.Conflict, cloud.KindDNSZone, string(at.VPC), "same-name",
				"The VPC %s in region %s has already been associated with the hosted zone %s with the same domain name.", at.VPC, at.Region, z.ID)
		}
	}
	for e := range cloud.Endpoints.By(v, "vpc", string(at.VPC)) {
		if e.PrivateDNS && slices.Contains(e.PrivateNames, name) {
			return cloud.Errorf(cloud.Conflict, cloud.KindDNSZone, string(at.VPC), "same-name",
				"The VPC %s in region %s has already been associated with the private name %s of the endpoint %s.", at.VPC, at.Region, name, e.ID)
		}
	}
	return nil
}

// zoneWithName reports whether a zone of this name is attached to the VPC.
func zoneWithName(v cloud.View, vpc cloud.VPCID, name string) bool {
	for z := range cloud.DNSZones.By(v, "vpc", string(vpc)) {
		if z.Name == name {
			return true
		}
	}
	return false
}

// DNSZone finds a zone of the caller's.
func DNSZone(v cloud.View, who Caller, id cloud.DNSZoneID) (*cloud.DNSZone, error) {
	return find(v, who, cloud.DNSZones, cloud.KindDNSZone, id)
}

// changeZone puts what f makes of a copy of a zone that get finds.
func (c *Control) changeZone(ctx context.Context, get func(cloud.View) (*cloud.DNSZone, error), f func(tx cloud.Tx, z *cloud.DNSZone) error) (*cloud.DNSZone, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.DNSZone, error) {
		old, err := get(tx)
		if err != nil {
			return nil, err
		}
		z := *old
		z.VPCs, z.Invited = slices.Clone(old.VPCs), slices.Clone(old.Invited)
		if err := f(tx, &z); err != nil {
			return nil, err
		}
		cloud.DNSZones.Put(tx, &z)
		return &z, nil
	})
}

func (c *Control) changeOwnZone(ctx context.Context, who Caller, id cloud.DNSZoneID, f func(tx cloud.Tx, z *cloud.DNSZone) error) (*cloud.DNSZone, error) {
	return c.changeZone(ctx, func(v cloud.View) (*cloud.DNSZone, error) { return DNSZone(v, who, id) }, f)
}

// anyZone finds a zone, whoever's: the owners of VPCs attach zones of others.
func anyZone(id cloud.DNSZoneID) func(cloud.View) (*cloud.DNSZone, error) {
	return func(v cloud.View) (*cloud.DNSZone, error) {
		z, ok := cloud.DNSZones.Get(v, id)
		if !ok {
			return nil, absent(cloud.KindDNSZone, string(id))
		}
		return z, nil
	}
}

// EditDNSZone sets a dialect's attributes of a zone.
func (c *Control) EditDNSZone(ctx context.Context, who Caller, id cloud.DNSZoneID, attrs map[string]string) (*cloud.DNSZone, error) {
	return c.changeOwnZone(ctx, who, id, func(_ cloud.Tx, z *cloud.DNSZone) error {
		z.Attrs = merged(z.Attrs, attrs)
		return nil
	})
}

// RetagDNSZone adds and removes tags of a zone.
func (c *Control) RetagDNSZone(ctx context.Context, who Caller, id cloud.DNSZoneID, add map[string]string, remove []string) error {
	_, err := c.changeOwnZone(ctx, who, id, func(_ cloud.Tx, z *cloud.DNSZone) error {
		z.Tags = merged(z.Tags, add)
		for _, k := range remove {
			delete(z.Tags, k)
		}
		if n := c.quotas(who).TagsPerResource; len(z.Tags) > n {
			return cloud.Errorf(cloud.Limit, cloud.KindTag, "", "", "A hosted zone carries at most %d tags.", n)
		}
		return nil
	})
	return err
}

// AttachDNSZone has a VPC of the caller's answer from a zone: one of the
// caller's, or of somebody who has invited the VPC.
func (c *Control) AttachDNSZone(ctx context.Context, who Caller, id cloud.DNSZoneID, at cloud.ZoneVPC) (*cloud.DNSZone, error) {
	return c.changeZone(ctx, anyZone(id), func(tx cloud.Tx, z *cloud.DNSZone) error {
		vpc, ok := zoneVPC(tx, at)
		switch {
		case !ok && z.Account == who.Account:
			return noZoneVPC(at)
		case !ok || vpc.Account != who.Account || z.Account != who.Account && !slices.Contains(z.Invited, at):
			return cloud.Errorf(cloud.Denied, cloud.KindDNSVPC, string(at.VPC), "not-invited", "The VPC: %s you provided is not authorized to make the association.", at.VPC)
		}
		if err := zoneNameFree(tx, at, z.Name); err != nil {
			return err
		}
		if err := within(len(z.VPCs), c.quotas(who).VPCsPerDNSZone, cloud.KindDNSVPC, string(id), ""); err != nil {
			return err
		}
		z.VPCs = append(z.VPCs, at)
		return nil
	})
}

// DetachDNSZone undoes AttachDNSZone; the zone's owner and the VPC's may do so.
// A private zone keeps its last VPC.
func (c *Control) DetachDNSZone(ctx context.Context, who Caller, id cloud.DNSZoneID, at cloud.ZoneVPC) (*cloud.DNSZone, error) {
	return c.changeZone(ctx, anyZone(id), func(tx cloud.Tx, z *cloud.DNSZone) error {
		vpc, ok := zoneVPC(tx, at)
		if z.Account != who.Account && (!ok || vpc.Account != who.Account) {
			return absent(cloud.KindDNSZone, string(id))
		}
		i := slices.Index(z.VPCs, at)
		switch {
		case i < 0:
			return cloud.Errorf(cloud.NotFound, cloud.KindDNSVPC, string(at.VPC), "", "The VPC: %s is not currently associated with the hosted zone: %s", at.VPC, id)
		case len(z.VPCs) == 1:
			return cloud.Errorf(cloud.Conflict, cloud.KindDNSVPC, string(at.VPC), "last", "Cannot remove last VPC association for the private zone")
		}
		z.VPCs = slices.Delete(z.VPCs, i, i+1)
		return nil
	})
}

// InviteToDNSZone lets the owner of a VPC attach it; repeating it changes nothing.
func (c *Control) InviteToDNSZone(ctx context.Context, who Caller, id cloud.DNSZoneID, at cloud.ZoneVPC) error {
	_, err := c.changeOwnZone(ctx, who, id, func(tx cloud.Tx, z *cloud.DNSZone) error {
		if _, ok := zoneVPC(tx, at); !ok {
			return noZoneVPC(at)
		}
		if slices.Contains(z.Invited, at) {
			return nil
		}
		if err := within(len(z.Invited), c.quotas(who).InvitesPerDNSZone, cloud.KindDNSVPC, string(id), "invited"); err != nil {
			return err
		}
		z.Invited = append(z.Invited, at)
		return nil
	})
	return err
}

// UninviteFromDNSZone withdraws an invitation; who has used it stays attached.
func (c *Control) UninviteFromDNSZone(ctx context.Context, who Caller, id cloud.DNSZoneID, at cloud.ZoneVPC) error {
	_, err := c.changeOwnZone(ctx, who, id, func(_ cloud.Tx, z *cloud.DNSZone) error {
		i := slices.Index(z.Invited, at)
		if i < 0 {
			return cloud.Errorf(cloud.NotFound, cloud.KindDNSVPC, string(at.VPC), "invited", "The VPC: %s is not authorized for the hosted zone: %s", at.VPC, id)
		}
		z.Invited = slices.Delete(z.Invited, i, i+1)
		return nil
	})
	return err
}

// DeleteDNSZone deletes a zone that has no records but those it began with.
func (c *Control) DeleteDNSZone(ctx context.Context, who Caller, id cloud.DNSZoneID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		z, err := DNSZone(tx, who, id)
		if err != nil {
			return err
		}
		for r := range cloud.DNSRecordSets.By(tx, "zone", string(id)) {
			if !kept(z, r) {
				return cloud.Errorf(cloud.InUse, cloud.KindDNSZone, string(id), "", "The specified hosted zone contains non-required resource record sets and so cannot be deleted.")
			}
		}
		for r := range cloud.DNSRecordSets.By(tx, "zone", string(id)) {
			cloud.DNSRecordSets.Delete(tx, r.Key())
		}
		cloud.DNSZones.Delete(tx, id)
		return nil
	})
}

// kept tells the records that a zone always has: who is responsible for it.
func kept(z *cloud.DNSZone, r *cloud.DNSRecordSet) bool {
	return r.Name == z.Name && (r.Type == "NS" || r.Type == "SOA")
}
