// Calls Log Service with the vendor's client, in both of its ways to sign; prints
// what came of each call, as JSON. Arguments: the server's address, the seconds of
// now. Names under an address are the address's, which a resolver would not say.
const dns = require('dns');
const lookup = dns.lookup;
dns.lookup = (name, options, done) => lookup(name.replace(/^[a-z0-9-]+\.(?=127\.)/, ''), options, done);
const sls = require('@alicloud/sls20201230');
const { Config } = require('@alicloud/openapi-core').$OpenApiUtil;

const [host, now] = [process.argv[2], Number(process.argv[3])];
const client = (secret, signatureVersion) => new sls.default(new Config({
  accessKeyId: 'test', accessKeySecret: secret, endpoint: host, protocol: 'HTTP', regionId: 'cn-hangzhou', signatureVersion }));

const got = {};
const note = async (name, call) => {
  try { got[name] = await call(); } catch (e) { got[name] = e.code; }
};

(async () => {
  for (const version of ['v1', 'v4']) {
    const c = client('test', version), project = 'proj-' + version;
    const on = (what, call) => note(version + ' ' + what, call);
    await on('wrong', () => client('wrong', version).listProject(new sls.ListProjectRequest({})));
    await on('project', async () => (await c.createProject(new sls.CreateProjectRequest({ projectName: project, description: 'a b' }))).statusCode);
    await on('project again', () => c.createProject(new sls.CreateProjectRequest({ projectName: project, description: '' })));
    await on('get project', async () => (await c.getProject(project)).body.description);
    await on('no project', () => c.getProject('nowhere'));
    await on('projects', async () => (await c.listProject(new sls.ListProjectRequest({ projectName: version }))).body.projects.map((p) => p.projectName).join());
    const make = () => c.createLogStore(project, new sls.CreateLogStoreRequest({ logstoreName: 'lines', shardCount: 1, ttl: 7 }));
    await on('logstore', async () => (await make()).statusCode);
    await on('logstore again', make);
    await on('bad ttl', () => c.createLogStore(project, new sls.CreateLogStoreRequest({ logstoreName: 'other', shardCount: 1, ttl: 0 })));
    await on('logstores', async () => (await c.listLogStores(project, new sls.ListLogStoresRequest({}))).body.logstores.join());
    await on('ttl', async () => (await c.getLogStore(project, 'lines')).body.ttl);
    // What Terraform's provider reads of each project and logstore.
    const plain = 'plain-' + version, owned = { resourceType: 'PROJECT', resourceId: [plain] };
    await on('plain', async () => (await c.createProject(new sls.CreateProjectRequest({ projectName: plain }))).statusCode);
    await on('tag', async () => (await c.tagResources(new sls.TagResourcesRequest({ ...owned, tags: [{ key: 'a', value: 'b' }, { key: 'c', value: 'd' }] }))).statusCode);
    await on('untag', async () => (await c.untagResources(new sls.UntagResourcesRequest({ ...owned, tags: ['c'] }))).statusCode);
    const tags = async (q) => (await c.listTagResources(new sls.ListTagResourcesRequest(q))).body.tagResources.map((t) => t.tagKey + t.tagValue).join();
    await on('tags', () => tags(owned));
    await on('no tags', () => tags({ resourceType: 'logstore', resourceId: [project + '#lines'] }));
    await on('tags of none', () => tags({ resourceType: 'project', resourceId: ['nowhere'] }));
    await on('policy', async () => (await c.getProjectPolicy(plain)).statusCode);
    await on('shards', async () => (await c.listShards(project, 'lines')).body.map((s) => s.inclusiveBeginKey.slice(0, 4) + s.exclusiveEndKey.slice(0, 4)).join());
    await on('metering', async () => (await c.getLogStoreMeteringMode(project, 'lines')).body.meteringMode);
    await on('meter', async () => (await c.updateLogStoreMeteringMode(project, 'lines', new sls.UpdateLogStoreMeteringModeRequest({ meteringMode: 'ChargeByDataIngest' }))).statusCode);
    await on('metered', async () => (await c.getLogStoreMeteringMode(project, 'lines')).body.meteringMode);
    await on('telemetry', async () => (await c.getLogStore(project, 'lines')).body.telemetryType);
    const index = new sls.CreateIndexRequest({ body: new sls.Index({ line: new sls.IndexLine({ token: [',', ' '], caseSensitive: false }) }) });
    await on('no index', () => c.getIndex(project, 'lines'));
    await on('index', async () => (await c.createIndex(project, 'lines', index)).statusCode);
    await on('index token', async () => (await c.getIndex(project, 'lines')).body.line.token.join('|'));
    const ask = { from: now - 60, to: now + 60, query: 'functionName:hello and "world one"', topic: 'FCLogs:hello' };
    await on('logs', async () => (await c.getLogs('proj-read', 'lines', new sls.GetLogsRequest(ask))).body.map((l) => l.message).join());
    await on('logs 2', async () => (await c.getLogsV2('proj-read', 'lines', new sls.GetLogsV2Request({ ...ask, query: '*', reverse: true, line: 1 }))).body.data.map((l) => l.message).join());
    await on('no logstore', () => c.getLogs(project, 'nowhere', new sls.GetLogsRequest(ask)));
    await on('delete', async () => (await c.deleteProject(project, new sls.DeleteProjectRequest({}))).statusCode);
    await on('deleted', () => c.getLogStore(project, 'lines'));
  }
  console.log(JSON.stringify(got));
})();
