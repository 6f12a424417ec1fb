package elbv2

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"weir/internal/cloud"
	"weir/internal/control"
)

// attributes are keys with the values that are in force. Those of which no
// other value is in force yet are listed with the one that is.
type attributes [][2]string

// onlyBalancer are a load balancer's attributes whose other values are not implemented.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html
var onlyBalancer = attributes{
	{"access_logs.s3.enabled", "false"}, {"access_logs.s3.bucket", ""}, {"access_logs.s3.prefix", ""},
	{"dns_record.client_routing_policy", "any_availability_zone"}, {"ipv6.deny_all_igw_traffic", "false"},
	{"secondary_ips.auto_assigned.per_subnet", "0"}, {"zonal_shift.config.enabled", "false"},
}

// onlyGroup are a target group's. A target sees the load balancer's address: the
// client's is not preserved.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html
var onlyGroup = attributes{
	{"deregistration_delay.connection_termination.enabled", "false"}, {"preserve_client_ip.enabled", "false"},
	{"stickiness.enabled", "false"}, {"stickiness.type", "source_ip"}, {"load_balancing.cross_zone.enabled", "use_load_balancer_configuration"},
	{"target_group_health.dns_failover.minimum_healthy_targets.count", "1"}, {"target_group_health.dns_failover.minimum_healthy_targets.percentage", "off"},
	{"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1"}, {"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off"},
	{"target_health_state.unhealthy.connection_termination.enabled", "false"}, {"target_health_state.unhealthy.draining_interval_seconds", "0"},
}

// onlyListener are a listener's.
var onlyListener = attributes{{"tcp.idle_timeout.seconds", "350"}}

// keep accepts a value that is in force anyway.
func (a *api) keep(list attributes, key, value string) error {
	i := slices.IndexFunc(list, func(kv [2]string) bool { return kv[0] == key })
	switch {
	case i < 0:
		return invalid("The attribute '" + key + "' is not valid")
	case list[i][1] != value:
		return a.unsupported(fmt.Sprintf("The value '%s' of the attribute '%s'", value, key))
	}
	return nil
}

func flag(key, value string) (*bool, error) {
	on, err := strconv.ParseBool(value)
	if err != nil || value != "true" && value != "false" {
		return nil, invalid("The value of the attribute '" + key + "' must be 'true' or 'false'")
	}
	return &on, nil
}

func (a *api) balancerAttributes(b *cloud.LoadBalancer) (out []LoadBalancerAttribute) {
	own := attributes{{"deletion_protection.enabled", strconv.FormatBool(b.Protected)}, {"load_balancing.cross_zone.enabled", strconv.FormatBool(b.CrossZone)}}
	for _, kv := range slices.Concat(own, onlyBalancer) {
		out = append(out, LoadBalancerAttribute{Key: new(kv[0]), Value: new(kv[1])})
	}
	return out
}

func (a *api) describeLoadBalancerAttributes(ctx context.Context, in *DescribeLoadBalancerAttributesInput) (*DescribeLoadBalancerAttributesOutput, error) {
	b, err := a.balancer(ctx, in.LoadBalancerArn)
	if err != nil {
		return nil, err
	}
	return &DescribeLoadBalancerAttributesOutput{Attributes: a.balancerAttributes(b)}, nil
}

// balancer is the caller's load balancer with this ARN.
func (a *api) balancer(ctx context.Context, arn *string) (*cloud.LoadBalancer, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	id, err := balancerID(arn)
	if err != nil {
		return nil, err
	}
	return own(a.control.View(), who, cloud.LoadBalancers, cloud.KindLoadBalancer, id)
}

func (a *api) modifyLoadBalancerAttributes(ctx context.Context, in *ModifyLoadBalancerAttributesInput) (*ModifyLoadBalancerAttributesOutput, error) {
	m := control.ModifyLoadBalancer{}
	for _, x := range in.Attributes {
		key, value := text(x.Key), text(x.Value)
		var err error
		switch key {
		case "deletion_protection.enabled":
			m.Protected, err = flag(key, value)
		case "load_balancing.cross_zone.enabled":
			m.CrossZone, err = flag(key, value)
		default:
			err = a.keep(onlyBalancer, key, value)
		}
		if err != nil {
			return nil, err
		}
	}
	b, err := a.modifyBalancer(ctx, in.LoadBalancerArn, m)
	if err != nil {
		return nil, err
	}
	return &ModifyLoadBalancerAttributesOutput{Attributes: a.balancerAttributes(b)}, nil
}

func groupAttributes(g *cloud.TargetGroup) (out []TargetGroupAttribute) {
	mine := attributes{{"deregistration_delay.timeout_seconds", strconv.Itoa(int(g.Drain.Seconds()))}, {"proxy_protocol_v2.enabled", strconv.FormatBool(g.ProxyProtocol)}}
	for _, kv := range slices.Concat(mine, onlyGroup) {
		out = append(out, TargetGroupAttribute{Key: new(kv[0]), Value: new(kv[1])})
	}
	return out
}

func (a *api) describeTargetGroupAttributes(ctx context.Context, in *DescribeTargetGroupAttributesInput) (*DescribeTargetGroupAttributesOutput, error) {
	g, err := a.group(ctx, in.TargetGroupArn)
	if err != nil {
		return nil, err
	}
	return &DescribeTargetGroupAttributesOutput{Attributes: groupAttributes(g)}, nil
}

func (a *api) modifyTargetGroupAttributes(ctx context.Context, in *ModifyTargetGroupAttributesInput) (*ModifyTargetGroupAttributesOutput, error) {
	m := control.ModifyTargetGroup{}
	for _, x := range in.Attributes {
		key, value := text(x.Key), text(x.Value)
		var err error
		switch key {
		case "deregistration_delay.timeout_seconds":
			n, bad := strconv.Atoi(value)
			if bad != nil || n < 0 || n > 3600 {
				return nil, invalid("The value of the attribute '" + key + "' must be between 0 and 3600")
			}
			m.Drain = new(time.Duration(n) * time.Second)
		case "proxy_protocol_v2.enabled":
			m.ProxyProtocol, err = flag(key, value)
		default:
			err = a.keep(onlyGroup, key, value)
		}
		if err != nil {
			return nil, err
		}
	}
	g, err := a.modifyGroup(ctx, in.TargetGroupArn, m)
	if err != nil {
		return nil, err
	}
	return &ModifyTargetGroupAttributesOutput{Attributes: groupAttributes(g)}, nil
}

func listenerAttributes() (out []ListenerAttribute) {
	for _, kv := range onlyListener {
		out = append(out, ListenerAttribute{Key: new(kv[0]), Value: new(kv[1])})
	}
	return out
}

func (a *api) describeListenerAttributes(ctx context.Context, in *DescribeListenerAttributesInput) (*DescribeListenerAttributesOutput, error) {
	if _, err := a.listener(ctx, in.ListenerArn); err != nil {
		return nil, err
	}
	return &DescribeListenerAttributesOutput{Attributes: listenerAttributes()}, nil
}

func (a *api) modifyListenerAttributes(ctx context.Context, in *ModifyListenerAttributesInput) (*ModifyListenerAttributesOutput, error) {
	if _, err := a.listener(ctx, in.ListenerArn); err != nil {
		return nil, err
	}
	for _, x := range in.Attributes {
		if err := a.keep(onlyListener, text(x.Key), text(x.Value)); err != nil {
			return nil, err
		}
	}
	return &ModifyListenerAttributesOutput{Attributes: listenerAttributes()}, nil
}
