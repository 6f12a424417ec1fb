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
func writeCoverage(root string, aws, alibaba []*service) error {
	body, err := coverage(root, aws, alibaba)
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

func coverage(root string, aws, alibaba []*service) (string, error) {
	var b strings.Builder
	b.WriteString("# Coverage\n\nWritten by `make gen`; do not edit. An operation that is not implemented answers the\n" +
		"service's own error, never success.\n\n")
	fmt.Fprintf(&b, "# AWS\n\nThe models are botocore %s's.\n\n", version)
	if err := section(&b, filepath.Join(root, "internal/api/aws"), aws); err != nil {
		return "", err
	}
	fmt.Fprintf(&b, "\n# Alibaba Cloud\n\nThe models are those of the vendor's SDKs: the npm packages in tools/npm and the Go module %s.\n\n", goSDKVersion)
	if err := section(&b, filepath.Join(root, "internal/api/alibaba"), alibaba); err != nil {
		return "", err
	}
	return b.String(), nil
}

func section(b *strings.Builder, root string, services []*service) error {
	var lists strings.Builder
	b.WriteString("| service | implemented | operations |\n|---|---|---|\n")
	for _, s := range services {
		dir := filepath.Join(root, s.Name)
		have, all, err := scan(dir)
		if err != nil {
			return fmt.Errorf("reading %s: %w", dir, err)
		}
		var missing []string
		for _, op := range all {
			if !slices.Contains(have, op) {
				missing = append(missing, op)
			}
		}
		fmt.Fprintf(b, "| %s | %d | %d |\n", s.Name, len(have), len(all))
		fmt.Fprintf(&lists, "\n## %s\n\nImplemented: %s.\n\nNot implemented: %s.\n", s.Name, names(have), names(missing))
	}
	b.WriteString(lists.String())
	return nil
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
