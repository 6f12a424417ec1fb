package iam

import (
	"maps"
	"strings"

	"weir/internal/api/aws/access"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// Targets lists what a call acts on, for authorisation.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
func Targets(c *control.Control) access.Lister {
	return func(call *wire.Call, in any) []access.Target {
		f := finder{c.View(), call, in}
		t := access.Target{Action: "iam:" + call.Operation, Keys: access.Keys{}}
		var tags map[string]string
		t.ARN, tags = f.resource()
		maps.Copy(t.Keys, access.ResourceTags(tags, "iam"))
		for field, key := range map[string]string{"PermissionsBoundary": "iam:PermissionsBoundary", "AWSServiceName": "iam:AWSServiceName"} {
			if v := f.text(field); v != "" {
				t.Keys[key] = []string{v}
			}
		}
		if v := f.text("PolicyArn"); v != "" && t.ARN != v {
			t.Keys["iam:PolicyARN"] = []string{v}
		}
		out := []access.Target{t}
		if call.Operation == "AddRoleToInstanceProfile" {
			role, tags := f.role(f.text("RoleName"))
			keys := access.ResourceTags(tags, "iam")
			keys["iam:PassedToService"] = []string{"ec2.amazonaws.com"}
			out = append(out, access.Target{Action: "iam:PassRole", ARN: role, Keys: keys})
		}
		return out
	}
}

// finder names what a call acts on.
type finder struct {
	v    cloud.View
	call *wire.Call
	in   any
}

func (f finder) text(field string) string { return access.Text(f.in, field) }

func (f finder) arn(kind, path, name string) string {
	return access.IAM(f.call.Account, kind, path, name)
}

// made is the path of what does not exist yet.
func (f finder) made() string {
	if p := f.text("Path"); p != "" {
		return p
	}
	return "/"
}

func (f finder) key(name string) string { return cloud.AccountKey(f.call.Account, name) }

func (f finder) role(name string) (string, map[string]string) {
	if r, ok := cloud.Roles.Get(f.v, f.key(name)); ok {
		return f.arn("role", r.Path, r.Name), r.Tags
	}
	return f.arn("role", f.made(), name), nil
}

func (f finder) user(name string) (string, map[string]string) {
	if u, ok := cloud.Users.Get(f.v, f.key(name)); ok {
		return f.arn("user", u.Path, u.Name), u.Tags
	}
	return f.arn("user", f.made(), name), nil
}

func (f finder) group(name string) (string, map[string]string) {
	if g, ok := cloud.Groups.Get(f.v, f.key(name)); ok {
		return f.arn("group", g.Path, g.Name), nil
	}
	return f.arn("group", f.made(), name), nil
}

func (f finder) profile(name string) (string, map[string]string) {
	if p, ok := cloud.InstanceProfiles.Get(f.v, f.key(name)); ok {
		return f.arn("instance-profile", p.Path, p.Name), p.Tags
	}
	return f.arn("instance-profile", f.made(), name), nil
}

func (f finder) policy(arn string) (string, map[string]string) {
	if p, ok := cloud.Policies.Get(f.v, arn); ok && p.Account == f.call.Account {
		return arn, p.Tags
	}
	return arn, nil
}

// selves are the operations that mean the caller where they name no user.
var selves = map[string]bool{
	"GetUser": true, "CreateAccessKey": true, "ListAccessKeys": true, "UpdateAccessKey": true, "DeleteAccessKey": true,
	"GetLoginProfile": true, "DeleteLoginProfile": true, "ListMFADevices": true, "ListSSHPublicKeys": true,
	"ListSigningCertificates": true, "ListServiceSpecificCredentials": true,
}

// lists are the kinds of the operations that list a whole kind under a path.
var lists = map[string]string{"ListUsers": "user", "ListGroups": "group", "ListRoles": "role", "ListInstanceProfiles": "instance-profile"}

// resource is the ARN that a call acts on, with its tags; "*" for account-wide
// calls. A call on a membership acts on the group or profile, one on a policy's
// attachment on the user, group or role.
func (f finder) resource() (string, map[string]string) {
	op := f.call.Operation
	for _, kind := range []struct {
		field string
		find  func(string) (string, map[string]string)
	}{{"InstanceProfileName", f.profile}, {"GroupName", f.group}, {"RoleName", f.role}, {"UserName", f.user}} {
		if name := f.text(kind.field); name != "" {
			return kind.find(name)
		}
	}
	switch {
	case op == "CreatePolicy":
		return f.arn("policy", f.made(), f.text("PolicyName")), nil
	case f.text("PolicyArn") != "":
		return f.policy(f.text("PolicyArn"))
	case f.text("PolicySourceArn") != "":
		return f.text("PolicySourceArn"), nil
	case op == "CreateServiceLinkedRole":
		service, name := f.text("AWSServiceName"), "AWSServiceRoleFor"+serviceRoles[f.text("AWSServiceName")]
		if suffix := f.text("CustomSuffix"); suffix != "" {
			name += "_" + suffix
		}
		return f.arn("role", serviceRolePath+service+"/", name), nil
	case lists[op] != "":
		return f.arn(lists[op], "/", strings.TrimPrefix(f.text("PathPrefix"), "/")), nil
	case selves[op] && f.call.Principal.Kind == cloud.PrincipalUser:
		return access.ARN(f.call.Principal), nil
	}
	return "*", nil
}
