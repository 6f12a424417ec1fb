package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// may lists, for each package, the local packages it may import beside cloud.
// "*" is anything. A key ending in "/" covers the packages below it.
var may = map[string]string{
	"cloud":              "",
	"store":              "",
	"balance":            "netplan",
	"bus":                "",
	"codezip":            "",
	"logs":               "",
	"flowlog":            "",
	"iam":                "",
	"image":              "",
	"netplan":            "",
	"pki":                "",
	"reach":              "netplan",
	"dns":                "netplan",
	"dataplane":          "netplan dataplane/nft dataplane/nat64",
	"dataplane/linux":    "netplan dataplane dataplane/nft dataplane/nat64 dataplane/fastpath",
	"dataplane/nft":      "",
	"dataplane/fastpath": "",
	"dataplane/nat64":    "",
	"lab":                "pki dataplane/linux",
	"sandbox":            "",
	"runtime":            "sandbox",
	"host":               "sandbox",
	"oracle":             "", // tests only, which may import everything
	"invoke":             "codezip sandbox runtime",
	"control":            "codezip store iam netplan reach logs",
	"api/wire":           "",
	"api/aws/":           "control invoke logs api/wire api/aws/",
	"api/alibaba/":       "control invoke logs api/wire api/alibaba/",
	"archtest":           "",
}

func root(t *testing.T) string {
	t.Helper()
	r, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func walk(t *testing.T, mode parser.Mode, f func(pkg, file string, imports []string, doc string)) {
	t.Helper()
	err := filepath.WalkDir(root(t), func(p string, d fs.DirEntry, err error) error {
		if d.IsDir() && d.Name() == "testdata" {
			return fs.SkipDir
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), p, nil, mode)
		if err != nil {
			return err
		}
		var imports []string
		for _, i := range file.Imports {
			s, _ := strconv.Unquote(i.Path.Value)
			imports = append(imports, s)
		}
		rel, err := filepath.Rel(root(t), filepath.Dir(p))
		f(filepath.ToSlash(rel), filepath.Base(p), imports, file.Doc.Text())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func allowed(pkg string) (list []string, known bool) {
	if s, ok := may[pkg]; ok {
		return strings.Fields(s), true
	}
	for k, s := range may {
		if strings.HasSuffix(k, "/") && strings.HasPrefix(pkg, k) {
			return strings.Fields(s), true
		}
	}
	return nil, false
}

func TestImports(t *testing.T) {
	walk(t, parser.ImportsOnly, func(pkg, file string, imports []string, _ string) {
		list, known := allowed(pkg)
		if !known {
			t.Errorf("package %s is not in the map of layers: add it with what it may import", pkg)
			return
		}
		for _, imp := range imports {
			local, ok := strings.CutPrefix(imp, "weir/internal/")
			if !ok || local == "cloud" {
				continue
			}
			fits := slices.ContainsFunc(list, func(a string) bool {
				return a == local || strings.HasSuffix(a, "/") && strings.HasPrefix(local, a)
			})
			if !fits {
				t.Errorf("%s (%s) may not import %s", pkg, file, local)
			}
		}
	})
}

// kernel lists who may touch the kernel's network and process interfaces.
var kernel = []string{"dataplane/linux", "dataplane/nft", "dataplane/fastpath", "sandbox", "lab"}

func TestKernelAccess(t *testing.T) {
	walk(t, parser.ImportsOnly, func(pkg, file string, imports []string, _ string) {
		if slices.Contains(kernel, pkg) {
			return
		}
		for _, imp := range imports {
			if strings.HasPrefix(imp, "github.com/vishvananda/") || strings.HasPrefix(imp, "github.com/google/nftables") || strings.HasPrefix(imp, "github.com/cilium/ebpf") {
				t.Errorf("%s (%s) imports %s: only %v touch the kernel", pkg, file, imp, kernel)
			}
		}
	})
}

func TestPackageDocs(t *testing.T) {
	documented := map[string]bool{}
	walk(t, parser.PackageClauseOnly|parser.ParseComments, func(pkg, _ string, _ []string, doc string) {
		documented[pkg] = documented[pkg] || doc != ""
	})
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("package %s has no doc comment", pkg)
		}
	}
}
