package clients

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	sdkram "github.com/aliyun/alibaba-cloud-sdk-go/services/ram"
	sdkrm "github.com/aliyun/alibaba-cloud-sdk-go/services/resourcemanager"
	sdksts "github.com/aliyun/alibaba-cloud-sdk-go/services/sts"
	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdkiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"weir/internal/api/alibaba/ram"
	"weir/internal/api/alibaba/sts"
)

const (
	trustFC   = `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":["fc.aliyuncs.com"]}}]}`
	trustRoot = `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::` + uid + `:root"]}}]}`
)

func (c caller) createUser(name string) (*sdkram.CreateUserResponse, error) {
	r := to(c.w, sdkram.CreateCreateUserRequest())
	r.UserName = name
	return c.ram.CreateUser(r)
}

func (c caller) createKey(user string) (*sdkram.CreateAccessKeyResponse, error) {
	r := to(c.w, sdkram.CreateCreateAccessKeyRequest())
	r.UserName = user
	return c.ram.CreateAccessKey(r)
}

func (c caller) createRole(name, trust string, seconds int) (*sdkram.CreateRoleResponse, error) {
	r := to(c.w, sdkram.CreateCreateRoleRequest())
	r.RoleName, r.AssumeRolePolicyDocument = name, trust
	if seconds > 0 {
		r.MaxSessionDuration = requests.NewInteger(seconds)
	}
	return c.ram.CreateRole(r)
}

func (c caller) createPolicy(name, document string) (*sdkram.CreatePolicyResponse, error) {
	r := to(c.w, sdkram.CreateCreatePolicyRequest())
	r.PolicyName, r.PolicyDocument = name, document
	return c.ram.CreatePolicy(r)
}

func (c caller) attachToUser(kind, policy, user string) (*sdkram.AttachPolicyToUserResponse, error) {
	r := to(c.w, sdkram.CreateAttachPolicyToUserRequest())
	r.PolicyType, r.PolicyName, r.UserName = kind, policy, user
	return c.ram.AttachPolicyToUser(r)
}

func (c caller) attachToRole(kind, policy, role string) (*sdkram.AttachPolicyToRoleResponse, error) {
	r := to(c.w, sdkram.CreateAttachPolicyToRoleRequest())
	r.PolicyType, r.PolicyName, r.RoleName = kind, policy, role
	return c.ram.AttachPolicyToRole(r)
}

func (c caller) whoami() (*sdksts.GetCallerIdentityResponse, error) {
	return c.sts.GetCallerIdentity(to(c.w, sdksts.CreateGetCallerIdentityRequest()))
}

func (c caller) assume(role string, seconds int, policy string) (*sdksts.AssumeRoleResponse, error) {
	r := to(c.w, sdksts.CreateAssumeRoleRequest())
	r.RoleArn, r.RoleSessionName, r.Policy = "acs:ram::"+uid+":role/"+role, "alice", policy
	if seconds > 0 {
		r.DurationSeconds = requests.NewInteger(seconds)
	}
	return c.sts.AssumeRole(r)
}

func (c caller) regions() (*sdkvpc.DescribeRegionsResponse, error) {
	return c.vpc.DescribeRegions(to(c.w, sdkvpc.CreateDescribeRegionsRequest()))
}

// member makes a user with a key and gives what it can do with it.
func (w *world) member(t *testing.T, name string) caller {
	t.Helper()
	ok(w.root().createUser(name))(t)
	k := ok(w.root().createKey(name))(t).AccessKey
	return w.as(k.AccessKeyId, k.AccessKeySecret, "")
}

func TestIdentities(t *testing.T) {
	w := newWorld(t)
	root := w.root()
	if id := ok(root.whoami())(t); id.AccountId != uid || id.Arn != "acs:ram::"+uid+":root" || id.IdentityType != "Account" {
		t.Errorf("root is %+v", id)
	}
	alice := w.member(t, "alice")
	id := ok(alice.whoami())(t)
	if id.Arn != "acs:ram::"+uid+":user/alice" || id.IdentityType != "RAMUser" || len(id.UserId) != 18 {
		t.Errorf("alice is %+v", id)
	}
	refused(root.createUser("Alice"))(t, 409, "EntityAlreadyExists.User")
	refused(root.createUser("no good"))(t, 400, "InvalidParameter.UserName.InvalidChars")
	refused(root.createUser(""))(t, 400, "MissingUserName")
	refused(root.createKey("nobody"))(t, 404, "EntityNotExist.User")

	del := to(w, sdkram.CreateDeleteUserRequest())
	del.UserName = "alice"
	refused(root.ram.DeleteUser(del))(t, 409, "DeleteConflict.User.AccessKey")

	list := ok(root.ram.ListUsers(to(w, sdkram.CreateListUsersRequest())))(t)
	if n := len(list.Users.User); n != 1 || list.Users.User[0].DisplayName != "alice" || list.IsTruncated {
		t.Errorf("users: %+v", list.Users)
	}
}

// TestOneAccount: what one dialect makes, the other has.
func TestOneAccount(t *testing.T) {
	w := newWorld(t)
	w.member(t, "alice")
	url := "http://" + w.host
	c := sdkiam.NewFromConfig(aws.Config{Region: "us-east-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
	if u := ok(c.GetUser(w.ctx, &sdkiam.GetUserInput{UserName: aws.String("alice")}))(t); *u.User.Arn != "arn:aws:iam::"+account+":user/alice" {
		t.Errorf("the other dialect has %v", *u.User.Arn)
	}
	ok(c.CreateUser(w.ctx, &sdkiam.CreateUserInput{UserName: aws.String("bob")}))(t)
	r := to(w, sdkram.CreateGetUserRequest())
	r.UserName = "bob"
	if u := ok(w.root().ram.GetUser(r))(t).User; u.UserName != "bob" {
		t.Errorf("this dialect has %+v", u)
	}
}

// TestPermissions: nothing without a policy, then what it says; Deny wins.
func TestPermissions(t *testing.T) {
	w := newWorld(t)
	root, alice := w.root(), w.member(t, "alice")
	refused(alice.regions())(t, 403, "Forbidden.RAM")
	refused(alice.createUser("eve"))(t, 403, "NoPermission")

	ok(root.attachToUser("System", "AliyunVPCReadOnlyAccess", "alice"))(t)
	ok(alice.regions())(t)
	refused(root.attachToUser("System", "AliyunVPCReadOnlyAccess", "alice"))(t, 409, "EntityAlreadyExists.User.Policy")
	refused(root.attachToUser("System", "NoSuchPolicy", "alice"))(t, 404, "EntityNotExist.Policy")
	refused(root.attachToUser("Other", "X", "alice"))(t, 400, "InvalidParameter.PolicyType")

	ok(root.createPolicy("not-from-here", `{"Version":"1","Statement":[{"Effect":"Deny","Action":"vpc:*","Resource":"*","Condition":{"IpAddress":{"acs:SourceIp":["127.0.0.0/8","::1"]}}}]}`))(t)
	ok(root.attachToUser("Custom", "not-from-here", "alice"))(t)
	refused(alice.regions())(t, 403, "Forbidden.RAM")

	refused(root.createPolicy("x", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`))(t, 400, "MalformedPolicyDocument")
	refused(root.createPolicy("x", `{"Version":"1","Statement":[{"Effect":"Perhaps","Action":"*","Resource":"*"}]}`))(t, 400, "MalformedPolicyDocument")
	refused(root.createPolicy("x", `{`))(t, 400, "MalformedPolicyDocument")
}

func TestResourceScope(t *testing.T) {
	w := newWorld(t)
	root, alice := w.root(), w.member(t, "alice")
	ok(root.createUser("bob"))(t)
	ok(root.createUser("carol"))(t)
	ok(root.createPolicy("bobs-keys", `{"Version":"1","Statement":[{"Effect":"Allow","Action":"ram:*AccessKey*","Resource":"acs:ram:*:`+uid+`:user/bob"}]}`))(t)
	ok(root.attachToUser("Custom", "bobs-keys", "alice"))(t)
	ok(alice.createKey("bob"))(t)
	refused(alice.createKey("carol"))(t, 403, "NoPermission")
}

func TestPolicyVersions(t *testing.T) {
	w := newWorld(t)
	root := w.root()
	const doc = `{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:*","Resource":"acs:oss:*:*:bucket/*"}]}`
	ok(root.createPolicy("p", doc))(t)
	add := func(rotate string) (*sdkram.CreatePolicyVersionResponse, error) {
		r := to(w, sdkram.CreateCreatePolicyVersionRequest())
		r.PolicyName, r.PolicyDocument = "p", doc
		if rotate != "" {
			r.QueryParams["RotateStrategy"] = rotate
		}
		return root.ram.CreatePolicyVersion(r)
	}
	for range 4 {
		ok(add(""))(t)
	}
	refused(add(""))(t, 409, "LimitExceeded.Policy.Version")
	if v := ok(add("DeleteOldestNonDefaultVersionWhenLimitExceeded"))(t).PolicyVersion; v.VersionId != "v6" || v.IsDefaultVersion {
		t.Errorf("made %+v", v)
	}
	list := to(w, sdkram.CreateListPolicyVersionsRequest())
	list.PolicyName, list.PolicyType = "p", "Custom"
	var ids []string
	for _, v := range ok(root.ram.ListPolicyVersions(list))(t).PolicyVersions.PolicyVersion {
		ids = append(ids, v.VersionId)
	}
	if got := strings.Join(ids, " "); got != "v1 v3 v4 v5 v6" {
		t.Errorf("versions %s", got)
	}
	del := to(w, sdkram.CreateDeletePolicyVersionRequest())
	del.PolicyName, del.VersionId = "p", "v1"
	refused(root.ram.DeletePolicyVersion(del))(t, 409, "DeleteConflict.Policy.Version.Default")
	del.VersionId = "v2"
	refused(root.ram.DeletePolicyVersion(del))(t, 404, "EntityNotExist.Policy.Version")

	gone := to(w, sdkram.CreateDeletePolicyRequest())
	gone.PolicyName = "p"
	refused(root.ram.DeletePolicy(gone))(t, 409, "DeleteConflict.Policy.Version")
	ok(root.createUser("alice"))(t)
	ok(root.attachToUser("Custom", "p", "alice"))(t)
	refused(root.ram.DeletePolicy(gone))(t, 409, "DeleteConflict.Policy.User")

	get := to(w, sdkram.CreateGetPolicyRequest())
	get.PolicyName, get.PolicyType = "p", "Custom"
	if p := ok(root.ram.GetPolicy(get))(t); p.Policy.AttachmentCount != 1 || p.DefaultPolicyVersion.PolicyDocument != doc {
		t.Errorf("policy %+v", p)
	}
}

func TestAssumeRole(t *testing.T) {
	w := newWorld(t)
	root, alice := w.root(), w.member(t, "alice")
	ok(root.createRole("reader", trustRoot, 7200))(t)
	ok(root.attachToRole("System", "AliyunVPCReadOnlyAccess", "reader"))(t)
	ok(root.attachToRole("System", "AliyunRAMFullAccess", "reader"))(t)

	refused(root.assume("reader", 0, ""))(t, 403, "NoPermission") // root assumes no role
	refused(alice.assume("reader", 0, ""))(t, 403, "NoPermission")
	ok(root.attachToUser("System", "AliyunSTSAssumeRoleAccess", "alice"))(t)
	refused(alice.assume("nobody", 0, ""))(t, 404, "EntityNotExist.Role")
	refused(alice.assume("reader", 899, ""))(t, 400, "InvalidParameter.DurationSeconds")
	refused(alice.assume("reader", 7201, ""))(t, 400, "InvalidParameter.DurationSeconds")
	refused(alice.assume("reader", 129600, ""))(t, 400, "InvalidParameter.DurationSeconds") // 36 hours are no caller's

	out := ok(alice.assume("reader", 7200, ""))(t)
	if !strings.HasPrefix(out.Credentials.AccessKeyId, "STS.") || out.AssumedRoleUser.Arn != "acs:ram::"+uid+":role/reader/alice" {
		t.Errorf("session %+v", out)
	}
	s := w.session(out.Credentials)
	if id := ok(s.whoami())(t); id.IdentityType != "AssumedRoleUser" || id.Arn != "acs:ram::"+uid+":assumed-role/reader/alice" {
		t.Errorf("the session is %+v", id)
	}
	ok(s.regions())(t)
	ok(s.createUser("bob"))(t)

	limited := w.session(ok(alice.assume("reader", 0, `{"Version":"1","Statement":[{"Effect":"Allow","Action":"vpc:*","Resource":"*"}]}`))(t).Credentials)
	ok(limited.regions())(t)
	refused(limited.createUser("carol"))(t, 403, "NoPermission")
	refused(alice.assume("reader", 0, `{"Version":"1"}`))(t, 400, "InvalidParameter.PolicyGrammar")

	refused(w.as(out.Credentials.AccessKeyId, out.Credentials.AccessKeySecret, "bm90IG1pbmU=").whoami())(t, 400, "InvalidSecurityToken.MismatchWithAccessKey")
	w.ahead.Store(int64(2 * time.Hour))
	refused(s.whoami())(t, 400, "InvalidSecurityToken.Expired")
}

// TestFunctionRole: Function Compute's own way to a session of 36 hours.
func TestFunctionRole(t *testing.T) {
	w := newWorld(t)
	root := w.root()
	ok(root.createRole("fn", trustFC, 0))(t)
	ok(root.createRole("people", trustRoot, 0))(t)
	s, err := sts.FunctionSession(w.ctx, w.control, "acs:ram::"+uid+":role/fn", "hello")
	if err != nil || time.Until(s.Expires) < 35*time.Hour {
		t.Fatalf("session %+v, %v", s, err)
	}
	ok(w.as(s.KeyID, s.Secret, s.Token).whoami())(t)
	if _, err := sts.FunctionSession(w.ctx, w.control, "acs:ram::"+uid+":role/people", "hello"); err == nil {
		t.Error("a role that does not trust Function Compute gives it a session")
	}
}

func TestServiceLinkedRole(t *testing.T) {
	w := newWorld(t)
	root := w.root()
	rm := product{t, w, "2020-03-31"}
	rm.is(rm.does("CheckServiceLinkedRoleExistence", "ServiceName", "fc.aliyuncs.com"), "Exists", "false")
	rm.fails("InvalidParameter.ServiceName", "CheckServiceLinkedRoleExistence", "ServiceName", "nobody.aliyuncs.com")
	make := to(w, sdkrm.CreateCreateServiceLinkedRoleRequest())
	make.ServiceName = "fc.aliyuncs.com"
	r := ok(root.rm.CreateServiceLinkedRole(make))(t).Role
	if r.RoleName != "AliyunServiceRoleForFC" || !r.IsServiceLinkedRole {
		t.Errorf("role %+v", r)
	}
	rm.is(rm.does("CheckServiceLinkedRoleExistence", "ServiceName", "fc.aliyuncs.com"), "Exists", "true")
	refused(root.rm.CreateServiceLinkedRole(to(w, func() *sdkrm.CreateServiceLinkedRoleRequest {
		again := sdkrm.CreateCreateServiceLinkedRoleRequest()
		again.ServiceName = "fc.aliyuncs.com"
		return again
	}())))(t, 409, "EntityAlreadyExists.Role")
	refused(root.attachToRole("System", "AdministratorAccess", "AliyunServiceRoleForFC"))(t, 403, "NoPermission")
	del := to(w, sdkram.CreateDeleteRoleRequest())
	del.RoleName = "AliyunServiceRoleForFC"
	refused(root.ram.DeleteRole(del))(t, 403, "NoPermission")

	list := to(w, sdkram.CreateListPoliciesForRoleRequest())
	list.RoleName = "AliyunServiceRoleForFC"
	if p := ok(root.ram.ListPoliciesForRole(list))(t).Policies.Policy; len(p) != 1 || p[0].PolicyName != "AliyunServiceRolePolicyForFC" || p[0].PolicyType != "System" {
		t.Errorf("policies %+v", p)
	}
	gone := to(w, sdkrm.CreateDeleteServiceLinkedRoleRequest())
	gone.RoleName = "AliyunServiceRoleForFC"
	ok(root.rm.DeleteServiceLinkedRole(gone))(t)
	if r, err := ram.EnsureServiceRole(context.Background(), w.control, account, "fc.aliyuncs.com"); err != nil || r.Name != "AliyunServiceRoleForFC" {
		t.Errorf("made implicitly: %v, %v", r, err)
	}
}

// TestResourceGroups: a grant in a group counts for what is in it, and nowhere else.
func TestResourceGroups(t *testing.T) {
	w := newWorld(t)
	root, alice := w.root(), w.member(t, "alice")
	make := func(name string) string {
		r := to(w, sdkrm.CreateCreateResourceGroupRequest())
		r.Name, r.DisplayName = name, name
		return ok(root.rm.CreateResourceGroup(r))(t).ResourceGroup.Id
	}
	red, blue := make("red"), make("blue")
	get := func(c caller, id string) (*sdkrm.GetResourceGroupResponse, error) {
		r := to(w, sdkrm.CreateGetResourceGroupRequest())
		r.ResourceGroupId = id
		return c.rm.GetResourceGroup(r)
	}
	refused(get(alice, red))(t, 403, "NoPermission")
	attach := to(w, sdkrm.CreateAttachPolicyRequest())
	attach.ResourceGroupId, attach.PolicyType, attach.PolicyName = red, "System", "AdministratorAccess"
	attach.PrincipalType, attach.PrincipalName = "IMSUser", "alice@"+uid+".onaliyun.com"
	ok(root.rm.AttachPolicy(attach))(t)
	ok(get(alice, red))(t)
	refused(get(alice, blue))(t, 403, "NoPermission")
	refused(alice.regions())(t, 403, "Forbidden.RAM")
	refused(get(root, "rg-none"))(t, 404, "EntityNotExists.ResourceGroup")

	list := ok(root.rm.ListResourceGroups(to(w, sdkrm.CreateListResourceGroupsRequest())))(t)
	if list.TotalCount != 3 || list.PageNumber != 1 { // with the default group
		t.Errorf("%d groups on page %d", list.TotalCount, list.PageNumber)
	}
	del := to(w, sdkram.CreateDeleteUserRequest())
	del.UserName = "alice"
	refused(root.ram.DeleteUser(del))(t, 409, "DeleteConflict.User.Policy")
}
