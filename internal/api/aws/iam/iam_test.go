package iam_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"

	"weir/internal/api/aws/access"
	"weir/internal/api/aws/iam"
	"weir/internal/api/aws/sdktest"
	"weir/internal/api/aws/sts"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
	"weir/internal/store"
)

const (
	account  = "111122223333"
	trust    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	mayRead  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:Get*","Resource":"*"}]}`
	readOnly = "arn:aws:iam::aws:policy/ReadOnlyAccess"
)

type world struct {
	*sdk.Client
	t   *testing.T
	ctx context.Context
	url string
}

// newWorld serves IAM to root of a fresh account.
func newWorld(t *testing.T) *world {
	t.Helper()
	c := control.New(control.Deps{Store: store.NewMemory(cloud.Schema())}, control.Options{Account: account, Region: "us-east-1"})
	if err := c.Bootstrap(t.Context(), iam.Managed()); err != nil {
		t.Fatal(err)
	}
	auth := access.New(c, map[string]access.Lister{"iam": iam.Targets(c), "sts": sts.Targets}, nil)
	server := wire.NewServer(wire.Config{Verify: c, Account: account, Region: "us-east-1", Authorize: auth.Authorize})
	server.Add(iam.New(c))
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	w := &world{t: t, ctx: t.Context(), url: web.URL}
	w.Client = w.as("test", "test")
	return w
}

// as is a client with a key.
func (w *world) as(id, secret string) *sdk.Client {
	return sdk.New(sdk.Options{Region: "us-east-1", BaseEndpoint: &w.url, RetryMaxAttempts: 1, HTTPClient: sdktest.Client,
		Credentials: credentials.NewStaticCredentialsProvider(id, secret, "")})
}

func ok[T any](out T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// refused wants an error of this code, whose message begins like this.
func refused[T any](_ T, err error) func(t *testing.T, code, message string) {
	return func(t *testing.T, code, message string) {
		t.Helper()
		var api smithy.APIError
		if !errors.As(err, &api) || api.ErrorCode() != code || !strings.HasPrefix(api.ErrorMessage(), message) {
			t.Errorf("got %v, want %s: %s", err, code, message)
		}
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func (w *world) role(name string) *types.Role {
	w.t.Helper()
	return ok(w.CreateRole(w.ctx, &sdk.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(trust)}))(w.t).Role
}

func (w *world) user(name string) *types.User {
	w.t.Helper()
	return ok(w.CreateUser(w.ctx, &sdk.CreateUserInput{UserName: &name}))(w.t).User
}

func (w *world) policy(name, document string) string {
	w.t.Helper()
	return *ok(w.CreatePolicy(w.ctx, &sdk.CreatePolicyInput{PolicyName: &name, PolicyDocument: &document}))(w.t).Policy.Arn
}

func TestUsers(t *testing.T) {
	w := newWorld(t)
	u := ok(w.CreateUser(w.ctx, &sdk.CreateUserInput{UserName: aws.String("Alice"), Path: aws.String("/team/"),
		Tags: []types.Tag{{Key: aws.String("Dept"), Value: aws.String("x")}}}))(t).User
	equal(t, "ARN", *u.Arn, "arn:aws:iam::111122223333:user/team/Alice")
	if !strings.HasPrefix(*u.UserId, "AIDA") || len(*u.UserId) != 21 {
		t.Errorf("id %s", *u.UserId)
	}
	refused(w.CreateUser(w.ctx, &sdk.CreateUserInput{UserName: aws.String("alice")}))(t, "EntityAlreadyExists", "User with name alice already exists.")
	refused(w.GetUser(w.ctx, &sdk.GetUserInput{UserName: aws.String("bob")}))(t, "NoSuchEntity", "The user with name bob cannot be found.")
	refused(w.CreateUser(w.ctx, &sdk.CreateUserInput{UserName: aws.String("a/b")}))(t, "ValidationError", "1 validation error detected: Value 'a/b' at 'userName' failed to satisfy constraint")
	refused(w.CreateUser(w.ctx, &sdk.CreateUserInput{UserName: aws.String("b"), PermissionsBoundary: aws.String("arn:aws:iam::111122223333:policy/none")}))(t,
		"NoSuchEntity", "Policy arn:aws:iam::111122223333:policy/none does not exist or is not attachable.")

	ok(w.TagUser(w.ctx, &sdk.TagUserInput{UserName: aws.String("Alice"), Tags: []types.Tag{{Key: aws.String("dept"), Value: aws.String("y")}, {Key: aws.String("b"), Value: aws.String("")}}}))(t)
	tags := ok(w.ListUserTags(w.ctx, &sdk.ListUserTagsInput{UserName: aws.String("Alice")}))(t).Tags
	if len(tags) != 2 || *tags[0].Key != "Dept" || *tags[0].Value != "y" {
		t.Errorf("tags %v: keys differ in case only, and keep the first", tags)
	}
	ok(w.UntagUser(w.ctx, &sdk.UntagUserInput{UserName: aws.String("Alice"), TagKeys: []string{"Dept", "b"}}))(t)
	equal(t, "tags left", len(ok(w.ListUserTags(w.ctx, &sdk.ListUserTagsInput{UserName: aws.String("Alice")}))(t).Tags), 0)
	refused(w.TagUser(w.ctx, &sdk.TagUserInput{UserName: aws.String("Alice"), Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("")}, {Key: aws.String("A"), Value: aws.String("")}}}))(t,
		"InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")

	ok(w.PutUserPermissionsBoundary(w.ctx, &sdk.PutUserPermissionsBoundaryInput{UserName: aws.String("Alice"), PermissionsBoundary: aws.String(readOnly)}))(t)
	equal(t, "boundary", *ok(w.GetUser(w.ctx, &sdk.GetUserInput{UserName: aws.String("Alice")}))(t).User.PermissionsBoundary.PermissionsBoundaryArn, readOnly)
	ok(w.DeleteUserPermissionsBoundary(w.ctx, &sdk.DeleteUserPermissionsBoundaryInput{UserName: aws.String("Alice")}))(t)

	ok(w.UpdateUser(w.ctx, &sdk.UpdateUserInput{UserName: aws.String("Alice"), NewUserName: aws.String("ALICE"), NewPath: aws.String("/")}))(t)
	refused(w.GetUser(w.ctx, &sdk.GetUserInput{UserName: aws.String("Alice")}))(t, "NoSuchEntity", "")
	equal(t, "new ARN", *ok(w.GetUser(w.ctx, &sdk.GetUserInput{UserName: aws.String("ALICE")}))(t).User.Arn, "arn:aws:iam::111122223333:user/ALICE")
	equal(t, "who root is", *ok(w.GetUser(w.ctx, &sdk.GetUserInput{}))(t).User.Arn, "arn:aws:iam::111122223333:root")
}

func TestListUsers(t *testing.T) {
	w := newWorld(t)
	for _, n := range []string{"c", "a", "b"} {
		w.user(n)
	}
	ok(w.CreateUser(w.ctx, &sdk.CreateUserInput{UserName: aws.String("d"), Path: aws.String("/x/y/")}))(t)
	p := sdk.NewListUsersPaginator(w.Client, &sdk.ListUsersInput{MaxItems: aws.Int32(3)})
	var names []string
	for p.HasMorePages() {
		for _, u := range ok(p.NextPage(w.ctx))(t).Users {
			names = append(names, *u.UserName)
		}
	}
	equal(t, "users", strings.Join(names, " "), "a b c d")
	under := ok(w.ListUsers(w.ctx, &sdk.ListUsersInput{PathPrefix: aws.String("/x/")}))(t).Users
	if len(under) != 1 || *under[0].UserName != "d" {
		t.Errorf("under /x/: %v", under)
	}
	refused(w.ListUsers(w.ctx, &sdk.ListUsersInput{Marker: aws.String("made-up")}))(t, "ValidationError", "")
}

// TestDeleteUser states each thing that keeps a user.
func TestDeleteUser(t *testing.T) {
	w := newWorld(t)
	name := w.user("u").UserName
	gone := func() (*sdk.DeleteUserOutput, error) {
		return w.DeleteUser(w.ctx, &sdk.DeleteUserInput{UserName: name})
	}
	ok(w.AttachUserPolicy(w.ctx, &sdk.AttachUserPolicyInput{UserName: name, PolicyArn: aws.String(readOnly)}))(t)
	refused(gone())(t, "DeleteConflict", "Cannot delete entity, must detach all policies first.")
	ok(w.DetachUserPolicy(w.ctx, &sdk.DetachUserPolicyInput{UserName: name, PolicyArn: aws.String(readOnly)}))(t)

	ok(w.PutUserPolicy(w.ctx, &sdk.PutUserPolicyInput{UserName: name, PolicyName: aws.String("p"), PolicyDocument: aws.String(mayRead)}))(t)
	refused(gone())(t, "DeleteConflict", "Cannot delete entity, must delete policies first.")
	ok(w.DeleteUserPolicy(w.ctx, &sdk.DeleteUserPolicyInput{UserName: name, PolicyName: aws.String("p")}))(t)

	ok(w.CreateGroup(w.ctx, &sdk.CreateGroupInput{GroupName: aws.String("g")}))(t)
	ok(w.AddUserToGroup(w.ctx, &sdk.AddUserToGroupInput{GroupName: aws.String("g"), UserName: name}))(t)
	refused(gone())(t, "DeleteConflict", "Cannot delete entity, must remove users from group first.")
	ok(w.RemoveUserFromGroup(w.ctx, &sdk.RemoveUserFromGroupInput{GroupName: aws.String("g"), UserName: name}))(t)

	key := ok(w.CreateAccessKey(w.ctx, &sdk.CreateAccessKeyInput{UserName: name}))(t).AccessKey
	refused(gone())(t, "DeleteConflict", "Cannot delete entity, must delete access keys first.")
	ok(w.DeleteAccessKey(w.ctx, &sdk.DeleteAccessKeyInput{UserName: name, AccessKeyId: key.AccessKeyId}))(t)
	ok(gone())(t)
	refused(gone())(t, "NoSuchEntity", "The user with name u cannot be found.")
}

func TestGroups(t *testing.T) {
	w := newWorld(t)
	w.user("u")
	g := ok(w.CreateGroup(w.ctx, &sdk.CreateGroupInput{GroupName: aws.String("g"), Path: aws.String("/p/")}))(t).Group
	equal(t, "ARN", *g.Arn, "arn:aws:iam::111122223333:group/p/g")
	refused(w.CreateGroup(w.ctx, &sdk.CreateGroupInput{GroupName: aws.String("G")}))(t, "EntityAlreadyExists", "Group with name G already exists.")
	refused(w.AddUserToGroup(w.ctx, &sdk.AddUserToGroupInput{GroupName: aws.String("none"), UserName: aws.String("u")}))(t, "NoSuchEntity", "The group with name none cannot be found.")
	refused(w.AddUserToGroup(w.ctx, &sdk.AddUserToGroupInput{GroupName: aws.String("g"), UserName: aws.String("none")}))(t, "NoSuchEntity", "The user with name none cannot be found.")
	refused(w.RemoveUserFromGroup(w.ctx, &sdk.RemoveUserFromGroupInput{GroupName: aws.String("g"), UserName: aws.String("u")}))(t, "NoSuchEntity", "")
	for range 2 {
		ok(w.AddUserToGroup(w.ctx, &sdk.AddUserToGroupInput{GroupName: aws.String("g"), UserName: aws.String("u")}))(t)
	}
	ok(w.UpdateGroup(w.ctx, &sdk.UpdateGroupInput{GroupName: aws.String("g"), NewGroupName: aws.String("h")}))(t)
	got := ok(w.GetGroup(w.ctx, &sdk.GetGroupInput{GroupName: aws.String("h")}))(t)
	if len(got.Users) != 1 || *got.Users[0].UserName != "u" || *got.Group.Arn != "arn:aws:iam::111122223333:group/p/h" {
		t.Errorf("the renamed group: %+v", got)
	}
	groups := ok(w.ListGroupsForUser(w.ctx, &sdk.ListGroupsForUserInput{UserName: aws.String("u")}))(t).Groups
	if len(groups) != 1 || *groups[0].GroupName != "h" {
		t.Errorf("groups of u: %v", groups)
	}
	refused(w.DeleteGroup(w.ctx, &sdk.DeleteGroupInput{GroupName: aws.String("h")}))(t, "DeleteConflict", "Cannot delete entity, must remove users from group first.")
	for _, n := range strings.Fields("1 2 3 4 5 6 7 8 9") {
		ok(w.CreateGroup(w.ctx, &sdk.CreateGroupInput{GroupName: &n}))(t)
		ok(w.AddUserToGroup(w.ctx, &sdk.AddUserToGroupInput{GroupName: &n, UserName: aws.String("u")}))(t)
	}
	ok(w.CreateGroup(w.ctx, &sdk.CreateGroupInput{GroupName: aws.String("eleventh")}))(t)
	refused(w.AddUserToGroup(w.ctx, &sdk.AddUserToGroupInput{GroupName: aws.String("eleventh"), UserName: aws.String("u")}))(t, "LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10")
}

func TestAccessKeys(t *testing.T) {
	w := newWorld(t)
	u := w.user("u")
	first := ok(w.CreateAccessKey(w.ctx, &sdk.CreateAccessKeyInput{UserName: u.UserName}))(t).AccessKey
	if !strings.HasPrefix(*first.AccessKeyId, "AKIA") || len(*first.AccessKeyId) != 20 || len(*first.SecretAccessKey) != 40 || first.Status != "Active" {
		t.Errorf("key %+v", first)
	}
	ok(w.PutUserPolicy(w.ctx, &sdk.PutUserPolicyInput{UserName: u.UserName, PolicyName: aws.String("own"), PolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["iam:*AccessKey*","iam:GetUser"],"Resource":"arn:aws:iam::111122223333:user/${aws:username}"}}`)}))(t)
	mine := w.as(*first.AccessKeyId, *first.SecretAccessKey)
	equal(t, "caller", *ok(mine.GetUser(w.ctx, &sdk.GetUserInput{}))(t).User.UserName, "u")
	second := ok(mine.CreateAccessKey(w.ctx, &sdk.CreateAccessKeyInput{}))(t).AccessKey
	equal(t, "owner of a key without a name", *second.UserName, "u")
	refused(mine.CreateAccessKey(w.ctx, &sdk.CreateAccessKeyInput{}))(t, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
	refused(mine.CreateAccessKey(w.ctx, &sdk.CreateAccessKeyInput{UserName: aws.String("v")}))(t, "AccessDenied",
		"User: arn:aws:iam::111122223333:user/u is not authorized to perform: iam:CreateAccessKey on resource: arn:aws:iam::111122223333:user/v because no identity-based policy allows the iam:CreateAccessKey action")
	equal(t, "keys", len(ok(mine.ListAccessKeys(w.ctx, &sdk.ListAccessKeysInput{}))(t).AccessKeyMetadata), 2)

	used := ok(w.GetAccessKeyLastUsed(w.ctx, &sdk.GetAccessKeyLastUsedInput{AccessKeyId: first.AccessKeyId}))(t)
	if *used.UserName != "u" || *used.AccessKeyLastUsed.ServiceName != "iam" || time.Since(*used.AccessKeyLastUsed.LastUsedDate) > time.Minute {
		t.Errorf("last used: %+v", used.AccessKeyLastUsed)
	}
	unused := ok(w.GetAccessKeyLastUsed(w.ctx, &sdk.GetAccessKeyLastUsedInput{AccessKeyId: second.AccessKeyId}))(t).AccessKeyLastUsed
	if *unused.ServiceName != "N/A" || *unused.Region != "N/A" || unused.LastUsedDate != nil {
		t.Errorf("never used: %+v", unused)
	}

	ok(w.UpdateAccessKey(w.ctx, &sdk.UpdateAccessKeyInput{UserName: u.UserName, AccessKeyId: first.AccessKeyId, Status: "Inactive"}))(t)
	refused(mine.GetUser(w.ctx, &sdk.GetUserInput{}))(t, "InvalidClientTokenId", "The security token included in the request is invalid.")
	ok(w.UpdateAccessKey(w.ctx, &sdk.UpdateAccessKeyInput{UserName: u.UserName, AccessKeyId: first.AccessKeyId, Status: "Active"}))(t)
	ok(mine.GetUser(w.ctx, &sdk.GetUserInput{}))(t)
	ok(w.UpdateUser(w.ctx, &sdk.UpdateUserInput{UserName: u.UserName, NewUserName: aws.String("renamed")}))(t)
	equal(t, "caller after renaming", *ok(mine.GetUser(w.ctx, &sdk.GetUserInput{}))(t).User.UserName, "renamed")
	refused(w.DeleteAccessKey(w.ctx, &sdk.DeleteAccessKeyInput{AccessKeyId: first.AccessKeyId}))(t, "NoSuchEntity", "The Access Key with id "+*first.AccessKeyId+" cannot be found.")
	ok(w.DeleteAccessKey(w.ctx, &sdk.DeleteAccessKeyInput{UserName: aws.String("renamed"), AccessKeyId: first.AccessKeyId}))(t)
	refused(mine.GetUser(w.ctx, &sdk.GetUserInput{}))(t, "InvalidClientTokenId", "")

	root := ok(w.CreateAccessKey(w.ctx, &sdk.CreateAccessKeyInput{}))(t).AccessKey
	if root.UserName != nil && *root.UserName != "" {
		t.Errorf("root's key has the user %q", *root.UserName)
	}
	equal(t, "root's keys without the bootstrap key", len(ok(w.ListAccessKeys(w.ctx, &sdk.ListAccessKeysInput{}))(t).AccessKeyMetadata), 1)
}

func TestRoles(t *testing.T) {
	w := newWorld(t)
	r := ok(w.CreateRole(w.ctx, &sdk.CreateRoleInput{RoleName: aws.String("App"), Path: aws.String("/service-role/"), AssumeRolePolicyDocument: aws.String(trust), Description: aws.String("d")}))(t).Role
	equal(t, "ARN", *r.Arn, "arn:aws:iam::111122223333:role/service-role/App")
	if r.MaxSessionDuration != nil || r.RoleLastUsed != nil {
		t.Errorf("a creation tells only what it was asked for: %+v", r)
	}
	equal(t, "session", *ok(w.GetRole(w.ctx, &sdk.GetRoleInput{RoleName: r.RoleName}))(t).Role.MaxSessionDuration, 3600)
	doc, _ := url.QueryUnescape(*r.AssumeRolePolicyDocument)
	equal(t, "trust policy", doc, trust)
	refused(w.CreateRole(w.ctx, &sdk.CreateRoleInput{RoleName: aws.String("aPP"), AssumeRolePolicyDocument: aws.String(trust)}))(t, "EntityAlreadyExists", "Role with name aPP already exists.")
	for doc, message := range map[string]string{
		`{`:     "This policy contains invalid Json",
		mayRead: "AssumeRole policy may only specify STS AssumeRole actions.",
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole"}}`: "Missing required field Principal",
	} {
		refused(w.CreateRole(w.ctx, &sdk.CreateRoleInput{RoleName: aws.String("x"), AssumeRolePolicyDocument: &doc}))(t, "MalformedPolicyDocument", message)
	}
	ok(w.UpdateRole(w.ctx, &sdk.UpdateRoleInput{RoleName: r.RoleName, MaxSessionDuration: aws.Int32(7200), Description: aws.String("e")}))(t)
	refused(w.UpdateRole(w.ctx, &sdk.UpdateRoleInput{RoleName: r.RoleName, MaxSessionDuration: aws.Int32(60)}))(t, "ValidationError", "")
	got := ok(w.GetRole(w.ctx, &sdk.GetRoleInput{RoleName: r.RoleName}))(t).Role
	if *got.MaxSessionDuration != 7200 || *got.Description != "e" {
		t.Errorf("updated role: %+v", got)
	}
	refused(w.GetRole(w.ctx, &sdk.GetRoleInput{RoleName: aws.String("none")}))(t, "NoSuchEntity", "The role with name none cannot be found.")
	refused(w.CreateRole(w.ctx, &sdk.CreateRoleInput{RoleName: aws.String("x"), Path: aws.String("/aws-service-role/x/"), AssumeRolePolicyDocument: aws.String(trust)}))(t, "InvalidInput", "")
}

func TestPolicies(t *testing.T) {
	w := newWorld(t)
	arn := w.policy("P", mayRead)
	equal(t, "ARN", arn, "arn:aws:iam::111122223333:policy/P")
	refused(w.CreatePolicy(w.ctx, &sdk.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: aws.String(mayRead)}))(t, "EntityAlreadyExists", "A policy called p already exists. Duplicate names are not allowed.")
	refused(w.CreatePolicy(w.ctx, &sdk.CreatePolicyInput{PolicyName: aws.String("q"), PolicyDocument: aws.String(`{"Statement":{"Effect":"Allow","Action":"iam:Get*"}}`)}))(t,
		"MalformedPolicyDocument", "Policy statement must contain resources.")
	for range 4 {
		ok(w.CreatePolicyVersion(w.ctx, &sdk.CreatePolicyVersionInput{PolicyArn: &arn, PolicyDocument: aws.String(mayRead)}))(t)
	}
	refused(w.CreatePolicyVersion(w.ctx, &sdk.CreatePolicyVersionInput{PolicyArn: &arn, PolicyDocument: aws.String(mayRead)}))(t,
		"LimitExceeded", "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.")
	versions := ok(w.ListPolicyVersions(w.ctx, &sdk.ListPolicyVersionsInput{PolicyArn: &arn}))(t).Versions
	if len(versions) != 5 || *versions[0].VersionId != "v5" || *versions[4].VersionId != "v1" || !versions[4].IsDefaultVersion {
		t.Errorf("versions: %+v", versions)
	}
	refused(w.DeletePolicyVersion(w.ctx, &sdk.DeletePolicyVersionInput{PolicyArn: &arn, VersionId: aws.String("v1")}))(t, "DeleteConflict", "Cannot delete the default version of a policy.")
	refused(w.DeletePolicy(w.ctx, &sdk.DeletePolicyInput{PolicyArn: &arn}))(t, "DeleteConflict", "This policy has more than one version.")
	ok(w.SetDefaultPolicyVersion(w.ctx, &sdk.SetDefaultPolicyVersionInput{PolicyArn: &arn, VersionId: aws.String("v5")}))(t)
	for _, v := range []string{"v1", "v2", "v3", "v4"} {
		ok(w.DeletePolicyVersion(w.ctx, &sdk.DeletePolicyVersionInput{PolicyArn: &arn, VersionId: &v}))(t)
	}

	w.role("r")
	w.user("u")
	ok(w.CreateGroup(w.ctx, &sdk.CreateGroupInput{GroupName: aws.String("g")}))(t)
	ok(w.AttachRolePolicy(w.ctx, &sdk.AttachRolePolicyInput{RoleName: aws.String("r"), PolicyArn: &arn}))(t)
	ok(w.AttachGroupPolicy(w.ctx, &sdk.AttachGroupPolicyInput{GroupName: aws.String("g"), PolicyArn: &arn}))(t)
	ok(w.PutUserPermissionsBoundary(w.ctx, &sdk.PutUserPermissionsBoundaryInput{UserName: aws.String("u"), PermissionsBoundary: &arn}))(t)
	p := ok(w.GetPolicy(w.ctx, &sdk.GetPolicyInput{PolicyArn: &arn}))(t).Policy
	if *p.AttachmentCount != 2 || *p.PermissionsBoundaryUsageCount != 1 {
		t.Errorf("counts: %d attached, %d bounds", *p.AttachmentCount, *p.PermissionsBoundaryUsageCount)
	}
	e := ok(w.ListEntitiesForPolicy(w.ctx, &sdk.ListEntitiesForPolicyInput{PolicyArn: &arn}))(t)
	if len(e.PolicyRoles) != 1 || len(e.PolicyUsers) != 1 || len(e.PolicyGroups) != 1 || *e.PolicyGroups[0].GroupName != "g" {
		t.Errorf("entities: %+v", e)
	}
	bounds := ok(w.ListEntitiesForPolicy(w.ctx, &sdk.ListEntitiesForPolicyInput{PolicyArn: &arn, PolicyUsageFilter: "PermissionsBoundary"}))(t)
	if len(bounds.PolicyRoles) != 0 || len(bounds.PolicyUsers) != 1 {
		t.Errorf("bounded: %+v", bounds)
	}
	ok(w.DetachRolePolicy(w.ctx, &sdk.DetachRolePolicyInput{RoleName: aws.String("r"), PolicyArn: &arn}))(t)
	refused(w.DetachRolePolicy(w.ctx, &sdk.DetachRolePolicyInput{RoleName: aws.String("r"), PolicyArn: &arn}))(t, "NoSuchEntity", "Policy "+arn+" was not found.")
	ok(w.DetachGroupPolicy(w.ctx, &sdk.DetachGroupPolicyInput{GroupName: aws.String("g"), PolicyArn: &arn}))(t)
	refused(w.DeletePolicy(w.ctx, &sdk.DeletePolicyInput{PolicyArn: &arn}))(t, "DeleteConflict", "Cannot delete a policy attached to entities.")
	ok(w.DeleteUserPermissionsBoundary(w.ctx, &sdk.DeleteUserPermissionsBoundaryInput{UserName: aws.String("u")}))(t)
	ok(w.DeletePolicy(w.ctx, &sdk.DeletePolicyInput{PolicyArn: &arn}))(t)
	refused(w.AttachRolePolicy(w.ctx, &sdk.AttachRolePolicyInput{RoleName: aws.String("r"), PolicyArn: aws.String("longpolicynamebutnoarn")}))(t, "ValidationError", "Invalid ARN:  Could not be parsed!")
	refused(w.AttachRolePolicy(w.ctx, &sdk.AttachRolePolicyInput{RoleName: aws.String("r"), PolicyArn: &arn}))(t, "NoSuchEntity", "Policy "+arn+" does not exist or is not attachable.")
	refused(w.DeletePolicy(w.ctx, &sdk.DeletePolicyInput{PolicyArn: aws.String(readOnly)}))(t, "AccessDenied", "")
}

func TestPolicySizes(t *testing.T) {
	w := newWorld(t)
	w.role("r")
	long := func(n int) *string {
		return aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::` + strings.Repeat("x", n) + `"}]}`)
	}
	refused(w.CreatePolicy(w.ctx, &sdk.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: long(6144)}))(t, "LimitExceeded", "Cannot exceed quota for PolicySize: 6144")
	refused(w.PutRolePolicy(w.ctx, &sdk.PutRolePolicyInput{RoleName: aws.String("r"), PolicyName: aws.String("p"), PolicyDocument: long(10240)}))(t, "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role r")
	ok(w.PutRolePolicy(w.ctx, &sdk.PutRolePolicyInput{RoleName: aws.String("r"), PolicyName: aws.String("p"), PolicyDocument: long(6000)}))(t)
	refused(w.PutRolePolicy(w.ctx, &sdk.PutRolePolicyInput{RoleName: aws.String("r"), PolicyName: aws.String("q"), PolicyDocument: long(6000)}))(t, "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role r")
	refused(w.GetRolePolicy(w.ctx, &sdk.GetRolePolicyInput{RoleName: aws.String("r"), PolicyName: aws.String("q")}))(t, "NoSuchEntity", "The role policy with name q cannot be found.")
}

func TestInstanceProfiles(t *testing.T) {
	w := newWorld(t)
	w.role("r")
	name := aws.String("p")
	p := ok(w.CreateInstanceProfile(w.ctx, &sdk.CreateInstanceProfileInput{InstanceProfileName: name}))(t).InstanceProfile
	equal(t, "ARN", *p.Arn, "arn:aws:iam::111122223333:instance-profile/p")
	refused(w.CreateInstanceProfile(w.ctx, &sdk.CreateInstanceProfileInput{InstanceProfileName: name}))(t, "EntityAlreadyExists", "Instance Profile p already exists.")
	refused(w.GetInstanceProfile(w.ctx, &sdk.GetInstanceProfileInput{InstanceProfileName: aws.String("none")}))(t, "NoSuchEntity", "Instance Profile none cannot be found.")
	refused(w.AddRoleToInstanceProfile(w.ctx, &sdk.AddRoleToInstanceProfileInput{InstanceProfileName: name, RoleName: aws.String("none")}))(t, "NoSuchEntity", "The role with name none cannot be found.")
	ok(w.AddRoleToInstanceProfile(w.ctx, &sdk.AddRoleToInstanceProfileInput{InstanceProfileName: name, RoleName: aws.String("r")}))(t)
	refused(w.AddRoleToInstanceProfile(w.ctx, &sdk.AddRoleToInstanceProfileInput{InstanceProfileName: name, RoleName: aws.String("r")}))(t, "LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
	refused(w.DeleteRole(w.ctx, &sdk.DeleteRoleInput{RoleName: aws.String("r")}))(t, "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
	refused(w.DeleteInstanceProfile(w.ctx, &sdk.DeleteInstanceProfileInput{InstanceProfileName: name}))(t, "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
	list := ok(w.ListInstanceProfilesForRole(w.ctx, &sdk.ListInstanceProfilesForRoleInput{RoleName: aws.String("r")}))(t).InstanceProfiles
	if len(list) != 1 || *list[0].Roles[0].RoleName != "r" {
		t.Errorf("profiles of r: %+v", list)
	}
	ok(w.RemoveRoleFromInstanceProfile(w.ctx, &sdk.RemoveRoleFromInstanceProfileInput{InstanceProfileName: name, RoleName: aws.String("r")}))(t)
	ok(w.DeleteInstanceProfile(w.ctx, &sdk.DeleteInstanceProfileInput{InstanceProfileName: name}))(t)
	ok(w.DeleteRole(w.ctx, &sdk.DeleteRoleInput{RoleName: aws.String("r")}))(t)
}

func TestServiceLinkedRoles(t *testing.T) {
	w := newWorld(t)
	in := &sdk.CreateServiceLinkedRoleInput{AWSServiceName: aws.String("autoscaling.amazonaws.com")}
	r := ok(w.CreateServiceLinkedRole(w.ctx, in))(t).Role
	equal(t, "ARN", *r.Arn, "arn:aws:iam::111122223333:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling")
	refused(w.CreateServiceLinkedRole(w.ctx, in))(t, "InvalidInput", "Service role name AWSServiceRoleForAutoScaling has been taken in this account, please try a different suffix.")
	refused(w.CreateServiceLinkedRole(w.ctx, &sdk.CreateServiceLinkedRoleInput{AWSServiceName: aws.String("no.example")}))(t, "InvalidInput", "Cannot find Service Linked Role template for no.example")
	const protected = "Cannot perform the operation on the protected role 'AWSServiceRoleForAutoScaling' - this role is only modifiable by AWS"
	refused(w.AttachRolePolicy(w.ctx, &sdk.AttachRolePolicyInput{RoleName: r.RoleName, PolicyArn: aws.String(readOnly)}))(t, "UnmodifiableEntity", protected)
	refused(w.UpdateAssumeRolePolicy(w.ctx, &sdk.UpdateAssumeRolePolicyInput{RoleName: r.RoleName, PolicyDocument: aws.String(trust)}))(t, "UnmodifiableEntity", protected)
	refused(w.DeleteRole(w.ctx, &sdk.DeleteRoleInput{RoleName: r.RoleName}))(t, "UnmodifiableEntity", protected)
	task := ok(w.DeleteServiceLinkedRole(w.ctx, &sdk.DeleteServiceLinkedRoleInput{RoleName: r.RoleName}))(t).DeletionTaskId
	if !strings.HasPrefix(*task, "task/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling/") {
		t.Errorf("task %s", *task)
	}
	equal(t, "status", ok(w.GetServiceLinkedRoleDeletionStatus(w.ctx, &sdk.GetServiceLinkedRoleDeletionStatusInput{DeletionTaskId: task}))(t).Status, types.DeletionTaskStatusTypeSucceeded)
	refused(w.GetRole(w.ctx, &sdk.GetRoleInput{RoleName: r.RoleName}))(t, "NoSuchEntity", "")
}

func TestAccount(t *testing.T) {
	w := newWorld(t)
	ok(w.CreateAccountAlias(w.ctx, &sdk.CreateAccountAliasInput{AccountAlias: aws.String("weir-test")}))(t)
	refused(w.CreateAccountAlias(w.ctx, &sdk.CreateAccountAliasInput{AccountAlias: aws.String("weir-test")}))(t, "EntityAlreadyExists", "The account alias weir-test already exists.")
	equal(t, "alias", ok(w.ListAccountAliases(w.ctx, &sdk.ListAccountAliasesInput{}))(t).AccountAliases[0], "weir-test")
	for _, bad := range []string{"Abc", "a--b", "-ab", "ab-"} {
		refused(w.CreateAccountAlias(w.ctx, &sdk.CreateAccountAliasInput{AccountAlias: &bad}))(t, "ValidationError", "")
	}
	refused(w.DeleteAccountAlias(w.ctx, &sdk.DeleteAccountAliasInput{AccountAlias: aws.String("other")}))(t, "NoSuchEntity", "")
	ok(w.DeleteAccountAlias(w.ctx, &sdk.DeleteAccountAliasInput{AccountAlias: aws.String("weir-test")}))(t)

	const none = "The Password Policy with domain name 111122223333 cannot be found."
	refused(w.GetAccountPasswordPolicy(w.ctx, &sdk.GetAccountPasswordPolicyInput{}))(t, "NoSuchEntity", none)
	ok(w.UpdateAccountPasswordPolicy(w.ctx, &sdk.UpdateAccountPasswordPolicyInput{MaxPasswordAge: aws.Int32(90), RequireNumbers: true}))(t)
	p := ok(w.GetAccountPasswordPolicy(w.ctx, &sdk.GetAccountPasswordPolicyInput{}))(t).PasswordPolicy
	if *p.MinimumPasswordLength != 6 || *p.MaxPasswordAge != 90 || !p.ExpirePasswords || !p.RequireNumbers || p.RequireSymbols {
		t.Errorf("password policy: %+v", p)
	}
	ok(w.DeleteAccountPasswordPolicy(w.ctx, &sdk.DeleteAccountPasswordPolicyInput{}))(t)
	refused(w.DeleteAccountPasswordPolicy(w.ctx, &sdk.DeleteAccountPasswordPolicyInput{}))(t, "NoSuchEntity", none)

	w.user("u")
	w.role("r")
	m := ok(w.GetAccountSummary(w.ctx, &sdk.GetAccountSummaryInput{}))(t).SummaryMap
	if m["Users"] != 1 || m["Roles"] != 1 || m["Groups"] != 0 || m["UsersQuota"] != 5000 || m["RolesQuota"] != 1000 {
		t.Errorf("summary: %v", m)
	}
	refused(w.CreateSAMLProvider(w.ctx, &sdk.CreateSAMLProviderInput{Name: aws.String("x"), SAMLMetadataDocument: aws.String(strings.Repeat("x", 1000))}))(t, "InvalidAction", "The operation CreateSAMLProvider of IAM is not implemented.")
}

func TestAuthorizationDetails(t *testing.T) {
	w := newWorld(t)
	w.user("u")
	w.role("r")
	ok(w.CreateGroup(w.ctx, &sdk.CreateGroupInput{GroupName: aws.String("g")}))(t)
	ok(w.AddUserToGroup(w.ctx, &sdk.AddUserToGroupInput{GroupName: aws.String("g"), UserName: aws.String("u")}))(t)
	arn := w.policy("p", mayRead)
	ok(w.AttachUserPolicy(w.ctx, &sdk.AttachUserPolicyInput{UserName: aws.String("u"), PolicyArn: &arn}))(t)
	ok(w.AttachRolePolicy(w.ctx, &sdk.AttachRolePolicyInput{RoleName: aws.String("r"), PolicyArn: aws.String(readOnly)}))(t)
	ok(w.PutRolePolicy(w.ctx, &sdk.PutRolePolicyInput{RoleName: aws.String("r"), PolicyName: aws.String("in"), PolicyDocument: aws.String(mayRead)}))(t)
	var users, groups, roles, policies int
	p := sdk.NewGetAccountAuthorizationDetailsPaginator(w.Client, &sdk.GetAccountAuthorizationDetailsInput{MaxItems: aws.Int32(2)})
	for p.HasMorePages() {
		out := ok(p.NextPage(w.ctx))(t)
		users, groups, roles, policies = users+len(out.UserDetailList), groups+len(out.GroupDetailList), roles+len(out.RoleDetailList), policies+len(out.Policies)
	}
	equal(t, "users, groups, roles, policies", [4]int{users, groups, roles, policies}, [4]int{1, 1, 1, 2})
	out := ok(w.GetAccountAuthorizationDetails(w.ctx, &sdk.GetAccountAuthorizationDetailsInput{Filter: []types.EntityType{types.EntityTypeRole}}))(t)
	if len(out.UserDetailList) != 0 || len(out.RoleDetailList) != 1 || *out.RoleDetailList[0].RolePolicyList[0].PolicyName != "in" || *out.RoleDetailList[0].AttachedManagedPolicies[0].PolicyArn != readOnly {
		t.Errorf("roles only: %+v", out)
	}
}

func TestSimulate(t *testing.T) {
	w := newWorld(t)
	w.user("u")
	ok(w.PutUserPolicy(w.ctx, &sdk.PutUserPolicyInput{UserName: aws.String("u"), PolicyName: aws.String("p"), PolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/*","Condition":{"Bool":{"aws:SecureTransport":"true"}}},{"Effect":"Deny","Action":"s3:DeleteObject","Resource":"*"}]}`)}))(t)
	in := &sdk.SimulatePrincipalPolicyInput{PolicySourceArn: aws.String("arn:aws:iam::111122223333:user/u"),
		ActionNames: []string{"s3:GetObject", "s3:DeleteObject", "ec2:RunInstances"}, ResourceArns: []string{"arn:aws:s3:::b/k"}}
	results := ok(w.SimulatePrincipalPolicy(w.ctx, in))(t).EvaluationResults
	for i, want := range []types.PolicyEvaluationDecisionType{"implicitDeny", "explicitDeny", "implicitDeny"} {
		equal(t, *results[i].EvalActionName, results[i].EvalDecision, want)
	}
	equal(t, "missing", strings.Join(results[0].MissingContextValues, " "), "aws:SecureTransport")
	in.ContextEntries = []types.ContextEntry{{ContextKeyName: aws.String("aws:SecureTransport"), ContextKeyType: "boolean", ContextKeyValues: []string{"true"}}}
	results = ok(w.SimulatePrincipalPolicy(w.ctx, in))(t).EvaluationResults
	equal(t, "with the key", results[0].EvalDecision, "allowed")
	equal(t, "by", *results[0].MatchedStatements[0].SourcePolicyId, "user_u_p")

	ok(w.PutUserPermissionsBoundary(w.ctx, &sdk.PutUserPermissionsBoundaryInput{UserName: aws.String("u"), PermissionsBoundary: aws.String("arn:aws:iam::aws:policy/AmazonEC2FullAccess")}))(t)
	results = ok(w.SimulatePrincipalPolicy(w.ctx, in))(t).EvaluationResults
	if results[0].EvalDecision != "implicitDeny" || results[0].PermissionsBoundaryDecisionDetail.AllowedByPermissionsBoundary {
		t.Errorf("outside the boundary: %+v", results[0])
	}
	custom := ok(w.SimulateCustomPolicy(w.ctx, &sdk.SimulateCustomPolicyInput{PolicyInputList: []string{mayRead}, ActionNames: []string{"iam:getuser", "iam:CreateUser"}}))(t).EvaluationResults
	equal(t, "custom", custom[0].EvalDecision, "allowed")
	equal(t, "custom, other", custom[1].EvalDecision, "implicitDeny")
	refused(w.SimulateCustomPolicy(w.ctx, &sdk.SimulateCustomPolicyInput{PolicyInputList: []string{"{}"}, ActionNames: []string{"iam:GetUser"}}))(t, "InvalidInput", "")
	refused(w.SimulatePrincipalPolicy(w.ctx, &sdk.SimulatePrincipalPolicyInput{PolicySourceArn: aws.String("arn:aws:iam::111122223333:root"), ActionNames: []string{"iam:GetUser"}}))(t, "InvalidInput", "")
	keys := ok(w.GetContextKeysForPrincipalPolicy(w.ctx, &sdk.GetContextKeysForPrincipalPolicyInput{PolicySourceArn: aws.String("arn:aws:iam::111122223333:user/u")}))(t).ContextKeyNames
	equal(t, "keys", strings.Join(keys, " "), "aws:SecureTransport")
}

// Clients that delete a user ask for these first.
func TestWhatUsersCannotHave(t *testing.T) {
	w := newWorld(t)
	w.user("u")
	refused(w.GetLoginProfile(w.ctx, &sdk.GetLoginProfileInput{UserName: aws.String("u")}))(t, "NoSuchEntity", "Login Profile for User u cannot be found.")
	equal(t, "devices", len(ok(w.ListMFADevices(w.ctx, &sdk.ListMFADevicesInput{UserName: aws.String("u")}))(t).MFADevices), 0)
	refused(w.ListMFADevices(w.ctx, &sdk.ListMFADevicesInput{UserName: aws.String("v")}))(t, "NoSuchEntity", "The user with name v cannot be found.")
	equal(t, "keys", len(ok(w.ListSSHPublicKeys(w.ctx, &sdk.ListSSHPublicKeysInput{UserName: aws.String("u")}))(t).SSHPublicKeys), 0)
}
