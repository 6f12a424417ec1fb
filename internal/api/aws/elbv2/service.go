// Package elbv2 speaks AWS Elastic Load Balancing v2: network load balancers of
// TCP, their target groups and listeners.
//
// Invariants: application and gateway load balancers, TLS and UDP are known and
// refused; an attribute is accepted only at a value that is in force; targets see
// the address of the load balancer, never the client's.
package elbv2

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/netip"
	"strings"

	"weir/internal/api/aws/access"
	"weir/internal/api/aws/ec2"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// Health tells the state of a target ("initial", "healthy", "unhealthy",
// "unused") and, if it is unhealthy, what the last check met with.
type Health func(group cloud.TargetGroupID, addr netip.Addr, port int) (state, reason string)

type api struct {
	service *wire.Service
	control *control.Control
	health  Health
}

// New returns the service with everything that is implemented.
func New(c *control.Control, health Health) *wire.Service {
	s := wire.NewService(Spec)
	s.MapError = mapError
	a := &api{s, c, health}
	wire.Handle(s, "CreateLoadBalancer", a.createLoadBalancer)
	wire.Handle(s, "DescribeLoadBalancers", a.describeLoadBalancers)
	wire.Handle(s, "DeleteLoadBalancer", a.deleteLoadBalancer)
	wire.Handle(s, "SetSubnets", a.setSubnets)
	wire.Handle(s, "SetSecurityGroups", a.setSecurityGroups)
	wire.Handle(s, "SetIpAddressType", a.setIpAddressType)
	wire.Handle(s, "DescribeLoadBalancerAttributes", a.describeLoadBalancerAttributes)
	wire.Handle(s, "ModifyLoadBalancerAttributes", a.modifyLoadBalancerAttributes)

	wire.Handle(s, "CreateTargetGroup", a.createTargetGroup)
	wire.Handle(s, "DescribeTargetGroups", a.describeTargetGroups)
	wire.Handle(s, "ModifyTargetGroup", a.modifyTargetGroup)
	wire.Handle(s, "DeleteTargetGroup", a.deleteTargetGroup)
	wire.Handle(s, "DescribeTargetGroupAttributes", a.describeTargetGroupAttributes)
	wire.Handle(s, "ModifyTargetGroupAttributes", a.modifyTargetGroupAttributes)
	wire.Handle(s, "RegisterTargets", a.registerTargets)
	wire.Handle(s, "DeregisterTargets", a.deregisterTargets)
	wire.Handle(s, "DescribeTargetHealth", a.describeTargetHealth)

	wire.Handle(s, "CreateListener", a.createListener)
	wire.Handle(s, "DescribeListeners", a.describeListeners)
	wire.Handle(s, "ModifyListener", a.modifyListener)
	wire.Handle(s, "DeleteListener", a.deleteListener)
	wire.Handle(s, "DescribeListenerAttributes", a.describeListenerAttributes)
	wire.Handle(s, "ModifyListenerAttributes", a.modifyListenerAttributes)

	wire.Handle(s, "AddTags", a.addTags)
	wire.Handle(s, "RemoveTags", a.removeTags)
	wire.Handle(s, "DescribeTags", a.describeTags)
	return s
}

// enter is who calls.
func (a *api) enter(ctx context.Context) (control.Caller, error) {
	call := wire.CallFrom(ctx)
	who := control.Caller{Account: call.Account, Region: call.Region, Principal: call.Principal, NewID: newID}
	if _, ok := a.control.Region(call.Region); !ok {
		return who, &wire.Error{Code: "InvalidClientTokenId", Status: 403, Msg: "Credential should be scoped to a valid region, not '" + call.Region + "'."}
	}
	return who, nil
}

// newID makes 16 digits for what is load balancing's own.
func newID(kind cloud.Resource) string {
	switch kind {
	case cloud.KindLoadBalancer, cloud.KindTargetGroup, cloud.KindListener:
		var b [8]byte
		rand.Read(b[:]) // never fails
		return hex.EncodeToString(b[:])
	}
	return ec2.NewID(kind)
}

// unsupported says that Weir knows the feature and does not have it.
func (a *api) unsupported(what string) error {
	return a.service.Trouble(wire.NotImplemented, what+" is not implemented.")
}

func invalid(msg string) *wire.Error { return &wire.Error{Code: "ValidationError", Msg: msg} }

// fault identifies a refusal of control.
type fault struct {
	kind     cloud.Kind
	resource cloud.Resource
	reason   string
}

// codes are Amazon's for what control refuses.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/CommonErrors.html
var codes = map[fault]string{
	{cloud.NotFound, cloud.KindLoadBalancer, ""}:  "LoadBalancerNotFound",
	{cloud.NotFound, cloud.KindTargetGroup, ""}:   "TargetGroupNotFound",
	{cloud.NotFound, cloud.KindListener, ""}:      "ListenerNotFound",
	{cloud.NotFound, cloud.KindSubnet, ""}:        "SubnetNotFound",
	{cloud.NotFound, cloud.KindSecurityGroup, ""}: "InvalidSecurityGroup",
	{cloud.NotFound, cloud.KindElasticIP, ""}:     "AllocationIdNotFound",
	{cloud.NotFound, cloud.KindVPC, ""}:           "ValidationError",

	{cloud.Exists, cloud.KindLoadBalancer, ""}:                      "DuplicateLoadBalancerName",
	{cloud.Limit, cloud.KindLoadBalancer, ""}:                       "TooManyLoadBalancers",
	{cloud.Missing, cloud.KindLoadBalancer, "subnets"}:              "ValidationError",
	{cloud.State, cloud.KindLoadBalancer, "no-gateway"}:             "InvalidSubnet",
	{cloud.State, cloud.KindLoadBalancer, "open"}:                   "InvalidConfigurationRequest",
	{cloud.Conflict, cloud.KindLoadBalancer, "many-vpcs"}:           "InvalidConfigurationRequest",
	{cloud.Conflict, cloud.KindLoadBalancer, "zone"}:                "InvalidConfigurationRequest",
	{cloud.Invalid, cloud.KindLoadBalancer, "private-with-address"}: "InvalidConfigurationRequest",
	{cloud.Denied, cloud.KindLoadBalancer, "protected"}:             "OperationNotPermitted",
	{cloud.InUse, cloud.KindLoadBalancer, ""}:                       "ResourceInUse",
	{cloud.InUse, cloud.KindElasticIP, ""}:                          "ResourceInUse",
	{cloud.Exhausted, cloud.KindElasticIP, "pool"}:                  "InvalidSubnet",
	{cloud.Exhausted, cloud.KindSubnet, "addresses"}:                "InvalidSubnet",
	{cloud.Limit, cloud.KindInterface, "groups"}:                    "InvalidSecurityGroup",
	{cloud.Conflict, cloud.KindInterface, "many-vpcs"}:              "InvalidSecurityGroup",

	{cloud.Exists, cloud.KindTargetGroup, ""}:         "DuplicateTargetGroupName",
	{cloud.Limit, cloud.KindTargetGroup, ""}:          "TooManyTargetGroups",
	{cloud.Limit, cloud.KindTargetGroup, "balancers"}: "TargetGroupAssociationLimit",
	{cloud.InUse, cloud.KindTargetGroup, ""}:          "ResourceInUse",
	{cloud.Invalid, cloud.KindTargetGroup, "timeout"}: "ValidationError",
	{cloud.Invalid, cloud.KindTarget, ""}:             "InvalidTarget",
	{cloud.Limit, cloud.KindTarget, ""}:               "TooManyTargets",
	{cloud.Exists, cloud.KindListener, ""}:            "DuplicateListener",
	{cloud.Limit, cloud.KindListener, ""}:             "TooManyListeners",
	{cloud.Conflict, cloud.KindListener, "many-vpcs"}: "InvalidConfigurationRequest",
	{cloud.Limit, cloud.KindTag, ""}:                  "TooManyTags",
}

// absences are Amazon's words for what does not exist.
var absences = map[cloud.Resource]string{
	cloud.KindLoadBalancer: "One or more load balancers not found", cloud.KindTargetGroup: "One or more target groups not found",
	cloud.KindListener: "One or more listeners not found", cloud.KindSubnet: "The subnet ID '%s' does not exist",
	cloud.KindSecurityGroup: "One or more security groups are invalid", cloud.KindElasticIP: "The allocation ID '%s' does not exist",
	cloud.KindVPC: "The VPC ID '%s' is not found",
}

func mapError(e *cloud.Error) *wire.Error {
	code, ok := codes[fault{e.Kind, e.Resource, e.Reason}]
	switch {
	case ok:
	case e.Kind == cloud.Invalid, e.Kind == cloud.Exists, e.Kind == cloud.Exhausted: // of subnets and addresses
		code = "InvalidConfigurationRequest"
	default:
		return nil
	}
	out := &wire.Error{Code: code, Msg: e.Msg, Err: e}
	if msg := absences[e.Resource]; e.Kind == cloud.NotFound && msg != "" {
		out.Msg = strings.ReplaceAll(msg, "%s", e.ID)
	}
	return out
}

// id is the last part of an ARN of this kind.
func id(arn *string, kind string, parts int) (string, error) {
	service, _, _, rest, ok := access.Split(text(arn))
	list := strings.Split(rest, "/")
	if !ok || service != "elasticloadbalancing" || list[0] != kind || len(list) != parts {
		return "", invalid("'" + text(arn) + "' is not a valid " + map[string]string{"loadbalancer": "load balancer", "targetgroup": "target group", "listener": "listener"}[kind] + " ARN")
	}
	return list[len(list)-1], nil
}

func balancerID(arn *string) (cloud.LoadBalancerID, error) {
	s, err := id(arn, "loadbalancer", 4)
	return cloud.LoadBalancerID(s), err
}

func groupID(arn *string) (cloud.TargetGroupID, error) {
	s, err := id(arn, "targetgroup", 3)
	return cloud.TargetGroupID(s), err
}

func listenerID(arn *string) (cloud.ListenerID, error) {
	s, err := id(arn, "listener", 5)
	return cloud.ListenerID(s), err
}

func balancerARN(b *cloud.LoadBalancer) string {
	return access.BalancerARN(b.Region, b.Account, "loadbalancer/net/"+b.Name+"/"+string(b.ID))
}

func groupARN(g *cloud.TargetGroup) string {
	return access.BalancerARN(g.Region, g.Account, "targetgroup/"+g.Name+"/"+string(g.ID))
}

func listenerARN(v cloud.View, l *cloud.Listener) string {
	name := ""
	if b, ok := cloud.LoadBalancers.Get(v, l.Balancer); ok {
		name = b.Name
	}
	return access.BalancerARN(l.Region, l.Account, "listener/net/"+name+"/"+string(l.Balancer)+"/"+string(l.ID))
}

// own is a resource that is the caller's.
func own[K ~string, T any](v cloud.View, who control.Caller, t *cloud.Table[K, T], kind cloud.Resource, id K) (*T, error) {
	if r, ok := t.Get(v, id); ok && any(r).(interface{ Scope() string }).Scope() == cloud.Scope(who.Account, who.Region) {
		return r, nil
	}
	return nil, cloud.Errorf(cloud.NotFound, kind, string(id), "", "there is no %s %q in this account and region", kind, id)
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// page is one page of a list, by Marker and PageSize.
func page[T any](ctx context.Context, items []T, marker *string, size *int32, key func(T) string) ([]T, *string, error) {
	call := wire.CallFrom(ctx)
	return wire.Page(items, wire.Paging{Max: size, Token: marker, Default: 400, Scope: call.Operation + "/" + call.Account + "/" + call.Region}, key)
}
