package main

import (
	"fmt"
	"slices"
	"strings"
)

// aliModel is one product of Alibaba Cloud, read from an SDK's sources.
type aliModel struct {
	Product string // "Vpc", as error answers and ARNs name it
	Version string
	Source  string // package and version, for the generated files
	ROA     bool
	Ops     map[string]*aliOp
	Classes map[string]*aliClass
}

// aliOp is one operation. Fields of In have their places; Out is nil where the
// answer has no body.
type aliOp struct {
	Name         string
	Method, Path string // ROA
	NoAuth       bool
	In           []aliField
	Out          *aliClass
	Raw          bool     // the answer is bytes, with headers and a status of its own
	Array        *aliType // the answer is a list
}

// aliClass is a structure. One of the Go SDK says nothing by its name.
type aliClass struct {
	Name   string
	Fields []aliField
	Go     bool
}

type aliField struct {
	Name     string // on the wire
	Place    string // "", or a flag of package wire: uri, qs, hdr, host, payload
	Style    string // "", json or commas: a value that travels inside one parameter
	Required bool
	Type     aliType
}

// aliType is a scalar ("string", "bool", "int", "float", "blob"), "list", "map" or "class".
type aliType struct {
	Kind  string
	Elem  *aliType
	Class string
}

// everywhere are parameters that every RPC operation of the old products takes
// and that decide nothing: whom they name is whom the key belongs to.
var everywhere = []string{"ResourceOwnerId", "ResourceOwnerAccount", "OwnerAccount", "OwnerId"}

// typeNode is a structure on its way to a Go type.
type typeNode struct {
	simple, full string
	fields       []typeField
	sig          string
	name         string // chosen at last
}

type typeField struct {
	aliField
	item string // lists in answers: what their only member is called inside
	node *typeNode
}

// aliGenerator turns a model into Go.
//
// A product is read from npm where there is a package, and the Go SDK adds the
// operations that npm has dropped.
type aliGenerator struct {
	*service
	model *aliModel
	nodes []*typeNode // in order of the operations' names
	in    map[string]*typeNode
	out   map[string]*typeNode
	alias map[string]*typeNode // answers that are a class of their own
}

func newAliGenerator(s *service, m *aliModel) (*aliGenerator, error) {
	all := map[string]*operation{}
	for name := range m.Ops {
		all[name] = nil
	}
	ops, err := s.choose(&model{Operations: all})
	if err != nil {
		return nil, err
	}
	g := &aliGenerator{service: s, model: m, in: map[string]*typeNode{}, out: map[string]*typeNode{}, alias: map[string]*typeNode{}}
	for _, name := range ops {
		op := m.Ops[name]
		if g.in[name], err = g.input(op); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if err := g.output(op); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return g, g.choose()
}

// add gives an operation the parameters that its source does not have yet.
func (g *aliGenerator) add(op *aliOp) error {
	for _, w := range g.also[op.Name] {
		name, kind, _ := strings.Cut(w, "=")
		f := aliField{Name: name, Type: aliType{Kind: kind}}
		if from, of, other := strings.Cut(kind, "."); other {
			i := -1
			if g.model.Ops[from] != nil {
				i = slices.IndexFunc(g.model.Ops[from].In, func(f aliField) bool { return f.Name == of })
			}
			if i < 0 {
				return fmt.Errorf("there is no parameter %s", kind)
			}
			f.Type = g.model.Ops[from].In[i].Type
		}
		op.In = append(slices.Clone(op.In), f)
	}
	return nil
}

func (g *aliGenerator) input(op *aliOp) (*typeNode, error) {
	if err := g.add(op); err != nil {
		return nil, err
	}
	for _, p := range g.require[op.Name] {
		i := slices.IndexFunc(op.In, func(f aliField) bool { return f.Name == p })
		if i < 0 {
			return nil, fmt.Errorf("it has no parameter %s to require", p)
		}
		op.In[i].Required = true
	}
	for _, p := range g.optional[op.Name] {
		i := slices.IndexFunc(op.In, func(f aliField) bool { return f.Name == p && f.Required })
		if i < 0 {
			return nil, fmt.Errorf("it does not require the parameter %s", p)
		}
		op.In[i].Required = false
	}
	var fields []aliField
	for _, f := range op.In {
		if !g.model.ROA && slices.Contains(everywhere, f.Name) {
			continue
		}
		if f.Place == "payload" && f.Type.Kind == "class" { // a body's members are the call's own
			fields = append(fields, g.model.Classes[f.Type.Class].Fields...)
			continue
		}
		fields = append(fields, f)
	}
	for _, name := range g.header[op.Name] {
		fields = append(fields, aliField{Name: name, Place: "hdr", Type: aliType{Kind: "string"}})
	}
	n := &typeNode{name: op.Name + "Input"}
	return n, g.fill(n, op, fields, op.Name, false, nil)
}

func (g *aliGenerator) output(op *aliOp) error {
	n := &typeNode{name: op.Name + "Output"}
	g.out[op.Name] = n
	switch {
	case op.Raw:
		n.fields = []typeField{{aliField: aliField{Name: "Body", Place: "payload", Type: aliType{Kind: "blob"}}},
			{aliField: aliField{Name: "Headers", Place: "hdrs", Type: aliType{Kind: "map", Elem: &aliType{Kind: "string"}}}},
			{aliField: aliField{Name: "StatusCode", Place: "status", Type: aliType{Kind: "int"}}}}
		return nil
	case op.Array != nil:
		op.Array.texts()
		return g.fill(n, op, []aliField{{Name: "Items", Place: "payload", Type: *op.Array}}, op.Name, true, nil)
	case op.Out == nil:
		return nil
	}
	if !g.local(op, op.Out.Name) && goName(op.Out.Name) != n.name {
		t, err := g.node(op, op.Out.Name, op.Name, op.Out.Name, true, nil)
		g.alias[op.Name] = t
		return err
	}
	fields := slices.DeleteFunc(slices.Clone(op.Out.Fields), func(f aliField) bool { return f.Name == "RequestId" })
	return g.fill(n, op, fields, op.Name, true, nil)
}

// local tells whether a class belongs to one operation, not to the product.
func (g *aliGenerator) local(op *aliOp, class string) bool {
	return strings.HasPrefix(class, op.Name+"Re") || g.model.Classes[class].Go
}

func (g *aliGenerator) fill(n *typeNode, op *aliOp, fields []aliField, path string, answer bool, stack []string) error {
	n.full = path
	if answer {
		fields = append(slices.Clone(fields), g.listsOf(n.simple)...)
	}
	for _, f := range fields {
		f.Type.texts()
		if f.Type.holds("any") {
			continue // what has no form is not read, and nothing answers it
		}
		if g.float[f.Name] || g.float[op.Name+"."+f.Name] {
			f.Type.fractions()
		}
		t := typeField{aliField: f}
		inner := &t.Type
		if answer {
			t.item = g.collapse(&t)
		}
		for inner.Kind == "list" || inner.Kind == "map" {
			inner = inner.Elem
		}
		if inner.Kind == "class" {
			simple := upper(f.Name)
			if t.item != "" {
				simple = upper(t.item)
			} else if t.Type.Kind == "list" {
				simple = singular(simple)
			}
			var err error
			if t.node, err = g.node(op, inner.Class, path+simple, simple, answer, stack); err != nil {
				return err
			}
		}
		n.fields = append(n.fields, t)
	}
	slices.SortFunc(n.fields, func(a, b typeField) int { return strings.Compare(goName(a.Name), goName(b.Name)) })
	for i := 1; i < len(n.fields); i++ {
		if goName(n.fields[i].Name) == goName(n.fields[i-1].Name) {
			return fmt.Errorf("two members are %s in %s", n.fields[i].Name, path)
		}
	}
	return nil
}

// listsOf are the members that an answer's structure has beside its source's.
func (g *aliGenerator) listsOf(structure string) (fields []aliField) {
	for _, w := range g.lists[structure] {
		name, item, _ := strings.Cut(w, "=")
		class := structure + name
		g.model.Classes[class] = &aliClass{Name: class, Fields: []aliField{{Name: item, Type: aliType{Kind: "list", Elem: &aliType{Kind: "string"}}}}}
		fields = append(fields, aliField{Name: name, Type: aliType{Kind: "class", Class: class}})
	}
	return fields
}

// collapse turns {"Vpcs": {"Vpc": […]}} into a list whose items are called Vpc.
func (g *aliGenerator) collapse(t *typeField) string {
	if g.model.ROA || t.Type.Kind != "class" {
		return ""
	}
	c := g.model.Classes[t.Type.Class]
	if c == nil || len(c.Fields) != 1 || c.Fields[0].Type.Kind != "list" {
		return ""
	}
	t.Type = c.Fields[0].Type
	return c.Fields[0].Name
}

func (g *aliGenerator) node(op *aliOp, class, path, simple string, answer bool, stack []string) (*typeNode, error) {
	c := g.model.Classes[class]
	if c == nil {
		return nil, fmt.Errorf("there is no class %s", class)
	}
	if slices.Contains(stack, class) {
		return nil, fmt.Errorf("the class %s contains itself", class)
	}
	if !g.local(op, class) {
		simple = goName(class)
	}
	n := &typeNode{simple: simple}
	if err := g.fill(n, op, c.Fields, path, answer, append(stack, class)); err != nil {
		return nil, err
	}
	n.sig = n.signature()
	g.nodes = append(g.nodes, n)
	return n, nil
}

func (n *typeNode) signature() string {
	var b strings.Builder
	for _, f := range n.fields {
		fmt.Fprintf(&b, "%s/%s/%s/%t/%s/%s", f.Name, f.Place, f.Style, f.Required, f.item, f.Type)
		if f.node != nil {
			b.WriteString("{" + f.node.simple + ":" + f.node.sig + "}")
		}
		b.WriteString(";")
	}
	return b.String()
}

// texts makes what has no form inside a map a string, which is what it is.
func (t *aliType) texts() {
	switch {
	case t.Kind == "map" && t.Elem.Kind == "any":
		t.Elem.Kind = "string"
	case t.Elem != nil:
		t.Elem.texts()
	}
}

// fractions makes what are whole numbers numbers.
func (t *aliType) fractions() {
	switch {
	case t.Kind == "int":
		t.Kind = "float"
	case t.Elem != nil:
		t.Elem.fractions()
	}
}

func (t aliType) holds(kind string) bool {
	return t.Kind == kind || t.Elem != nil && t.Elem.holds(kind)
}

func (t aliType) String() string {
	switch t.Kind {
	case "list", "map":
		return t.Kind + "<" + t.Elem.String() + ">"
	}
	return t.Kind
}

// choose names the types: structures of one form and one name are one type; the
// most used form has the plain name, the others are called after their place.
func (g *aliGenerator) choose() error {
	type form struct{ simple, sig string }
	count, first := map[form]int{}, map[form]*typeNode{}
	for _, n := range g.nodes {
		f := form{n.simple, n.sig}
		count[f]++
		if first[f] == nil || n.full < first[f].full {
			first[f] = n
		}
	}
	winner := map[string]form{}
	for f, n := range count {
		w, ok := winner[f.simple]
		if !ok || n > count[w] || n == count[w] && first[f].full < first[w].full {
			winner[f.simple] = f
		}
	}
	taken := map[string]string{"Spec": "-"}
	for op := range g.in {
		taken[op+"Input"], taken[op+"Output"] = "-", "-"
	}
	for f := range first {
		if winner[f.simple] == f && taken[f.simple] == "" {
			first[f].name, taken[f.simple] = f.simple, f.sig
		}
	}
	for _, n := range g.nodes {
		top := first[form{n.simple, n.sig}]
		if top.name == "" {
			for top.name = top.full; taken[top.name] != ""; {
				top.name += "2"
			}
			taken[top.name] = top.sig
		}
		n.name = top.name
	}
	return nil
}

// singular is the name of one of the things that a flat list is called after.
func singular(s string) string {
	switch {
	case strings.HasSuffix(s, "ies"):
		return s[:len(s)-3] + "y"
	case strings.HasSuffix(s, "sses"), strings.HasSuffix(s, "ches"), strings.HasSuffix(s, "xes"):
		return s[:len(s)-2]
	case strings.HasSuffix(s, "ss"), strings.HasSuffix(s, "us"), !strings.HasSuffix(s, "s"):
		return s
	}
	return s[:len(s)-1]
}

// goName makes a Go name of a wire name: "x-fc-log-type" is XFcLogType.
func goName(s string) string {
	var b strings.Builder
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == '-' || r == '.' || r == '_' || r == ' ' }) {
		b.WriteString(upper(part))
	}
	return b.String()
}

// loadAlibaba reads a product from its sources.
func loadAlibaba(root string, s *service) (*aliModel, error) {
	var m *aliModel
	if s.npm != "" {
		var err error
		if m, err = loadTypeScript(root, s.npm); err != nil {
			return nil, fmt.Errorf("reading %s: %w", s.npm, err)
		}
	}
	if s.module != "" {
		dir, err := findGoSDK()
		if err != nil {
			return nil, err
		}
		more, err := loadGoSDK(dir, s.module)
		if err != nil {
			return nil, err
		}
		if m = merge(m, more); m == nil {
			return nil, fmt.Errorf("the sources of %s are of different versions", s.Name)
		}
	}
	m.Product = s.product
	return m, nil
}

// merge adds the operations of the second model that the first has not.
func merge(m, more *aliModel) *aliModel {
	if m == nil {
		return more
	}
	if m.Version != more.Version {
		return nil
	}
	for name, op := range more.Ops {
		if m.Ops[name] == nil {
			m.Ops[name] = op
		}
	}
	for name, c := range more.Classes {
		m.Classes[name] = c // the names of both never meet: the Go SDK's begin with goPrefix
	}
	m.Source += " and " + more.Source
	return m
}
