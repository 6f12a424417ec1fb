// Calls Weir with the vendor's clients and prints what came of it, by name.
const Ram = require('@alicloud/ram20150501')
const Sts = require('@alicloud/sts20150401')
const Core = require('@alicloud/pop-core')

const host = process.argv[2]
const config = (id, secret) => ({
  accessKeyId: id, accessKeySecret: secret, endpoint: host, protocol: 'http', regionId: 'cn-hangzhou',
})
const pop = (secret, apiVersion = '2016-04-28') => new Core({
  accessKeyId: 'test', accessKeySecret: secret, endpoint: `http://${host}`, apiVersion,
})
const trust = JSON.stringify({
  Version: '1', Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: ['fc.aliyuncs.com'] } }],
})

async function main() {
  const result = {}
  const note = async (name, call) => {
    try {
      result[name] = String(await call())
    } catch (e) {
      result[name] = e.code || String(e)
    }
  }
  const ram = new Ram.default(config('test', 'test'))
  const user = new Ram.CreateUserRequest({ userName: 'alice' })
  await note('ram user', async () => (await ram.createUser(user)).body.user.userName)
  await note('ram again', async () => (await ram.createUser(user)).body.user.userName)
  await note('ram role', async () => (await ram.createRole(new Ram.CreateRoleRequest({
    roleName: 'fn', assumeRolePolicyDocument: trust, tag: [{ key: 'team', value: 'red' }],
  }))).body.role.arn)
  await ram.attachPolicyToRole(new Ram.AttachPolicyToRoleRequest({ policyType: 'System', policyName: 'AliyunVPCReadOnlyAccess', roleName: 'fn' }))
  await note('ram policies', async () => (await ram.listPoliciesForRole(new Ram.ListPoliciesForRoleRequest({ roleName: 'fn' })))
    .body.policies.policy.map((p) => p.policyName).join())
  for (const [name, id, secret] of [['sts identity', 'test', 'test'], ['sts wrong', 'test', 'no'], ['sts nobody', 'nobody', 'no']]) {
    await note(name, async () => (await new Sts.default(config(id, secret)).getCallerIdentity()).body.arn)
  }
  const regions = async (client, action, region, method) => (await client.request(action, { RegionId: region }, { method })).Regions.Region.length
  await note('pop get', () => regions(pop('test'), 'DescribeRegions', 'cn-hangzhou', 'GET'))
  await note('pop post', () => regions(pop('test'), 'DescribeRegions', 'cn-hangzhou', 'POST'))
  await note('pop wrong', () => regions(pop('no'), 'DescribeRegions', 'cn-hangzhou', 'POST'))
  await note('pop unknown', () => regions(pop('test'), 'NoSuch', 'cn-hangzhou', 'POST'))
  await note('pop no region', () => regions(pop('test'), 'DescribeRegions', 'xx-nowhere', 'POST'))
  const ask = (version, action, parameters) => pop('test', version).request(action, { RegionId: 'cn-hangzhou', ...parameters }, { method: 'POST' })
  const vpcs = []
  for (const CidrBlock of ['10.1.0.0/16', '10.2.0.0/16']) vpcs.push((await ask('2016-04-28', 'CreateVpc', { CidrBlock })).VpcId)
  await note('pop peering', async () => {
    const made = await ask('2022-01-01', 'CreateVpcPeerConnection', { VpcId: vpcs[0], AcceptingVpcId: vpcs[1], AcceptingRegionId: 'cn-hangzhou', AcceptingAliUid: 0, Name: 'one' })
    return (await ask('2022-01-01', 'GetVpcPeerConnectionAttribute', { InstanceId: made.InstanceId })).Status
  })
  await note('pop cen', async () => {
    const { CenId } = await ask('2017-09-12', 'CreateCen', {})
    await ask('2017-09-12', 'CreateTransitRouter', { CenId })
    return (await ask('2017-09-12', 'ListTransitRouters', { CenId })).TransitRouters[0].Status
  })
  await note('pop endpoint service', async () => {
    const { ServiceId } = await ask('2020-04-15', 'CreateVpcEndpointService', {})
    return (await ask('2020-04-15', 'GetVpcEndpointServiceAttribute', { ServiceId })).ServiceStatus
  })
  await note('pop no endpoint', () => ask('2020-04-15', 'GetVpcEndpointAttribute', { EndpointId: 'ep-none' }))
  console.log(JSON.stringify(result))
}

main().catch((e) => {
  console.error(e)
  process.exit(1)
})
