// Package ecs speaks the network part of ECS 2014-05-26: security groups and network interfaces.
//
// They are those of the account, whichever dialect made them. A group of another
// dialect is not shown here: it has no type, and its rules no priorities.
//
// Invariants: rules that users give have priorities 1 to 100; what a type of group
// does by itself is written as rules of priority 0 (before those) or 101 (behind
// them), which no answer shows.
package ecs

import (
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/control"
)

type api struct {
	control *control.Control
}

// New returns the service with everything that is implemented.
func New(c *control.Control) *wire.Service {
	s := wire.NewService(Spec)
	s.MapError = mapError
	a := &api{c}
	a.groups(s)
	a.rules(s)
	return s
}

func text(p *string) string { return resource.Text(p) }

func tags(list []Tag) (map[string]string, error) {
	return resource.Tags(list, func(t Tag) (*string, *string) { return t.Key, t.Value })
}

func tagList(m map[string]string) []CreateNetworkInterfaceTag {
	return resource.TagList(m, func(k, v *string) CreateNetworkInterfaceTag { return CreateNetworkInterfaceTag{TagKey: k, TagValue: v} })
}
