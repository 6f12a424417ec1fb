// Package cbn speaks CEN 2017-09-12, transit routers.
package cbn

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
