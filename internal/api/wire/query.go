package wire

import (
	"cmp"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// node is one level of a form's dotted names: "Tag.1.Key=x" is Tag → 1 → Key.
type node struct {
	value string
	set   bool // has a value of its own
	kids  map[string]*node
}

// maxDepth bounds the nesting of what a client may send.
const maxDepth = 32

func formTree(form url.Values) (*node, error) {
	root := &node{}
	for name, values := range form {
		n := root
		parts := strings.Split(name, ".")
		if len(parts) > maxDepth {
			return nil, fmt.Errorf("parameter %.80s… is nested too deeply", name)
		}
		for _, part := range parts {
			if n.kids == nil {
				n.kids = map[string]*node{}
			}
			kid := n.kids[part]
			if kid == nil {
				kid = &node{}
				n.kids[part] = kid
			}
			n = kid
		}
		n.value, n.set = values[len(values)-1], true
	}
	return root, nil
}

// common are the parameters every Query call may have beside its operation's own.
var common = []string{"Action", "Version", "AWSAccessKeyId", "Signature", "SignatureMethod", "SignatureVersion",
	"SecurityToken", "Timestamp", "Expires", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires",
	"X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Security-Token"}

// formReader decodes the form of an EC2 or Query call.
type formReader struct{ s *Service }

func (r formReader) decode(form url.Values, plan *structPlan, v reflect.Value) *Error {
	root, err := formTree(form)
	if err != nil {
		return r.s.Trouble(Serialization, err.Error())
	}
	common := common
	if r.s.Protocol == RPC {
		common = rpcCommon
	}
	for _, c := range common {
		delete(root.kids, c)
	}
	return r.structure(root, plan, v, "")
}

func (r formReader) structure(n *node, plan *structPlan, v reflect.Value, path string) *Error {
	for _, name := range sortedKeys(n.kids) {
		f := plan.byIn[name]
		if f == nil {
			if r.s.Protocol == EC2Query { // others ignore what they do not know
				return &Error{Code: "UnknownParameter", Msg: fmt.Sprintf("The parameter %s is not recognized", join(path, name))}
			}
			continue
		}
		if err := r.field(n.kids[name], f, v.Field(f.index), join(path, name)); err != nil {
			return err
		}
	}
	return nil
}

func (r formReader) field(n *node, f *field, v reflect.Value, path string) *Error {
	switch f.t.kind {
	case kList:
		if n.set && len(n.kids) == 0 && f.style != noStyle {
			return r.styled(n, f, v, path)
		}
		if r.s.Protocol == Query && !f.flat {
			item := cmp.Or(f.item, "member")
			if kid := n.kids[item]; kid != nil {
				return r.list(kid, f.t, v, join(path, item))
			}
			if len(n.kids) > 0 {
				return r.bad(path, n)
			}
		}
		return r.list(n, f.t, v, path)
	case kMap:
		if r.s.Protocol == RPC {
			return r.named(n, f, v, path)
		}
		if kid := n.kids["entry"]; kid != nil && !f.flat {
			n, path = kid, path+".entry"
		}
		return r.entries(n, f, v, path)
	}
	if f.style == asJSON && n.set {
		return r.styled(n, f, v, path)
	}
	return r.value(n, f.t, v, f.ts, path)
}

// styled reads a list or structure that is one parameter's text.
func (r formReader) styled(n *node, f *field, v reflect.Value, path string) *Error {
	if err := f.setStyled(v, n.value); err != nil {
		return r.bad(path, n)
	}
	return nil
}

// named reads a map whose keys are names: "Labels.team=x", or a JSON object.
func (r formReader) named(n *node, f *field, v reflect.Value, path string) *Error {
	if n.set {
		return r.styled(n, &field{t: f.t, style: asJSON}, v, path)
	}
	m := reflect.MakeMapWithSize(f.t.typ, len(n.kids))
	for _, name := range sortedKeys(n.kids) {
		e := reflect.New(f.t.typ.Elem()).Elem()
		if err := r.value(n.kids[name], f.t.elem, e, "", join(path, name)); err != nil {
			return err
		}
		m.SetMapIndex(reflect.ValueOf(name), e)
	}
	v.Set(m)
	return nil
}

// value reads anything inside a list, where no field gives it other names.
func (r formReader) value(n *node, t *typePlan, v reflect.Value, ts, path string) *Error {
	switch t.kind {
	case kStruct:
		if n.set && n.value != "" {
			return r.bad(path, n)
		}
		return r.structure(n, t.fields, t.target(v), path)
	case kList, kMap:
		return r.field(n, &field{t: t}, v, path)
	}
	if len(n.kids) > 0 {
		return r.bad(path, n)
	}
	if err := t.setText(v, n.value, ts); err != nil {
		return r.bad(path, n)
	}
	return nil
}

// list reads "1", "2", …; gaps are allowed, the order is that of the numbers.
func (r formReader) list(n *node, t *typePlan, v reflect.Value, path string) *Error {
	names, ok := indices(n.kids)
	if !ok || n.set && n.value != "" {
		return r.bad(path, n)
	}
	list := reflect.MakeSlice(t.typ, len(names), len(names))
	for i, name := range names {
		if err := r.value(n.kids[name], t.elem, list.Index(i), "", join(path, name)); err != nil {
			return err
		}
	}
	v.Set(list)
	return nil
}

func (r formReader) entries(n *node, f *field, v reflect.Value, path string) *Error {
	names, ok := indices(n.kids)
	if !ok {
		return r.bad(path, n)
	}
	m := reflect.MakeMapWithSize(f.t.typ, len(names))
	for _, name := range names {
		key, val := n.kids[name].kids[cmp.Or(f.key, "key")], n.kids[name].kids[cmp.Or(f.value, "value")]
		if key == nil || val == nil {
			return r.bad(join(path, name), n.kids[name])
		}
		e := reflect.New(f.t.typ.Elem()).Elem()
		if err := r.value(val, f.t.elem, e, "", join(path, name)); err != nil {
			return err
		}
		m.SetMapIndex(reflect.ValueOf(key.value).Convert(f.t.typ.Key()), e)
	}
	v.Set(m)
	return nil
}

func (r formReader) bad(path string, n *node) *Error {
	if r.s.Protocol == RPC {
		return badParameter(path)
	}
	if r.s.Protocol == EC2Query {
		return r.s.Trouble(Validation, fmt.Sprintf("Value (%s) for parameter %s is invalid.", n.value, lowerFirst(path)))
	}
	return r.s.Trouble(Validation, fmt.Sprintf("Value '%s' at '%s' is not valid.", n.value, lowerFirst(path)))
}

func indices(kids map[string]*node) ([]string, bool) {
	names := sortedKeys(kids)
	num := make(map[string]int, len(names))
	for _, name := range names {
		n, err := strconv.Atoi(name)
		if err != nil || n < 0 {
			return nil, false
		}
		num[name] = n
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(num[a], num[b]) })
	return names, true
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// lowerFirst is how AWS writes a member's name in messages: "vpcConfig.subnetIds".
func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
