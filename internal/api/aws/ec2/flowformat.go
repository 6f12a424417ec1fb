package ec2

import (
	"slices"
	"strings"

	"weir/internal/cloud"
)

// flowField is a field that lines of flow logs may have, and since which version.
type flowField struct {
	value   cloud.FlowValue
	version int
}

// flowFields are all fields. What nothing here has is "-" in every line, as is
// a service's name for an address.
// https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html#flow-logs-fields
var flowFields = map[string]flowField{
	"version": {cloud.FlowVersion, 2}, "account-id": {cloud.FlowAccount, 2}, "interface-id": {cloud.FlowInterface, 2},
	"srcaddr": {cloud.FlowSource, 2}, "dstaddr": {cloud.FlowDestination, 2},
	"srcport": {cloud.FlowSourcePort, 2}, "dstport": {cloud.FlowDestPort, 2}, "protocol": {cloud.FlowProtocol, 2},
	"packets": {cloud.FlowPackets, 2}, "bytes": {cloud.FlowBytes, 2}, "start": {cloud.FlowStart, 2}, "end": {cloud.FlowEnd, 2},
	"action": {cloud.FlowAction, 2}, "log-status": {cloud.FlowStatus, 2},

	"vpc-id": {cloud.FlowVPC, 3}, "subnet-id": {cloud.FlowSubnet, 3}, "instance-id": {cloud.FlowInstance, 3},
	"tcp-flags": {cloud.FlowTCPFlags, 3}, "type": {cloud.FlowFamily, 3},
	"pkt-srcaddr": {cloud.FlowPktSource, 3}, "pkt-dstaddr": {cloud.FlowPktDest, 3},

	"region": {cloud.FlowRegion, 4}, "az-id": {cloud.FlowZone, 4},
	"sublocation-type": {cloud.FlowNothing, 4}, "sublocation-id": {cloud.FlowNothing, 4},

	"pkt-src-aws-service": {cloud.FlowNothing, 5}, "pkt-dst-aws-service": {cloud.FlowNothing, 5},
	"flow-direction": {cloud.FlowDirection, 5}, "traffic-path": {cloud.FlowPath, 5},

	"ecs-cluster-arn": {cloud.FlowNothing, 7}, "ecs-cluster-name": {cloud.FlowNothing, 7},
	"ecs-container-instance-arn": {cloud.FlowNothing, 7}, "ecs-container-instance-id": {cloud.FlowNothing, 7},
	"ecs-container-id": {cloud.FlowNothing, 7}, "ecs-second-container-id": {cloud.FlowNothing, 7}, "ecs-service-name": {cloud.FlowNothing, 7},
	"ecs-task-definition-arn": {cloud.FlowNothing, 7}, "ecs-task-arn": {cloud.FlowNothing, 7}, "ecs-task-id": {cloud.FlowNothing, 7},

	"reject-reason": {cloud.FlowNothing, 8}, "resource-id": {cloud.FlowNothing, 9}, "encryption-status": {cloud.FlowNothing, 10},
}

const defaultFlowFormat = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}"

// flowColumns reads a format, and gives the version of its lines: that of its newest field.
func flowColumns(format string) (columns []cloud.FlowColumn, version int, err error) {
	var unknown []string
	for _, word := range strings.Fields(format) {
		title, ok := strings.CutPrefix(word, "${")
		title, closed := strings.CutSuffix(title, "}")
		f, known := flowFields[title]
		if !ok || !closed || !known {
			unknown = append(unknown, word)
			continue
		}
		columns = append(columns, cloud.FlowColumn{Title: title, Value: f.value})
		version = max(version, f.version)
	}
	switch {
	case len(unknown) > 0:
		return nil, 0, badFlow("Invalid LogFormat. Unknown fields provided: %s", strings.Join(unknown, ", "))
	case len(columns) == 0:
		return nil, 0, badFlow("Invalid LogFormat. At least one field is required.")
	}
	return slices.Clip(columns), version, nil
}

// flowPaths are the numbers of the ways that packets leave an interface by.
var flowPaths = map[string]string{
	"local": "1", "nat-gateway": "1", "network-interface": "1", "transit-gateway": "1",
	"vpc-peering-connection": "4", "vpc-endpoint": "7", "internet-gateway": "8", "egress-only-gateway": "8",
}

// FlowPath is the number of the way that a route leads, by the name of its kind
// of target. other: it is in another region.
func FlowPath(hop string, other bool) string {
	if hop == "vpc-peering-connection" && other {
		return "5"
	}
	return flowPaths[hop]
}
