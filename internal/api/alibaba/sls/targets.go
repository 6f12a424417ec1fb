package sls

import (
	"strings"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/wire"
	"weir/internal/logs"
)

// actions are the operations that policies call otherwise.
// https://www.alibabacloud.com/help/en/sls/developer-reference/overview-of-ram-authorization
var actions = map[string]string{
	"GetLogs": "GetLogStoreLogs", "GetLogsV2": "GetLogStoreLogs", "GetHistograms": "GetLogStoreHistogram", "ListLogStores": "ListLogStores",
}

// Targets lists what a call acts on.
func Targets(l *logs.Logs) access.Lister {
	return func(call *wire.Call, in any) []access.Target {
		action := call.Operation
		if other := actions[action]; other != "" {
			action = other
		}
		project, logstore := access.Text(in, "Project"), access.Text(in, "Logstore")
		group := access.Text(in, "ResourceGroupId")
		switch call.Operation {
		case "TagResources", "UntagResources", "ListTagResources":
			return tagTargets(l, call, in)
		case "ChangeResourceGroup": // out of one group and into another
			from := target(l, call, action, access.Text(in, "ResourceId"), "")
			into := from
			into.Group = group
			return []access.Target{from, into}
		case "CreateProject":
			return []access.Target{{Action: "log:" + action, ARN: arn(call, access.Text(in, "ProjectName"), ""), Group: group}}
		case "ListProject":
			project = "*"
		case "CreateLogStore":
			logstore = access.Text(in, "LogstoreName")
		case "ListLogStores":
			logstore = "*"
		}
		t := target(l, call, action, project, logstore)
		if t.Group == "" {
			t.Group = group
		}
		return []access.Target{t}
	}
}

func arn(call *wire.Call, project, logstore string) string {
	a := "acs:log:" + call.Region + ":" + access.UID(call.Account) + ":project/" + project
	if logstore != "" {
		a += "/logstore/" + logstore
	}
	return a
}

// target is a project or a logstore, in its project's resource group.
func target(l *logs.Logs, call *wire.Call, action, project, logstore string) access.Target {
	t := access.Target{Action: "log:" + action, ARN: arn(call, project, logstore)}
	if g, err := l.Group(logs.Scope{Account: call.Account, Region: call.Region}, root+project); err == nil {
		t.Group = g.Attrs[attrGroup]
	}
	return t
}

// tagTargets are the resources that an operation on tags names, or all.
func tagTargets(l *logs.Logs, call *wire.Call, in any) (all []access.Target) {
	ids := []string{"*"}
	switch in := in.(type) {
	case *TagResourcesInput:
		ids = in.ResourceId
	case *UntagResourcesInput:
		ids = in.ResourceId
	case *ListTagResourcesInput:
		if len(in.ResourceId) > 0 {
			ids = in.ResourceId
		}
	}
	for _, id := range ids {
		project, logstore, _ := strings.Cut(id, "#")
		all = append(all, target(l, call, call.Operation, project, logstore))
	}
	return all
}
