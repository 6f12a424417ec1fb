package elbv2

import (
	"context"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func listenerShape(v cloud.View, l *cloud.Listener) Listener {
	out := Listener{ListenerArn: new(listenerARN(v, l)), Port: new(int32(l.Port)), Protocol: ProtocolEnumTCP}
	if b, ok := cloud.LoadBalancers.Get(v, l.Balancer); ok {
		out.LoadBalancerArn = new(balancerARN(b))
	}
	if g, ok := cloud.TargetGroups.Get(v, l.Group); ok {
		arn := groupARN(g)
		out.DefaultActions = []Action{{
			Type: ActionTypeEnumForward, TargetGroupArn: &arn, Order: new(int32(1)),
			ForwardConfig: &ForwardActionConfig{TargetGroups: []TargetGroupTuple{{TargetGroupArn: &arn}}, TargetGroupStickinessConfig: &TargetGroupStickinessConfig{Enabled: new(false)}},
		}}
	}
	return out
}

// forward reads the one target group that actions lead to.
func (a *api) forward(actions []Action) (cloud.TargetGroupID, error) {
	if len(actions) != 1 {
		return "", invalid("A listener must have exactly one default action")
	}
	act := actions[0]
	if act.Type != ActionTypeEnumForward {
		return "", &wire.Error{Code: "InvalidLoadBalancerAction", Msg: "The action type '" + string(act.Type) + "' is not valid with network load balancers"}
	}
	arn := act.TargetGroupArn
	if f := act.ForwardConfig; f != nil && len(f.TargetGroups) > 0 {
		switch {
		case len(f.TargetGroups) > 1:
			return "", a.unsupported("A listener with several target groups")
		case f.TargetGroupStickinessConfig != nil && f.TargetGroupStickinessConfig.Enabled != nil && *f.TargetGroupStickinessConfig.Enabled:
			return "", a.unsupported("Stickiness to a target group")
		case arn != nil && text(arn) != text(f.TargetGroups[0].TargetGroupArn):
			return "", invalid("The target group in the forward configuration does not match the target group of the action")
		}
		arn = f.TargetGroups[0].TargetGroupArn
	}
	if arn == nil {
		return "", invalid("A target group ARN must be specified")
	}
	return groupID(arn)
}

// plainTCP refuses what a listener of plain TCP does not have.
func (a *api) plainTCP(p ProtocolEnum, certificates []Certificate, policy *string, alpn []string, mutual *MutualAuthenticationAttributes) error {
	switch p {
	case "", ProtocolEnumTCP:
	case ProtocolEnumHTTP, ProtocolEnumHTTPS, ProtocolEnumGENEVE:
		return &wire.Error{Code: "UnsupportedProtocol", Msg: "The protocol '" + string(p) + "' is not supported by network load balancers"}
	default:
		return a.unsupported("A listener of protocol " + string(p))
	}
	if len(certificates) > 0 || policy != nil || len(alpn) > 0 || mutual != nil {
		return invalid("Certificates, SSL policies and ALPN policies cannot be specified for TCP listeners")
	}
	return nil
}

func (a *api) createListener(ctx context.Context, in *CreateListenerInput) (*CreateListenerOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.plainTCP(in.Protocol, in.Certificates, in.SslPolicy, in.AlpnPolicy, in.MutualAuthentication); err != nil {
		return nil, err
	}
	switch {
	case in.Protocol == "":
		return nil, invalid("A listener protocol must be specified")
	case in.Port == nil:
		return nil, invalid("A listener port must be specified")
	}
	c := control.CreateListener{Port: int(*in.Port)}
	if c.Balancer, err = balancerID(in.LoadBalancerArn); err != nil {
		return nil, err
	}
	if c.Group, err = a.forward(in.DefaultActions); err != nil {
		return nil, err
	}
	if c.Tags, err = tagMap(in.Tags); err != nil {
		return nil, err
	}
	l, err := a.control.CreateListener(ctx, who, c)
	if err != nil {
		return nil, err
	}
	return &CreateListenerOutput{Listeners: []Listener{listenerShape(a.control.View(), l)}}, nil
}

func (a *api) describeListeners(ctx context.Context, in *DescribeListenersInput) (*DescribeListenersOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	v := a.control.View()
	var all []*cloud.Listener
	switch {
	case len(in.ListenerArns) > 0:
		for _, arn := range in.ListenerArns {
			id, err := listenerID(&arn)
			if err != nil {
				return nil, err
			}
			l, err := own(v, who, cloud.Listeners, cloud.KindListener, id)
			if err != nil {
				return nil, err
			}
			all = append(all, l)
		}
	case in.LoadBalancerArn != nil:
		b, err := a.balancer(ctx, in.LoadBalancerArn)
		if err != nil {
			return nil, err
		}
		for l := range cloud.Listeners.By(v, "balancer", string(b.ID)) {
			all = append(all, l)
		}
	default:
		return nil, invalid("You must specify either listener ARNs or a load balancer ARN")
	}
	some, next, err := page(ctx, all, in.Marker, in.PageSize, func(l *cloud.Listener) string { return string(l.ID) })
	out := &DescribeListenersOutput{Listeners: []Listener{}, NextMarker: next}
	for _, l := range some {
		out.Listeners = append(out.Listeners, listenerShape(v, l))
	}
	return out, err
}

// listener is the caller's listener with this ARN.
func (a *api) listener(ctx context.Context, arn *string) (*cloud.Listener, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	id, err := listenerID(arn)
	if err != nil {
		return nil, err
	}
	return own(a.control.View(), who, cloud.Listeners, cloud.KindListener, id)
}

func (a *api) modifyListener(ctx context.Context, in *ModifyListenerInput) (*ModifyListenerOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.plainTCP(in.Protocol, in.Certificates, in.SslPolicy, in.AlpnPolicy, in.MutualAuthentication); err != nil {
		return nil, err
	}
	id, err := listenerID(in.ListenerArn)
	if err != nil {
		return nil, err
	}
	m := control.ModifyListener{}
	if in.Port != nil {
		m.Port = new(int(*in.Port))
	}
	if len(in.DefaultActions) > 0 {
		g, err := a.forward(in.DefaultActions)
		if err != nil {
			return nil, err
		}
		m.Group = &g
	}
	l, err := a.control.ModifyListener(ctx, who, id, m)
	if err != nil {
		return nil, err
	}
	return &ModifyListenerOutput{Listeners: []Listener{listenerShape(a.control.View(), l)}}, nil
}

func (a *api) deleteListener(ctx context.Context, in *DeleteListenerInput) (*DeleteListenerOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	id, err := listenerID(in.ListenerArn)
	if err != nil {
		return nil, err
	}
	return &DeleteListenerOutput{}, a.control.DeleteListener(ctx, who, id)
}
