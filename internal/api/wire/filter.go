package wire

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Filter is one filter of a Describe call; EC2's generated type converts to it.
type Filter struct {
	Name   *string
	Values []string
}

// Fields are the filters a kind of resource has: name → the resource's values.
// The tag filters are not among them; see Select.
type Fields[T any] map[string]func(T) []string

// Select returns the items, in their order, that match every filter. A filter
// matches if any of its values matches any of the item's. In a value "*" stands
// for any run of characters, "?" for one, and a backslash takes their meaning away.
// tags, unless nil, answers the filters tag:<key>, tag-key and tag-value.
func Select[T any](items []T, filters []Filter, fields Fields[T], tags func(T) map[string]string) ([]T, error) {
	tests := make([]func(T) bool, 0, len(filters))
	for _, f := range filters {
		values, err := readerOf(f, fields, tags)
		if err != nil {
			return nil, err
		}
		tests = append(tests, func(item T) bool {
			return slices.ContainsFunc(values(item), func(v string) bool {
				return slices.ContainsFunc(f.Values, func(p string) bool { return Wildcard(p, v) })
			})
		})
	}
	out := []T{}
	for _, item := range items {
		if !slices.ContainsFunc(tests, func(match func(T) bool) bool { return !match(item) }) {
			out = append(out, item)
		}
	}
	return out, nil
}

// readerOf returns how to read what f is about.
func readerOf[T any](f Filter, fields Fields[T], tags func(T) map[string]string) (func(T) []string, error) {
	if f.Name == nil {
		return nil, &Error{Code: "MissingParameter", Msg: "The request must contain the parameter Filter.Name"}
	}
	name := *f.Name
	if get, ok := fields[name]; ok {
		return get, nil
	}
	if tags != nil {
		if key, ok := strings.CutPrefix(name, "tag:"); ok {
			return func(item T) []string {
				if v, has := tags(item)[key]; has {
					return []string{v}
				}
				return nil
			}, nil
		}
		switch name {
		case "tag-key":
			return func(item T) []string { return slices.Collect(maps.Keys(tags(item))) }, nil
		case "tag-value":
			return func(item T) []string { return slices.Collect(maps.Values(tags(item))) }, nil
		}
	}
	return nil, &Error{Code: "InvalidParameterValue", Msg: fmt.Sprintf("The filter '%s' is invalid", name)}
}

// Wildcard reports whether s matches pattern, where "*" stands for any run of
// characters, "?" for one, and a backslash takes the next one as it is. It takes
// time in proportion to len(pattern)·len(s) at worst.
func Wildcard(pattern, s string) bool {
	p, i := 0, 0
	star, mark := -1, 0 // where to resume: behind the last star, one character later
	for i < len(s) {
		if p < len(pattern) {
			c, width := pattern[p], 1
			switch {
			case c == '*':
				star, mark = p+1, i
				p++
				continue
			case c == '?':
				p++
				_, n := utf8.DecodeRuneInString(s[i:])
				i += n
				continue
			case c == '\\' && p+1 < len(pattern):
				c, width = pattern[p+1], 2
			}
			if c == s[i] {
				p, i = p+width, i+1
				continue
			}
		}
		if star < 0 {
			return false
		}
		mark++
		p, i = star, mark
	}
	return strings.Trim(pattern[p:], "*") == ""
}
