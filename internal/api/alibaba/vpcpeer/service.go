// Package vpcpeer speaks VpcPeer 2022-01-01, peering connections between VPCs.
package vpcpeer

import (
	"weir/internal/api/wire"
	"weir/internal/control"
)

// New returns the service; so far every operation answers that it is not implemented.
func New(*control.Control) *wire.Service { return wire.NewService(Spec) }
