package privatelink

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) connections(s *wire.Service) {
	wire.Handle(s, "EnableVpcEndpointConnection", a.enable)
	wire.Handle(s, "DisableVpcEndpointConnection", a.disable)
	wire.Handle(s, "UpdateVpcEndpointConnectionAttribute", a.updateConnection)
	wire.Handle(s, "ListVpcEndpointConnections", a.listConnections)
	wire.Handle(s, "AddUserToVpcEndpointService", a.addUser)
	wire.Handle(s, "RemoveUserFromVpcEndpointService", a.removeUser)
	wire.Handle(s, "ListVpcEndpointServiceUsers", a.listUsers)
}

// Bandwidths that a connection may have, in Mbit/s.
// https://www.alibabacloud.com/help/en/privatelink/developer-reference/api-privatelink-2020-04-15-enablevpcendpointconnection
const minBandwidth, maxBandwidth = 100, 10240

// width reads a bandwidth as an attribute of the endpoint or the service.
func width(mbps *int64) (map[string]string, error) {
	switch {
	case mbps == nil:
		return nil, nil
	case *mbps < minBandwidth || *mbps > maxBandwidth:
		return nil, resource.Fault("InvalidBandwidth", fmt.Sprintf("The Bandwidth is %d to %d Mbit/s.", minBandwidth, maxBandwidth))
	}
	return map[string]string{attrBandwidth: strconv.FormatInt(*mbps, 10)}, nil
}

func (a *api) enable(ctx context.Context, in *EnableVpcEndpointConnectionInput) (*EnableVpcEndpointConnectionOutput, error) {
	attrs, err := width(in.Bandwidth)
	if err != nil {
		return nil, err
	}
	who, service, endpoint := resource.Caller(ctx), cloud.EndpointServiceID(*in.ServiceId), cloud.EndpointID(*in.EndpointId)
	if err := a.control.Decide(ctx, who, service, endpoint, cloud.ConsentGiven); err != nil {
		return nil, err
	}
	return nil, a.control.NoteEndpoint(ctx, who, service, endpoint, attrs)
}

func (a *api) disable(ctx context.Context, in *DisableVpcEndpointConnectionInput) (*DisableVpcEndpointConnectionOutput, error) {
	return nil, a.control.Decide(ctx, resource.Caller(ctx), cloud.EndpointServiceID(*in.ServiceId), cloud.EndpointID(*in.EndpointId), cloud.ConsentRefused)
}

func (a *api) updateConnection(ctx context.Context, in *UpdateVpcEndpointConnectionAttributeInput) (*UpdateVpcEndpointConnectionAttributeOutput, error) {
	attrs, err := width(in.Bandwidth)
	if err != nil {
		return nil, err
	}
	return nil, a.control.NoteEndpoint(ctx, resource.Caller(ctx), cloud.EndpointServiceID(*in.ServiceId), cloud.EndpointID(*in.EndpointId), attrs)
}

func (a *api) connectionFacts(e *cloud.Endpoint, s *cloud.EndpointService) Connection {
	out := Connection{
		EndpointId: new(string(e.ID)), EndpointOwnerId: resource.Owner(e.Account), EndpointVpcId: new(string(e.VPC)), ServiceId: new(string(s.ID)), ConnectionStatus: new(a.connection(e)),
		Bandwidth: bandwidthOf(&e.Meta), ModifiedTime: resource.Time(e.Created), ResourceGroupId: new(resource.Group(&s.Meta)), ResourceOwner: new(e.Account == s.Account), Zones: []Zone{},
	}
	view := a.control.View()
	for _, z := range a.zones(e) {
		for _, id := range s.Balancers {
			if slices.Contains(control.BalancerZones(view, id), *z.ZoneId) {
				z.ResourceId = new(string(id))
				break
			}
		}
		out.Zones = append(out.Zones, z)
	}
	return out
}

// wantedConnection tells whether a connection is among those that a question is about.
func wantedConnection(in *ListVpcEndpointConnectionsInput, c Connection) bool {
	zone := func(z Zone) bool {
		return matches(in.ZoneId, *z.ZoneId) && matches(in.EniId, *z.EniId) && matches(in.ResourceId, text(z.ResourceId))
	}
	return matches(in.EndpointId, *c.EndpointId) && matches(in.ServiceId, *c.ServiceId) && matches(in.ConnectionStatus, *c.ConnectionStatus) && matches(in.ResourceGroupId, *c.ResourceGroupId) &&
		(in.EndpointOwnerId == nil || *in.EndpointOwnerId == *c.EndpointOwnerId) && (text(in.ZoneId)+text(in.EniId)+text(in.ResourceId) == "" || slices.ContainsFunc(c.Zones, zone))
}

func (a *api) listConnections(ctx context.Context, in *ListVpcEndpointConnectionsInput) (*ListVpcEndpointConnectionsOutput, error) {
	if err := resource.Refuse(map[string]bool{"ConnectionId": in.ConnectionId != nil, "ReplacedResourceId": text(in.ReplacedResourceId) != ""}); err != nil {
		return nil, err
	}
	if text(in.ServiceId) != "" {
		if _, err := a.service(ctx, *in.ServiceId); err != nil {
			return nil, err
		}
	}
	all := []Connection{}
	for s := range cloud.EndpointServices.By(a.control.View(), "scope", resource.Scope(ctx)) {
		for e := range cloud.Endpoints.By(a.control.View(), "provider", string(s.ID)) {
			if c := a.connectionFacts(e, s); wantedConnection(in, c) {
				all = append(all, c)
			}
		}
	}
	question := fmt.Sprint(text(in.EndpointId), text(in.ServiceId), text(in.ConnectionStatus), text(in.ResourceGroupId), text(in.ZoneId), text(in.EniId), text(in.ResourceId))
	items, next, err := page.ByToken(ctx, all, in.MaxResults, in.NextToken, sizes, question, func(c Connection) string { return *c.ServiceId + *c.EndpointId })
	if err != nil {
		return nil, err
	}
	return &ListVpcEndpointConnectionsOutput{Connections: items, NextToken: next, MaxResults: size(in.MaxResults), TotalCount: new(strconv.Itoa(len(all)))}, nil
}

// user reads whom a service lets in: an account's UID, or acs:ram:*:UID:*, where
// the UID may be * for everybody.
func user(uid *int64, arn *string) (string, error) {
	if uid != nil {
		arn = new(listed(strconv.FormatInt(*uid, 10)))
	}
	parts := strings.Split(text(arn), ":")
	if len(parts) != 5 || parts[0] != "acs" || parts[1] != "ram" || parts[4] != "*" {
		return "", resource.Fault("InvalidUser", "UserId is an account's ID, or UserARN is acs:ram:*:<account ID>:*.")
	}
	if parts[3] == "*" {
		return "*", nil
	}
	account, ok := access.Account(parts[3])
	if !ok {
		return "", resource.Fault("InvalidUser", "There is no account "+parts[3]+".")
	}
	return listed(access.UID(account)), nil
}

func (a *api) addUser(ctx context.Context, in *AddUserToVpcEndpointServiceInput) (*AddUserToVpcEndpointServiceOutput, error) {
	u, err := user(in.UserId, in.UserARN)
	if err != nil {
		return nil, err
	}
	s, err := a.service(ctx, *in.ServiceId)
	if err != nil {
		return nil, err
	}
	return nil, a.control.ModifyEndpointService(ctx, resource.Caller(ctx), s.ID, control.ModifyEndpointService{AddPrincipals: []string{u}})
}

func (a *api) removeUser(ctx context.Context, in *RemoveUserFromVpcEndpointServiceInput) (*RemoveUserFromVpcEndpointServiceOutput, error) {
	u, err := user(in.UserId, in.UserARN)
	if err != nil {
		return nil, err
	}
	s, err := a.service(ctx, *in.ServiceId)
	if err != nil {
		return nil, err
	}
	return nil, a.control.ModifyEndpointService(ctx, resource.Caller(ctx), s.ID, control.ModifyEndpointService{RemovePrincipals: []string{u}})
}

// listUsers lists UIDs, and everybody as an ARN; principals of the other dialect are not shown.
func (a *api) listUsers(ctx context.Context, in *ListVpcEndpointServiceUsersInput) (*ListVpcEndpointServiceUsersOutput, error) {
	s, err := a.service(ctx, *in.ServiceId)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, p := range s.Principals {
		uid := strings.TrimSuffix(strings.TrimPrefix(p, "acs:ram:*:"), ":*")
		if (p == "*" || strings.HasPrefix(p, "acs:ram:")) && (in.UserId == nil || strconv.FormatInt(*in.UserId, 10) == uid) {
			all = append(all, uid)
		}
	}
	items, next, err := page.ByToken(ctx, all, in.MaxResults, in.NextToken, sizes, string(s.ID), func(u string) string { return u })
	if err != nil {
		return nil, err
	}
	out := &ListVpcEndpointServiceUsersOutput{NextToken: next, MaxResults: size(in.MaxResults), TotalCount: new(strconv.Itoa(len(all))), Users: []User{}, UserARNs: []UserARN{}}
	for _, u := range items {
		out.UserARNs = append(out.UserARNs, UserARN{UserARN: new(listed(u))})
		if n, err := strconv.ParseInt(u, 10, 64); err == nil {
			out.Users = append(out.Users, User{UserId: &n})
		}
	}
	return out, nil
}
