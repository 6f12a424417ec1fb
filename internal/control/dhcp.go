package control

import (
	"context"

	"weir/internal/cloud"
)

// CreateDHCPOptions makes a set of DHCP options.
func (c *Control) CreateDHCPOptions(ctx context.Context, who Caller, in Labels, options map[string][]string) (*cloud.DHCPOptions, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.DHCPOptions, error) {
		return c.createDHCPOptions(tx, who, in, options), nil
	})
}

func (c *Control) createDHCPOptions(tx cloud.Tx, who Caller, in Labels, options map[string][]string) *cloud.DHCPOptions {
	d := &cloud.DHCPOptions{Meta: c.meta(who, in), ID: cloud.DHCPOptionsID(who.NewID(cloud.KindDHCPOptions)), Options: options}
	cloud.DHCPOptionSets.Put(tx, d)
	return d
}

// DeleteDHCPOptions deletes a set that no VPC uses.
func (c *Control) DeleteDHCPOptions(ctx context.Context, who Caller, id cloud.DHCPOptionsID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		if _, err := find(tx, who, cloud.DHCPOptionSets, cloud.KindDHCPOptions, id); err != nil {
			return err
		}
		for vpc := range cloud.VPCs.By(tx, "scope", who.scope()) {
			if vpc.DHCPOptions == id {
				return cloud.Errorf(cloud.InUse, cloud.KindDHCPOptions, string(id), "", "cannot delete DHCP options %s: VPC %s uses them", id, vpc.ID)
			}
		}
		cloud.DHCPOptionSets.Delete(tx, id)
		return nil
	})
}
