package access

import "strings"

// Load balancers' ARNs carry their names, but for the IDs at their ends.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html

// BalancerARN forms the ARN of a resource of load balancing, such as
// "loadbalancer/net/NAME/ID".
func BalancerARN(region, account, rest string) string {
	return "arn:aws:elasticloadbalancing:" + region + ":" + account + ":" + rest
}

// BalancerID is the ID in a load balancer's ARN, if it is one of this region and account.
func BalancerID(arn, region, account string) (string, bool) {
	service, r, a, rest, ok := Split(arn)
	parts := strings.Split(rest, "/")
	if !ok || service != "elasticloadbalancing" || r != region || a != account || len(parts) != 4 || parts[0] != "loadbalancer" {
		return "", false
	}
	return parts[3], true
}
