package runtime

import "testing"

func js(code string) map[string]string { return map[string]string{"index.js": code} }

var nodeCases = map[string]behaviour{
	"async": {files: js(`exports.handler = async (event, context) => { console.log("got", event); return {a: event.a, u: undefined, n: null}; };`),
		payload: `{"a": "ü"}`, want: `{"a":"ü","n":null}`, log: []string{`~\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\tREQ\tINFO\tgot { a: 'ü' }`}},
	"nothing":           {files: js(`exports.handler = async () => {};`), want: "null"},
	"callback":          {files: js(`exports.handler = (e, c, cb) => { setTimeout(() => cb(null, "late"), 5); };`), want: `"late"`},
	"callback error":    {files: js(`exports.handler = (e, c, cb) => cb("no");`), want: `{"errorType":"string","errorMessage":"no","trace":[]}`, failed: true, kind: "string"},
	"callback waits":    {files: js(`let n = 0; exports.handler = (e, c, cb) => { setTimeout(() => { console.log("timer"); }, 30); cb(null, 1); };`), want: "1", log: []string{"~.*\tREQ\tINFO\ttimer"}},
	"does not wait":     {files: js(`exports.handler = (e, c, cb) => { c.callbackWaitsForEmptyEventLoop = false; setInterval(() => {}, 1000); cb(null, 2); };`), want: "2"},
	"succeed":           {files: js(`exports.handler = (e, c) => { setInterval(() => {}, 1000); c.succeed({ok: 1}); };`), want: `{"ok":1}`},
	"fail":              {files: js(`exports.handler = (e, c) => { c.fail(new TypeError("bad")); };`), want: `~{"errorType":"TypeError","errorMessage":"bad","trace":\["TypeError: bad","    at .*index.js:1:.*\]}`, failed: true, kind: "TypeError"},
	"never answers":     {files: js(`exports.handler = () => {};`), want: "null"},
	"never resolves":    {files: js(`exports.handler = () => new Promise(() => {});`), want: "null"},
	"module":            {files: map[string]string{"index.mjs": `const x = await Promise.resolve(3); export const handler = async () => x;`}, want: "3"},
	"module by package": {files: map[string]string{"index.js": `import os from 'os'; export const handler = async () => typeof os.cpus;`, "package.json": `{"type": "module"}`}, want: `"function"`},
	"commonjs":          {files: map[string]string{"index.cjs": `exports.handler = async () => __filename;`}, want: `"/var/task/index.cjs"`},
	"directory":         {files: map[string]string{"src/app.js": `exports.api = {run: async () => require('dep')};`, "node_modules/dep/index.js": "module.exports = 'dep';"}, handler: "src/app.api.run", want: `"dep"`},
	"context": {files: js(`exports.handler = async (e, c) => [c.awsRequestId, c.functionName, c.functionVersion, c.invokedFunctionArn, c.memoryLimitInMB, c.logGroupName, c.logStreamName, c.getRemainingTimeInMillis() > 9000];`),
		want: `["REQ","f","$LATEST","arn:aws:lambda:us-east-1:000000000000:function:f","256","/aws/lambda/f","2026/01/02/[$LATEST]abc",true]`},
	"environment": {files: js(`exports.handler = async (e) => e.map((k) => process.env[k] ?? null).concat(process.cwd());`),
		payload: `["COLOUR", "_HANDLER", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_SECRET_ACCESS_KEY", "NODE_EXTRA_CA_CERTS"]`,
		want:    `["blue","index.handler","us-east-1","AWS_Lambda_nodejs20.x","secret",null,"/var/task"]`},
	"rejects": {files: js("exports.handler = async () => {\n  throw new RangeError('boom');\n};"), failed: true, kind: "RangeError",
		want: `~{"errorType":"RangeError","errorMessage":"boom","trace":\["RangeError: boom","    at .*/var/task/index.js:2:9.*\]}`,
		log:  []string{`~[^\t]+Z\tREQ\tERROR\tInvoke Error \t{"errorType":"RangeError","errorMessage":"boom","stack":\["RangeError: boom".*\]}`}},
	"throws": {files: js(`exports.handler = () => { throw new Error('now'); };`), failed: true, kind: "Error", want: `~{"errorType":"Error","errorMessage":"now","trace":\["Error: now".*\]}`},
	"circular": {files: js(`exports.handler = async () => { const a = {}; a.a = a; return a; };`), failed: true, kind: "Error",
		want: `~{"errorType":"Error","errorMessage":"Unable to stringify response body","trace":.*}`},
	"unhandled rejection": {files: js(`exports.handler = (e, c, cb) => { Promise.reject(new Error("lost")); setTimeout(() => cb(null, 1), 1000); };`),
		failed: true, exited: true, kind: "Runtime.UnhandledPromiseRejection",
		want: `~{"errorType":"Runtime.UnhandledPromiseRejection","errorMessage":"Error: lost","trace":\[.*\]}`,
		log:  []string{`~[^\t]+Z\tREQ\tERROR\tUnhandled Promise Rejection \t{"errorType":"Runtime.UnhandledPromiseRejection","errorMessage":"Error: lost".*`}},
	"uncaught": {files: js(`exports.handler = () => new Promise(() => { setTimeout(() => { throw new Error("later"); }, 5); });`),
		failed: true, exited: true, kind: "Error", want: `~{"errorType":"Error","errorMessage":"later","trace":\[.*\]}`,
		log: []string{`~[^\t]+Z\tREQ\tERROR\tUncaught Exception \t{"errorType":"Error","errorMessage":"later".*`}},
	"exit": {files: js(`exports.handler = async () => process.exit(5);`), failed: true, exited: true, kind: "Runtime.ExitError",
		want: `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: REQ Error: Runtime exited with error: exit status 5"}`},
	"console": {files: js(`console.info("loading"); exports.handler = async () => { console.warn("a\nb"); console.error("%s=%d", "x", 1); process.stdout.write("plain\n"); };`), want: "null",
		log: []string{"~[^\t]+Z\tundefined\tINFO\tloading", "~[^\t]+Z\tREQ\tWARN\ta\nb", "~[^\t]+Z\tREQ\tERROR\tx=1", "plain"}},
	"fetch and crypto": {files: js(`exports.handler = async () => [typeof fetch, require("crypto").createHash("sha256").update("").digest("hex").slice(0, 8)];`), want: `["function","e3b0c442"]`},

	"no module": {files: js(`require("nosuch"); exports.handler = async () => 1;`), init: true, kind: "Runtime.ImportModuleError",
		want: `~{"errorType":"Runtime.ImportModuleError","errorMessage":"Error: Cannot find module 'nosuch'\\nRequire stack:\\n- /var/task/index.js\\n.*","trace":\[.*\]}`},
	"no file": {files: js(""), handler: "app.handler", init: true, kind: "Runtime.ImportModuleError",
		want: `~{"errorType":"Runtime.ImportModuleError","errorMessage":"Error: Cannot find module 'app'.*","trace":\[.*\]}`},
	"no handler": {files: js(`exports.other = 1;`), init: true, kind: "Runtime.HandlerNotFound",
		want: `~{"errorType":"Runtime.HandlerNotFound","errorMessage":"index.handler is undefined or not exported","trace":\[.*\]}`},
	"malformed handler": {files: js(""), handler: "index", init: true, kind: "Runtime.MalformedHandlerName", want: `~{"errorType":"Runtime.MalformedHandlerName","errorMessage":"Bad handler","trace":\[.*\]}`},
	"syntax error": {files: js(`exports.handler = async ( => 1;`), init: true, kind: "Runtime.UserCodeSyntaxError",
		want: `~{"errorType":"Runtime.UserCodeSyntaxError","errorMessage":"SyntaxError: .*","trace":\[.*\]}`},
	"fails while loading": {files: js(`throw new Error("early");`), init: true, kind: "Error", want: `~{"errorType":"Error","errorMessage":"early","trace":\[.*\]}`},
}

func TestNode(t *testing.T) {
	e := engine(t)
	for name, c := range nodeCases {
		t.Run(name, func(t *testing.T) {
			if c.handler == "" {
				c.handler = "index.handler"
			}
			c.check(t, e, "nodejs20.x")
		})
	}
}
