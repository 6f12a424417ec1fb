package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// writeCoverage writes docs/coverage.md from what the sources register.
func writeCoverage(root string, services []*service) error {
	body, err := coverage(root, services)
	if err != nil {
		return err
	}
	file := filepath.Join(root, "docs/coverage.md")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("making the folder of %s: %w", file, err)
	}
	if err := os.WriteFile(file, []byte(body), 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	return nil
}

func coverage(root string, services []*service) (string, error) {
	var table, lists strings.Builder
	for _, s := range services {
		dir := filepath.Join(root, "internal/api/aws", s.Name)
		have, all, err := scan(dir)
		if err != nil {
			return "", fmt.Errorf("reading %s: %w", dir, err)
		}
		var missing []string
		for _, op := range all {
			if !slices.Contains(have, op) {
				missing = append(missing, op)
			}
		}
		fmt.Fprintf(&table, "| %s | %d | %d |\n", s.Name, len(have), len(all))
		fmt.Fprintf(&lists, "\n## %s\n\nImplemented: %s.\n\nNot implemented: %s.\n", s.Name, names(have), names(missing))
	}
	return "# Coverage\n\nWritten by `make gen`; do not edit. An operation that is not implemented answers the\n" +
		"service's own error, never success. The models are botocore " + version + "'s.\n\n" +
		"| service | implemented | operations |\n|---|---|---|\n" + table.String() + lists.String(), nil
}

func names(ops []string) string {
	if len(ops) == 0 {
		return "none"
	}
	return strings.Join(ops, ", ")
}

// scan reads a service's package: the operations it registers, those in its Spec.
func scan(dir string) (have, all []string, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, nil, err
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, nil, err
		}
		spec := filepath.Base(name) == "spec_gen.go"
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if op, ok := registered(n); ok {
					have = append(have, op)
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && spec && key.Name == "Operations" {
					all = operationNames(n.Value)
				}
			}
			return true
		})
	}
	slices.Sort(have)
	return slices.Compact(have), all, nil
}

// registered recognises wire.Handle(svc, "Operation", …).
func registered(call *ast.CallExpr) (string, bool) {
	fun := call.Fun
	if ix, ok := fun.(*ast.IndexListExpr); ok {
		fun = ix.X
	}
	sel, ok := fun.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != "Handle" || len(call.Args) != 3 {
		return "", false
	}
	if pkg, ok := sel.X.(*ast.Ident); !ok || pkg.Name != "wire" {
		return "", false
	}
	return literal(call.Args[1])
}

func operationNames(e ast.Expr) []string {
	var out []string
	for _, el := range e.(*ast.CompositeLit).Elts {
		for _, kv := range el.(*ast.CompositeLit).Elts {
			if kv := kv.(*ast.KeyValueExpr); kv.Key.(*ast.Ident).Name == "Name" {
				if name, ok := literal(kv.Value); ok {
					out = append(out, name)
				}
			}
		}
	}
	return out
}

func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}
