package elbv2

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/internal/cloud"
	"weir/internal/control"
)

var checkKinds = map[ProtocolEnum]cloud.CheckKind{ProtocolEnumTCP: cloud.CheckTCP, ProtocolEnumHTTP: cloud.CheckHTTP, ProtocolEnumHTTPS: cloud.CheckHTTPS}

func groupShape(v cloud.View, g *cloud.TargetGroup) TargetGroup {
	out := TargetGroup{
		TargetGroupArn: new(groupARN(g)), TargetGroupName: &g.Name, Protocol: ProtocolEnumTCP, Port: new(int32(g.Port)), VpcId: new(string(g.VPC)),
		TargetType: TargetTypeEnumIp, IpAddressType: "ipv4", LoadBalancerArns: []string{},
		HealthCheckEnabled: new(true), HealthCheckProtocol: ProtocolEnum(strings.ToUpper(string(g.Health.Kind))), HealthCheckPort: new("traffic-port"),
		HealthCheckIntervalSeconds: new(int32(g.Health.Interval.Seconds())), HealthCheckTimeoutSeconds: new(int32(g.Health.Timeout.Seconds())),
		HealthyThresholdCount: new(int32(g.Health.Healthy)), UnhealthyThresholdCount: new(int32(g.Health.Unhealthy)),
	}
	if g.ByInstance {
		out.TargetType = TargetTypeEnumInstance
	}
	if g.Health.Port != 0 {
		out.HealthCheckPort = new(strconv.Itoa(g.Health.Port))
	}
	if g.Health.Kind != cloud.CheckTCP {
		out.HealthCheckPath = &g.Health.Path
		out.Matcher = &Matcher{HttpCode: new(codeRange(g.Health.CodeFrom, g.Health.CodeTo))}
	}
	for l := range cloud.Listeners.By(v, "group", string(g.ID)) {
		if b, ok := cloud.LoadBalancers.Get(v, l.Balancer); ok && !slices.Contains(out.LoadBalancerArns, balancerARN(b)) {
			out.LoadBalancerArns = append(out.LoadBalancerArns, balancerARN(b))
		}
	}
	return out
}

func codeRange(from, to int) string {
	if from == to {
		return strconv.Itoa(from)
	}
	return fmt.Sprintf("%d-%d", from, to)
}

func (a *api) createTargetGroup(ctx context.Context, in *CreateTargetGroupInput) (*CreateTargetGroupOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case in.TargetType == TargetTypeEnumLambda, in.TargetType == TargetTypeEnumAlb:
		return nil, a.unsupported("A target group of type " + string(in.TargetType))
	case in.Protocol == "":
		return nil, invalid("A protocol must be specified")
	case in.Protocol != ProtocolEnumTCP:
		return nil, a.unsupported("A target group of protocol " + string(in.Protocol))
	case in.IpAddressType == "ipv6":
		return nil, a.unsupported("A target group of IPv6 addresses")
	case in.Port == nil:
		return nil, invalid("A port must be specified")
	case in.VpcId == nil:
		return nil, invalid("A VPC ID must be specified")
	case !goodName.MatchString(*in.Name):
		return nil, invalid("The target group name '" + *in.Name + "' can have at most 32 characters, letters, digits and hyphens, and cannot begin or end with a hyphen")
	}
	// https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html
	h := cloud.TargetCheck{Kind: cloud.CheckTCP, Interval: 30 * time.Second, Timeout: 10 * time.Second, Healthy: 5, Unhealthy: 2}
	change, err := a.healthChange(healthInput{in.HealthCheckEnabled, in.HealthCheckProtocol, in.HealthCheckPort, in.HealthCheckPath, in.Matcher,
		in.HealthCheckIntervalSeconds, in.HealthCheckTimeoutSeconds, in.HealthyThresholdCount, in.UnhealthyThresholdCount})
	if err != nil {
		return nil, err
	}
	change(&h)
	c := control.CreateTargetGroup{
		Name: *in.Name, VPC: cloud.VPCID(*in.VpcId), Port: int(*in.Port), ByInstance: in.TargetType != TargetTypeEnumIp, Health: h, Drain: 300 * time.Second,
	}
	if c.Tags, err = tagMap(in.Tags); err != nil {
		return nil, err
	}
	g, err := a.control.CreateTargetGroup(ctx, who, c)
	if err != nil {
		return nil, err
	}
	return &CreateTargetGroupOutput{TargetGroups: []TargetGroup{groupShape(a.control.View(), g)}}, nil
}

// healthInput is what requests say of health checks.
type healthInput struct {
	enabled                               *bool
	protocol                              ProtocolEnum
	port, path                            *string
	matcher                               *Matcher
	interval, timeout, healthy, unhealthy *int32
}

// healthChange checks a request's health check and says what it changes.
func (a *api) healthChange(in healthInput) (func(*cloud.TargetCheck), error) {
	kind, known := checkKinds[in.protocol]
	port, from, to := 0, 0, 0
	switch {
	case in.enabled != nil && !*in.enabled:
		return nil, invalid("Health checks must be enabled for target groups with target type instance or ip")
	case in.protocol != "" && !known:
		return nil, invalid("The health check protocol '" + string(in.protocol) + "' is not supported for the protocol TCP")
	}
	if in.port != nil && *in.port != "traffic-port" {
		n, err := strconv.Atoi(*in.port)
		if err != nil || n < 1 || n > 65535 {
			return nil, invalid("Health check port '" + *in.port + "' must be 'traffic-port' or a number from 1 to 65535")
		}
		port = n
	}
	if in.matcher != nil {
		low, high, ranged := strings.Cut(text(in.matcher.HttpCode), "-")
		if !ranged {
			high = low
		}
		var err1, err2 error
		from, err1 = strconv.Atoi(low)
		to, err2 = strconv.Atoi(high)
		if err1 != nil || err2 != nil || from < 200 || to > 599 || from > to {
			return nil, invalid("Health check matcher HTTP code '" + text(in.matcher.HttpCode) + "' must be a code or a range within 200-599")
		}
	}
	return func(h *cloud.TargetCheck) {
		if known {
			h.Kind = kind
		}
		if in.port != nil {
			h.Port = port
		}
		if in.path != nil {
			h.Path = *in.path
		}
		if in.matcher != nil {
			h.CodeFrom, h.CodeTo = from, to
		}
		for p, n := range map[*time.Duration]*int32{&h.Interval: in.interval, &h.Timeout: in.timeout} {
			if n != nil {
				*p = time.Duration(*n) * time.Second
			}
		}
		for p, n := range map[*int]*int32{&h.Healthy: in.healthy, &h.Unhealthy: in.unhealthy} {
			if n != nil {
				*p = int(*n)
			}
		}
		if h.Kind != cloud.CheckTCP && h.Path == "" {
			h.Path = "/"
		}
		if h.Kind != cloud.CheckTCP && h.CodeFrom == 0 {
			h.CodeFrom, h.CodeTo = 200, 399
		}
	}, nil
}

func (a *api) describeTargetGroups(ctx context.Context, in *DescribeTargetGroupsInput) (*DescribeTargetGroupsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	v := a.control.View()
	want, err := wanted(in.TargetGroupArns, groupID)
	if err != nil {
		return nil, err
	}
	var of cloud.LoadBalancerID
	if in.LoadBalancerArn != nil {
		b, err := a.balancer(ctx, in.LoadBalancerArn)
		if err != nil {
			return nil, err
		}
		of = b.ID
	}
	var all []*cloud.TargetGroup
	for g := range cloud.TargetGroups.By(v, "scope", cloud.Scope(who.Account, who.Region)) {
		if want.has(g.ID) && (len(in.Names) == 0 || slices.Contains(in.Names, g.Name)) && (of == "" || serves(v, g.ID, of)) {
			all = append(all, g)
		}
	}
	if len(all) < len(in.Names) || len(all) < len(want) {
		return nil, cloud.Errorf(cloud.NotFound, cloud.KindTargetGroup, "", "", "One or more target groups not found")
	}
	some, next, err := page(ctx, all, in.Marker, in.PageSize, func(g *cloud.TargetGroup) string { return string(g.ID) })
	out := &DescribeTargetGroupsOutput{TargetGroups: []TargetGroup{}, NextMarker: next}
	for _, g := range some {
		out.TargetGroups = append(out.TargetGroups, groupShape(v, g))
	}
	return out, err
}

func serves(v cloud.View, g cloud.TargetGroupID, b cloud.LoadBalancerID) bool {
	for l := range cloud.Listeners.By(v, "group", string(g)) {
		if l.Balancer == b {
			return true
		}
	}
	return false
}

// group is the caller's target group with this ARN.
func (a *api) group(ctx context.Context, arn *string) (*cloud.TargetGroup, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	id, err := groupID(arn)
	if err != nil {
		return nil, err
	}
	return own(a.control.View(), who, cloud.TargetGroups, cloud.KindTargetGroup, id)
}

func (a *api) modifyGroup(ctx context.Context, arn *string, m control.ModifyTargetGroup) (*cloud.TargetGroup, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	id, err := groupID(arn)
	if err != nil {
		return nil, err
	}
	return a.control.ModifyTargetGroup(ctx, who, id, m)
}

func (a *api) modifyTargetGroup(ctx context.Context, in *ModifyTargetGroupInput) (*ModifyTargetGroupOutput, error) {
	change, err := a.healthChange(healthInput{in.HealthCheckEnabled, in.HealthCheckProtocol, in.HealthCheckPort, in.HealthCheckPath, in.Matcher,
		in.HealthCheckIntervalSeconds, in.HealthCheckTimeoutSeconds, in.HealthyThresholdCount, in.UnhealthyThresholdCount})
	if err != nil {
		return nil, err
	}
	g, err := a.modifyGroup(ctx, in.TargetGroupArn, control.ModifyTargetGroup{Health: change})
	if err != nil {
		return nil, err
	}
	return &ModifyTargetGroupOutput{TargetGroups: []TargetGroup{groupShape(a.control.View(), g)}}, nil
}

func (a *api) deleteTargetGroup(ctx context.Context, in *DeleteTargetGroupInput) (*DeleteTargetGroupOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	id, err := groupID(in.TargetGroupArn)
	if err != nil {
		return nil, err
	}
	return &DeleteTargetGroupOutput{}, a.control.DeleteTargetGroup(ctx, who, id)
}
