package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// npmRoot is where the SDK packages are installed, at the versions its
// package.json pins: make clients.
const npmRoot = "tools/npm"

// loadTypeScript reads a product from the sources of an npm package: its models
// say names, types and what is required, its client how an operation travels.
func loadTypeScript(root, pkg string) (*aliModel, error) {
	dir := filepath.Join(root, npmRoot, "node_modules", pkg)
	version, err := pinned(root, dir, pkg)
	if err != nil {
		return nil, err
	}
	m := &aliModel{Source: pkg + " " + version, Ops: map[string]*aliOp{}, Classes: map[string]*aliClass{}}
	files, err := filepath.Glob(filepath.Join(dir, "src/models/*.ts"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if err := m.readClasses(string(b)); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "src/client.ts"))
	if err != nil {
		return nil, err
	}
	return m, m.readClient(string(b))
}

// pinned compares what is installed with what package.json says.
func pinned(root, dir, pkg string) (string, error) {
	var want struct{ DevDependencies map[string]string }
	var have struct{ Version string }
	for file, v := range map[string]any{filepath.Join(root, npmRoot, "package.json"): &want, filepath.Join(dir, "package.json"): &have} {
		b, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("%w: run make clients", err)
		}
		if err := json.Unmarshal(b, v); err != nil {
			return "", err
		}
	}
	if have.Version != want.DevDependencies[pkg] {
		return "", fmt.Errorf("%s is installed in version %s, not %s: run make clients", pkg, have.Version, want.DevDependencies[pkg])
	}
	return have.Version, nil
}

var (
	tsClass    = regexp.MustCompile(`(?m)^export class (\w+) extends \$dara\.Model \{$`)
	tsProperty = regexp.MustCompile(`(?s)(/\*\*(?:[^*]|\*[^/])*\*/\s*)?\n  (\w+)\?: `)
	tsName     = regexp.MustCompile(`(?m)^      (\w+): '([^']*)',$`)
	tsType     = regexp.MustCompile(`(?m)^      (\w+): (.+),$`)
	tsMethod   = regexp.MustCompile(`(?m)^  async (\w+)WithOptions\((.*)\): Promise<\$_model\.(\w+)> \{$`)
	tsArg      = regexp.MustCompile(`(\w+): ([^,]+)`)
	tsParam    = regexp.MustCompile("(?m)^      (\\w+): [\"`](.*)[\"`],$")
	tsPut      = regexp.MustCompile(`(query|body|realHeaders|hostMap)\["([^"]+)"\] = (?:String\()?(?:(request|headers)\.)?(\w+)`)
	tsShrink   = regexp.MustCompile(`request\.(\w+)Shrink = OpenApiUtil\.arrayToStringWithSpecifiedStyle\(tmpReq\.(\w+), "[^"]*", "(\w+)"\)`)
	tsLabel    = regexp.MustCompile(`\$\{(?:\$dara\.URL\.percentEncode\()?(\w+)\)?\}`)
)

func (m *aliModel) readClasses(src string) error {
	at := tsClass.FindAllStringSubmatchIndex(src, -1)
	for i, loc := range at {
		end := len(src)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		name, body := src[loc[2]:loc[3]], src[loc[1]:end]
		head, rest, ok := strings.Cut(body, "static names()")
		names, types, ok2 := strings.Cut(rest, "static types()")
		if types, _, _ = strings.Cut(types, "validate()"); !ok || !ok2 {
			return fmt.Errorf("%s has no names() or types()", name)
		}
		c := &aliClass{Name: name}
		called := map[string]string{}
		for _, n := range tsName.FindAllStringSubmatch(names, -1) {
			called[n[1]] = n[2]
		}
		required := map[string]bool{}
		for _, p := range tsProperty.FindAllStringSubmatch(head, -1) {
			required[p[2]] = strings.Contains(p[1], "This parameter is required.") && !strings.Contains(p[1], "@deprecated")
		}
		for _, t := range tsType.FindAllStringSubmatch(types, -1) {
			typ, err := tsTypeOf(t[2])
			if err != nil {
				return fmt.Errorf("%s.%s: %w", name, t[1], err)
			}
			c.Fields = append(c.Fields, aliField{Name: called[t[1]], Required: required[t[1]], Type: typ})
		}
		m.Classes[name] = c
	}
	return nil
}

var (
	tsArray = regexp.MustCompile(`^\{ 'type': 'array', 'itemType': (.+) \}$`)
	tsMap   = regexp.MustCompile(`^\{ 'type': 'map', 'keyType': 'string', 'valueType': (.+) \}$`)
)

func tsTypeOf(s string) (aliType, error) {
	switch s {
	case "'string'":
		return aliType{Kind: "string"}, nil
	case "'number'":
		return aliType{Kind: "int"}, nil
	case "'boolean'":
		return aliType{Kind: "bool"}, nil
	case "'Readable'", "'Buffer'":
		return aliType{Kind: "blob"}, nil
	case "'any'":
		return aliType{Kind: "any"}, nil
	}
	for kind, re := range map[string]*regexp.Regexp{"list": tsArray, "map": tsMap} {
		if p := re.FindStringSubmatch(s); p != nil {
			elem, err := tsTypeOf(p[1])
			return aliType{Kind: kind, Elem: &elem}, err
		}
	}
	if strings.HasPrefix(s, "$") {
		s = s[strings.LastIndex(s, ".")+1:]
	}
	if s == "" || s[0] < 'A' || s[0] > 'Z' {
		return aliType{}, fmt.Errorf("type %s is not understood", s)
	}
	return aliType{Kind: "class", Class: s}, nil
}

func (m *aliModel) readClient(src string) error {
	at := tsMethod.FindAllStringSubmatchIndex(src, -1)
	for _, loc := range at {
		body := src[loc[1]:]
		if i := strings.Index(body, "\n  }\n"); i >= 0 {
			body = body[:i]
		}
		if err := m.readMethod(src[loc[4]:loc[5]], src[loc[6]:loc[7]], body); err != nil {
			return fmt.Errorf("%s: %w", src[loc[2]:loc[3]], err)
		}
	}
	if len(m.Ops) == 0 {
		return errors.New("the client has no operations")
	}
	return nil
}

func (m *aliModel) readMethod(args, response, body string) error {
	param := map[string]string{}
	for _, p := range tsParam.FindAllStringSubmatch(body, -1) {
		param[p[1]] = p[2]
	}
	op := &aliOp{Name: param["action"], NoAuth: param["authType"] == "Anonymous"}
	m.Version, m.ROA = param["version"], param["style"] == "ROA"
	if op.Name == "" || m.Version == "" {
		return errors.New("it names no action or version")
	}
	if m.ROA {
		op.Method, op.Path = param["method"], tsLabel.ReplaceAllString(param["pathname"], "{$1}")
	}
	var request, headers *aliClass
	for _, a := range tsArg.FindAllStringSubmatch(args, -1) {
		class := m.Classes[strings.TrimPrefix(a[2], "$_model.")]
		switch {
		case a[1] == "request" || a[1] == "tmpReq":
			request = class
		case a[1] == "headers":
			headers = class
		case a[2] == "string" && strings.Contains(op.Path, "{"+a[1]+"}"):
			op.In = append(op.In, aliField{Name: a[1], Place: "uri", Required: true, Type: aliType{Kind: "string"}})
		}
	}
	m.Ops[op.Name] = op
	m.placeFields(op, request, headers, body)
	return m.readAnswer(op, response, param["bodyType"])
}

// placeFields finds out where the members of a request travel.
func (m *aliModel) placeFields(op *aliOp, request, headers *aliClass, body string) {
	place := map[string]string{}
	for _, p := range tsPut.FindAllStringSubmatch(body, -1) {
		switch p[1] {
		case "query":
			place[p[2]] = "qs"
		case "realHeaders":
			place["headers "+p[2]] = "hdr"
		case "hostMap":
			op.In = append(op.In, aliField{Name: p[2], Place: "host", Required: true, Type: aliType{Kind: "string"}})
		}
	}
	style := map[string]string{}
	for _, s := range tsShrink.FindAllStringSubmatch(body, -1) {
		style[s[2]] = map[string]string{"json": "json", "simple": "commas"}[s[3]]
	}
	if request != nil {
		for _, f := range request.Fields {
			f.Style = style[lowerName(f.Name)]
			switch {
			case !m.ROA:
			case f.Name == "body" && place["body"] == "":
				f.Place = "payload"
			default:
				f.Place = place[f.Name]
			}
			op.In = append(op.In, f)
		}
	}
	if headers != nil {
		for _, f := range headers.Fields {
			if place["headers "+f.Name] == "hdr" {
				f.Place = "hdr"
				op.In = append(op.In, f)
			}
		}
	}
}

// lowerName is the TypeScript name of a wire name.
func lowerName(s string) string { return strings.ToLower(s[:1]) + s[1:] }

func (m *aliModel) readAnswer(op *aliOp, response, bodyType string) error {
	c := m.Classes[response]
	if c == nil {
		return fmt.Errorf("there is no class %s", response)
	}
	for _, f := range c.Fields {
		if f.Name != "body" {
			continue
		}
		switch f.Type.Kind {
		case "class":
			op.Out = m.Classes[f.Type.Class]
		case "list":
			op.Array = &f.Type
		default:
			op.Raw = true
		}
	}
	if bodyType == "binary" || bodyType == "byte" {
		op.Raw, op.Out = true, nil
	}
	return nil
}
