package ec2

import (
	"context"

	"weir/internal/control"
)

// BuildVPC carries out the "VPC and more" workflow by this API's rules.
func BuildVPC(ctx context.Context, c *control.Control, who control.Caller, b *control.Blueprint) (*control.Blueprint, error) {
	if !control.HasDefaults(c.View(), who) {
		first := who
		first.NewID = seededID(who.Account + "/" + who.Region)
		if err := c.EnsureDefaults(ctx, first, defaults(who.Region)); err != nil {
			return nil, err
		}
	}
	return c.BuildVPC(ctx, who, b, control.BuildRules{
		ReservedFirst: reservedFirst, ReservedLast: reservedLast, StoreService: "com.amazonaws." + who.Region + ".s3",
		Names: hostNames(who.Region),
	})
}
