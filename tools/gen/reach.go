package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// side says in which direction a shape travels.
type side int

const (
	in side = 1 << iota
	out
)

// generator holds one service's model while it is written out.
type generator struct {
	*service
	model *model
	ops   []string          // wanted, sorted
	use   map[string]side   // shapes reachable from ops
	name  map[string]string // shape → Go type; only structures and enumerations
	alias map[string]string // Go alias → Go type
	empty []string          // input and output types without members
	// lists are output shapes whose top-level lists are sent even when empty.
	lists map[string]bool
	pats  map[string]string // patterns in use
	told  map[string]bool   // shapes whose pattern was reported as not supported
}

func newGenerator(s *service, m *model) (*generator, error) {
	ops, err := s.choose(m)
	if err != nil {
		return nil, err
	}
	g := &generator{service: s, model: m, ops: ops, use: map[string]side{}, name: map[string]string{},
		alias: map[string]string{}, lists: map[string]bool{}, pats: map[string]string{}, told: map[string]bool{}}
	for _, op := range ops {
		o := m.Operations[op]
		g.reach(o.Input, in)
		g.reach(o.Output, out)
	}
	return g, g.nameAll()
}

func (g *generator) reach(r *ref, s side) {
	if r == nil || g.use[r.Shape]&s != 0 {
		return
	}
	g.use[r.Shape] |= s
	sh := g.model.Shapes[r.Shape]
	for _, m := range sh.Members {
		g.reach(m, s)
	}
	for _, m := range []*ref{sh.Member, sh.Key, sh.Value} {
		g.reach(m, s)
	}
}

// nameAll gives every structure and enumeration its Go name. The shape of an
// operation's input becomes <Operation>Input if nothing else uses it, else that
// name is an alias; outputs likewise.
func (g *generator) nameAll() error {
	count := map[string]int{}
	for _, sh := range g.reached() {
		s := g.model.Shapes[sh]
		for _, m := range s.Members {
			count[m.Shape]++
		}
		for _, m := range []*ref{s.Member, s.Value} {
			if m != nil {
				count[m.Shape]++
			}
		}
	}
	for _, op := range g.ops {
		for _, r := range []*ref{g.model.Operations[op].Input, g.model.Operations[op].Output} {
			if r != nil {
				count[r.Shape]++
			}
		}
	}
	for _, sh := range g.reached() {
		if s := g.model.Shapes[sh]; s.Type == "structure" || s.Enum != nil {
			g.name[sh] = upper(sh)
		}
	}
	for _, op := range g.ops {
		o := g.model.Operations[op]
		g.nameEnd(op+"Input", o.Input, count)
		g.nameEnd(op+"Output", o.Output, count)
		if o.Output != nil && g.listsAlways(op) {
			g.lists[o.Output.Shape] = true
		}
	}
	seen := map[string]string{}
	for _, sh := range slices.Sorted(maps.Keys(g.name)) {
		if other, dup := seen[g.name[sh]]; dup {
			return fmt.Errorf("shapes %s and %s would both be Go type %s", other, sh, g.name[sh])
		}
		seen[g.name[sh]] = sh
	}
	for _, n := range append(slices.Sorted(maps.Keys(g.alias)), g.empty...) {
		if other, dup := seen[n]; dup {
			return fmt.Errorf("shape %s has the name of operation type %s", other, n)
		}
	}
	return nil
}

func (g *generator) nameEnd(name string, r *ref, count map[string]int) {
	switch {
	case r == nil:
		g.empty = append(g.empty, name)
	case count[r.Shape] == 1 || g.name[r.Shape] == name:
		g.name[r.Shape] = name
	default:
		g.alias[name] = g.name[r.Shape]
	}
}

// listsAlways tells whether an operation answers a list even when it is empty:
// in XML always, in JSON when it lists things.
func (g *generator) listsAlways(op string) bool {
	if p := g.model.Metadata.Protocol; p == "ec2" || p == "query" {
		return true
	}
	return strings.HasPrefix(op, "List") || strings.HasPrefix(op, "Describe") || strings.HasPrefix(op, "Filter")
}

func (g *generator) reached() []string { return slices.Sorted(maps.Keys(g.use)) }

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
