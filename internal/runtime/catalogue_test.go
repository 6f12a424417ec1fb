package runtime

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"weir/internal/cloud"
)

func TestResolve(t *testing.T) {
	some := func(list ...installed) func() []installed { return func() []installed { return list } }
	p39 := installed{"/usr/bin/python3.9", "3.9", 9}
	p11 := installed{"/usr/bin/python3.11", "3.11", 11}
	p13 := installed{"/usr/local/bin/python3.13", "3.13", 13}
	n20 := installed{"/usr/bin/node", "20.20.2", 20}
	for name, c := range map[string]struct {
		runtime      string
		strict       bool
		python, node []installed
		want         Interpreter
		kind         cloud.Kind
		msg          string
	}{
		"exact":     {runtime: "python3.11", python: []installed{p39, p11, p13}, want: Interpreter{"python3.11", Python, "/usr/bin/python3.11", "3.11", ""}},
		"nearest":   {runtime: "python3.14", python: []installed{p39, p11, p13}, want: Interpreter{"python3.14", Python, "/usr/local/bin/python3.13", "3.13", "python3.14 is not installed; running python3.13"}},
		"tie":       {runtime: "python3.12", python: []installed{p11, p13}, want: Interpreter{"python3.12", Python, "/usr/local/bin/python3.13", "3.13", "python3.12 is not installed; running python3.13"}},
		"older":     {runtime: "python3.8", python: []installed{p11, p39}, want: Interpreter{"python3.8", Python, "/usr/bin/python3.9", "3.9", "python3.8 is not installed; running python3.9"}},
		"strict":    {runtime: "python3.12", strict: true, python: []installed{p11}, kind: cloud.Unsupported, msg: "install the package python3.12"},
		"strict ok": {runtime: "python3.11", strict: true, python: []installed{p11}, want: Interpreter{"python3.11", Python, "/usr/bin/python3.11", "3.11", ""}},
		"none":      {runtime: "python3.12", node: []installed{n20}, kind: cloud.Unsupported, msg: "install the package python3"},
		"node":      {runtime: "nodejs20.x", node: []installed{n20}, want: Interpreter{"nodejs20.x", Node, "/usr/bin/node", "20.20.2", ""}},
		"node 22":   {runtime: "nodejs22.x", node: []installed{n20}, want: Interpreter{"nodejs22.x", Node, "/usr/bin/node", "20.20.2", "nodejs22.x is not installed; running nodejs20.20.2"}},
		"no node":   {runtime: "nodejs22.x", python: []installed{p11}, kind: cloud.Unsupported, msg: "install the package nodejs"},
		"provided":  {runtime: "provided.al2023", want: Interpreter{Runtime: "provided.al2023", Family: Provided}},
		"unknown":   {runtime: "ruby3.3", kind: cloud.Invalid, msg: `"ruby3.3" is not a runtime Weir knows`},
		"hostile":   {runtime: "python3.11/../../x", kind: cloud.Invalid, msg: "is not a runtime Weir knows"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := resolve(c.runtime, c.strict, some(c.python...), some(c.node...))
			if c.kind == "" {
				if err != nil || got != c.want {
					t.Errorf("got %+v, %v; want %+v", got, err, c.want)
				}
				return
			}
			if !cloud.IsKind(err, c.kind) || !strings.Contains(err.Error(), c.msg) {
				t.Errorf("error = %v, want kind %s with %q", err, c.kind, c.msg)
			}
		})
	}
}

// TestNames: each contract has names of its own.
func TestNames(t *testing.T) {
	e := &Engine{found: map[string]Interpreter{}}
	for _, name := range []string{"python3.10", "python3.12", "nodejs20", "nodejs20.x", "custom", "custom.debian12"} {
		e.found[name] = Interpreter{Runtime: name}
	}
	for name, of := range map[string][]string{
		"python3.12": {Lambda, FC}, "nodejs20": {FC}, "nodejs20.x": {Lambda}, "custom": {FC}, "custom.debian12": {FC}, "provided.al2023": {Lambda},
		"java11": {}, "custom.debian13": {}, "php7.2": {}, "go1": {}, "": {},
	} {
		for _, contract := range []string{Lambda, FC} {
			err := e.CheckName(contract, name)
			if want := slices.Contains(of, contract); want != (err == nil) || err != nil && !cloud.IsKind(err, cloud.Invalid) {
				t.Errorf("%q for contract %q: %v", name, contract, err)
			}
		}
	}
}

// TestInstalled: shims of version managers are not taken for interpreters.
func TestInstalled(t *testing.T) {
	for _, in := range append(findPython(), findNode()...) {
		if !strings.HasPrefix(in.path, "/usr/") || in.version == "" || in.major == 0 {
			t.Errorf("%+v", in)
		}
	}
	name := t.TempDir() + "/python3.11"
	if err := errors.Join(os.WriteFile(name, []byte("#!/bin/sh\n"), 0o755)); err != nil {
		t.Fatal(err)
	}
	if executable(name) {
		t.Errorf("%s lies where no sandbox can see it", name)
	}
}
