package iam

import (
	"maps"
	"slices"
	"strings"
)

// Covers reports whether a statement with this effect covers the request.
func Covers(d *Document, r Request, deny bool) bool {
	r.Action = strings.ToLower(r.Action)
	return find([]*Document{d}, r, deny) != nil
}

// Has reports whether a context has a key.
func Has(context map[string][]string, key string) bool {
	_, ok := lookup(context, key)
	return ok
}

// Keys lists the condition keys that a document asks for, in conditions and as variables.
func Keys(d *Document) []string {
	keys := map[string]bool{}
	variables := func(s string) {
		for _, part := range strings.Split(s, "${")[1:] {
			name, _, ok := strings.Cut(part, "}")
			name, _, _ = strings.Cut(name, ",")
			if ok && strings.Contains(name, ":") {
				keys[strings.TrimSpace(name)] = true
			}
		}
	}
	for _, s := range d.Statements {
		for _, c := range s.Conditions {
			keys[c.Key] = true
			for _, v := range c.Values {
				if d.variables() {
					variables(v)
				}
			}
		}
		for _, r := range s.Resources {
			if d.variables() {
				variables(r)
			}
		}
	}
	return slices.Sorted(maps.Keys(keys))
}
