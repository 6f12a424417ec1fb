package ram

import (
	"reflect"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/wire"
	"weir/internal/cloud"
)

// Targets lists what a call of RAM acts on: what it names, else everything of the
// account, else the caller's own keys.
func Targets(call *wire.Call, in any) []access.Target {
	var out []access.Target
	add := func(kind, name string) {
		out = append(out, access.Target{Action: "ram:" + call.Operation, ARN: access.RAM(call.Account, kind, name)})
	}
	addAll := func(kind string, names []string) {
		for _, name := range names {
			add(kind, name)
		}
	}
	for _, f := range [][2]string{{"UserName", "user"}, {"GroupName", "group"}, {"RoleName", "role"}} {
		if name := access.Text(in, f[0]); name != "" {
			add(f[1], name)
		}
	}
	switch in := in.(type) {
	case *TagResourcesInput:
		addAll(*in.ResourceType, in.ResourceNames)
	case *UntagResourcesInput:
		addAll(*in.ResourceType, in.ResourceNames)
	}
	if name := access.Text(in, "PolicyName"); name != "" {
		if access.Text(in, "PolicyType") == system {
			out = append(out, access.Target{Action: "ram:" + call.Operation, ARN: systemPrefix + name})
		} else {
			add("policy", name)
		}
	}
	if v := reflect.Indirect(reflect.ValueOf(in)); len(out) == 0 && v.FieldByName("UserName").IsValid() && call.Principal.Kind == cloud.PrincipalUser {
		add("user", call.Principal.Name)
	}
	if len(out) == 0 {
		out = append(out, access.Target{Action: "ram:" + call.Operation, ARN: "acs:ram::" + access.UID(call.Account) + ":*"})
	}
	return out
}
