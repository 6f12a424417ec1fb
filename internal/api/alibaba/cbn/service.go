// Package cbn speaks CEN 2017-09-12, transit routers.
package cbn

import (
	"weir/internal/api/wire"
	"weir/internal/control"
)

// New returns the service; so far every operation answers that it is not implemented.
func New(*control.Control) *wire.Service { return wire.NewService(Spec) }
