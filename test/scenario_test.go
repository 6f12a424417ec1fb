package test

import (
	"context"
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
			"retry":   retry,
			"json":    jsonCommand,
			"compare": compare,
			"restart": restart,
		},
		Condition: condition,
		Setup: func(e *testscript.Env) error {
			d := newDaemon(e.T().(testing.TB))
			e.Values[daemonKey{}] = d
			e.Setenv("PATH", filepath.Dir(bin)+":"+os.Getenv("PATH"))
			for k, v := range map[string]string{
				"AWS_ENDPOINT_URL": d.url, "WEIR_ADDR": d.url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
				"AWS_DEFAULT_REGION": "us-east-1", "AWS_PAGER": "", "AWS_EC2_METADATA_DISABLED": "true", "HOME": e.WorkDir, "WEIR_PID": "",
				"PYENV_VERSION": os.Getenv("PYENV_VERSION"), "AWS_CLI_AUTO_PROMPT": "off",
			} {
				e.Setenv(k, v)
			}
			return nil
		},
	})
}

type daemonKey struct{}

// condition knows [has:PROGRAM].
func condition(cond string) (bool, error) {
	if program, ok := strings.CutPrefix(cond, "has:"); ok {
		_, err := exec.LookPath(program)
		return err == nil, nil
	}
	return false, fmt.Errorf("unknown condition %q", cond)
}

// let NAME COMMAND… sets a variable to what the command prints, without white space around it.
func let(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: let NAME COMMAND ARG…")
	}
	ts.Check(ts.Exec(args[1], args[2:]...))
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

// retry COMMAND… runs a command up to three times until it succeeds; for clients that poll.
func retry(ts *testscript.TestScript, neg bool, args []string) {
	var err error
	for range 3 {
		if err = ts.Exec(args[0], args[1:]...); (err == nil) != neg {
			return
		}
	}
	ts.Fatalf("retry %v: %v", args, err)
}

// json FILE REGEXP checks a file's text without white space between its tokens.
func jsonCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: json FILE REGEXP")
	}
	text := regexp.MustCompile(`\s+`).ReplaceAllString(ts.ReadFile(args[0]), "")
	if regexp.MustCompile(args[1]).MatchString(text) == neg {
		ts.Fatalf("%s: match of %q is not %v in %s", args[0], args[1], !neg, text)
	}
}

// compare A B fails unless both words are equal (with !: unless they differ).
func compare(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: compare A B")
	}
	if (args[0] == args[1]) == neg {
		ts.Fatalf("%q and %q: equal is %v", args[0], args[1], !neg)
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
