package iam

import (
	"reflect"
	"strings"

	"weir/internal/api/wire"
)

// resources are the kinds of ARN by the input's field that names the resource,
// in order of precedence: a call on a policy's attachment acts on the user, group or role.
var resources = []struct{ field, kind string }{
	{"RoleName", "role"}, {"UserName", "user"}, {"GroupName", "group"}, {"InstanceProfileName", "instance-profile"}, {"PolicyName", "policy"},
}

// resource is the ARN that a call acts on; "*" for lists and account-wide calls.
func resource(call *wire.Call, in any) string {
	v := reflect.Indirect(reflect.ValueOf(in))
	field := func(name string) string {
		if f := v.FieldByName(name); f.IsValid() {
			if s, ok := f.Interface().(*string); ok && s != nil {
				return *s
			}
		}
		return ""
	}
	path := "/"
	if p := field("Path"); p != "" {
		path = p
	}
	for _, r := range resources {
		if name := field(r.field); name != "" && !(r.kind == "policy" && call.Operation != "CreatePolicy") {
			return *arn(call.Account, r.kind, path, name)
		}
	}
	if p := field("PolicyArn"); p != "" && strings.Contains(call.Operation, "Policy") {
		return p
	}
	return "*"
}
