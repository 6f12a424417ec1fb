package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestCoverage fails when docs/coverage.md is not what the sources say.
func TestCoverage(t *testing.T) {
	services, err := readConfig("aws.txt")
	if err != nil {
		t.Fatal(err)
	}
	ali, err := readConfig("alibaba.txt")
	if err != nil {
		t.Fatal(err)
	}
	want, err := coverage("../..", services, ali)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/coverage.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/coverage.md is not up to date: run go run ./tools/gen coverage")
	}
}

// TestClean fails when the generated files are not what the models and aws.txt give.
func TestClean(t *testing.T) {
	dir, err := findModels("")
	if err != nil {
		t.Skip(err)
	}
	services, err := readConfig("aws.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range services {
		m, err := load(dir, s.Name, s.API)
		if err != nil {
			t.Fatal(err)
		}
		out := t.TempDir()
		if err := generate(out, s, m); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"types_gen.go", "enums_gen.go", "spec_gen.go"} {
			want, _ := os.ReadFile(filepath.Join(out, name))
			got, err := os.ReadFile(filepath.Join("../../internal/api/aws", s.Name, name))
			if err != nil || string(got) != string(want) {
				t.Errorf("%s of %s is not up to date (%v): run make gen", name, s.Name, err)
			}
		}
	}
}

// TestCleanAlibaba is the same for Alibaba Cloud's.
func TestCleanAlibaba(t *testing.T) {
	services, err := readConfig("alibaba.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range services {
		m, err := loadAlibaba("../..", s)
		if errors.Is(err, fs.ErrNotExist) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		out := t.TempDir()
		if err := generateAlibaba(out, s, m); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"types_gen.go", "spec_gen.go"} {
			want, _ := os.ReadFile(filepath.Join(out, name))
			got, err := os.ReadFile(filepath.Join("../../internal/api/alibaba", s.Name, name))
			if err != nil || string(got) != string(want) {
				t.Errorf("%s of alibaba/%s is not up to date (%v): run make gen", name, s.Name, err)
			}
		}
	}
}

// small is a model with one of everything that has a naming rule.
const small = `{"metadata": {"protocol": "ec2", "endpointPrefix": "x", "apiVersion": "1"},
"operations": {"DoIt": {"name": "DoIt", "input": {"shape": "DoItRequest"}, "output": {"shape": "Shared"}},
  "DoMore": {"name": "DoMore", "input": {"shape": "DoMoreRequest"}, "output": {"shape": "Shared"}}, "Drop": {"name": "Drop"}},
"shapes": {
 "DoItRequest": {"type": "structure", "required": ["Mode"], "members": {
   "Mode": {"shape": "Mode", "locationName": "mode"}, "Ids": {"shape": "Ids", "locationName": "idSet", "queryName": "Id"}, "Shared": {"shape": "Shared", "locationName": "shared"}}},
 "DoMoreRequest": {"type": "structure", "members": {}},
 "Shared": {"type": "structure", "members": {"at": {"shape": "Time", "locationName": "theTime"}, "N": {"shape": "N"}}},
 "Ids": {"type": "list", "member": {"shape": "Id", "locationName": "item"}}, "Id": {"type": "string", "min": 1, "pattern": "i-[0-9]+"},
 "Mode": {"type": "string", "enum": ["on", "half-off"]}, "Time": {"type": "timestamp"}, "N": {"type": "integer", "max": 9}}}`

func TestGenerate(t *testing.T) {
	m := &model{}
	if err := json.Unmarshal([]byte(small), m); err != nil {
		t.Fatal(err)
	}
	g, err := newGenerator(&service{Name: "x", want: []string{"Do*"}}, m)
	if err != nil {
		t.Fatal(err)
	}
	squash := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	for _, want := range []string{
		`type DoItInput struct { Ids []string ` + "`w:\"Id,e.min=1,e.pat=Id\"`" + ` Mode Mode ` + "`w:\"Mode,req\"`" + ` Shared *Shared ` + "`w:\"Shared\"`" + ` }`,
		`type Shared struct { At *time.Time ` + "`w:\"TheTime|theTime\"`" + ` N *int32 ` + "`w:\"N,max=9\"`" + ` }`,
		`type DoItOutput = Shared`, `type DoMoreOutput = Shared`,
	} {
		if got := squash(g.types()); !strings.Contains(got, want) {
			t.Errorf("types: %s\nwant %s", got, want)
		}
	}
	if got, want := squash(g.enums()), `const ( ModeOn Mode = "on" ModeHalfOff Mode = "half-off" )`; !strings.Contains(got, want) {
		t.Errorf("enums: %s\nwant %s", got, want)
	}
	if got, want := squash(g.spec()), `Operations: []wire.Operation{ {Name: "DoIt"}, {Name: "DoMore"}, {Name: "Drop"}, }`; !strings.Contains(got, want) {
		t.Errorf("spec: %s\nwant %s", got, want)
	}
}

func TestChoose(t *testing.T) {
	m := &model{Operations: map[string]*operation{"GetA": {}, "GetB": {}, "PutA": {}}}
	got, err := (&service{want: []string{"Get*", "PutA", "-GetB"}}).choose(m)
	if want := []string{"GetA", "PutA"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if _, err := (&service{want: []string{"GetC"}}).choose(m); err == nil {
		t.Error("a misspelt operation passes")
	}
}
