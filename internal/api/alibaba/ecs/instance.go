package ecs

import (
	"context"

	"weir/internal/api/alibaba/resource"
	"weir/internal/cloud"
	"weir/internal/control"
)

// instance finds one of the caller's instances.
func (a *api) instance(ctx context.Context, id string) (*cloud.Instance, error) {
	if i, ok := cloud.Instances.Get(a.control.View(), cloud.InstanceID(id)); ok && i.Scope() == resource.Scope(ctx) && control.InstanceShown(i, a.control.Now()) {
		return i, nil
	}
	return nil, missing(cloud.KindInstance)
}
