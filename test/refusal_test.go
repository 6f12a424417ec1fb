package test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// refusal is a call that the vendor's API refuses, with its code and message.
type refusal struct {
	name          string
	call          func(context.Context) error
	code, message string
}

// expect makes every call and compares what came back.
func expect(t *testing.T, cases []refusal) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := c.call(t.Context())
			if code, message := apiError(err); code != c.code || message != c.message {
				t.Errorf("got  %s: %s (%v)\nwant %s: %s", code, message, err, c.code, c.message)
			}
		})
	}
}

// bad is the settings that refused calls are about.
type bad struct {
	*page
	c         *tenant
	farSubnet string
	farGroup  string
	farVPC    string
}

// TestRefusals makes every kind of wrong call with the vendor's SDK. Codes and
// messages are the vendor's, as far as it publishes or is known to send them: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html,
// https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html#API_CreateFunction_Errors and what its services answer.
func TestRefusals(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	c := d.root(t)
	b := &bad{page: open(c, "bad", "10.0.0.0/16"), c: c}
	b.farVPC, _, b.farGroup = c.vpc("10.1.0.0/16")
	b.farSubnet, _ = c.subnet(b.farVPC, "10.1.0.0/24", "")
	t.Run("network", func(t *testing.T) { b.network(t) })
	t.Run("dependencies", func(t *testing.T) { b.dependencies(t) })
	t.Run("functions", func(t *testing.T) { b.functions(t) })
	t.Run("addresses", func(t *testing.T) { b.addresses(t) })
	t.Run("callers", func(t *testing.T) { b.callers(t, d) })
}

func (b *bad) network(t *testing.T) {
	vpc := func(cidr string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := b.c.ec2.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: &cidr})
			return err
		}
	}
	subnet := func(vpc, cidr, zone string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := b.c.ec2.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: &cidr, AvailabilityZone: aws.String(zone)})
			return err
		}
	}
	route := func(table, cidr, gateway string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := b.c.ec2.CreateRoute(ctx, &ec2.CreateRouteInput{RouteTableId: &table, DestinationCidrBlock: &cidr, GatewayId: &gateway})
			return err
		}
	}
	eni := func(addr string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := b.c.ec2.CreateNetworkInterface(ctx, &ec2.CreateNetworkInterfaceInput{SubnetId: &b.lone, PrivateIpAddress: &addr})
			return err
		}
	}
	const none = "0123456789abcdef0"
	web := &ec2.CreateSecurityGroupInput{GroupName: aws.String("web"), Description: aws.String("d"), VpcId: &b.vpc}
	_, err := b.c.ec2.CreateSecurityGroup(t.Context(), web)
	b.c.with(t).check(err)
	expect(t, []refusal{
		{"VPC too large", vpc("10.0.0.0/8"), "InvalidVpc.Range", "The CIDR '10.0.0.0/8' is invalid."},
		{"VPC too small", vpc("10.0.0.0/29"), "InvalidVpc.Range", "The CIDR '10.0.0.0/29' is invalid."},
		{"VPC no CIDR", vpc("10.0.0.0/33"), "InvalidParameterValue", "Value (10.0.0.0/33) for parameter cidrBlock is invalid. This is not a valid CIDR block."},
		{"subnet overlaps", subnet(b.vpc, "10.0.1.128/25", "us-east-1a"), "InvalidSubnet.Conflict", "The CIDR '10.0.1.128/25' conflicts with another subnet"},
		{"subnet out of the VPC", subnet(b.vpc, "10.9.0.0/24", "us-east-1a"), "InvalidSubnet.Range", "The CIDR '10.9.0.0/24' is invalid."},
		{"subnet larger than the VPC", subnet(b.vpc, "10.0.0.0/15", "us-east-1a"), "InvalidSubnet.Range", "The CIDR '10.0.0.0/15' is invalid."},
		{"subnet of no VPC", subnet("vpc-"+none, "10.0.9.0/24", "us-east-1a"), "InvalidVpcID.NotFound", "The vpc ID 'vpc-" + none + "' does not exist"},
		{"wrong zone", subnet(b.vpc, "10.0.9.0/24", "eu-west-1a"), "InvalidParameterValue", "Value (eu-west-1a) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: us-east-1a, us-east-1b, us-east-1c, us-east-1d, us-east-1e, us-east-1f."},
		{"route of no table", route("rtb-"+none, "0.0.0.0/0", b.igw), "InvalidRouteTableID.NotFound", "The routeTable ID 'rtb-" + none + "' does not exist"},
		{"route to no gateway", route(b.loneOnly, "0.0.0.0/0", "igw-"+none), "InvalidGatewayID.NotFound", "The gateway ID 'igw-" + none + "' does not exist"},
		{"route twice", route(b.publicTable, "0.0.0.0/0", b.igw), "RouteAlreadyExists", "The route identified by 0.0.0.0/0 already exists."},
		{"delete no route", func(ctx context.Context) error {
			_, err := b.c.ec2.DeleteRoute(ctx, &ec2.DeleteRouteInput{RouteTableId: &b.loneOnly, DestinationCidrBlock: aws.String("1.2.3.0/24")})
			return err
		}, "InvalidRoute.NotFound", "no route with destination-cidr-block 1.2.3.0/24 in route table " + b.loneOnly},
		{"gateway attached twice", func(ctx context.Context) error {
			_, err := b.c.ec2.AttachInternetGateway(ctx, &ec2.AttachInternetGatewayInput{InternetGatewayId: &b.igw, VpcId: &b.farVPC})
			return err
		}, "Resource.AlreadyAssociated", "resource " + b.igw + " is already attached to network " + b.vpc},
		{"NAT gateway with no elastic IP", func(ctx context.Context) error {
			_, err := b.c.ec2.CreateNatGateway(ctx, &ec2.CreateNatGatewayInput{SubnetId: &b.public, AllocationId: aws.String("eipalloc-" + none)})
			return err
		}, "InvalidAllocationID.NotFound", "The allocation ID 'eipalloc-" + none + "' does not exist"},
		{"describe no subnet", func(ctx context.Context) error {
			_, err := b.c.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{"subnet-" + none}})
			return err
		}, "InvalidSubnetID.NotFound", "The subnet ID 'subnet-" + none + "' does not exist"},
		{"address out of the subnet", eni("10.0.1.9"), "InvalidParameterValue", "Address 10.0.1.9 does not fall within the subnet's address range"},
		{"reserved address", eni("10.0.2.2"), "InvalidParameterValue", "Address 10.0.2.2 is in subnet's reserved address range"},
		{"group twice", func(ctx context.Context) error {
			_, err := b.c.ec2.CreateSecurityGroup(ctx, web)
			return err
		}, "InvalidGroup.Duplicate", "The security group 'web' already exists for VPC '" + b.vpc + "'"},
		{"rule of no group", func(ctx context.Context) error {
			_, err := b.c.ec2.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: aws.String("sg-" + none), IpPermissions: []ec2types.IpPermission{{IpProtocol: aws.String("-1"), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}}}})
			return err
		}, "InvalidGroup.NotFound", "The security group 'sg-" + none + "' does not exist"},
		{"dry run", func(ctx context.Context) error {
			_, err := b.c.ec2.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.7.0.0/16"), DryRun: aws.Bool(true)})
			return err
		}, "DryRunOperation", "Request would have succeeded, but DryRun flag is set."},
	})
}

func (b *bad) dependencies(t *testing.T) {
	expect(t, []refusal{
		{"VPC", func(ctx context.Context) error {
			_, err := b.c.ec2.DeleteVpc(ctx, &ec2.DeleteVpcInput{VpcId: &b.vpc})
			return err
		}, "DependencyViolation", "The vpc '" + b.vpc + "' has dependencies and cannot be deleted."},
		{"subnet", func(ctx context.Context) error {
			_, err := b.c.ec2.DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: &b.public})
			return err
		}, "DependencyViolation", "The subnet '" + b.public + "' has dependencies and cannot be deleted."},
		{"route table", func(ctx context.Context) error {
			_, err := b.c.ec2.DeleteRouteTable(ctx, &ec2.DeleteRouteTableInput{RouteTableId: &b.publicTable})
			return err
		}, "DependencyViolation", "The routeTable '" + b.publicTable + "' has dependencies and cannot be deleted."},
		{"internet gateway", func(ctx context.Context) error {
			_, err := b.c.ec2.DeleteInternetGateway(ctx, &ec2.DeleteInternetGatewayInput{InternetGatewayId: &b.igw})
			return err
		}, "DependencyViolation", "The internetGateway '" + b.igw + "' has dependencies and cannot be deleted."},
		{"mapped addresses", func(ctx context.Context) error {
			_, err := b.c.ec2.DetachInternetGateway(ctx, &ec2.DetachInternetGatewayInput{InternetGatewayId: &b.igw, VpcId: &b.vpc})
			return err
		}, "DependencyViolation", "Network " + b.vpc + " has some mapped public address(es). Please unmap those public address(es) before detaching the gateway."},
		{"default group", func(ctx context.Context) error {
			_, err := b.c.ec2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: &b.group})
			return err
		}, "CannotDelete", `the specified group: "` + b.group + `" name: "default" cannot be deleted by a user`},
		{"role with a policy", func(ctx context.Context) error {
			_, err := b.c.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: aws.String("bad")})
			return err
		}, "DeleteConflict", "Cannot delete entity, must detach all policies first."},
	})
}

// create makes a function that is right but for one change.
func (b *bad) create(change func(*lambda.CreateFunctionInput)) func(context.Context) error {
	return func(ctx context.Context) error {
		in := &lambda.CreateFunctionInput{
			FunctionName: aws.String("refused"), Role: &b.role, Runtime: lambdatypes.RuntimePython312, Handler: aws.String("main.handler"),
			Code: &lambdatypes.FunctionCode{ZipFile: zipped(map[string]string{"main.py": "def handler(e, c): return 1"})},
		}
		change(in)
		_, err := b.c.lambda.CreateFunction(ctx, in)
		return err
	}
}

func (b *bad) vpcConfig(subnets, groups []string) func(context.Context) error {
	return b.create(func(in *lambda.CreateFunctionInput) {
		in.VpcConfig = &lambdatypes.VpcConfig{SubnetIds: subnets, SecurityGroupIds: groups}
	})
}

func many(prefix string, n int) (out []string) {
	for i := range n {
		out = append(out, prefix+strings.Repeat(string("0123456789abcdefg"[i]), 17))
	}
	return out
}

func (b *bad) functions(t *testing.T) {
	c := b.c.with(t)
	const noSubnet, noGroup = "subnet-0123456789abcdef0", "sg-0123456789abcdef0"
	untrusted, err := c.iam.CreateRole(c.ctx, &iam.CreateRoleInput{RoleName: aws.String("untrusted"),
		AssumeRolePolicyDocument: aws.String(strings.Replace(lambdaTrust, "lambda", "ec2", 1))})
	c.check(err)
	plain, err := c.iam.CreateRole(c.ctx, &iam.CreateRoleInput{RoleName: aws.String("plain"), AssumeRolePolicyDocument: aws.String(lambdaTrust)})
	c.check(err)
	v4only, _ := c.subnet(b.vpc, "10.0.9.0/24", "")
	const invalid, unassumable = "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda."
	subnets, groups := many("subnet-", 17), many("sg-", 6)
	expect(t, []refusal{
		{"no such subnet", b.vpcConfig([]string{noSubnet}, []string{b.group}), invalid,
			"Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error Message: The subnet ID '" + noSubnet + "' does not exist"},
		{"no such group", b.vpcConfig([]string{b.private}, []string{noGroup}), invalid,
			"Error occurred while DescribeSecurityGroups. EC2 Error Code: InvalidGroup.NotFound. EC2 Error Message: The security group '" + noGroup + "' does not exist"},
		{"subnets of two VPCs", b.vpcConfig([]string{b.private, b.farSubnet}, []string{b.group}), invalid, "Error occurred while CreateFunction. Subnets must belong to the same VPC."},
		{"group of another VPC", b.vpcConfig([]string{b.private}, []string{b.farGroup}), invalid, "Security Groups are required to be in the same VPC."},
		{"subnet without group", b.vpcConfig([]string{b.private}, nil), invalid, "SubnetIds and SecurityIds must coexist or be both empty list."},
		{"17 subnets", b.vpcConfig(subnets, []string{b.group}), "ValidationException",
			"1 validation error detected: Value '[" + strings.Join(subnets, ", ") + "]' at 'vpcConfig.subnetIds' failed to satisfy constraint: Member must have length less than or equal to 16"},
		{"6 groups", b.vpcConfig([]string{b.private}, groups), "ValidationException",
			"1 validation error detected: Value '[" + strings.Join(groups, ", ") + "]' at 'vpcConfig.securityGroupIds' failed to satisfy constraint: Member must have length less than or equal to 5"},
		{"IPv6 without a block", b.create(func(in *lambda.CreateFunctionInput) {
			in.VpcConfig = &lambdatypes.VpcConfig{SubnetIds: []string{v4only}, SecurityGroupIds: []string{b.group}, Ipv6AllowedForDualStack: aws.Bool(true)}
		}), invalid, "Subnet " + v4only + " is not dual-stack: Ipv6AllowedForDualStack needs an IPv4 and an IPv6 CIDR block on every subnet."},
		{"role that does not exist", b.create(func(in *lambda.CreateFunctionInput) {
			in.Role = aws.String("arn:aws:iam::000000000000:role/nobody")
		}), invalid, unassumable},
		{"role that does not trust Lambda", b.create(func(in *lambda.CreateFunctionInput) { in.Role = untrusted.Role.Arn }), invalid, unassumable},
		{"role without interface permissions", b.create(func(in *lambda.CreateFunctionInput) {
			in.Role, in.VpcConfig = plain.Role.Arn, at(b.private, b.group).config()
		}), invalid, "The provided execution role does not have permissions to call CreateNetworkInterface on EC2"},
		{"no zip", b.create(func(in *lambda.CreateFunctionInput) { in.Code.ZipFile = []byte("this is no archive") }), invalid,
			"Could not unzip uploaded file. Please check your file, then try to upload again."},
		{"reserved variable", b.create(func(in *lambda.CreateFunctionInput) {
			in.Environment = &lambdatypes.Environment{Variables: map[string]string{"AWS_REGION": "x"}}
		}), invalid, "Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: AWS_REGION"},
		{"too little memory", b.create(func(in *lambda.CreateFunctionInput) { in.MemorySize = aws.Int32(64) }), "ValidationException",
			"1 validation error detected: Value '64' at 'memorySize' failed to satisfy constraint: Member must have value greater than or equal to 128"},
		{"too long", b.create(func(in *lambda.CreateFunctionInput) { in.Timeout = aws.Int32(901) }), "ValidationException",
			"1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900"},
		{"no such function", func(ctx context.Context) error {
			_, err := c.lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String("nobody")})
			return err
		}, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:000000000000:function:nobody"},
		{"7 MB payload", func(ctx context.Context) error {
			_, err := c.lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("nobody"), Payload: []byte(`"` + strings.Repeat("x", 7<<20) + `"`)})
			return err
		}, "RequestEntityTooLargeException", "Request must be smaller than 6291456 bytes for the InvokeFunction operation"},
	})
	t.Run("unknown runtime", func(t *testing.T) {
		code, message := apiError(b.create(func(in *lambda.CreateFunctionInput) { in.Runtime = "python9.9" })(t.Context()))
		if code != invalid || !strings.HasPrefix(message, "Value python9.9 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [") || !strings.HasSuffix(message, "] or be a valid ARN") {
			t.Errorf("got %s: %s", code, message)
		}
	})
	t.Run("twice", func(t *testing.T) {
		c.python("once", b.role, "def handler(e, c): return 1", place{})
		expect(t, []refusal{{"function", b.create(func(in *lambda.CreateFunctionInput) { in.FunctionName = aws.String("once") }),
			"ResourceConflictException", "Function already exist: once"}})
	})
}

// addresses runs a subnet out of them: a /28 has 16, five of which are reserved
// (https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html).
func (b *bad) addresses(t *testing.T) {
	c := b.c.with(t)
	small, _ := c.subnet(b.vpc, "10.0.10.0/28", "")
	full := func(ctx context.Context) error {
		_, err := c.ec2.CreateNetworkInterface(ctx, &ec2.CreateNetworkInterfaceInput{SubnetId: &small})
		return err
	}
	for range 11 {
		c.check(full(c.ctx))
	}
	expect(t, []refusal{{"interface", full, "InsufficientFreeAddressesInSubnet", "The specified subnet does not have enough free addresses to satisfy the request."}})
	c.check(b.create(func(in *lambda.CreateFunctionInput) {
		in.FunctionName, in.VpcConfig = aws.String("full"), at(small, b.group).config()
	})(c.ctx))
	got, err := lambda.NewFunctionActiveV2Waiter(c.lambda).WaitForOutput(c.ctx, &lambda.GetFunctionInput{FunctionName: aws.String("full")}, time.Minute)
	if err == nil {
		t.Fatalf("the function became active: %+v", got.Configuration)
	}
	f, err := c.lambda.GetFunctionConfiguration(c.ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("full")})
	c.check(err)
	// https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html: StateReasonCode
	if f.State != lambdatypes.StateFailed || f.StateReasonCode != lambdatypes.StateReasonCodeSubnetOutOfIPAddresses {
		t.Errorf("the function is %s, %s (%s); want Failed, SubnetOutOfIPAddresses", f.State, f.StateReasonCode, aws.ToString(f.StateReason))
	}
}

// callers are wrong in who they say they are, or may not do what they ask.
func (b *bad) callers(t *testing.T, d *daemon) {
	wrong, nobody := d.tenant(t, "test", "wrong", ""), d.tenant(t, "AKIAIOSFODNN7EXAMPLE", "wrong", "")
	session := b.session(t, d)
	forged := d.tenant(t, "test", "test", "forged")
	const arn = "arn:aws:sts::000000000000:assumed-role/reader/it"
	const signature = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	who := func(c *tenant) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := c.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
			return err
		}
	}
	vpcs := func(c *tenant) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := c.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{})
			return err
		}
	}
	list := func(c *tenant) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := c.lambda.ListFunctions(ctx, &lambda.ListFunctionsInput{})
			return err
		}
	}
	expect(t, []refusal{
		{"wrong secret, STS", who(wrong), "SignatureDoesNotMatch", signature},
		{"wrong secret, EC2", vpcs(wrong), "AuthFailure", "AWS was not able to validate the provided access credentials"},
		{"wrong secret, Lambda", list(wrong), "InvalidSignatureException", signature},
		{"no such key, STS", who(nobody), "InvalidClientTokenId", "The security token included in the request is invalid."},
		{"no such key, EC2", vpcs(nobody), "AuthFailure", "AWS was not able to validate the provided access credentials"},
		{"no such key, Lambda", list(nobody), "UnrecognizedClientException", "The security token included in the request is invalid."},
		{"forged token, Lambda", list(forged), "UnrecognizedClientException", "The security token included in the request is invalid."},
		{"may not, EC2", func(ctx context.Context) error {
			_, err := session.ec2.DeleteVpc(ctx, &ec2.DeleteVpcInput{VpcId: &b.vpc})
			return err
		}, "UnauthorizedOperation", "You are not authorized to perform this operation. User: " + arn + " is not authorized to perform: ec2:DeleteVpc on resource: arn:aws:ec2:us-east-1:000000000000:vpc/" + b.vpc + " because no identity-based policy allows the ec2:DeleteVpc action"},
		{"may not, Lambda", list(session), "AccessDeniedException",
			"User: " + arn + " is not authorized to perform: lambda:ListFunctions on resource: * because no identity-based policy allows the lambda:ListFunctions action"},
		{"may not assume", func(ctx context.Context) error {
			_, err := session.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::000000000000:role/bad"), RoleSessionName: aws.String("it")})
			return err
		}, "AccessDenied", "User: " + arn + " is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::000000000000:role/bad"},
	})
	if err := vpcs(session)(t.Context()); err != nil {
		t.Errorf("what the session may: %v", err)
	}
}

// session is a role's that may describe VPCs: a function hands out its own credentials.
func (b *bad) session(t *testing.T, d *daemon) *tenant {
	c := b.c.with(t)
	role, err := c.iam.CreateRole(c.ctx, &iam.CreateRoleInput{RoleName: aws.String("reader"), AssumeRolePolicyDocument: aws.String(lambdaTrust)})
	c.check(err)
	_, err = c.iam.PutRolePolicy(c.ctx, &iam.PutRolePolicyInput{RoleName: aws.String("reader"), PolicyName: aws.String("p"), PolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:DescribeVpcs","Resource":"*"}]}`)})
	c.check(err)
	c.python("it", *role.Role.Arn, `
import os

def handler(event, context):
    return [os.environ["AWS_" + k] for k in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")]
`, place{})
	var keys [3]string
	c.invoke("it", nil).into(t, &keys)
	return d.tenant(t, keys[0], keys[1], keys[2])
}
