package runtime

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestWrapper: a script of the function's own starts the runtime.
func TestWrapper(t *testing.T) {
	e := engine(t)
	const script = "#!/bin/sh\nexport FROM_WRAPPER=\"$AWS_LAMBDA_FUNCTION_NAME\" TABLE=changed\nexec \"$@\"\n"
	for runtime, files := range map[string]map[string]string{
		"python3.11": one("import os\ndef lambda_handler(e, c): return [os.environ.get(k) for k in ('FROM_WRAPPER', 'TABLE', '_WEIR_WRAPPED')]"),
		"nodejs20.x": {"lambda_function.js": "exports.lambda_handler = async () => [process.env.FROM_WRAPPER, process.env.TABLE, process.env._WEIR_WRAPPED ?? null];"},
	} {
		t.Run(runtime, func(t *testing.T) {
			files["wrapper"] = script
			dir, log := deploy(t, files), &journal{}
			if err := os.Chmod(filepath.Join(dir, "wrapper"), 0o755); err != nil {
				t.Fatal(err)
			}
			code := function(dir, pyHandler)
			code.Env = map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper", "TABLE": "t"}
			p := prepare(t, e, runtime, log)
			if err := p.Init(t.Context(), code); err != nil {
				t.Fatal(err, log.text())
			}
			want := `["` + code.Name + `", "changed", null]`
			if runtime == "nodejs20.x" {
				want = `["` + code.Name + `","changed",null]`
			}
			for range 2 {
				if res, err := p.Invoke(t.Context(), event("{}")); err != nil || string(res.Payload) != want {
					t.Errorf("%s %v, want %s; log:\n%s", res.Payload, err, want, log.text())
				}
			}
		})
		t.Run(runtime+" without it", func(t *testing.T) {
			code := function(deploy(t, files), pyHandler)
			code.Env = map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/none"}
			var failed *InitError
			err := prepare(t, e, runtime, &journal{}).Init(t.Context(), code)
			if !errors.As(err, &failed) || failed.ErrorType != "Runtime.ExitError" || failed.Message != "Runtime exited with error: exit status 127" {
				t.Errorf("got %v", err)
			}
		})
	}
}
