package nft

import (
	"fmt"
	"slices"
	"strings"
)

// Op is one change to a table.
type Op struct {
	text   string
	encode func(*encoder)
}

// String names the change.
func (o Op) String() string { return o.text }

// Batch is a list of changes that the kernel makes all or not at all.
type Batch struct {
	Table string
	Ops   []Op
}

func (b *Batch) add(text string, encode func(*encoder)) { b.Ops = append(b.Ops, Op{text, encode}) }

// String lists the changes, one a line.
func (b *Batch) String() string {
	var s strings.Builder
	for _, o := range b.Ops {
		s.WriteString(o.text + "\n")
	}
	return s.String()
}

func (b *Batch) encode() (*encoder, error) {
	e := &encoder{table: b.Table}
	for _, o := range b.Ops {
		o.encode(e)
	}
	return e, e.err
}

// Create is the batch that makes the table; one of that name disappears with it.
func Create(t *Table) *Batch {
	b := &Batch{Table: t.Name}
	b.add("replace table "+t.Name, func(e *encoder) {
		e.addTable() // so that the deletion cannot fail
		e.delTable()
		e.addTable()
	})
	b.create(t.Sets, t.Chains)
	return b
}

// create adds sets and chains: chains first, for elements and rules refer to them.
func (b *Batch) create(sets []*Set, chains []*Chain) {
	for _, c := range chains {
		b.add("add chain "+c.Name, func(e *encoder) { e.addChain(c) })
	}
	for _, s := range sets {
		b.add(fmt.Sprintf("add set %s (%d)", s.Name, len(s.Elems)), func(e *encoder) { e.addSet(s) })
	}
	for _, c := range chains {
		b.add(fmt.Sprintf("add rules %s (%d)", c.Name, len(c.Rules)), func(e *encoder) { e.addRules(c) })
	}
}

// AddElems is the batch that adds elements to a set of the table.
func AddElems(table string, s *Set, elems ...Elem) *Batch {
	b := &Batch{Table: table}
	b.elems(s, true, elems)
	return b
}

// DelElems is the batch that deletes elements from a set of the table.
func DelElems(table string, s *Set, elems ...Elem) *Batch {
	b := &Batch{Table: table}
	b.elems(s, false, elems)
	return b
}

func (b *Batch) elems(s *Set, add bool, elems []Elem) {
	if len(elems) == 0 {
		return
	}
	verb := "add"
	if !add {
		verb = "delete"
	}
	for _, el := range elems {
		b.Ops = append(b.Ops, Op{text: fmt.Sprintf("%s element %s { %s }", verb, s.Name, el.text(s)), encode: func(*encoder) {}})
	}
	b.Ops[len(b.Ops)-1].encode = func(e *encoder) { e.elements(s, s.Name, 0, add, elems) }
}

// Diff gives the batches that turn have into want, to be sent in order: first
// what is new, then the switch to it and the removal of what is gone. Nothing
// to do is no batch. The names of have and want are equal; have may be nil.
func Diff(have, want *Table) ([]*Batch, error) {
	if have == nil {
		return []*Batch{Create(want)}, nil
	}
	oldSets, newSets := byName(have.Sets, setName), byName(want.Sets, setName)
	oldChains, newChains := byName(have.Chains, chainName), byName(want.Chains, chainName)

	first, second := &Batch{Table: want.Name}, &Batch{Table: want.Name}
	first.create(missing(want.Sets, oldSets, setName), missing(want.Chains, oldChains, chainName))
	for _, s := range want.Sets {
		if old := oldSets[s.Name]; old != nil && !s.Open {
			if err := second.changeSet(old, s); err != nil {
				return nil, err
			}
		}
	}
	for _, c := range want.Chains {
		if old := oldChains[c.Name]; old != nil && old.rulesText() != c.rulesText() {
			second.add("flush chain "+c.Name, func(e *encoder) { e.flushChain(c.Name) })
			second.add(fmt.Sprintf("add rules %s (%d)", c.Name, len(c.Rules)), func(e *encoder) { e.addRules(c) })
		}
	}
	gone := missing(have.Chains, newChains, chainName)
	for _, c := range gone {
		second.add("flush chain "+c.Name, func(e *encoder) { e.flushChain(c.Name) })
	}
	for _, s := range missing(have.Sets, newSets, setName) { // before the chains that their elements jump to
		second.add("delete set "+s.Name, func(e *encoder) { e.delSet(s.Name) })
	}
	for _, c := range gone {
		second.add("delete chain "+c.Name, func(e *encoder) { e.delChain(c.Name) })
	}
	return slices.DeleteFunc([]*Batch{first, second}, func(b *Batch) bool { return len(b.Ops) == 0 }), nil
}

// changeSet deletes and adds elements; one whose data changes is deleted and added.
func (b *Batch) changeSet(old, s *Set) error {
	have, want := apart(old.Elems, s.Elems)
	if len(have)+len(want) == 0 {
		return nil
	}
	was := make(map[string]struct{}, len(have))
	for _, e := range have {
		was[e.text(old)] = struct{}{}
	}
	var add, del []Elem
	is := make(map[string]struct{}, len(want))
	for _, e := range want {
		t := e.text(s)
		is[t] = struct{}{}
		if _, ok := was[t]; !ok {
			add = append(add, e)
		}
	}
	for _, e := range have {
		if _, ok := is[e.text(old)]; !ok {
			del = append(del, e)
		}
	}
	if s.Interval && len(add)+len(del) > 0 {
		return fmt.Errorf("set %s has intervals and cannot be changed in place: give the new one another name", s.Name)
	}
	b.elems(s, false, del)
	b.elems(s, true, add)
	return nil
}

// apart leaves out what both lists begin and end with: most sets change little.
func apart(have, want []Elem) (h, w []Elem) {
	for len(have) > 0 && len(want) > 0 && have[0].equal(&want[0]) {
		have, want = have[1:], want[1:]
	}
	for len(have) > 0 && len(want) > 0 && have[len(have)-1].equal(&want[len(want)-1]) {
		have, want = have[:len(have)-1], want[:len(want)-1]
	}
	return have, want
}

func setName(s *Set) string     { return s.Name }
func chainName(c *Chain) string { return c.Name }

func byName[T any](list []*T, name func(*T) string) map[string]*T {
	m := make(map[string]*T, len(list))
	for _, x := range list {
		m[name(x)] = x
	}
	return m
}

// missing lists what is not in m, in order.
func missing[T any](list []*T, m map[string]*T, name func(*T) string) []*T {
	var out []*T
	for _, x := range list {
		if m[name(x)] == nil {
			out = append(out, x)
		}
	}
	return out
}
