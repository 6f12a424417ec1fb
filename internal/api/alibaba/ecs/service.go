// Package ecs speaks ECS 2014-05-26: security groups, network interfaces and instances.
//
// They are those of the account, whichever dialect made them. A group of another
// dialect is not shown here: it has no type, and its rules no priorities.
//
// Invariants: rules that users give have priorities 1 to 100; what a type of group
// does by itself is written as rules of priority 0 (before those) or 101 (behind
// them), which no answer shows.
package ecs

import (
	"time"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

type api struct {
	control *control.Control
	console Console
}

// Console tells what an instance has printed, its last part, and when it last did.
type Console func(id cloud.InstanceID) (text string, last time.Time)

// New returns the service with everything that is implemented. Without a console
// instances have printed nothing.
func New(c *control.Control, console Console) *wire.Service {
	s := wire.NewService(Spec)
	s.MapError = mapError
	a := &api{c, console}
	a.groups(s)
	a.rules(s)
	a.interfaces(s)
	a.instances(s)
	a.catalogue(s)
	a.prefixLists(s)
	a.tagging(s)
	return s
}

func yes(p *bool) bool { return p != nil && *p }

// is tells whether a filter lets a value through.
func is(filter *string, have string) bool { return text(filter) == "" || *filter == have }

// each is a list of what f makes of list's elements, never nil.
func each[T, U any](list []T, f func(T) U) []U {
	out := make([]U, len(list))
	for i, x := range list {
		out[i] = f(x)
	}
	return out
}

// owner is an account's UID.
func owner(account string) *string { return new(access.UID(account)) }

func text(p *string) string { return resource.Text(p) }

func tags(list []Tag) (map[string]string, error) {
	return resource.Tags(list, func(t Tag) (*string, *string) { return t.Key, t.Value })
}

func tagList(m map[string]string) []CreateNetworkInterfaceTag {
	return resource.TagList(m, func(k, v *string) CreateNetworkInterfaceTag { return CreateNetworkInterfaceTag{TagKey: k, TagValue: v} })
}
