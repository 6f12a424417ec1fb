package runtime

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// libraryPath is what Lambda's runtimes have; layers put their libraries into /opt/lib.
const libraryPath = "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"

// base is the environment of every process, before its function is known.
// extraCA tells whether the sandboxes have certificates that Node does not bring.
func base(extraCA bool) map[string]string {
	env := map[string]string{
		"PATH":             "/var/lang/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin",
		"LANG":             "en_US.UTF-8",
		"TZ":               ":UTC",
		"LD_LIBRARY_PATH":  libraryPath,
		"HOME":             "/home/sbx_user1051",
		"LAMBDA_TASK_ROOT": "/var/task",
	}
	maps.Copy(env, trust(extraCA))
	return env
}

// environment is what the code sees. The user's variables may replace the
// defaults, but not what Lambda reserves:
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
func environment(in Interpreter, c *Code, extraCA bool) map[string]string {
	env := c.variables(base(extraCA), extraCA)
	maps.Copy(env, map[string]string{
		"_HANDLER":                        c.Handler,
		"AWS_REGION":                      c.Region,
		"AWS_DEFAULT_REGION":              c.Region,
		"AWS_EXECUTION_ENV":               "AWS_Lambda_" + in.Runtime,
		"AWS_LAMBDA_FUNCTION_NAME":        c.Name,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(c.MemoryMiB),
		"AWS_LAMBDA_FUNCTION_VERSION":     c.Version,
		"AWS_LAMBDA_INITIALIZATION_TYPE":  initialization[c.Provisioned],
		"AWS_LAMBDA_LOG_GROUP_NAME":       c.LogGroup,
		"AWS_LAMBDA_LOG_STREAM_NAME":      c.LogStream,
		"LAMBDA_TASK_ROOT":                "/var/task",
		"LAMBDA_RUNTIME_DIR":              "/var/runtime",
		"AWS_XRAY_CONTEXT_MISSING":        "LOG_ERROR",
		"AWS_XRAY_DAEMON_ADDRESS":         "169.254.79.129:2000",
	})
	if c.Credentials.AccessKeyID != "" {
		env["AWS_ACCESS_KEY_ID"] = c.Credentials.AccessKeyID
		env["AWS_SECRET_ACCESS_KEY"] = c.Credentials.SecretAccessKey
		env["AWS_SESSION_TOKEN"] = c.Credentials.SessionToken
	}
	if in.Family == Provided {
		env["AWS_LAMBDA_RUNTIME_API"] = apiAddress
		delete(env, "AWS_EXECUTION_ENV") // Lambda sets it for managed runtimes only
	}
	return env
}

// NeedsOwnStart reports whether a function's variables take effect only if the
// interpreter is started with them (Spec.Env): such a function cannot use one
// that was started before it was known.
func NeedsOwnStart(env map[string]string) bool {
	for k := range env {
		for _, prefix := range []string{"NODE_", "PYTHON", "LD_", "LC_", "MALLOC_", "UV_", "SSL_CERT_", "GLIBC_"} {
			if strings.HasPrefix(k, prefix) {
				return true
			}
		}
		if k == "LANG" || k == "PATH" {
			return true
		}
	}
	return false
}

// initialization is what Lambda calls the reasons for which code is loaded.
var initialization = map[bool]string{false: "on-demand", true: "provisioned-concurrency"}

func list(env map[string]string) []string {
	out := make([]string, 0, len(env))
	for _, k := range slices.Sorted(maps.Keys(env)) {
		out = append(out, k+"="+env[k])
	}
	return out
}
