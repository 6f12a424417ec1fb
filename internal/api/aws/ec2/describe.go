package ec2

import (
	"context"
	"fmt"
	"slices"

	"weir/internal/api/wire"
	"weir/internal/cloud"
)

// listing is what a Describe operation needs to know of its resources, in their wire shape.
type listing[T any] struct {
	kind   cloud.Resource
	param  string // the list of IDs, as messages call it: "vpcIds"
	id     func(T) *string
	tags   func(T) []Tag
	fields wire.Fields[T]
	// lenient leaves IDs that do not exist out instead of refusing them.
	lenient bool
}

// question is what the caller of a Describe operation asks.
type question struct {
	ids     []string
	filters []Filter
	max     *int32
	token   *string
}

// answer selects and pages what is asked for.
func (l listing[T]) answer(ctx context.Context, all []T, q question) ([]T, *string, error) {
	if len(q.ids) > 0 && q.max != nil && l.param != "" {
		return nil, nil, combination("The parameter %s cannot be used with the parameter maxResults", l.param)
	}
	all, err := l.named(all, q.ids)
	if err != nil {
		return nil, nil, err
	}
	filters := make([]wire.Filter, len(q.filters))
	for i, f := range q.filters {
		filters[i] = wire.Filter(f)
	}
	var tags func(T) map[string]string
	if l.tags != nil {
		tags = func(t T) map[string]string { return tagMap(l.tags(t)) }
	}
	if all, err = wire.Select(all, filters, l.fields, tags); err != nil {
		return nil, nil, err
	}
	call := wire.CallFrom(ctx)
	scope := fmt.Sprint(call.Operation, call.Account, call.Region, q.ids)
	for _, f := range q.filters {
		scope += fmt.Sprint(text(f.Name), f.Values)
	}
	return wire.Page(all, wire.Paging{Max: q.max, Token: q.token, Scope: scope}, func(t T) string { return text(l.id(t)) })
}

// named are the resources with the given IDs, or all if none is given.
func (l listing[T]) named(all []T, ids []string) ([]T, error) {
	if len(ids) == 0 {
		return all, nil
	}
	for _, id := range ids {
		if !wellFormed(l.kind, id) {
			return nil, noSuch(l.kind, id)
		}
	}
	var out []T
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		i := slices.IndexFunc(all, func(t T) bool { return text(l.id(t)) == id })
		if i < 0 && !l.lenient {
			return nil, noSuch(l.kind, id)
		}
		if i >= 0 {
			out = append(out, all[i])
		}
	}
	return out, nil
}

// collect turns the caller's resources into their wire shape.
func collect[K ~string, R, T any](v cloud.View, table *cloud.Table[K, R], scope string, shape func(*R) T) []T {
	out := []T{}
	for r := range table.By(v, "scope", scope) {
		out = append(out, shape(r))
	}
	return out
}
