package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// The Go SDK has the products that npm has not. It does not say what is
// required; alibaba.txt does.
const (
	goSDK        = "github.com/aliyun/alibaba-cloud-sdk-go"
	goSDKVersion = "v1.63.107"
	goPrefix     = "go." // of its classes
)

// findGoSDK returns the module's directory, downloading it if it must.
func findGoSDK() (string, error) {
	out, err := exec.Command("go", "mod", "download", "-json", goSDK+"@"+goSDKVersion).Output()
	if err != nil {
		return "", fmt.Errorf("downloading %s: %w", goSDK, err)
	}
	var m struct{ Dir string }
	return m.Dir, json.Unmarshal(out, &m)
}

// loadGoSDK reads a product from the struct tags of the Go SDK.
func loadGoSDK(dir, product string) (*aliModel, error) {
	names, err := filepath.Glob(filepath.Join(dir, "services", product, "*.go"))
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("reading the Go SDK: no source of %s: %w", product, err)
	}
	m := &aliModel{Source: "Go module " + goSDK + " " + goSDKVersion, Ops: map[string]*aliOp{}, Classes: map[string]*aliClass{}}
	structs := map[string]*ast.StructType{}
	files := token.NewFileSet()
	for _, name := range names {
		f, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("reading the Go SDK: %w", err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				if s, ok := n.Type.(*ast.StructType); ok {
					structs[n.Name.Name] = s
				}
			case *ast.CallExpr:
				m.readInit(n)
			}
			return true
		})
	}
	for name, s := range structs {
		c, err := goClass(name, s)
		if err != nil {
			return nil, err
		}
		m.Classes[goPrefix+name] = c
	}
	for name, op := range m.Ops {
		op.In, op.Out = m.Classes[goPrefix+name+"Request"].Fields, m.Classes[goPrefix+name+"Response"]
		if !slices.ContainsFunc(op.In, func(f aliField) bool { return f.Name == "RegionId" }) {
			op.In = append(slices.Clone(op.In), aliField{Name: "RegionId", Type: aliType{Kind: "string"}})
		}
	}
	return m, nil
}

// readInit reads request.InitWithApiInfo("Vpc", "2016-04-28", "CreateVpc", …).
func (m *aliModel) readInit(call *ast.CallExpr) {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != "InitWithApiInfo" || len(call.Args) < 3 {
		return
	}
	m.Product, _ = literal(call.Args[0])
	m.Version, _ = literal(call.Args[1])
	name, _ := literal(call.Args[2])
	m.Ops[name] = &aliOp{Name: name}
}

func goClass(name string, s *ast.StructType) (*aliClass, error) {
	c := &aliClass{Name: goPrefix + name, Go: true}
	for _, f := range s.Fields.List {
		if f.Tag == nil {
			continue // the embedded request or answer
		}
		text, err := strconv.Unquote(f.Tag.Value)
		if err != nil {
			return nil, err
		}
		tag := reflect.StructTag(text)
		wire := cmp(tag.Get("name"), tag.Get("json"))
		t, err := goTypeOf(f.Type)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", name, wire, err)
		}
		style := ""
		if tag.Get("type") == "Json" {
			style = "json"
		}
		c.Fields = append(c.Fields, aliField{Name: wire, Style: style, Type: t})
	}
	return c, nil
}

var goScalars = map[string]string{
	"string": "string", "int": "int", "int64": "int", "bool": "bool", "float64": "float",
	"requests.Integer": "int", "requests.Boolean": "bool", "requests.Float": "float",
}

func goTypeOf(e ast.Expr) (aliType, error) {
	switch e := e.(type) {
	case *ast.StarExpr:
		return goTypeOf(e.X)
	case *ast.ArrayType:
		elem, err := goTypeOf(e.Elt)
		return aliType{Kind: "list", Elem: &elem}, err
	case *ast.MapType:
		return aliType{Kind: "any"}, nil
	case *ast.InterfaceType:
		return aliType{Kind: "any"}, nil
	case *ast.SelectorExpr:
		if s, ok := goScalars[e.X.(*ast.Ident).Name+"."+e.Sel.Name]; ok {
			return aliType{Kind: s}, nil
		}
	case *ast.Ident:
		if s, ok := goScalars[e.Name]; ok {
			return aliType{Kind: s}, nil
		}
		if strings.ToUpper(e.Name[:1]) == e.Name[:1] {
			return aliType{Kind: "class", Class: goPrefix + e.Name}, nil
		}
	}
	return aliType{}, fmt.Errorf("type %T is not understood", e)
}
