// Calls Weir's Function Compute with the vendor's client and prints what came of it, by name.
const FC = require('@alicloud/fc20230330')

const [, , host, key, secret, red, blue, zip] = process.argv
const client = (id, secret) => new FC.default({ accessKeyId: id, accessKeySecret: secret, endpoint: host, protocol: 'http', regionId: 'cn-hangzhou' })

async function main() {
  const result = {}
  const note = async (name, call) => {
    try {
      result[name] = String(await call())
    } catch (e) {
      result[name] = e.code || String(e)
    }
  }
  const root = client('test', 'test')
  const alice = client(key, secret)
  const create = (functionName, more) => root.createFunction(new FC.CreateFunctionRequest({
    body: new FC.CreateFunctionInput({ functionName, runtime: 'python3.10', handler: 'index.handler', code: new FC.InputCodeLocation({ zipFile: zip }), ...more }),
  }))
  const get = (who, name) => who.getFunction(name, new FC.GetFunctionRequest({}))
  await note('create', async () => (await create('f', { resourceGroupId: red, tags: [new FC.Tag({ key: 'team', value: 'red' })] })).body.resourceGroupId === red)
  await note('nowhere', () => create('g', { resourceGroupId: 'rg-none' }))
  await create('other', {})
  const arn = (await get(root, 'f')).body.functionArn

  await note('in the group', async () => (await get(alice, 'f')).body.functionName)
  await note('out of it', async () => (await get(alice, 'other')).body.functionName)
  const listed = async (resourceGroupId) => (await root.listFunctions(new FC.ListFunctionsRequest({ resourceGroupId }))).body.functions.map((f) => f.functionName).join()
  await note('red', () => listed(red))
  const move = (to) => root.changeResourceGroup(new FC.ChangeResourceGroupRequest({
    body: new FC.ChangeResourceGroupInput({ resourceId: arn, resourceType: 'function', newResourceGroupId: to }),
  }))
  await note('move', async () => (await move(blue)).body.oldResourceGroupId === red)
  await note('blue', () => listed(blue))
  await note('moved away', async () => (await get(alice, 'f')).body.functionName)

  const tag = (tags, ids = [arn], resourceType = 'function') => root.tagResources(new FC.TagResourcesRequest({
    body: new FC.TagResourcesInput({ resourceId: ids, resourceType, tag: Object.entries(tags).map(([key, value]) => new FC.Tag({ key, value })) }),
  }))
  const tags = async (query) => (await root.listTagResources(new FC.ListTagResourcesRequest({ resourceType: 'function', ...query }))).body.tagResources
    .map((t) => `${t.resourceId.split('/').pop()}:${t.tagKey}=${t.tagValue}`).sort().join()
  await note('tag', async () => (await tag({ a: '1', b: '2' })).statusCode)
  await note('tag nothing', () => tag({ a: '1' }, ['none']))
  await note('tag elsewhere', () => tag({ a: '1' }, [arn.replace('cn-hangzhou', 'cn-beijing')]))
  await note('tag a kind', () => tag({ a: '1' }, [arn], 'trigger'))
  await note('tags', () => tags({ resourceId: [arn] }))
  await note('tags by tag', () => tags({ tag: [new FC.Tag({ key: 'team', value: 'red' })] }))
  await note('functions by tag', async () => (await root.listFunctions(new FC.ListFunctionsRequest({ tags: [new FC.Tag({ key: 'a', value: '1' })] }))).body.functions.length)
  await note('untag', async () => (await root.untagResources(new FC.UntagResourcesRequest({ resourceType: 'function', resourceId: [arn], tagKey: ['a', 'team'] }))).statusCode)
  await note('tags left', () => tags({ resourceId: [arn] }))

  const layer = (await root.createLayerVersion('l', new FC.CreateLayerVersionRequest({
    body: new FC.CreateLayerVersionInput({ code: new FC.InputCodeLocation({ zipFile: zip }), compatibleRuntime: ['python3.10'] }),
  }))).body
  await note('layer', async () => (await root.getLayerVersionByArn(layer.layerVersionArn)).body.layerName)
  await note('layer use', async () => (await root.updateFunction('f', new FC.UpdateFunctionRequest({
    body: new FC.UpdateFunctionInput({ layers: [layer.layerVersionArn] }),
  }))).body.layers[0].arn === layer.layerVersionArn)
  await note('checksum', async () => (await get(root, 'f')).body.codeChecksum)
  await note('layer checksum', () => layer.codeChecksum)
  await note('wrong checksum', () => create('sum', { code: new FC.InputCodeLocation({ zipFile: zip, checksum: '1' }) }))
  await note('timer', async () => JSON.stringify((await root.createTrigger('f', new FC.CreateTriggerRequest({
    body: new FC.CreateTriggerInput({ triggerName: 't', triggerType: 'timer', qualifier: 'LATEST', triggerConfig: '{"cronExpression":"@every 1h","enable":false}' }),
  }))).body.httpTrigger))
  await note('no layer', () => root.getLayerVersion('l', '9'))
  await note('provision', async () => (await root.putProvisionConfig('f', new FC.PutProvisionConfigRequest({
    body: new FC.PutProvisionConfigInput({ defaultTarget: 3, scheduledActions: [new FC.ScheduledAction({ name: 's', scheduleExpression: 'cron(0 0 22 * * *)', target: 1, timeZone: 'Asia/Shanghai', startTime: '2030-03-10T10:10:10', endTime: '2031-03-10T10:10:10' })] }),
  }))).body.target)
  await note('provisioned', async () => (await root.listProvisionConfigs(new FC.ListProvisionConfigsRequest({}))).body.provisionConfigs[0].scheduledActions[0].name)
  await note('regions', async () => (await root.describeRegions(new FC.DescribeRegionsRequest({}))).body.regions.region.some((r) => r.regionId === 'cn-hangzhou'))
  console.log(JSON.stringify(result))
}

main().catch((e) => {
  console.error(e)
  process.exit(1)
})
