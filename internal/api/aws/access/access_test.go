package access_test

import (
	"net/netip"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	sdkec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	sdkiam "github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	sdklambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	sdksts "github.com/aws/aws-sdk-go-v2/service/sts"

	"weir/internal/api/wire"
)

// Each service has its own code and words for a refusal.
func TestRefusals(t *testing.T) {
	w := newWorld(t)
	a := w.user(t, w, "alice", "")
	const who = "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: "
	refused(a.ec2.DescribeVpcs(w.ctx, &sdkec2.DescribeVpcsInput{}))(t, "UnauthorizedOperation",
		"You are not authorized to perform this operation. "+who+"ec2:DescribeVpcs because no identity-based policy allows the ec2:DescribeVpcs action")
	refused(a.ec2.CreateVpc(w.ctx, &sdkec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")}))(t, "UnauthorizedOperation",
		"You are not authorized to perform this operation. "+who+"ec2:CreateVpc on resource: arn:aws:ec2:us-east-1:111122223333:vpc/* because no identity-based policy allows the ec2:CreateVpc action")
	refused(a.lambda.GetFunction(w.ctx, &sdklambda.GetFunctionInput{FunctionName: aws.String("f")}))(t, "AccessDeniedException",
		who+"lambda:GetFunction on resource: arn:aws:lambda:us-east-1:111122223333:function:f because no identity-based policy allows the lambda:GetFunction action")
	refused(a.logs.CreateLogGroup(w.ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/a/b")}))(t, "AccessDeniedException",
		who+"logs:CreateLogGroup on resource: arn:aws:logs:us-east-1:111122223333:log-group:/a/b:log-stream: because no identity-based policy allows the logs:CreateLogGroup action")
	refused(a.iam.CreateRole(w.ctx, &sdkiam.CreateRoleInput{RoleName: aws.String("r"), Path: aws.String("/p/"), AssumeRolePolicyDocument: aws.String(lambdas)}))(t, "AccessDenied",
		who+"iam:CreateRole on resource: arn:aws:iam::111122223333:role/p/r because no identity-based policy allows the iam:CreateRole action")

	w.allow(t, "alice", may("*", "")+`,{"Effect":"Deny","Action":"ec2:DescribeVpcs","Resource":"*"}`)
	refused(a.ec2.DescribeVpcs(w.ctx, &sdkec2.DescribeVpcsInput{}))(t, "UnauthorizedOperation",
		"You are not authorized to perform this operation. "+who+"ec2:DescribeVpcs with an explicit deny in an identity-based policy")
	ok(a.ec2.DescribeSubnets(w.ctx, &sdkec2.DescribeSubnetsInput{}))(t)
	ok(w.iam.PutUserPermissionsBoundary(w.ctx, &sdkiam.PutUserPermissionsBoundaryInput{UserName: aws.String("alice"), PermissionsBoundary: aws.String("arn:aws:iam::aws:policy/IAMFullAccess")}))(t)
	refused(a.ec2.DescribeSubnets(w.ctx, &sdkec2.DescribeSubnetsInput{}))(t, "UnauthorizedOperation",
		"You are not authorized to perform this operation. "+who+"ec2:DescribeSubnets because no permissions boundary allows the ec2:DescribeSubnets action")
}

// Rights come from groups and managed policies too, and end with them.
func TestGroupsAndManagedPolicies(t *testing.T) {
	w := newWorld(t)
	a := w.user(t, w, "alice", "")
	g := aws.String("g")
	ok(w.iam.CreateGroup(w.ctx, &sdkiam.CreateGroupInput{GroupName: g}))(t)
	ok(w.iam.AddUserToGroup(w.ctx, &sdkiam.AddUserToGroupInput{GroupName: g, UserName: aws.String("alice")}))(t)
	list := func() (*sdkec2.DescribeVpcsOutput, error) {
		return a.ec2.DescribeVpcs(w.ctx, &sdkec2.DescribeVpcsInput{})
	}
	refused(list())(t, "UnauthorizedOperation", "")
	p := ok(w.iam.CreatePolicy(w.ctx, &sdkiam.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: doc(may("ec2:DescribeVpcs", ""))}))(t).Policy
	ok(w.iam.AttachGroupPolicy(w.ctx, &sdkiam.AttachGroupPolicyInput{GroupName: g, PolicyArn: p.Arn}))(t)
	ok(list())(t)
	ok(w.iam.CreatePolicyVersion(w.ctx, &sdkiam.CreatePolicyVersionInput{PolicyArn: p.Arn, PolicyDocument: doc(may("ec2:DescribeSubnets", "")), SetAsDefault: true}))(t)
	refused(list())(t, "UnauthorizedOperation", "")
	ok(w.iam.SetDefaultPolicyVersion(w.ctx, &sdkiam.SetDefaultPolicyVersionInput{PolicyArn: p.Arn, VersionId: aws.String("v1")}))(t)
	ok(list())(t)
	ok(w.iam.RemoveUserFromGroup(w.ctx, &sdkiam.RemoveUserFromGroupInput{GroupName: g, UserName: aws.String("alice")}))(t)
	refused(list())(t, "UnauthorizedOperation", "")
}

// TestConditions shows each key that a call brings.
func TestConditions(t *testing.T) {
	w := newWorld(t)
	a := w.user(t, w, "alice", "")
	ok(w.iam.TagUser(w.ctx, &sdkiam.TagUserInput{UserName: aws.String("alice"), Tags: []iamtypes.Tag{{Key: aws.String("team"), Value: aws.String("red")}}}))(t)
	tests := map[string]struct {
		yes, no string
	}{
		"username":         {`{"StringEquals":{"aws:username":"alice"}}`, `{"StringEquals":{"aws:username":"bob"}}`},
		"principal":        {`{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/al*"}}`, `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/*"}}`},
		"account":          {`{"StringEquals":{"aws:PrincipalAccount":"111122223333"}}`, `{"StringEquals":{"aws:PrincipalAccount":"444455556666"}}`},
		"type":             {`{"StringEquals":{"aws:PrincipalType":"User"}}`, `{"StringEquals":{"aws:PrincipalType":"AssumedRole"}}`},
		"principal's tag":  {`{"StringEquals":{"aws:PrincipalTag/Team":"red"}}`, `{"StringEquals":{"aws:PrincipalTag/team":"blue"}}`},
		"region":           {`{"StringEquals":{"aws:RequestedRegion":"us-east-1","ec2:Region":"us-east-1"}}`, `{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}`},
		"encryption":       {`{"Bool":{"aws:SecureTransport":"false"}}`, `{"Bool":{"aws:SecureTransport":"true"}}`},
		"source":           {`{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}`, `{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`},
		"time":             {`{"DateGreaterThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}}`, `{"DateLessThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}}`},
		"no second factor": {`{"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}}`, `{"Bool":{"aws:MultiFactorAuthPresent":"true"}}`},
		"long-lived key":   {`{"Null":{"aws:TokenIssueTime":"true"}}`, `{"Null":{"aws:TokenIssueTime":"false"}}`},
		"no endpoint":      {`{"Null":{"aws:SourceVpce":"true"}}`, `{"StringEquals":{"aws:SourceVpce":"vpce-1"}}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w.allow(t, "alice", may2("ec2:DescribeVpcs", tt.yes))
			ok(a.ec2.DescribeVpcs(w.ctx, &sdkec2.DescribeVpcsInput{}))(t)
			w.allow(t, "alice", may2("ec2:DescribeVpcs", tt.no))
			refused(a.ec2.DescribeVpcs(w.ctx, &sdkec2.DescribeVpcsInput{}))(t, "UnauthorizedOperation", "")
		})
	}
	from := func(o *wire.Origin, condition string) {
		t.Helper()
		w.allow(t, "alice", may2("ec2:DescribeVpcs", condition))
		w.origin.Store(o)
		defer w.origin.Store(nil) // the key that sets the policy is for this machine only
		ok(a.ec2.DescribeVpcs(w.ctx, &sdkec2.DescribeVpcsInput{}))(t)
	}
	o := w.endpoint(t, "ec2", "")
	from(o, `{"StringEquals":{"aws:SourceVpce":"`+string(o.Endpoint)+`","aws:SourceVpc":"`+string(o.VPC)+`"},"IpAddress":{"aws:VpcSourceIp":"172.31.0.0/24"},"Null":{"aws:SourceIp":"true"}}`)
	from(&wire.Origin{Source: netip.MustParseAddr("203.0.113.9")}, `{"IpAddress":{"aws:SourceIp":"203.0.113.9/32"},"Null":{"aws:SourceVpc":"true"}}`)
}

// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
func TestTagsOfNetworks(t *testing.T) {
	w := newWorld(t)
	a := w.user(t, w, "alice", "")
	vpc := func(team string) string {
		in := &sdkec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")}
		if team != "" {
			in.TagSpecifications = []ec2types.TagSpecification{{ResourceType: "vpc", Tags: []ec2types.Tag{{Key: aws.String("team"), Value: &team}}}}
		}
		return *ok(w.ec2.CreateVpc(w.ctx, in))(t).Vpc.VpcId
	}
	red, blue := vpc("red"), vpc("blue")
	drop := func(id string) (*sdkec2.DeleteVpcOutput, error) {
		return a.ec2.DeleteVpc(w.ctx, &sdkec2.DeleteVpcInput{VpcId: &id})
	}
	for _, key := range []string{"aws:ResourceTag/team", "ec2:ResourceTag/team"} {
		w.allow(t, "alice", may2("ec2:DeleteVpc", `{"StringEquals":{"`+key+`":"red"}}`))
		refused(drop(blue))(t, "UnauthorizedOperation", "")
	}
	ok(drop(red))(t)

	tagged := func(team string) (*sdkec2.CreateVpcOutput, error) {
		return a.ec2.CreateVpc(w.ctx, &sdkec2.CreateVpcInput{CidrBlock: aws.String("10.1.0.0/16"), TagSpecifications: []ec2types.TagSpecification{
			{ResourceType: "vpc", Tags: []ec2types.Tag{{Key: aws.String("team"), Value: &team}}}}})
	}
	w.allow(t, "alice", may("ec2:CreateVpc", ""))
	refused(tagged("red"))(t, "UnauthorizedOperation",
		"You are not authorized to perform this operation. User: arn:aws:iam::111122223333:user/alice is not authorized to perform: ec2:CreateTags on resource: arn:aws:ec2:us-east-1:111122223333:vpc/*")
	w.allow(t, "alice", may("ec2:CreateVpc", "")+","+may2("ec2:CreateTags", `{"StringEquals":{"ec2:CreateAction":"CreateVpc","aws:RequestTag/team":"red"},"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}`))
	refused(tagged("blue"))(t, "UnauthorizedOperation", "")
	ok(tagged("red"))(t)
	refused(a.ec2.CreateTags(w.ctx, &sdkec2.CreateTagsInput{Resources: []string{blue}, Tags: []ec2types.Tag{{Key: aws.String("team"), Value: aws.String("red")}}}))(t, "UnauthorizedOperation", "")

	arn := "arn:aws:ec2:us-east-1:111122223333:vpc/" + blue
	w.allow(t, "alice", may("ec2:CreateSubnet", arn)+","+`{"Effect":"Allow","Action":"ec2:CreateSubnet","Resource":"arn:aws:ec2:*:*:subnet/*"}`)
	s := ok(a.ec2.CreateSubnet(w.ctx, &sdkec2.CreateSubnetInput{VpcId: &blue, CidrBlock: aws.String("10.0.1.0/24")}))(t).Subnet
	w.allow(t, "alice", may2("ec2:DeleteSubnet", `{"ArnEquals":{"ec2:Vpc":"`+arn+`x"}}`))
	refused(a.ec2.DeleteSubnet(w.ctx, &sdkec2.DeleteSubnetInput{SubnetId: s.SubnetId}))(t, "UnauthorizedOperation", "")
	w.allow(t, "alice", may2("ec2:DeleteSubnet", `{"ArnEquals":{"ec2:Vpc":"`+arn+`"}}`))
	ok(a.ec2.DeleteSubnet(w.ctx, &sdkec2.DeleteSubnetInput{SubnetId: s.SubnetId}))(t)
}

// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
func TestPassRole(t *testing.T) {
	w := newWorld(t)
	a := w.user(t, w, "alice", may("lambda:CreateFunction lambda:UpdateFunctionConfiguration lambda:GetFunction*", ""))
	run, spare := w.role(t, "run", `{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`, ""),
		w.role(t, "spare", `{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`, "")
	const no = "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: iam:PassRole on resource: arn:aws:iam::111122223333:role/"
	refused(a.lambda.CreateFunction(w.ctx, function(t, "f", run)))(t, "AccessDeniedException", no+"run because no identity-based policy allows the iam:PassRole action")
	pass := func(service string) {
		w.allow(t, "alice", may("lambda:*", "")+`,{"Effect":"Allow","Action":"iam:PassRole","Resource":"`+run+`","Condition":{"StringEquals":{"iam:PassedToService":"`+service+`"}}}`)
	}
	pass("ec2.amazonaws.com")
	refused(a.lambda.CreateFunction(w.ctx, function(t, "f", run)))(t, "AccessDeniedException", no+"run")
	pass("lambda.amazonaws.com")
	ok(a.lambda.CreateFunction(w.ctx, function(t, "f", run)))(t)
	refused(a.lambda.UpdateFunctionConfiguration(w.ctx, &sdklambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Role: &spare}))(t, "AccessDeniedException", no+"spare")
	ok(a.lambda.UpdateFunctionConfiguration(w.ctx, &sdklambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Timeout: aws.Int32(4)}))(t)
	foreign := w.root(other).role(t, "run", `{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`, "")
	refused(w.lambda.CreateFunction(w.ctx, function(t, "g", foreign)))(t, "AccessDeniedException", "Cross-account pass role is not allowed.")
}

// Tags of functions decide too.
func TestTagsOfFunctions(t *testing.T) {
	w := newWorld(t)
	role := w.role(t, "run", `{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`, "")
	for _, team := range []string{"red", "blue"} {
		in := function(t, team, role)
		in.Tags = map[string]string{"team": team}
		ok(w.lambda.CreateFunction(w.ctx, in))(t)
	}
	a := w.user(t, w, "alice", may2("lambda:InvokeFunction", `{"StringEquals":{"aws:ResourceTag/team":"${aws:PrincipalTag/team}"}}`))
	ok(w.iam.TagUser(w.ctx, &sdkiam.TagUserInput{UserName: aws.String("alice"), Tags: []iamtypes.Tag{{Key: aws.String("team"), Value: aws.String("red")}}}))(t)
	ok(a.lambda.Invoke(w.ctx, &sdklambda.InvokeInput{FunctionName: aws.String("red")}))(t)
	refused(a.lambda.Invoke(w.ctx, &sdklambda.InvokeInput{FunctionName: aws.String("blue")}))(t, "AccessDeniedException", "")
	w.allow(t, "alice", may2("lambda:TagResource", `{"ForAllValues:StringEquals":{"aws:TagKeys":["cost"]}}`))
	arn := aws.String("arn:aws:lambda:us-east-1:111122223333:function:red")
	ok(a.lambda.TagResource(w.ctx, &sdklambda.TagResourceInput{Resource: arn, Tags: map[string]string{"cost": "1"}}))(t)
	refused(a.lambda.TagResource(w.ctx, &sdklambda.TagResourceInput{Resource: arn, Tags: map[string]string{"cost": "1", "team": "blue"}}))(t, "AccessDeniedException", "")
}

// https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
func TestFunctionPolicy(t *testing.T) {
	w := newWorld(t)
	role := w.role(t, "run", `{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`, "")
	ok(w.lambda.CreateFunction(w.ctx, function(t, "f", role)))(t)
	ok(w.lambda.PublishVersion(w.ctx, &sdklambda.PublishVersionInput{FunctionName: aws.String("f")}))(t)
	const arn = "arn:aws:lambda:us-east-1:111122223333:function:f"
	alice := w.user(t, w, "alice", "")
	foreign := w.root(other)
	guest := foreign.user(t, w, "guest", may("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:111122223333:function:f*"))
	idle := foreign.user(t, w, "idle", "")
	call := func(c clients, qualifier string) (*sdklambda.InvokeOutput, error) {
		in := &sdklambda.InvokeInput{FunctionName: aws.String(arn)}
		if qualifier != "" {
			in.Qualifier = &qualifier
		}
		return c.lambda.Invoke(w.ctx, in)
	}
	permit := func(id, principal, qualifier string) {
		t.Helper()
		in := &sdklambda.AddPermissionInput{FunctionName: aws.String("f"), StatementId: &id, Action: aws.String("lambda:InvokeFunction"), Principal: &principal}
		if qualifier != "" {
			in.Qualifier = &qualifier
		}
		ok(w.lambda.AddPermission(w.ctx, in))(t)
	}
	refused(call(alice, ""))(t, "AccessDeniedException", "")
	refused(call(guest, ""))(t, "AccessDeniedException", "User: arn:aws:iam::444455556666:user/guest is not authorized to perform: lambda:InvokeFunction on resource: "+arn+" because no resource-based policy allows the lambda:InvokeFunction action")
	permit("alice", "arn:aws:iam::111122223333:user/alice", "")
	ok(call(alice, ""))(t)
	refused(call(alice, "1"))(t, "AccessDeniedException", "")
	permit("other", other, "1")
	refused(call(guest, ""))(t, "AccessDeniedException", "")
	ok(call(guest, "1"))(t)
	refused(call(idle, "1"))(t, "AccessDeniedException", "User: arn:aws:iam::444455556666:user/idle is not authorized to perform: lambda:InvokeFunction on resource: "+arn+":1 because no identity-based policy allows")
	ok(call(foreign, "1"))(t)
	refused(call(foreign, ""))(t, "AccessDeniedException", "")
	permit("all", "111122223333", "1")
	refused(call(alice, "1"))(t, "AccessDeniedException", "") // the account's own policies must say so too
	ok(w.lambda.RemovePermission(w.ctx, &sdklambda.RemovePermissionInput{FunctionName: aws.String("f"), StatementId: aws.String("alice")}))(t)
	refused(call(alice, ""))(t, "AccessDeniedException", "")

	// The role that the policy names is limited by a session policy; the session that it names is not.
	r := w.role(t, "caller", trusting(aws12("arn:aws:iam::111122223333:user/alice")), "")
	in := assume(r, "s1")
	in.Policy = doc(may("ec2:*", ""))
	limited := w.session(ok(alice.sts.AssumeRole(w.ctx, in))(t).Credentials)
	free := w.session(ok(alice.sts.AssumeRole(w.ctx, assume(r, "s2")))(t).Credentials)
	permit("role", r, "")
	refused(call(limited, ""))(t, "AccessDeniedException", "")
	ok(call(free, ""))(t)
	permit("session", "arn:aws:sts::111122223333:assumed-role/caller/s1", "")
	ok(call(limited, ""))(t)
}

// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
func TestLogGroups(t *testing.T) {
	w := newWorld(t)
	a := w.user(t, w, "alice", may("logs:*", "arn:aws:logs:us-east-1:111122223333:log-group:/aws/lambda/f:*"))
	group := func(name string) *cloudwatchlogs.CreateLogGroupInput {
		return &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &name}
	}
	ok(a.logs.CreateLogGroup(w.ctx, group("/aws/lambda/f")))(t)
	refused(a.logs.CreateLogGroup(w.ctx, group("/aws/lambda/fg")))(t, "AccessDeniedException", "")
	ok(a.logs.CreateLogStream(w.ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: aws.String("/aws/lambda/f"), LogStreamName: aws.String("s")}))(t)
	w.allow(t, "alice", may("logs:*", "arn:aws:logs:*:*:log-group:/aws/lambda/f:log-stream:s"))
	get := func(stream string) (*cloudwatchlogs.GetLogEventsOutput, error) {
		return a.logs.GetLogEvents(w.ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String("/aws/lambda/f"), LogStreamName: &stream})
	}
	ok(get("s"))(t)
	refused(get("other"))(t, "AccessDeniedException", "")
	refused(a.logs.DescribeLogGroups(w.ctx, &cloudwatchlogs.DescribeLogGroupsInput{}))(t, "AccessDeniedException", "")
	w.allow(t, "alice", may("logs:DescribeLogGroups", ""))
	ok(a.logs.DescribeLogGroups(w.ctx, &cloudwatchlogs.DescribeLogGroupsInput{}))(t)
}

// IAM's own resources: paths, tags, the policy attached, whom a membership concerns.
func TestIAMResources(t *testing.T) {
	w := newWorld(t)
	a := w.user(t, w, "alice", may("iam:GetRole", "arn:aws:iam::111122223333:role/team/*")+
		`,{"Effect":"Allow","Action":"iam:AttachRolePolicy","Resource":"*","Condition":{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/ReadOnlyAccess"}}}`+
		`,{"Effect":"Allow","Action":"iam:DeleteRole","Resource":"*","Condition":{"StringEquals":{"iam:ResourceTag/team":"red"}}}`+
		","+may("iam:AddUserToGroup", "arn:aws:iam::111122223333:group/open"))
	mk := func(name, path, team string) {
		ok(w.iam.CreateRole(w.ctx, &sdkiam.CreateRoleInput{RoleName: &name, Path: &path, AssumeRolePolicyDocument: aws.String(lambdas), Tags: []iamtypes.Tag{{Key: aws.String("team"), Value: &team}}}))(t)
	}
	mk("in", "/team/", "red")
	mk("out", "/", "blue")
	ok(a.iam.GetRole(w.ctx, &sdkiam.GetRoleInput{RoleName: aws.String("in")}))(t)
	refused(a.iam.GetRole(w.ctx, &sdkiam.GetRoleInput{RoleName: aws.String("out")}))(t, "AccessDenied", "")
	attach := func(arn string) (*sdkiam.AttachRolePolicyOutput, error) {
		return a.iam.AttachRolePolicy(w.ctx, &sdkiam.AttachRolePolicyInput{RoleName: aws.String("out"), PolicyArn: &arn})
	}
	ok(attach("arn:aws:iam::aws:policy/ReadOnlyAccess"))(t)
	refused(attach("arn:aws:iam::aws:policy/AdministratorAccess"))(t, "AccessDenied", "")
	refused(a.iam.DeleteRole(w.ctx, &sdkiam.DeleteRoleInput{RoleName: aws.String("out")}))(t, "AccessDenied", "")
	ok(a.iam.DeleteRole(w.ctx, &sdkiam.DeleteRoleInput{RoleName: aws.String("in")}))(t)
	for _, g := range []string{"open", "closed"} {
		ok(w.iam.CreateGroup(w.ctx, &sdkiam.CreateGroupInput{GroupName: &g}))(t)
	}
	ok(a.iam.AddUserToGroup(w.ctx, &sdkiam.AddUserToGroupInput{GroupName: aws.String("open"), UserName: aws.String("alice")}))(t)
	refused(a.iam.AddUserToGroup(w.ctx, &sdkiam.AddUserToGroupInput{GroupName: aws.String("closed"), UserName: aws.String("alice")}))(t, "AccessDenied", "")

	w.allow(t, "alice", may("iam:AddRoleToInstanceProfile", ""))
	ok(w.iam.CreateInstanceProfile(w.ctx, &sdkiam.CreateInstanceProfileInput{InstanceProfileName: aws.String("p")}))(t)
	refused(a.iam.AddRoleToInstanceProfile(w.ctx, &sdkiam.AddRoleToInstanceProfileInput{InstanceProfileName: aws.String("p"), RoleName: aws.String("out")}))(t, "AccessDenied",
		"User: arn:aws:iam::111122223333:user/alice is not authorized to perform: iam:PassRole on resource: arn:aws:iam::111122223333:role/out")
}

// The bootstrap key, and what was made with it, is for this machine only.
func TestLoopbackOnly(t *testing.T) {
	w := newWorld(t)
	s := w.session(ok(w.sts.GetSessionToken(w.ctx, &sdksts.GetSessionTokenInput{}))(t).Credentials)
	fed := w.session(ok(w.sts.GetFederationToken(w.ctx, &sdksts.GetFederationTokenInput{Name: aws.String("bob")}))(t).Credentials)
	u := w.user(t, w, "alice", "")
	for where, o := range map[string]*wire.Origin{
		"elsewhere":             {Source: netip.MustParseAddr("203.0.113.9")},
		"a VPC":                 {Source: netip.MustParseAddr("10.0.0.5"), VPC: "vpc-1"},
		"a VPC's own 127.0.0.1": {Source: netip.MustParseAddr("127.0.0.1"), VPC: "vpc-1"},
	} {
		t.Run(where, func(t *testing.T) {
			w.origin.Store(o)
			for name, c := range map[string]clients{"bootstrap key": w.clients, "its session": s, "whom it federates": fed} {
				t.Run(name, func(t *testing.T) {
					refused(c.sts.GetCallerIdentity(w.ctx, &sdksts.GetCallerIdentityInput{}))(t, "InvalidClientTokenId", "The security token included in the request is invalid.")
				})
			}
			u.identity(t)
		})
	}
}
