package sls

import (
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
		case "CreateProject":
			project = access.Text(in, "ProjectName")
		case "ListProject":
			project = "*"
		case "CreateLogStore":
			logstore = access.Text(in, "LogstoreName")
		case "ListLogStores":
			logstore = "*"
		}
		arn := "acs:log:" + call.Region + ":" + access.UID(call.Account) + ":project/" + project
		if logstore != "" {
			arn += "/logstore/" + logstore
		}
		if g, err := l.Group(logs.Scope{Account: call.Account, Region: call.Region}, root+project); err == nil && call.Operation != "CreateProject" {
			group = g.Attrs[attrGroup]
		}
		return []access.Target{{Action: "log:" + action, ARN: arn, Group: group}}
	}
}
