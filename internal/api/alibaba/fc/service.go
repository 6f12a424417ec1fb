// Package fc speaks Function Compute 3.0 (2023-03-30).
package fc

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
