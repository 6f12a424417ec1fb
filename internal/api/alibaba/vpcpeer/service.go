// Package vpcpeer speaks VpcPeer 2022-01-01, peering connections between VPCs.
package vpcpeer

import (
	"weir/internal/api/wire"
	"weir/internal/control"
)

type api struct {
	control *control.Control
}

// New returns the service with everything that is implemented.
func New(c *control.Control) *wire.Service {
	s := wire.NewService(Spec)
	return s
}
