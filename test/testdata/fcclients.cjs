// Calls Function Compute and Log Service with the vendor's clients for Node.js;
// prints what came of it, as JSON. Arguments: the server's address, the account's UID,
// the functions' code as an archive in base64. Names under an address are the
// address's, which a resolver would not say.
const dns = require('dns');
const lookup = dns.lookup;
dns.lookup = (name, options, done) => lookup(name.replace(/^[a-z0-9-]+\.(?=127\.)/, ''), options, done);
const fc = require('@alicloud/fc20230330');
const sls = require('@alicloud/sls20201230');
const { Config } = require('@alicloud/openapi-core').$OpenApiUtil;
const { Readable } = require('stream');

const settings = { accessKeyId: 'test', accessKeySecret: 'test', endpoint: process.argv[2], protocol: 'HTTP', regionId: 'cn-hangzhou' };
const functions = new fc.default(new Config(settings)), logs = new sls.default(new Config(settings));
const got = {};
const note = async (name, call) => {
  try { got[name] = await call(); } catch (e) { got[name] = e.code; }
};

const make = (functionName, more) => functions.createFunction(new fc.CreateFunctionRequest({ body: new fc.CreateFunctionInput({
  functionName, runtime: 'nodejs20', handler: 'index.handler', timeout: 10, code: new fc.InputCodeLocation({ zipFile: process.argv[4] }), ...more }) }));
const invoke = async (name, body, type) => {
  const r = await functions.invokeFunctionWithOptions(name, new fc.InvokeFunctionRequest({ body: Readable.from([Buffer.from(body)]) }),
    new fc.InvokeFunctionHeaders({ xFcInvocationType: type, xFcLogType: 'None' }), new (require('@alicloud/tea-util').RuntimeOptions)({}));
  const parts = [];
  if (r.body) for await (const p of r.body) parts.push(p);
  return r.statusCode + ' ' + Buffer.concat(parts.map((p) => Buffer.from(p))).toString();
};
// line waits until a logstore has a line that holds text.
const line = async (text) => {
  const now = Math.floor(Date.now() / 1000);
  for (let i = 0; i < 200; i++) {
    const r = await logs.getLogsV2('proj', 'lines', new sls.GetLogsV2Request({ from: now - 600, to: now + 600, query: '*', line: 100 }));
    const found = r.body.data.find((l) => l.message.includes(text));
    if (found) return found.functionName + ': ' + text;
    await new Promise((done) => setTimeout(done, 100));
  }
  return 'no line has ' + text;
};

(async () => {
  const logConfig = new fc.LogConfig({ project: 'proj', logstore: 'lines' });
  await note('no project', () => make('early', { logConfig }));
  await note('project', async () => (await logs.createProject(new sls.CreateProjectRequest({ projectName: 'proj', description: '' }))).statusCode);
  await note('no logstore', () => make('early', { logConfig }));
  await note('logstore', async () => (await logs.createLogStore('proj', new sls.CreateLogStoreRequest({ logstoreName: 'lines', shardCount: 1, ttl: 7 }))).statusCode);
  for (const name of ['worker', 'well', 'ill']) await note('make ' + name, async () => (await make(name, { logConfig })).body.state);
  await note('again', () => make('well', { logConfig }));
  await note('invoke', () => invoke('worker', '"hello"', 'Sync'));
  await note('log', () => line('saw "hello"'));
  const arn = (name) => new fc.Destination({ destination: 'acs:fc:cn-hangzhou:' + process.argv[3] + ':functions/' + name });
  await note('async config', async () => (await functions.putAsyncInvokeConfig('worker', new fc.PutAsyncInvokeConfigRequest({ body: new fc.PutAsyncInvokeConfigInput({
    maxAsyncRetryAttempts: 0, destinationConfig: new fc.DestinationConfig({ onSuccess: arn('well'), onFailure: arn('ill') }) }) }))).body.maxAsyncRetryAttempts);
  await note('async', () => invoke('worker', '"one"', 'Async'));
  await note('success', () => line('"responsePayload":"got \\"one').then((s) => s.split(':')[0]));
  await note('async failing', () => invoke('worker', '"fail"', 'Async'));
  await note('failure', () => line('as asked').then(() => line('"condition":"UnhandledInvocationError"')).then((s) => s.split(':')[0]));
  console.log(JSON.stringify(got));
})();
