package wire

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// validator checks a decoded input against the model's constraints and collects
// what is wrong.
type validator struct {
	s        *Service
	problems []problem
}

// problem is one broken constraint.
type problem struct {
	path       string // in the protocol's way to write it
	value      string
	missing    bool
	constraint string // "Member must …"
}

// validate returns the service's own validation error, or nil. EC2 names the
// first fault; the others list them all.
func (s *Service) validate(plan *structPlan, v reflect.Value) *Error {
	val := validator{s: s}
	val.structure(plan, v, "")
	if len(val.problems) == 0 {
		return nil
	}
	if s.Protocol.Dialect() == Alibaba {
		return s.acsInvalid(val.problems[0])
	}
	if s.Protocol == EC2Query {
		p := val.problems[0]
		if p.missing {
			return &Error{Code: "MissingParameter", Msg: "The request must contain the parameter " + p.path}
		}
		return s.Trouble(Validation, strings.TrimSpace(fmt.Sprintf("Value ( %s ) for parameter %s is invalid. %s", p.value, lowerFirst(p.path), p.constraint)))
	}
	texts := make([]string, len(val.problems))
	for i, p := range val.problems {
		value := "'" + p.value + "'"
		if p.missing {
			value = "null"
		}
		texts[i] = fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: %s", value, p.path, p.constraint)
	}
	noun := "errors"
	if len(texts) == 1 {
		noun = "error"
	}
	return s.Trouble(Validation, fmt.Sprintf("%d validation %s detected: %s", len(texts), noun, strings.Join(texts, "; ")))
}

func (c *validator) add(path, value, constraint string) {
	c.problems = append(c.problems, problem{path: path, value: value, constraint: constraint})
}

func (c *validator) structure(plan *structPlan, v reflect.Value, path string) {
	for i := range plan.fields {
		f := &plan.fields[i]
		p := join(path, c.name(f))
		x, ok := f.t.source(v.Field(f.index))
		if ok && f.req && f.t.kind == kString && x.Len() == 0 && c.s.Protocol == RPC {
			ok = false // an empty parameter is none
		}
		if !ok {
			if f.req {
				c.problems = append(c.problems, problem{path: p, missing: true, constraint: "Member must not be null"})
			}
			continue
		}
		c.limits(&f.own, f.t, x, p)
		c.inside(f, x, p)
	}
}

// name is how messages call a member: EC2 by its wire name, the others by the
// model's name with a small letter.
func (c *validator) name(f *field) string {
	if c.s.Protocol == EC2Query || c.s.Protocol.Dialect() == Alibaba {
		return f.in
	}
	return f.name
}

func (c *validator) inside(f *field, v reflect.Value, path string) {
	switch f.t.kind {
	case kStruct:
		c.structure(f.t.fields, v, path)
	case kList:
		if c.s.Protocol != EC2Query && c.s.Protocol.Dialect() == AWS && f.t.elem.kind != kStruct {
			c.members(f, v, path)
			return
		}
		for i := range v.Len() {
			p := path + "." + strconv.Itoa(i+1)
			if c.s.Protocol != EC2Query && c.s.Protocol.Dialect() == AWS {
				p += ".member"
			}
			c.element(&f.elem, f.t.elem, v.Index(i), p)
		}
	case kMap:
		for _, k := range sortedMapKeys(v) {
			if key := (&typePlan{kind: kString}); len(c.broken(&f.keys, key, k)) > 0 {
				shown := "[" + k.String() + "]"
				if x, ok := f.t.elem.source(v.MapIndex(k)); ok && f.t.elem.kind != kStruct {
					shown = "{" + k.String() + "=" + show(f.t.elem, x) + "}"
				}
				c.add(path, shown, "Map keys must satisfy constraint: ["+strings.Join(c.all(&f.keys, key), ", ")+"]")
			}
			c.entry(f, v, k, path)
		}
	}
}

// entry checks one value of a map; what is wrong with a scalar is said of the map.
func (c *validator) entry(f *field, m, key reflect.Value, path string) {
	t := f.t.elem
	if t.kind == kStruct {
		c.element(&f.elem, t, m.MapIndex(key), path+"."+key.String()+".member")
		return
	}
	x, ok := t.source(m.MapIndex(key))
	if !ok {
		return
	}
	if len(c.broken(&f.elem, t, x)) > 0 {
		c.add(path, "{"+key.String()+"="+show(t, x)+"}", "Map value must satisfy constraint: ["+strings.Join(c.ofMember(&f.elem, t), ", ")+"]")
	}
}

// members checks a list of scalars: what is wrong with one is said of the list.
func (c *validator) members(f *field, v reflect.Value, path string) {
	for i := range v.Len() {
		if x, ok := f.t.elem.source(v.Index(i)); ok && len(c.broken(&f.elem, f.t.elem, x)) > 0 {
			c.add(path, show(f.t, v), "Member must satisfy constraint: ["+strings.Join(c.ofMember(&f.elem, f.t.elem), ", ")+"]")
			return
		}
	}
}

// ofMember lists the constraints on a member of a list or map, as messages do: all
// of them, whichever is broken.
func (c *validator) ofMember(lim *limits, t *typePlan) []string {
	out := c.all(lim, t)
	if c.s.Protocol == RESTJSON {
		out = append(out, "Member must not be null")
	}
	return out
}

// all lists the constraints on a value.
func (c *validator) all(lim *limits, t *typePlan) (out []string) {
	if _, known := c.s.enums[t.enum]; known {
		out = append(out, c.enum(t.enum))
	}
	what := "length"
	if t.kind == kInt || t.kind == kFloat {
		what = "value"
	}
	if lim.max != nil {
		out = append(out, c.bound(what, "less", *lim.max))
	}
	if lim.min != nil {
		out = append(out, c.bound(what, "greater", *lim.min))
	}
	if lim.pattern != "" && t.kind == kString {
		out = append(out, "Member must satisfy regular expression pattern: "+c.s.patterns[lim.pattern].text)
	}
	return out
}

func (c *validator) element(lim *limits, t *typePlan, v reflect.Value, path string) {
	x, ok := t.source(v)
	if !ok {
		return
	}
	c.limits(lim, t, x, path)
	if t.kind == kStruct {
		c.structure(t.fields, x, path)
	}
}

func (c *validator) limits(lim *limits, t *typePlan, v reflect.Value, path string) {
	for _, b := range c.broken(lim, t, v) {
		c.add(path, show(t, v), b)
	}
}

// broken lists the constraints a value does not satisfy.
func (c *validator) broken(lim *limits, t *typePlan, v reflect.Value) []string {
	var out []string
	if t.enum != "" {
		if values, known := c.s.enums[t.enum]; known && !values[v.String()] {
			out = append(out, c.enum(t.enum))
		}
	}
	if lim.pattern != "" && t.kind == kString {
		if re := c.s.patterns[lim.pattern]; !re.match(v.String()) {
			out = append(out, "Member must satisfy regular expression pattern: "+re.text)
		}
	}
	if lim.min == nil && lim.max == nil {
		return out
	}
	size, what := measure(t, v)
	if what == "" {
		return out
	}
	if lim.min != nil && size < *lim.min {
		out = append(out, c.bound(what, "greater", *lim.min))
	}
	if lim.max != nil && size > *lim.max {
		out = append(out, c.bound(what, "less", *lim.max))
	}
	return out
}

func (c *validator) enum(name string) string {
	if c.s.Protocol == EC2Query {
		return ""
	}
	return "Member must satisfy enum value set: [" + strings.Join(c.s.Enums[name], ", ") + "]"
}

func (c *validator) bound(what, side string, n float64) string {
	num := strconv.FormatFloat(n, 'f', -1, 64)
	if c.s.Protocol == EC2Query {
		if side == "less" {
			side = "smaller"
		}
		return "Expecting a " + what + " " + side + " than or equal to " + num + "."
	}
	return "Member must have " + what + " " + side + " than or equal to " + num
}

// measure is what min and max are about: a number's value, anything else's length.
func measure(t *typePlan, v reflect.Value) (float64, string) {
	switch t.kind {
	case kInt:
		return float64(v.Int()), "value"
	case kFloat:
		return v.Float(), "value"
	case kString:
		return float64(utf8.RuneCountInString(v.String())), "length"
	case kList, kMap, kBlob:
		return float64(v.Len()), "length"
	}
	return 0, ""
}

func show(t *typePlan, v reflect.Value) string {
	switch t.kind {
	case kString, kInt, kFloat, kBool:
		return t.text(v, "")
	case kList:
		parts := make([]string, 0, v.Len())
		for i := range v.Len() {
			if x, ok := t.elem.source(v.Index(i)); ok {
				parts = append(parts, show(t.elem, x))
			}
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return ""
}
