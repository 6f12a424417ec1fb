package control

import (
	"context"

	"weir/internal/cloud"
)

// GrantTransit lets the owner of a domain attach one of the caller's VPCs.
func (c *Control) GrantTransit(ctx context.Context, who Caller, vpc cloud.VPCID, domain cloud.TransitDomainID, owner string) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		if _, err := find(tx, who, cloud.VPCs, cloud.KindVPC, vpc); err != nil {
			return err
		}
		if d, ok := cloud.TransitDomains.Get(tx, domain); !ok || d.Account != owner {
			return absent(cloud.KindTransitDomain, string(domain))
		}
		if _, ok := cloud.TransitGrants.Get(tx, cloud.TransitGrantKey(vpc, domain)); ok {
			return cloud.Errorf(cloud.Exists, cloud.KindTransitDomain, string(domain), "grant", "VPC %s is granted to %s already", vpc, domain)
		}
		cloud.TransitGrants.Put(tx, &cloud.TransitGrant{Meta: c.meta(who, Labels{}), VPC: vpc, Domain: domain})
		return nil
	})
}

// RevokeTransit undoes GrantTransit, unless the VPC is attached.
func (c *Control) RevokeTransit(ctx context.Context, who Caller, vpc cloud.VPCID, domain cloud.TransitDomainID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		g, ok := cloud.TransitGrants.Get(tx, cloud.TransitGrantKey(vpc, domain))
		if !ok || g.Scope() != who.scope() {
			return cloud.Errorf(cloud.NotFound, cloud.KindTransitDomain, string(domain), "grant", "VPC %s is not granted to %s", vpc, domain)
		}
		for a := range cloud.TransitAttachments.By(tx, "vpc", string(vpc)) {
			if r, ok := cloud.TransitRouters.Get(tx, a.Router); ok && r.Domain == domain && r.Account != who.Account && TransitLive(a) {
				return cloud.Errorf(cloud.InUse, cloud.KindVPC, string(vpc), "grant", "VPC %s is attached to transit router %s by %s", vpc, r.ID, a.ID)
			}
		}
		cloud.TransitGrants.Delete(tx, g.Key())
		return nil
	})
}

// transitOwner is the caller, or whose VPC shall be attached if that account granted it.
func transitOwner(v cloud.View, who Caller, r *cloud.TransitRouter, in CreateTransitAttachment) (Caller, error) {
	if in.VPCAccount == "" || in.VPCAccount == who.Account {
		return who, nil
	}
	if _, ok := cloud.TransitGrants.Get(v, cloud.TransitGrantKey(in.VPC, r.Domain)); !ok || r.Domain == "" {
		return who, cloud.Errorf(cloud.Denied, cloud.KindVPC, string(in.VPC), "grant", "the owner of VPC %s has not granted it to %s", in.VPC, r.Domain)
	}
	who.Account = in.VPCAccount
	return who, nil
}
