package control

import (
	"context"
	"maps"
	"slices"

	"weir/internal/cloud"
)

// Zones of dialects in which a zone stands for itself: it may be in no VPC, gets
// all its VPCs at once, and takes its records with it.

// CreateIdleDNSZone makes a private zone that no VPC answers from yet. in.VPC is
// not looked at.
func (c *Control) CreateIdleDNSZone(ctx context.Context, who Caller, in CreateDNSZone) (*cloud.DNSZone, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.DNSZone, error) {
		n := count(cloud.DNSZones.By(tx, "scope", who.scope()), nil)
		if err := within(n, c.quotas(who).DNSZones, cloud.KindDNSZone, "", ""); err != nil {
			return nil, err
		}
		id := cloud.DNSZoneID(who.NewID(cloud.KindDNSZone))
		z := &cloud.DNSZone{Meta: c.meta(who, in.Labels), ID: id, Name: in.Name, Token: string(id)}
		for _, r := range in.Records {
			r.Zone = id
			cloud.DNSRecordSets.Put(tx, &r)
		}
		cloud.DNSZones.Put(tx, z)
		return z, nil
	})
}

// SetDNSZoneVPCs has exactly these VPCs answer from a zone: those of the caller's,
// and of others those that it is in already or that were invited.
func (c *Control) SetDNSZoneVPCs(ctx context.Context, who Caller, id cloud.DNSZoneID, all []cloud.ZoneVPC) (*cloud.DNSZone, error) {
	return c.changeOwnZone(ctx, who, id, func(tx cloud.Tx, z *cloud.DNSZone) error {
		had := z.VPCs
		z.VPCs = nil
		for _, at := range all {
			vpc, ok := zoneVPC(tx, at)
			switch {
			case slices.Contains(z.VPCs, at):
				continue
			case !ok || vpc.Account != who.Account && !slices.Contains(had, at) && !slices.Contains(z.Invited, at):
				return noZoneVPC(at)
			}
			if !slices.Contains(had, at) {
				if err := zoneNameFree(tx, at, z.Name); err != nil {
					return err
				}
			}
			if err := within(len(z.VPCs), c.quotas(who).VPCsPerDNSZone, cloud.KindDNSVPC, string(id), ""); err != nil {
				return err
			}
			z.VPCs = append(z.VPCs, at)
		}
		return nil
	})
}

// DropDNSZone deletes a zone that is in no VPC, with its records.
func (c *Control) DropDNSZone(ctx context.Context, who Caller, id cloud.DNSZoneID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		z, err := DNSZone(tx, who, id)
		if err != nil {
			return err
		}
		if len(z.VPCs) > 0 {
			return cloud.Errorf(cloud.InUse, cloud.KindDNSZone, string(id), "vpcs", "the zone %s is still in %d VPCs", id, len(z.VPCs))
		}
		for r := range cloud.DNSRecordSets.By(tx, "zone", string(id)) {
			cloud.DNSRecordSets.Delete(tx, r.Key())
		}
		cloud.DNSZones.Delete(tx, id)
		return nil
	})
}

// ReviseDNSZone makes the changes that f wants of a zone's records, and keeps what
// it does to the zone's attributes; all or nothing.
func (c *Control) ReviseDNSZone(ctx context.Context, who Caller, id cloud.DNSZoneID, f func(v cloud.View, z *cloud.DNSZone) ([]DNSChange, error)) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		old, err := DNSZone(tx, who, id)
		if err != nil {
			return err
		}
		z := *old
		z.Attrs = map[string]string{}
		maps.Copy(z.Attrs, old.Attrs)
		changes, err := f(tx, &z)
		if err != nil {
			return err
		}
		cloud.DNSZones.Put(tx, &z)
		return c.ChangeDNSRecords(context.WithValue(ctx, txKey{}, tx), who, id, changes)
	})
}
