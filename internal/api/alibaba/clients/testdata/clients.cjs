// Calls Weir with the vendor's clients and prints what came of it, by name.
const Ram = require('@alicloud/ram20150501')
const Sts = require('@alicloud/sts20150401')
const Core = require('@alicloud/pop-core')

const host = process.argv[2]
const config = (id, secret) => ({
  accessKeyId: id, accessKeySecret: secret, endpoint: host, protocol: 'http', regionId: 'cn-hangzhou',
})
const pop = (secret) => new Core({
  accessKeyId: 'test', accessKeySecret: secret, endpoint: `http://${host}`, apiVersion: '2016-04-28',
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
  console.log(JSON.stringify(result))
}

main().catch((e) => {
  console.error(e)
  process.exit(1)
})
