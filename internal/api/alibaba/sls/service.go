// Package sls speaks Log Service 2020-12-30.
package sls

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
