package runtime

import (
	"encoding/json"
	"maps"
	"strconv"
	"time"

	"weir/internal/cloud"
)

// codeRoot is where the code of Function Compute's functions is.
const codeRoot = "/code"

// environmentFC is what code that is called by Function Compute's contract sees.
// https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/environment-variables
func environmentFC(_ Interpreter, c *Code, extraCA bool) map[string]string {
	usual := base(extraCA)
	delete(usual, "LAMBDA_TASK_ROOT")
	usual["HOME"] = "/tmp"
	usual["LD_LIBRARY_PATH"] = codeRoot + ":" + codeRoot + "/lib:/usr/local/lib:/opt/lib"
	env := c.variables(usual, extraCA)
	maps.Copy(env, map[string]string{
		"FC_FUNCTION_NAME":        c.Name,
		"FC_FUNCTION_HANDLER":     c.Handler,
		"FC_FUNCTION_MEMORY_SIZE": strconv.Itoa(c.MemoryMiB),
		"FC_FUNC_CODE_PATH":       codeRoot,
		"FC_REGION":               c.Region,
		"FC_ACCOUNT_ID":           c.Account,
		"FC_INSTANCE_ID":          c.Instance,
		"FC_QUALIFIER":            c.Version,
	})
	if s := c.Server; s != nil {
		env["FC_CUSTOM_LISTEN_PORT"], env["FC_SERVER_PORT"] = strconv.Itoa(s.Port), strconv.Itoa(s.Port)
	}
	if k := c.Credentials; k.AccessKeyID != "" && !c.NoEnvCredentials {
		env["ALIBABA_CLOUD_ACCESS_KEY_ID"], env["ALIBABA_CLOUD_ACCESS_KEY_SECRET"], env["ALIBABA_CLOUD_SECURITY_TOKEN"] = k.AccessKeyID, k.SecretAccessKey, k.SessionToken
	}
	return env
}

// keysFC are credentials as the bootstraps read them.
type keysFC struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
	Token  string `json:"token"`
}

// toldFC is what an event's context adds to the function's.
type toldFC struct {
	Credentials *keysFC `json:"credentials,omitempty"`
	Qualifier   string  `json:"qualifier,omitempty"`
	Retries     int     `json:"retries,omitempty"`
}

func (k Credentials) fc() *keysFC {
	if k.AccessKeyID == "" {
		return nil
	}
	return &keysFC{k.AccessKeyID, k.SecretAccessKey, k.SessionToken}
}

// contextFC is what the bootstraps make the context of an event from.
func contextFC(ev *Event) string {
	return encode(toldFC{ev.Credentials.fc(), ev.Qualifier, ev.Retries})
}

// orderFC adds to an order to load what the contract needs.
func orderFC(order map[string]any, c *Code) {
	order["contract"], order["initializer"], order["preStop"] = FC, handler(c.Initializer), handler(c.PreStop)
	order["context"] = encode(toldFC{Credentials: c.Credentials.fc()})
	order["function"] = map[string]any{
		"name": c.Name, "handler": c.Handler, "memory": c.MemoryMiB, "timeout": int(c.Timeout / time.Second), "version": c.Version,
		"region": c.Region, "account": c.Account, "logProject": c.Attrs["logProject"], "logStore": c.Attrs["logStore"],
	}
}

func handler(h *cloud.Hook) string {
	if h == nil {
		return ""
	}
	return h.Handler
}

func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("runtime: " + err.Error()) // plain values
	}
	return string(b)
}
