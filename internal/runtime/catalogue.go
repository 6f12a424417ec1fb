package runtime

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/internal/cloud"
)

// Family is a contract and a language.
type Family string

// Families.
const (
	Python   Family = "python"
	Node     Family = "nodejs"
	Provided Family = "provided" // an executable of the function's own
	Serving  Family = "custom"   // an HTTP server of the function's own
)

// Interpreter is what a runtime's name means on this machine.
type Interpreter struct {
	Runtime string // as asked for
	Family  Family
	Path    string // of the program; "" for Provided and Serving
	Version string // that runs: "3.11", "20.20.2"
	// Note says what runs instead, if not what was asked for; it belongs into the
	// function's log and status.
	Note string
}

// programDirs are searched for interpreters. $PATH is not: version managers put
// slow shims there, and what runs must not depend on who started the daemon.
var programDirs = []string{"/usr/bin", "/usr/local/bin"}

var runtimeName = regexp.MustCompile(`^(?:python3\.(\d{1,2})|nodejs(\d{1,2})(?:\.x)?|(provided|provided\.al2|provided\.al2023|go1\.x)|(custom|custom\.debian1[012]))$`)

// offered are the names that each contract has for what Resolve can run. What else
// the vendors have (java11, php7.2, dotnetcore3.1, go1 …) needs their own programs.
// https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/runtime-environments
var offered = map[string]*regexp.Regexp{
	Lambda: regexp.MustCompile(`^(?:python3\.\d{1,2}|nodejs\d{1,2}\.x|provided|provided\.al2|provided\.al2023|go1\.x)$`),
	FC:     regexp.MustCompile(`^(?:python3\.(?:9|10|12)|nodejs(?:14|16|18|20|22)|custom|custom\.debian1[012])$`),
}

// offers names some of each contract's, for who asked for another.
var offers = map[string]string{
	Lambda: "python3.N, nodejsN.x or provided.al2023",
	FC:     "python3.9, python3.10, python3.12, nodejs14 to nodejs22, custom or custom.debian10 to custom.debian12",
}

// CheckName says why functions of a contract cannot have a runtime here.
func (e *Engine) CheckName(contract, name string) error {
	if !offered[contract].MatchString(name) {
		return cloud.Errorf(cloud.Invalid, cloud.KindFunction, name, "runtime", "%q is not a runtime Weir knows: use %s", name, offers[contract])
	}
	_, err := e.Resolve(name)
	return err
}

// Resolve finds the interpreter for a runtime's name. An unknown name is a
// cloud.Error of kind Invalid, one that nothing installed can run is Unsupported.
func (e *Engine) Resolve(name string) (Interpreter, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if in, ok := e.found[name]; ok {
		return in, nil
	}
	in, err := resolve(name, e.strict, findPython, findNode)
	if err == nil {
		e.found[name] = in
	}
	return in, err
}

// installed is one interpreter on this machine; major is what runtimes differ by.
type installed struct {
	path, version string
	major         int
}

func resolve(name string, strict bool, python, node func() []installed) (Interpreter, error) {
	m := runtimeName.FindStringSubmatch(name)
	in := Interpreter{Runtime: name}
	switch {
	case m == nil:
		return in, cloud.Errorf(cloud.Invalid, cloud.KindFunction, name, "runtime", "%q is not a runtime Weir knows", name)
	case m[1] != "":
		in.Family = Python
		return choose(in, m[1], python(), "python3", "python3."+m[1], strict)
	case m[2] != "":
		in.Family = Node
		return choose(in, m[2], node(), "nodejs", "nodejs"+m[2], strict)
	case m[3] != "":
		in.Family = Provided
		return in, nil
	default:
		in.Family = Serving
		return in, nil
	}
}

// choose takes the version asked for, else the nearest; of two equally near the newer.
func choose(in Interpreter, want string, have []installed, pkg, exact string, strict bool) (Interpreter, error) {
	n, _ := strconv.Atoi(want)
	if len(have) == 0 {
		return in, cloud.Errorf(cloud.Unsupported, cloud.KindFunction, in.Runtime, "runtime-missing", "no interpreter for %s is installed in %s: install the package %s", in.Runtime, strings.Join(programDirs, " or "), pkg)
	}
	best := slices.MinFunc(have, func(a, b installed) int {
		if d := abs(a.major-n) - abs(b.major-n); d != 0 {
			return d
		}
		return b.major - a.major
	})
	in.Path, in.Version = best.path, best.version
	if best.major == n {
		return in, nil
	}
	if strict {
		return Interpreter{}, cloud.Errorf(cloud.Unsupported, cloud.KindFunction, in.Runtime, "runtime-missing", "%s is not installed: install the package %s, or start Weir without strict runtimes to run %s %s instead", in.Runtime, exact, in.Family, best.version)
	}
	in.Note = fmt.Sprintf("%s is not installed; running %s%s", in.Runtime, in.Family, best.version)
	return in, nil
}

func abs(n int) int { return max(n, -n) }

var pythonProgram = regexp.MustCompile(`^python3\.(\d{1,2})$`)

func findPython() []installed {
	var list []installed
	for _, dir := range programDirs {
		names, _ := filepath.Glob(filepath.Join(dir, "python3.*"))
		for _, name := range names {
			m := pythonProgram.FindStringSubmatch(filepath.Base(name))
			if m == nil || !executable(name) {
				continue
			}
			n, _ := strconv.Atoi(m[1])
			list = append(list, installed{path: name, version: "3." + m[1], major: n})
		}
	}
	return list
}

// findNode asks each node for its version; their names do not tell.
func findNode() []installed {
	var list []installed
	for _, dir := range programDirs {
		for _, base := range []string{"node", "nodejs"} {
			name := filepath.Join(dir, base)
			if !executable(name) {
				continue
			}
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			out, err := exec.CommandContext(ctx, name, "--version").Output()
			cancel()
			version := strings.TrimPrefix(strings.TrimSpace(string(out)), "v")
			major, _, _ := strings.Cut(version, ".")
			if n, bad := strconv.Atoi(major); err == nil && bad == nil {
				list = append(list, installed{path: name, version: version, major: n})
				break // nodejs is the same program
			}
		}
	}
	return list
}

// executable reports whether a program is there and lies, links followed, where
// sandboxes can see it.
func executable(name string) bool {
	real, err := filepath.EvalSymlinks(name)
	if err != nil || !strings.HasPrefix(real, "/usr/") {
		return false
	}
	info, err := os.Stat(real)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
