package test

import (
	"context"
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the golden files of scenarios")

// TestScenarios runs every txtar under scenarios/.
func TestScenarios(t *testing.T) {
	if testing.Short() {
		t.Skip("scenarios start daemons and send packets; not with -short")
	}
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           "scenarios",
		UpdateScripts: *update,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"let":     let,
			"zip":     zipCommand,
			"restart": restart,
			"log":     logCommand,
		},
		Condition: condition,
		Setup: func(e *testscript.Env) error {
			d := newDaemon(e.T().(testing.TB))
			e.Values[daemonKey{}] = d
			e.Setenv("PATH", strings.Join(append([]string{filepath.Dir(bin)}, clientDirs()...), ":")+":"+os.Getenv("PATH"))
			for k, v := range map[string]string{
				"AWS_ENDPOINT_URL": d.url, "WEIR_ADDR": d.url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
				"AWS_DEFAULT_REGION": "us-east-1", "AWS_PAGER": "", "AWS_EC2_METADATA_DISABLED": "true", "HOME": e.WorkDir, "WEIR_PID": "",
				"AWS_CLI_AUTO_PROMPT": "off",
			} {
				e.Setenv(k, v)
			}
			return nil
		},
	})
}

type daemonKey struct{}

// clientDirs is where the AWS CLI really is when PATH has only a version
// manager's shim: the shim costs more than the call.
func clientDirs() []string {
	if program, err := exec.Command("pyenv", "which", "aws").Output(); err == nil {
		return []string{filepath.Dir(strings.TrimSpace(string(program)))}
	}
	return nil
}

// condition knows [has:PROGRAM].
func condition(cond string) (bool, error) {
	if program, ok := strings.CutPrefix(cond, "has:"); ok {
		_, err := exec.LookPath(program)
		return err == nil, nil
	}
	return false, fmt.Errorf("unknown condition %q", cond)
}

// let NAMES COMMAND… sets variables, separated by commas, to the words that the command prints.
func let(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: let NAME,NAME… COMMAND ARG…")
	}
	ts.Check(ts.Exec(args[1], args[2:]...))
	names, words := strings.Split(args[0], ","), strings.Fields(ts.ReadFile("stdout"))
	if len(names) != len(words) {
		ts.Fatalf("let %v: the command printed %q", names, words)
	}
	for i, name := range names {
		ts.Setenv(name, words[i])
	}
}

// zip ARCHIVE FILE… packs files as a function's code.
func zipCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: zip ARCHIVE FILE…")
	}
	files := map[string]string{}
	for _, name := range args[1:] {
		files[name] = ts.ReadFile(name)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), zipped(files), 0o644))
}

// log TEXT checks the log tail, in base64, that an invocation returned.
func logCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: log BASE64 REGEXP")
	}
	text, err := base64.StdEncoding.DecodeString(args[0])
	ts.Check(err)
	ts.Logf("%s", text)
	if regexp.MustCompile(args[1]).Match(text) == neg {
		ts.Fatalf("match of %q is not %v", args[1], !neg)
	}
}

// restart kills the daemon with SIGKILL and starts it again on the same data.
func restart(ts *testscript.TestScript, neg bool, args []string) {
	d := ts.Value(daemonKey{}).(*daemon)
	ts.Check(d.kill())
	out, err := d.up(context.Background())
	ts.Logf("%s", out)
	ts.Check(err)
}
