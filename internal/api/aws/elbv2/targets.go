package elbv2

import (
	"reflect"
	"strings"

	"weir/internal/api/aws/access"
	"weir/internal/api/wire"
)

// Targets lists what a call acts on, for its authorisation: the resources that
// its ARNs name, or those of the kind that it makes.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html
func Targets(call *wire.Call, in any) []access.Target {
	action := "elasticloadbalancing:" + call.Operation
	if strings.HasPrefix(call.Operation, "Describe") {
		return []access.Target{{Action: action, ARN: "*"}}
	}
	var out []access.Target
	add := func(arn string) { out = append(out, access.Target{Action: action, ARN: arn}) }
	switch call.Operation {
	case "CreateLoadBalancer":
		add(access.BalancerARN(call.Region, call.Account, "loadbalancer/net/"+access.Text(in, "Name")+"/*"))
	case "CreateTargetGroup":
		add(access.BalancerARN(call.Region, call.Account, "targetgroup/"+access.Text(in, "Name")+"/*"))
	case "AddTags", "RemoveTags":
		list, _ := reflect.Indirect(reflect.ValueOf(in)).FieldByName("ResourceArns").Interface().([]string)
		for _, arn := range list {
			add(arn)
		}
	default:
		for _, field := range []string{"LoadBalancerArn", "TargetGroupArn", "ListenerArn"} {
			if arn := access.Text(in, field); arn != "" {
				add(arn)
			}
		}
	}
	if len(out) == 0 {
		add("*")
	}
	return out
}
