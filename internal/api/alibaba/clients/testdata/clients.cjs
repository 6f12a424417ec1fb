// Calls Weir with the vendor's clients and prints what came of it, by name.
const Ram = require('@alicloud/ram20150501')
const Sts = require('@alicloud/sts20150401')
const Vpc = require('@alicloud/vpc20160428')
const Ecs = require('@alicloud/ecs20140526')
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
  await network(note, new Vpc.default(config('test', 'test')), new Ecs.default(config('test', 'test')))
  console.log(JSON.stringify(result))
}

// network makes one, with a host's interface, a NAT gateway and a route.
async function network(note, vpc, ecs) {
  const regionId = 'cn-hangzhou'
  const { vpcId, routeTableId } = (await vpc.createVpc(new Vpc.CreateVpcRequest({ regionId, cidrBlock: '192.168.0.0/16', tag: [{ key: 'team', value: 'red' }] }))).body
  await note('vpc service block', () => vpc.createVpc(new Vpc.CreateVpcRequest({ regionId, cidrBlock: '100.64.0.0/16' })))
  const vswitch = (cidrBlock) => vpc.createVSwitch(new Vpc.CreateVSwitchRequest({ regionId, vpcId, zoneId: 'cn-hangzhou-h', cidrBlock }))
  const { vSwitchId } = (await vswitch('192.168.1.0/24')).body
  await note('vpc overlap', () => vswitch('192.168.1.128/25'))
  await note('vpc free', async () => (await vpc.describeVSwitches(new Vpc.DescribeVSwitchesRequest({ regionId, vpcId }))).body.vSwitches.vSwitch[0].availableIpAddressCount)
  await note('vpc in use', () => vpc.deleteVpc(new Vpc.DeleteVpcRequest({ regionId, vpcId })))
  await note('vpc tagged', async () => (await vpc.describeVpcs(new Vpc.DescribeVpcsRequest({ regionId, tag: [{ key: 'team', value: 'red' }] }))).body.totalCount)
  const { securityGroupId } = (await ecs.createSecurityGroup(new Ecs.CreateSecurityGroupRequest({ regionId, vpcId }))).body
  await ecs.authorizeSecurityGroup(new Ecs.AuthorizeSecurityGroupRequest({ regionId, securityGroupId, permissions: [
    { ipProtocol: 'TCP', portRange: '80/80', sourceCidrIp: '0.0.0.0/0', priority: '1' }, { ipProtocol: 'ICMP', portRange: '-1/-1', sourceCidrIp: '192.168.0.0/16' }] }))
  await note('ecs rules', async () => (await ecs.describeSecurityGroupAttribute(new Ecs.DescribeSecurityGroupAttributeRequest({ regionId, securityGroupId })))
    .body.permissions.permission.map((p) => p.ipProtocol + p.portRange).sort().join())
  await note('ecs bad ports', () => ecs.authorizeSecurityGroup(new Ecs.AuthorizeSecurityGroupRequest({ regionId, securityGroupId, ipProtocol: 'TCP', portRange: '80', sourceCidrIp: '0.0.0.0/0' })))
  const { networkInterfaceId } = (await ecs.createNetworkInterface(new Ecs.CreateNetworkInterfaceRequest({ regionId, vSwitchId, securityGroupId }))).body
  await note('ecs interface', async () => (await ecs.describeNetworkInterfaces(new Ecs.DescribeNetworkInterfacesRequest({ regionId, networkInterfaceId: [networkInterfaceId] })))
    .body.networkInterfaceSets.networkInterfaceSet[0].status)
  const { natGatewayId } = (await vpc.createNatGateway(new Vpc.CreateNatGatewayRequest({ regionId, vpcId, vSwitchId, natType: 'Enhanced' }))).body
  await note('vpc routes', async () => (await vpc.describeRouteEntryList(new Vpc.DescribeRouteEntryListRequest({ regionId, routeTableId })))
    .body.routeEntrys.routeEntry.map((e) => e.destinationCidrBlock).sort().join())
  await note('vpc NAT', async () => (await vpc.getNatGatewayAttribute(new Vpc.GetNatGatewayAttributeRequest({ regionId, natGatewayId }))).body.status)
  await note('vpc unknown', () => vpc.createVpnGateway(new Vpc.CreateVpnGatewayRequest({ regionId, vpcId, bandwidth: 5 })))
}

main().catch((e) => {
  console.error(e)
  process.exit(1)
})
