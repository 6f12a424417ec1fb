package fc

import (
	"strings"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// Targets lists what a call acts on: the functions and layers that it names, a
// function with the resource group that it is in.
// https://www.alibabacloud.com/help/en/functioncompute/fc-3-0/developer-reference/api-fc-2023-03-30-ram
func Targets(c *control.Control) access.Lister {
	return func(call *wire.Call, in any) []access.Target {
		prefix := "acs:fc:" + call.Region + ":" + access.UID(call.Account) + ":"
		one := func(path, group string) access.Target {
			return access.Target{Action: access.Action(call), ARN: prefix + path, Group: group}
		}
		function := func(name, group string) access.Target {
			if fn, ok := cloud.Functions.Get(c.View(), cloud.MakeFunctionKey(call.Account, call.Region, name)); ok {
				group = resource.Group(&fn.Meta)
			}
			return one("functions/"+name, group)
		}
		var list []access.Target
		switch in := in.(type) {
		case *TagResourcesInput:
			list = tagTargets(in.ResourceId, function)
		case *UntagResourcesInput:
			list = tagTargets(in.ResourceId, function)
		case *ListTagResourcesInput:
			list = tagTargets(in.ResourceId, function)
		case *ChangeResourceGroupInput: // out of one group and into another
			if name, ok := taggedName(value(in.ResourceId)); ok {
				list = []access.Target{function(name, ""), one("functions/"+name, value(in.NewResourceGroupId))}
			}
		case *ListFunctionsInput:
			list = []access.Target{one("functions/*", value(in.ResourceGroupId))}
		case *GetLayerVersionByArnInput:
			list = []access.Target{{Action: access.Action(call), ARN: value(in.Arn)}}
		default:
			name, layer := access.Text(in, "FunctionName"), access.Text(in, "LayerName")
			switch {
			case layer != "":
				list = []access.Target{one("layers/"+layer+"/versions/"+text(access.Text(in, "Version"), "*"), "")}
			case name != "":
				list = []access.Target{function(name, access.Text(in, "ResourceGroupId"))}
			}
		}
		if len(list) == 0 {
			list = []access.Target{{Action: access.Action(call), ARN: "*"}}
		}
		return list
	}
}

func text(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func tagTargets(ids []string, function func(name, group string) access.Target) (list []access.Target) {
	for _, id := range ids {
		if name, ok := taggedName(id); ok {
			list = append(list, function(name, ""))
		}
	}
	return list
}

// taggedName is the function that operations on tags and groups name, by its ARN or
// its name.
func taggedName(id string) (string, bool) {
	if !strings.Contains(id, ":") {
		return id, id != ""
	}
	key, qualifier, ok := ParseDestination(id)
	parts := strings.Split(string(key), "/")
	return parts[len(parts)-1], ok && qualifier == ""
}
