package access_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	sdkec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	sdkiam "github.com/aws/aws-sdk-go-v2/service/iam"
	sdklambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	sdksts "github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
)

func assume(role, session string) *sdksts.AssumeRoleInput {
	return &sdksts.AssumeRoleInput{RoleArn: &role, RoleSessionName: &session}
}

func (c clients) identity(t *testing.T) (arn, id string) {
	t.Helper()
	out := ok(c.sts.GetCallerIdentity(t.Context(), &sdksts.GetCallerIdentityInput{}))(t)
	if *out.Account != account {
		t.Errorf("account %s", *out.Account)
	}
	return *out.Arn, *out.UserId
}

func TestCallerIdentity(t *testing.T) {
	w := newWorld(t)
	if arn, id := w.identity(t); arn != "arn:aws:iam::111122223333:root" || id != account {
		t.Errorf("root: %s %s", arn, id)
	}
	u := ok(w.iam.CreateUser(w.ctx, &sdkiam.CreateUserInput{UserName: aws.String("alice"), Path: aws.String("/team/")}))(t).User
	k := ok(w.iam.CreateAccessKey(w.ctx, &sdkiam.CreateAccessKeyInput{UserName: aws.String("alice")}))(t).AccessKey
	alice := w.as(*k.AccessKeyId, *k.SecretAccessKey, "")
	if arn, id := alice.identity(t); arn != "arn:aws:iam::111122223333:user/team/alice" || id != *u.UserId {
		t.Errorf("user: %s %s", arn, id)
	}
	own := w.session(ok(alice.sts.GetSessionToken(w.ctx, &sdksts.GetSessionTokenInput{}))(t).Credentials)
	if arn, id := own.identity(t); arn != "arn:aws:iam::111122223333:user/team/alice" || id != *u.UserId {
		t.Errorf("the user's session: %s %s", arn, id)
	}
	r := ok(w.iam.CreateRole(w.ctx, &sdkiam.CreateRoleInput{RoleName: aws.String("app"), Path: aws.String("/p/"), AssumeRolePolicyDocument: doc(trusting(aws12(*u.Arn)))}))(t).Role
	out := ok(alice.sts.AssumeRole(w.ctx, assume(*r.Arn, "s1")))(t)
	if *out.AssumedRoleUser.AssumedRoleId != *r.RoleId+":s1" || !strings.HasPrefix(*out.Credentials.AccessKeyId, "ASIA") {
		t.Errorf("assumed: %+v", out.AssumedRoleUser)
	}
	if arn, id := w.session(out.Credentials).identity(t); arn != "arn:aws:sts::111122223333:assumed-role/app/s1" || id != *r.RoleId+":s1" {
		t.Errorf("role session: %s %s", arn, id)
	}
	fed := ok(w.sts.GetFederationToken(w.ctx, &sdksts.GetFederationTokenInput{Name: aws.String("bob")}))(t)
	if arn, id := w.session(fed.Credentials).identity(t); arn != "arn:aws:sts::111122223333:federated-user/bob" || id != "111122223333:bob" || *fed.FederatedUser.Arn != arn {
		t.Errorf("federated: %s %s", arn, id)
	}
}

func TestAssumeRole(t *testing.T) {
	w := newWorld(t)
	const alice, rootARN = "arn:aws:iam::111122223333:user/alice", "arn:aws:iam::111122223333:root"
	anyone := w.user(t, w, "alice", "")
	bob := w.user(t, w, "bob", may("sts:AssumeRole", ""))
	direct := w.role(t, "direct", trusting(aws12(alice)), "")
	byRoot := w.role(t, "byroot", trusting(aws12(rootARN)), "")
	secret := w.role(t, "secret", `{"Effect":"Allow","Principal":{"AWS":"`+alice+`"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"x1"}}}`, "")
	named := w.role(t, "named", `{"Effect":"Allow","Principal":{"AWS":"`+alice+`"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:RoleSessionName":"${aws:username}"}}}`, "")

	no := func(user, role string) string {
		return "User: arn:aws:iam::111122223333:user/" + user + " is not authorized to perform: sts:AssumeRole on resource: " + role
	}
	ok(anyone.sts.AssumeRole(w.ctx, assume(direct, "s1")))(t)
	refused(bob.sts.AssumeRole(w.ctx, assume(direct, "s1")))(t, "AccessDenied", no("bob", direct))
	ok(bob.sts.AssumeRole(w.ctx, assume(byRoot, "s1")))(t)
	refused(anyone.sts.AssumeRole(w.ctx, assume(byRoot, "s1")))(t, "AccessDenied", no("alice", byRoot))
	refused(bob.sts.AssumeRole(w.ctx, assume("arn:aws:iam::111122223333:role/none", "s1")))(t, "AccessDenied", no("bob", "arn:aws:iam::111122223333:role/none"))
	refused(w.sts.AssumeRole(w.ctx, assume(byRoot, "s1")))(t, "AccessDenied", "Roles may not be assumed by root accounts.")
	refused(anyone.sts.AssumeRole(w.ctx, assume(secret, "s1")))(t, "AccessDenied", no("alice", secret))
	with := assume(secret, "s1")
	with.ExternalId = aws.String("x1")
	ok(anyone.sts.AssumeRole(w.ctx, with))(t)
	refused(anyone.sts.AssumeRole(w.ctx, assume(named, "s1")))(t, "AccessDenied", no("alice", named))
	ok(anyone.sts.AssumeRole(w.ctx, assume(named, "alice")))(t)

	mfa := assume(direct, "s1")
	mfa.SerialNumber, mfa.TokenCode = aws.String("arn:aws:iam::111122223333:mfa/a"), aws.String("123456")
	refused(anyone.sts.AssumeRole(w.ctx, mfa))(t, "AccessDenied", "MultiFactorAuthentication failed")
	long := assume(direct, "s1")
	long.DurationSeconds = aws.Int32(3601)
	refused(anyone.sts.AssumeRole(w.ctx, long))(t, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	refused(anyone.sts.AssumeRole(w.ctx, assume(direct, "no space")))(t, "ValidationError", "1 validation error detected: Value 'no space' at 'roleSessionName'")
}

func TestAssumeRoleAcrossAccounts(t *testing.T) {
	w := newWorld(t)
	foreign := w.root(other)
	role := foreign.role(t, "guest", trusting(aws12("arn:aws:iam::111122223333:root")), may("ec2:DescribeVpcs", ""))
	alone := w.user(t, w, "alone", "")
	allowed := w.user(t, w, "allowed", may("sts:AssumeRole", role))
	refused(alone.sts.AssumeRole(w.ctx, assume(role, "s1")))(t, "AccessDenied", "")
	s := w.session(ok(allowed.sts.AssumeRole(w.ctx, assume(role, "s1")))(t).Credentials)
	out := ok(s.sts.GetCallerIdentity(w.ctx, &sdksts.GetCallerIdentityInput{}))(t)
	if *out.Account != other || *out.Arn != "arn:aws:sts::444455556666:assumed-role/guest/s1" {
		t.Errorf("guest is %s", *out.Arn)
	}
}

func TestSessionTagsAndSourceIdentity(t *testing.T) {
	w := newWorld(t)
	const alice = "arn:aws:iam::111122223333:user/alice"
	a := w.user(t, w, "alice", "")
	plain := w.role(t, "plain", trusting(aws12(alice)), "")
	tagging := w.role(t, "tagging", `{"Effect":"Allow","Principal":{"AWS":"`+alice+`"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"],"Condition":{"StringLikeIfExists":{"aws:RequestTag/team":"t*"}}}`,
		may2("ec2:DescribeVpcs", `{"StringEquals":{"aws:PrincipalTag/team":"t1"}}`)+","+may2("iam:ListUsers", `{"StringEquals":{"aws:SourceIdentity":"alice"}}`)+","+may("sts:*", ""))
	next := w.role(t, "next", `{"Effect":"Allow","Principal":{"AWS":"`+tagging+`"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}`,
		may2("ec2:DescribeVpcs", `{"StringEquals":{"aws:PrincipalTag/team":"t1"}}`))

	tagged := func(role, team string) *sdksts.AssumeRoleInput {
		in := assume(role, "s1")
		in.Tags = []ststypes.Tag{{Key: aws.String("team"), Value: &team}}
		return in
	}
	refused(a.sts.AssumeRole(w.ctx, tagged(plain, "t1")))(t, "AccessDenied", "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: sts:TagSession on resource: "+plain)
	refused(a.sts.AssumeRole(w.ctx, tagged(tagging, "x")))(t, "AccessDenied", "")
	t2 := w.session(ok(a.sts.AssumeRole(w.ctx, tagged(tagging, "t2")))(t).Credentials)
	refused(t2.ec2.DescribeVpcs(w.ctx, &sdkec2.DescribeVpcsInput{}))(t, "UnauthorizedOperation", "")
	in := tagged(tagging, "t1")
	in.TransitiveTagKeys, in.SourceIdentity = []string{"team"}, aws.String("alice")
	out := ok(a.sts.AssumeRole(w.ctx, in))(t)
	//lint:ignore SA1019 still answered
	if *out.SourceIdentity != "alice" || *out.PackedPolicySize < 1 {
		t.Errorf("answer %+v", out)
	}
	t1 := w.session(out.Credentials)
	ok(t1.ec2.DescribeVpcs(w.ctx, &sdkec2.DescribeVpcsInput{}))(t)
	ok(t1.iam.ListUsers(w.ctx, &sdkiam.ListUsersInput{}))(t)

	chained := ok(t1.sts.AssumeRole(w.ctx, assume(next, "s2")))(t)
	if *chained.SourceIdentity != "alice" {
		t.Errorf("source identity is lost: %+v", chained)
	}
	ok(w.session(chained.Credentials).ec2.DescribeVpcs(w.ctx, &sdkec2.DescribeVpcsInput{}))(t)
	again := assume(next, "s2")
	again.SourceIdentity = aws.String("mallory")
	refused(t1.sts.AssumeRole(w.ctx, again))(t, "AccessDenied", "")
	long := assume(next, "s2")
	long.DurationSeconds = aws.Int32(3601)
	refused(t1.sts.AssumeRole(w.ctx, long))(t, "ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	missing := tagged(tagging, "t1")
	missing.TransitiveTagKeys = []string{"dept"}
	refused(a.sts.AssumeRole(w.ctx, missing))(t, "InvalidParameterValue", "The specified transitive tag key must be included in the requested tags.")
	missing.TransitiveTagKeys = []string{"TEAM"} // keys differ in more than case
	ok(a.sts.AssumeRole(w.ctx, missing))(t)
	override := assume(next, "s2")
	override.Tags = []ststypes.Tag{{Key: aws.String("Team"), Value: aws.String("t2")}}
	refused(t1.sts.AssumeRole(w.ctx, override))(t, "InvalidParameterValue", "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
	refused(a.sts.AssumeRole(w.ctx, assume("nothing-valid-in-here", "s1")))(t, "ValidationError", "nothing-valid-in-here is invalid")
}

func TestSessionPolicies(t *testing.T) {
	w := newWorld(t)
	const alice = "arn:aws:iam::111122223333:user/alice"
	a := w.user(t, w, "alice", may("sts:GetFederationToken ec2:Describe* iam:ListUsers", ""))
	role := w.role(t, "r", trusting(aws12(alice)), may("ec2:Describe* iam:ListUsers", ""))
	in := assume(role, "s1")
	in.Policy = doc(may("ec2:DescribeVpcs lambda:*", ""))
	s := w.session(ok(a.sts.AssumeRole(w.ctx, in))(t).Credentials)
	ok(s.ec2.DescribeVpcs(w.ctx, &sdkec2.DescribeVpcsInput{}))(t)
	refused(s.ec2.DescribeSubnets(w.ctx, &sdkec2.DescribeSubnetsInput{}))(t, "UnauthorizedOperation",
		"You are not authorized to perform this operation. User: arn:aws:sts::111122223333:assumed-role/r/s1 is not authorized to perform: ec2:DescribeSubnets because no session policy allows the ec2:DescribeSubnets action")
	refused(s.lambda.ListFunctions(w.ctx, &sdklambda.ListFunctionsInput{}))(t, "AccessDeniedException",
		"User: arn:aws:sts::111122223333:assumed-role/r/s1 is not authorized to perform: lambda:ListFunctions on resource: * because no identity-based policy allows the lambda:ListFunctions action")

	in.Policy, in.PolicyArns = nil, []ststypes.PolicyDescriptorType{{Arn: aws.String("arn:aws:iam::aws:policy/IAMReadOnlyAccess")}}
	s = w.session(ok(a.sts.AssumeRole(w.ctx, in))(t).Credentials)
	ok(s.iam.ListUsers(w.ctx, &sdkiam.ListUsersInput{}))(t)
	refused(s.ec2.DescribeVpcs(w.ctx, &sdkec2.DescribeVpcsInput{}))(t, "UnauthorizedOperation", "")

	in.PolicyArns[0].Arn = aws.String("arn:aws:iam::111122223333:policy/none")
	refused(a.sts.AssumeRole(w.ctx, in))(t, "ValidationError", "")
	in.PolicyArns, in.Policy = nil, aws.String("{}")
	refused(a.sts.AssumeRole(w.ctx, in))(t, "MalformedPolicyDocument", "Syntax errors in policy.")
	in.Policy = doc(may("ec2:Describe*", "arn:aws:ec2:::"+strings.Repeat("x", 2048)))
	refused(a.sts.AssumeRole(w.ctx, in))(t, "PackedPolicyTooLarge", "")

	// A federated user has what both its policy and the user behind it allow, and never IAM.
	fed := ok(a.sts.GetFederationToken(w.ctx, &sdksts.GetFederationTokenInput{Name: aws.String("bob"), Policy: doc(may("ec2:DescribeVpcs lambda:* iam:*", ""))}))(t)
	b := w.session(fed.Credentials)
	ok(b.ec2.DescribeVpcs(w.ctx, &sdkec2.DescribeVpcsInput{}))(t)
	refused(b.ec2.DescribeSubnets(w.ctx, &sdkec2.DescribeSubnetsInput{}))(t, "UnauthorizedOperation", "")
	refused(b.lambda.ListFunctions(w.ctx, &sdklambda.ListFunctionsInput{}))(t, "AccessDeniedException", "")
	refused(b.iam.ListUsers(w.ctx, &sdkiam.ListUsersInput{}))(t, "InvalidClientTokenId", "")
	refused(b.sts.AssumeRole(w.ctx, assume(role, "s1")))(t, "AccessDenied", "Cannot call AssumeRole with session credentials")
	bare := w.session(ok(a.sts.GetFederationToken(w.ctx, &sdksts.GetFederationTokenInput{Name: aws.String("bare")}))(t).Credentials)
	refused(bare.ec2.DescribeVpcs(w.ctx, &sdkec2.DescribeVpcsInput{}))(t, "UnauthorizedOperation", "")
	refused(w.user(t, w, "carl", "").sts.GetFederationToken(w.ctx, &sdksts.GetFederationTokenInput{Name: aws.String("bob")}))(t, "AccessDenied",
		"User: arn:aws:iam::111122223333:user/carl is not authorized to perform: sts:GetFederationToken on resource: arn:aws:sts::111122223333:federated-user/bob")
}

// What a session of a user's own may not do.
func TestSessionToken(t *testing.T) {
	w := newWorld(t)
	a := w.user(t, w, "alice", may("*", ""))
	s := w.session(ok(a.sts.GetSessionToken(w.ctx, &sdksts.GetSessionTokenInput{}))(t).Credentials)
	ok(s.ec2.DescribeVpcs(w.ctx, &sdkec2.DescribeVpcsInput{}))(t)
	refused(s.iam.ListUsers(w.ctx, &sdkiam.ListUsersInput{}))(t, "InvalidClientTokenId", "")
	refused(s.sts.GetSessionToken(w.ctx, &sdksts.GetSessionTokenInput{}))(t, "AccessDenied", "Cannot call GetSessionToken with session credentials")
	refused(s.sts.GetFederationToken(w.ctx, &sdksts.GetFederationTokenInput{Name: aws.String("bob")}))(t, "AccessDenied", "Cannot call GetFederationToken with session credentials")

	// It follows the user's new name, and ends with the user: another of the same name is another.
	ok(w.iam.UpdateUser(w.ctx, &sdkiam.UpdateUserInput{UserName: aws.String("alice"), NewUserName: aws.String("alicia")}))(t)
	if arn, _ := s.identity(t); arn != "arn:aws:iam::111122223333:user/alicia" {
		t.Errorf("after renaming: %s", arn)
	}
	keys := ok(w.iam.ListAccessKeys(w.ctx, &sdkiam.ListAccessKeysInput{UserName: aws.String("alicia")}))(t).AccessKeyMetadata
	ok(w.iam.DeleteAccessKey(w.ctx, &sdkiam.DeleteAccessKeyInput{UserName: aws.String("alicia"), AccessKeyId: keys[0].AccessKeyId}))(t)
	ok(w.iam.DeleteUserPolicy(w.ctx, &sdkiam.DeleteUserPolicyInput{UserName: aws.String("alicia"), PolicyName: aws.String("p")}))(t)
	ok(w.iam.DeleteUser(w.ctx, &sdkiam.DeleteUserInput{UserName: aws.String("alicia")}))(t)
	w.user(t, w, "alicia", may("*", ""))
	refused(s.sts.GetCallerIdentity(w.ctx, &sdksts.GetCallerIdentityInput{}))(t, "InvalidClientTokenId", "The security token included in the request is invalid.")
}

// A role made anew is another role, whatever its name.
func TestSessionOfADeletedRole(t *testing.T) {
	w := newWorld(t)
	a := w.user(t, w, "alice", may("sts:AssumeRole", ""))
	role := w.role(t, "r", trusting(aws12("arn:aws:iam::111122223333:root")), "")
	s := w.session(ok(a.sts.AssumeRole(w.ctx, assume(role, "s1")))(t).Credentials)
	s.identity(t)
	ok(w.iam.DeleteRole(w.ctx, &sdkiam.DeleteRoleInput{RoleName: aws.String("r")}))(t)
	refused(s.sts.GetCallerIdentity(w.ctx, &sdksts.GetCallerIdentityInput{}))(t, "InvalidClientTokenId", "")
	w.role(t, "r", trusting(aws12("arn:aws:iam::111122223333:root")), may("*", ""))
	refused(s.sts.GetCallerIdentity(w.ctx, &sdksts.GetCallerIdentityInput{}))(t, "InvalidClientTokenId", "")
}

// Each service has its own word for a session that is over.
func TestExpiredSession(t *testing.T) {
	w := newWorld(t)
	role := w.role(t, "r", trusting(aws12("arn:aws:iam::111122223333:user/alice")), may("*", ""))
	a := w.user(t, w, "alice", "")
	in := assume(role, "s1")
	in.DurationSeconds = aws.Int32(900)
	creds := ok(a.sts.AssumeRole(w.ctx, in))(t).Credentials
	if left := time.Until(*creds.Expiration); left > 15*time.Minute || left < 14*time.Minute {
		t.Errorf("expires in %s", left)
	}
	s := w.session(creds)
	w.ahead.Store(int64(14*time.Minute + 50*time.Second))
	s.identity(t)
	w.ahead.Store(int64(15*time.Minute + time.Second))
	const over = "The security token included in the request is expired"
	refused(s.sts.GetCallerIdentity(w.ctx, &sdksts.GetCallerIdentityInput{}))(t, "ExpiredToken", over)
	refused(s.iam.ListUsers(w.ctx, &sdkiam.ListUsersInput{}))(t, "ExpiredToken", over)
	refused(s.ec2.DescribeVpcs(w.ctx, &sdkec2.DescribeVpcsInput{}))(t, "RequestExpired", "Request has expired.")
	refused(s.lambda.ListFunctions(w.ctx, &sdklambda.ListFunctionsInput{}))(t, "ExpiredTokenException", over)
	refused(s.logs.DescribeLogGroups(w.ctx, &cloudwatchlogs.DescribeLogGroupsInput{}))(t, "ExpiredTokenException", over)
}

// A token belongs to one key, and a key of a session is nothing without it.
func TestForgedSession(t *testing.T) {
	w := newWorld(t)
	one := ok(w.sts.GetSessionToken(w.ctx, &sdksts.GetSessionTokenInput{}))(t).Credentials
	two := ok(w.sts.GetSessionToken(w.ctx, &sdksts.GetSessionTokenInput{}))(t).Credentials
	for name, c := range map[string]clients{
		"another's token": w.as(*one.AccessKeyId, *one.SecretAccessKey, *two.SessionToken),
		"no token":        w.as(*one.AccessKeyId, *one.SecretAccessKey, ""),
		"made-up token":   w.as(*one.AccessKeyId, *one.SecretAccessKey, "bm90aGluZyBhdCBhbGwsIGp1c3QgbGV0dGVycw=="),
		"no base64":       w.as(*one.AccessKeyId, *one.SecretAccessKey, "%%%"),
	} {
		t.Run(name, func(t *testing.T) {
			refused(c.sts.GetCallerIdentity(w.ctx, &sdksts.GetCallerIdentityInput{}))(t, "InvalidClientTokenId", "")
		})
	}
	refused(w.as(*one.AccessKeyId, *two.SecretAccessKey, *one.SessionToken).sts.GetCallerIdentity(w.ctx, &sdksts.GetCallerIdentityInput{}))(t, "SignatureDoesNotMatch", "")
}
