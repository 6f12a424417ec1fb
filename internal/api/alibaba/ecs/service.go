// Package ecs speaks the network part of ECS 2014-05-26, security groups and network interfaces, and instances.
package ecs

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
