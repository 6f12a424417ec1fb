// Package resourcemanager speaks ResourceManager 2020-03-31, resource groups and what is granted in them.
package resourcemanager

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
