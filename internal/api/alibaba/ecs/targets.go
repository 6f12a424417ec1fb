package ecs

import (
	"encoding/json"
	"reflect"
	"strings"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// Kinds of resource as ARNs have them.
// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-ram
const (
	arnInstance   = "instance"
	arnInterface  = "eni"
	arnGroup      = "securitygroup"
	arnPrefixList = "prefixlist"
	arnImage      = "image"
	arnVSwitch    = "vswitch"
)

// named are the parameters that name resources.
var named = []struct{ field, kind string }{
	{"InstanceId", arnInstance}, {"InstanceIds", arnInstance}, {"NetworkInterfaceId", arnInterface}, {"SecurityGroupId", arnGroup}, {"SecurityGroupIds", arnGroup},
	{"PrefixListId", arnPrefixList}, {"ImageId", arnImage}, {"VSwitchId", arnVSwitch},
}

// tagged are the kinds as operations on tags call them.
var tagged = map[string]string{"instance": arnInstance, "eni": arnInterface, "securitygroup": arnGroup, "image": arnImage}

// kindOf is the kind of resource that an operation is about; "" is none of the account's.
func kindOf(operation string) string {
	for _, k := range []struct{ part, kind string }{
		{"NetworkInterface", arnInterface}, {"IpAddresses", arnInterface}, {"Ipv6Addresses", arnInterface}, {"SecurityGroup", arnGroup}, {"PrefixList", arnPrefixList},
		{"InstanceType", ""}, {"Instance", arnInstance}, {"UserData", arnInstance},
	} {
		if strings.Contains(operation, k.part) {
			return k.kind
		}
	}
	return ""
}

// Targets lists what a call acts on: a list on what is listed, anything else on
// all that it names, and on what it makes.
func Targets(c *control.Control) access.Lister {
	return func(call *wire.Call, in any) []access.Target {
		t := targets{call: call, view: c.View(), group: access.Text(in, "ResourceGroupId")}
		own, lists := kindOf(call.Operation), strings.HasPrefix(call.Operation, "Describe")
		for _, n := range named {
			if lists && n.kind != own {
				continue
			}
			for _, id := range values(in, n.field) {
				t.add(n.kind, id)
			}
		}
		makes := strings.HasPrefix(call.Operation, "Create") || call.Operation == "RunInstances"
		if role := access.Text(in, "RamRoleName"); role != "" && !lists && call.Operation != "DetachInstanceRamRole" {
			t.list = append(t.list, access.Target{Action: "ram:PassRole", ARN: access.RAM(call.Account, "role", role)})
		}
		switch kind := tagged[strings.ToLower(access.Text(in, "ResourceType"))]; {
		case kind != "":
			ids := values(in, "ResourceId")
			if len(ids) == 0 {
				ids = []string{"*"}
			}
			for _, id := range ids {
				t.add(kind, id)
			}
		case own != "" && (makes || len(t.list) == 0):
			t.add(own, "*")
		case len(t.list) == 0:
			t.list = []access.Target{{Action: access.Action(call), ARN: "*", Group: t.group}}
		}
		return t.list
	}
}

type targets struct {
	call  *wire.Call
	view  cloud.View
	group string // that the call names
	list  []access.Target
}

func (t *targets) add(kind, id string) {
	product := "ecs"
	if kind == arnVSwitch {
		product = "vpc"
	}
	group := t.group
	if m := t.meta(kind, id); m != nil {
		group = resource.Group(m)
	}
	arn := strings.Join([]string{"acs", product, t.call.Region, access.UID(t.call.Account), kind + "/" + id}, ":")
	t.list = append(t.list, access.Target{Action: access.Action(t.call), ARN: arn, Group: group})
}

// meta is what a resource of the caller's has in common with others; nil if it is not there.
func (t *targets) meta(kind, id string) *cloud.Meta {
	var m *cloud.Meta
	switch kind {
	case arnInstance:
		if r, ok := cloud.Instances.Get(t.view, cloud.InstanceID(id)); ok {
			m = &r.Meta
		}
	case arnInterface:
		if r, ok := cloud.Interfaces.Get(t.view, cloud.InterfaceID(id)); ok {
			m = &r.Meta
		}
	case arnGroup:
		if r, ok := cloud.SecurityGroups.Get(t.view, cloud.SecurityGroupID(id)); ok {
			m = &r.Meta
		}
	case arnPrefixList:
		if r, ok := cloud.PrefixLists.Get(t.view, cloud.PrefixListID(id)); ok {
			m = &r.Meta
		}
	case arnVSwitch: // is in the group of its VPC
		if s, ok := cloud.Subnets.Get(t.view, cloud.SubnetID(id)); ok {
			if r, ok := cloud.VPCs.Get(t.view, s.VPC); ok {
				m = &r.Meta
			}
		}
	}
	if m == nil || m.Account != t.call.Account {
		return nil
	}
	return m
}

// values are those of a parameter: a string, a list of them, or a JSON array of them.
func values(in any, field string) []string {
	v := reflect.Indirect(reflect.ValueOf(in)).FieldByName(field)
	if !v.IsValid() {
		return nil
	}
	switch p := v.Interface().(type) {
	case []string:
		return p
	case *string:
		var list []string
		if json.Unmarshal([]byte(text(p)), &list) == nil {
			return list
		}
		if text(p) != "" {
			return []string{*p}
		}
	}
	return nil
}
