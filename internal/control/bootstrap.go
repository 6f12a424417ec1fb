package control

import (
	"context"
	"fmt"
	"slices"

	"weir/internal/cloud"
)

// Bootstrap key: root of the default account, accepted on loopback only.
const (
	BootstrapKeyID  = "test"
	BootstrapSecret = "test"
)

// Bootstrap writes what a fresh platform has: the bootstrap key and the
// managed policies the dialects bring, in their present versions. It changes nothing else that stands already.
func (c *Control) Bootstrap(ctx context.Context, managed []cloud.Policy) error {
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		if _, ok := cloud.AccessKeys.Get(tx, BootstrapKeyID); !ok {
			cloud.AccessKeys.Put(tx, &cloud.AccessKey{
				Meta: cloud.Meta{Account: c.opt.Account, Created: c.now()},
				ID:   BootstrapKeyID, Secret: BootstrapSecret, Active: true, LoopbackOnly: true,
			})
		}
		for _, p := range managed {
			if old, ok := cloud.Policies.Get(tx, p.ARN); !ok || !slices.Equal(old.Versions, p.Versions) {
				cloud.Policies.Put(tx, &p)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("writing the first state: %w", err)
	}
	return nil
}

// Reset removes everything in every account and region and bootstraps again.
// Session tokens issued before it are void.
func (c *Control) Reset(ctx context.Context, managed []cloud.Policy) error {
	if err := c.store.Reset(ctx); err != nil {
		return fmt.Errorf("clearing the state: %w", err)
	}
	c.seal.mu.Lock()
	c.seal.key = nil
	c.seal.mu.Unlock()
	if err := c.blobs.Reset(ctx); err != nil {
		return fmt.Errorf("clearing functions' code: %w", err)
	}
	if err := c.logs.Reset(ctx); err != nil {
		return fmt.Errorf("clearing the logs: %w", err)
	}
	return c.Bootstrap(ctx, managed)
}
