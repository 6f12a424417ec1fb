package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// maxConsts is how many values an enumeration may have to get a Go constant for
// each; larger ones (instance types) have their table only.
const maxConsts = 100

func (g *generator) enums() string {
	var b strings.Builder
	taken := map[string]bool{}
	for _, n := range g.name {
		taken[n] = true
	}
	for a := range g.alias {
		taken[a] = true
	}
	fmt.Fprintf(&b, "package %s\n\n", g.Name)
	for _, sh := range g.reached() {
		s := g.model.Shapes[sh]
		if s.Enum == nil {
			continue
		}
		fmt.Fprintf(&b, "type %s string\n\n", g.name[sh])
		if len(s.Enum) > maxConsts {
			continue
		}
		b.WriteString("const (\n")
		for _, v := range s.Enum {
			c := g.name[sh] + camel(v)
			for taken[c] {
				c += "Value"
			}
			taken[c] = true
			fmt.Fprintf(&b, "%s %s = %q\n", c, g.name[sh], v)
		}
		b.WriteString(")\n\n")
	}
	return b.String()
}

// camel turns an enumeration's value into the tail of a Go name.
func camel(v string) string {
	var b strings.Builder
	start := true
	for _, r := range v {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			start = true
		case start:
			b.WriteRune(unicode.ToUpper(r))
			start = false
		default:
			b.WriteRune(r)
		}
	}
	if b.Len() == 0 {
		return "None"
	}
	return b.String()
}

func (g *generator) spec() string {
	m := &g.model.Metadata
	var b strings.Builder
	fmt.Fprintf(&b, "package %s\n\nimport \"weir/internal/api/wire\"\n\n", g.Name)
	b.WriteString("// Spec describes the service to package wire.\nvar Spec = wire.Spec{\n")
	fmt.Fprintf(&b, "Name: %q,\nID: %q,\nVersion: %q,\n", g.model.signingName(), m.ServiceID, m.APIVersion)
	fmt.Fprintf(&b, "Protocol: wire.%s,\n", map[string]string{"ec2": "EC2Query", "query": "Query", "json": "JSON", "rest-json": "RESTJSON", "rest-xml": "RESTXML"}[m.Protocol])
	for _, f := range [][2]string{{"Namespace", g.namespace()}, {"TargetPrefix", m.TargetPrefix}, {"JSONVersion", m.JSONVersion}} {
		if f[1] != "" {
			fmt.Fprintf(&b, "%s: %q,\n", f[0], f[1])
		}
	}
	b.WriteString("Operations: []wire.Operation{\n")
	for _, op := range slices.Sorted(maps.Keys(g.model.Operations)) {
		b.WriteString(g.operation(op))
	}
	b.WriteString("},\n")
	g.errors(&b)
	if len(g.codes) > 0 {
		b.WriteString("Codes: map[wire.Trouble]string{\n")
		for _, t := range slices.Sorted(maps.Keys(g.codes)) {
			fmt.Fprintf(&b, "%q: %q,\n", t, g.codes[t])
		}
		b.WriteString("},\n")
	}
	g.tables(&b)
	b.WriteString("}\n")
	return b.String()
}

func (g *generator) operation(op string) string {
	o := g.model.Operations[op]
	s := fmt.Sprintf("{Name: %q", op)
	if o.AuthType == "none" {
		s += ", NoAuth: true"
	}
	if o.Output != nil && g.model.Metadata.Protocol == "query" && len(g.model.Shapes[o.Output.Shape].Members) == 0 {
		s += ", Result: true"
	}
	if p := g.model.Metadata.Protocol; p == "rest-json" || p == "rest-xml" {
		s += fmt.Sprintf(", Method: %q, Path: %q", o.HTTP.Method, o.HTTP.RequestURI)
		if c := o.HTTP.ResponseCode; c != 0 && c != 200 {
			s += fmt.Sprintf(", Status: %d", c)
		}
		if p == "rest-xml" && o.Output != nil {
			s += fmt.Sprintf(", Root: %q", cmp(o.Output.LocationName, o.Output.Shape))
		}
	}
	return s + "},\n"
}

// namespace is that of the service's XML; some models have it at each input only.
func (g *generator) namespace() string {
	if ns := g.model.Metadata.XMLNamespace; ns != "" {
		return ns
	}
	for _, op := range slices.Sorted(maps.Keys(g.model.Operations)) {
		if in := g.model.Operations[op].Input; in != nil && in.XMLNamespace.URI != "" {
			return in.XMLNamespace.URI
		}
	}
	return ""
}

// errors writes the codes of the errors the model lists, with their HTTP status.
func (g *generator) errors(b *strings.Builder) {
	lines := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(g.model.Shapes)) {
		s := g.model.Shapes[name]
		if !s.Exception {
			continue
		}
		code, status := name, 400
		if s.Error != nil {
			if s.Error.Code != "" && g.model.Metadata.Protocol == "query" {
				code = s.Error.Code
			}
			if s.Error.HTTPStatusCode != 0 {
				status = s.Error.HTTPStatusCode
			}
		} else if s.Fault {
			status = 500
		}
		line := fmt.Sprintf("%q: {Status: %d", code, status)
		if _, big := s.Members["Message"]; big {
			line += `, Message: "Message"`
		}
		if _, typed := s.Members["Type"]; typed {
			line += ", Type: true"
		}
		lines[code] = line + "},\n"
	}
	if len(lines) == 0 {
		return
	}
	b.WriteString("Errors: map[string]wire.ErrorSpec{\n")
	for _, c := range slices.Sorted(maps.Keys(lines)) {
		b.WriteString(lines[c])
	}
	b.WriteString("},\n")
}

// tables writes the patterns and enumerations that validation reads.
func (g *generator) tables(b *strings.Builder) {
	if len(g.pats) > 0 {
		b.WriteString("Patterns: map[string]string{\n")
		for _, n := range slices.Sorted(maps.Keys(g.pats)) {
			fmt.Fprintf(b, "%q: %q,\n", n, g.pats[n])
		}
		b.WriteString("},\n")
	}
	b.WriteString("Enums: map[string][]string{\n")
	for _, sh := range g.reached() {
		s := g.model.Shapes[sh]
		if s.Enum == nil || g.use[sh]&in == 0 {
			continue
		}
		fmt.Fprintf(b, "%q: {", g.name[sh])
		for i, v := range s.Enum {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(b, "%q", v)
		}
		b.WriteString("},\n")
	}
	b.WriteString("},\n")
}
