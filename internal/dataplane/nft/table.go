package nft

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"
)

// Set is a set, a map (Map, with data of Data's type) or a verdict map
// (Verdicts). Without a Name it is anonymous: part of the rule that uses it.
type Set struct {
	Name     string
	Key      []Field
	Map      bool
	Data     Field
	Verdicts bool
	Interval bool          // elements may be ranges; written once (see Sealed)
	Open     bool          // elements are added and removed by others; Diff leaves them alone
	Counts   bool          // rules add elements that count connections (CountOver); Open
	Size     int           // rules add elements, up to this many, that count packets (CountIn); Open
	Timeout  time.Duration // after which an element without packets is gone; with Size
	Max      int           // never more elements than this, so that look-ups are cheaper; 0 is no limit
	Elems    []Elem
}

// Elem is one element of a set.
type Elem struct {
	Key     []Value
	Data    Value
	Verdict Verdict
}

// K makes an element of its key parts.
func K(key ...Value) Elem { return Elem{Key: key} }

// To gives a map's element its data.
func (e Elem) To(v Value) Elem { e.Data = v; return e }

// Then gives a verdict map's element its verdict.
func (e Elem) Then(v Verdict) Elem { e.Verdict = v; return e }

// equal reports whether both elements of one set read the same.
func (e *Elem) equal(o *Elem) bool {
	return e.Data.text == o.Data.text && e.Verdict == o.Verdict && slices.EqualFunc(e.Key, o.Key, func(a, b Value) bool { return a.text == b.text })
}

func (e Elem) keyText() string {
	if len(e.Key) == 1 {
		return e.Key[0].text
	}
	p := make([]string, len(e.Key))
	for i, k := range e.Key {
		p[i] = k.text
	}
	return strings.Join(p, " . ")
}

func (e Elem) text(s *Set) string {
	switch {
	case s.Verdicts:
		return e.keyText() + " : " + e.Verdict.String()
	case s.Map:
		return e.keyText() + " : " + e.Data.text
	}
	return e.keyText()
}

func (s *Set) elemText(sep string) string {
	p := make([]string, len(s.Elems))
	for i, e := range s.Elems {
		p[i] = e.text(s)
	}
	return strings.Join(p, sep)
}

// Sealed appends a hash of the elements to the name, so that a set with other
// elements is another set.
func (s *Set) Sealed() *Set {
	s.Name += "_" + hash(s.elemText(","))[:8]
	return s
}

func hash(text string) string {
	h := fnv.New64a()
	h.Write([]byte(text))
	return fmt.Sprintf("%016x", h.Sum64())
}

// String gives the declaration in nft syntax.
func (s *Set) String() string {
	kind, types := "set", make([]string, len(s.Key))
	for i, f := range s.Key {
		types[i] = fields[f].typ.Name
	}
	typ := strings.Join(types, " . ")
	switch {
	case s.Verdicts:
		kind, typ = "map", typ+" : verdict"
	case s.Map:
		kind, typ = "map", typ+" : "+fields[s.Data].typ.Name
	}
	b := fmt.Sprintf("\t%s %s {\n\t\ttype %s\n", kind, s.Name, typ)
	if s.Interval {
		b += "\t\tflags interval\n"
	}
	switch {
	case s.Counts:
		b += fmt.Sprintf("\t\tsize %d\n\t\tflags dynamic\n", maxCounts)
	case s.Timeout > 0:
		b += fmt.Sprintf("\t\tsize %d\n\t\tflags dynamic,timeout\n\t\ttimeout %s\n", s.Size, s.Timeout)
	case s.Max > 0:
		b += fmt.Sprintf("\t\tsize %d\n", s.Max)
	case s.Size > 0:
		b += fmt.Sprintf("\t\tsize %d\n\t\tflags dynamic\n", s.Size)
	}
	if len(s.Elems) > 0 {
		b += "\t\telements = { " + s.elemText(",\n\t\t\t     ") + " }\n"
	}
	return b + "\t}\n"
}

// Rule is a list of matches and statements.
type Rule struct {
	Stmts   []Stmt
	Comment string
}

// R makes a rule.
func R(s ...Stmt) Rule { return Rule{Stmts: s} }

// Note gives the rule a comment.
func (r Rule) Note(comment string) Rule { r.Comment = comment; return r }

func (r Rule) body() string {
	p := make([]string, len(r.Stmts))
	for i, s := range r.Stmts {
		p[i] = s.String()
	}
	return strings.Join(p, " ")
}

// tag is what the kernel keeps as the rule's comment.
func (r Rule) tag() string { return strings.TrimSpace("#" + hash(r.body()) + " " + r.Comment) }

// String gives the rule in nft syntax.
func (r Rule) String() string {
	if r.Comment == "" {
		return r.body()
	}
	return fmt.Sprintf("%s comment %q", r.body(), r.Comment)
}

// HookPoint is where in the packet's path a base chain is called.
type HookPoint uint32

// Hook points.
const (
	Prerouting HookPoint = iota
	Input
	Forward
	Output
	Postrouting
)

var hookNames = [...]string{"prerouting", "input", "forward", "output", "postrouting"}

// Hook makes a chain a base chain.
type Hook struct {
	NAT      bool // type nat; otherwise filter
	Point    HookPoint
	Priority int32
	Drop     bool // policy drop; otherwise accept
}

func (h *Hook) kind() string {
	if h.NAT {
		return "nat"
	}
	return "filter"
}

func (h *Hook) policy() Verdict {
	if h.Drop {
		return Drop
	}
	return Accept
}

// Chain is a list of rules.
type Chain struct {
	Name  string
	Hook  *Hook
	Rules []Rule
}

// Sealed appends a hash of the rules to the name, so that a chain with other rules is another chain.
func (c *Chain) Sealed() *Chain {
	c.Name += "_" + hash(c.rulesText())[:8]
	return c
}

func (c *Chain) rulesText() string {
	var b strings.Builder
	for _, r := range c.Rules {
		b.WriteString("\t\t" + r.String() + "\n")
	}
	return b.String()
}

// String gives the chain in nft syntax.
func (c *Chain) String() string {
	b := "\tchain " + c.Name + " {\n"
	if h := c.Hook; h != nil {
		b += fmt.Sprintf("\t\ttype %s hook %s priority %d; policy %s;\n", h.kind(), hookNames[h.Point], h.Priority, h.policy())
	}
	return b + c.rulesText() + "\t}\n"
}

// Table is a table of the inet family.
type Table struct {
	Name   string
	Sets   []*Set
	Chains []*Chain
}

// String gives the table in nft syntax.
func (t *Table) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "table inet %s {\n", t.Name)
	for _, s := range t.Sets {
		b.WriteString(s.String())
	}
	for _, c := range t.Chains {
		b.WriteString(c.String())
	}
	return b.String() + "}\n"
}
