// Package privatelink speaks PrivateLink 2020-04-15, interface endpoints.
package privatelink

import (
	"weir/internal/api/wire"
	"weir/internal/control"
)

// New returns the service; so far every operation answers that it is not implemented.
func New(*control.Control) *wire.Service { return wire.NewService(Spec) }
