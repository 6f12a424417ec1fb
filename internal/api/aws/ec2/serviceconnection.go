package ec2

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"

	"weir/internal/api/aws/access"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// A principal is everybody, an account, or a user or role in one.
// https://docs.aws.amazon.com/vpc/latest/privatelink/configure-endpoint-service.html#add-remove-permissions
var principal = regexp.MustCompile(`^(\*|arn:aws:iam::\d{12}:(root|user/.+|role/.+))$`)

func principalType(p string) PrincipalType {
	switch _, rest, _ := strings.Cut(strings.TrimPrefix(p, "arn:aws:iam::"), ":"); {
	case p == "*":
		return PrincipalTypeAll
	case strings.HasPrefix(rest, "user/"):
		return PrincipalTypeUser
	case strings.HasPrefix(rest, "role/"):
		return PrincipalTypeRole
	}
	return PrincipalTypeAccount
}

// permissionID is Amazon's name for one permission of a service.
func permissionID(service cloud.EndpointServiceID, p string) string {
	sum := sha256.Sum256([]byte(string(service) + " " + p))
	return "vpce-svc-perm-0" + hex.EncodeToString(sum[:8])
}

// callerNames are what permissions may call a caller.
func callerNames(who control.Caller) (out []string) {
	for _, n := range access.Names(who.Principal) {
		out = append(out, n.Value)
	}
	return out
}

func (a *api) modifyServicePermissions(ctx context.Context, in *ModifyVpcEndpointServicePermissionsInput) (*ModifyVpcEndpointServicePermissionsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range in.AddAllowedPrincipals {
		if !principal.MatchString(p) {
			return nil, &wire.Error{Code: "InvalidPrincipal", Msg: "Invalid Principal: '" + p + "'"}
		}
	}
	id := cloud.EndpointServiceID(*in.ServiceId)
	m := control.ModifyEndpointService{AddPrincipals: in.AddAllowedPrincipals, RemovePrincipals: in.RemoveAllowedPrincipals}
	if err := a.control.ModifyEndpointService(ctx, who, id, m); err != nil {
		return nil, err
	}
	out := &ModifyVpcEndpointServicePermissionsOutput{ReturnValue: new(true)}
	for _, p := range in.AddAllowedPrincipals {
		out.AddedPrincipals = append(out.AddedPrincipals, AddedPrincipal{Principal: new(p), PrincipalType: principalType(p), ServiceId: in.ServiceId, ServicePermissionId: new(permissionID(id, p))})
	}
	return out, nil
}

var permissionListing = listing[AllowedPrincipal]{
	id: func(p AllowedPrincipal) *string { return p.ServicePermissionId },
	fields: wire.Fields[AllowedPrincipal]{
		"principal":      func(p AllowedPrincipal) []string { return fact(p.Principal) },
		"principal-type": func(p AllowedPrincipal) []string { return fact(&p.PrincipalType) },
	},
}

func (a *api) describeServicePermissions(ctx context.Context, in *DescribeVpcEndpointServicePermissionsInput) (*DescribeVpcEndpointServicePermissionsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	s, ok := cloud.EndpointServices.Get(a.control.View(), cloud.EndpointServiceID(*in.ServiceId))
	if !ok || s.Scope() != cloud.Scope(who.Account, who.Region) {
		return nil, noSuch(cloud.KindEndpointService, *in.ServiceId)
	}
	all := []AllowedPrincipal{}
	for _, p := range s.Principals {
		all = append(all, AllowedPrincipal{Principal: new(p), PrincipalType: principalType(p), ServiceId: in.ServiceId, ServicePermissionId: new(permissionID(s.ID, p)), Tags: []Tag{}})
	}
	out := &DescribeVpcEndpointServicePermissionsOutput{}
	out.AllowedPrincipals, out.NextToken, err = permissionListing.answer(ctx, all, question{filters: in.Filters, max: in.MaxResults, token: in.NextToken})
	return out, err
}

var connectionListing = listing[VpcEndpointConnection]{
	id: func(c VpcEndpointConnection) *string { return c.VpcEndpointId },
	fields: wire.Fields[VpcEndpointConnection]{
		"ip-address-type":     func(c VpcEndpointConnection) []string { return fact(&c.IpAddressType) },
		"service-id":          func(c VpcEndpointConnection) []string { return fact(c.ServiceId) },
		"vpc-endpoint-id":     func(c VpcEndpointConnection) []string { return fact(c.VpcEndpointId) },
		"vpc-endpoint-owner":  func(c VpcEndpointConnection) []string { return fact(c.VpcEndpointOwner) },
		"vpc-endpoint-region": func(c VpcEndpointConnection) []string { return fact(c.VpcEndpointRegion) },
		"vpc-endpoint-state":  func(c VpcEndpointConnection) []string { return fact(&c.VpcEndpointState) },
	},
}

// describeEndpointConnections lists the endpoints of the caller's services, of
// which it sees less than their owners.
func (a *api) describeEndpointConnections(ctx context.Context, in *DescribeVpcEndpointConnectionsInput) (*DescribeVpcEndpointConnectionsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	v := a.control.View()
	all := []VpcEndpointConnection{}
	for s := range cloud.EndpointServices.By(v, "scope", cloud.Scope(who.Account, who.Region)) {
		for e := range cloud.Endpoints.By(v, "provider", string(s.ID)) {
			c := VpcEndpointConnection{
				ServiceId: new(string(s.ID)), VpcEndpointId: new(string(e.ID)), VpcEndpointOwner: &e.Account, VpcEndpointRegion: &e.Region,
				VpcEndpointState: consentState(e), CreationTimestamp: &e.Created, NetworkLoadBalancerArns: balancerARNs(v, s), IpAddressType: IpAddressTypeIpv4,
				VpcEndpointConnectionId: new("vpce-con-" + strings.TrimPrefix(string(e.ID), "vpce-")), Tags: []Tag{},
			}
			c.DnsEntries = endpointNames(v, e)
			all = append(all, c)
		}
	}
	out := &DescribeVpcEndpointConnectionsOutput{}
	out.VpcEndpointConnections, out.NextToken, err = connectionListing.answer(ctx, all, question{filters: in.Filters, max: in.MaxResults, token: in.NextToken})
	return out, err
}

// consentState is an endpoint's state by what its service's owner says, as
// Amazon writes it; the model has capitals.
func consentState(e *cloud.Endpoint) State {
	switch e.Consent {
	case cloud.ConsentPending:
		return "pendingAcceptance"
	case cloud.ConsentRefused:
		return "rejected"
	}
	return endpointAvailable
}

func (a *api) acceptEndpointConnections(ctx context.Context, in *AcceptVpcEndpointConnectionsInput) (*AcceptVpcEndpointConnectionsOutput, error) {
	failed, err := a.decide(ctx, *in.ServiceId, in.VpcEndpointIds, cloud.ConsentGiven)
	return &AcceptVpcEndpointConnectionsOutput{Unsuccessful: failed}, err
}

func (a *api) rejectEndpointConnections(ctx context.Context, in *RejectVpcEndpointConnectionsInput) (*RejectVpcEndpointConnectionsOutput, error) {
	failed, err := a.decide(ctx, *in.ServiceId, in.VpcEndpointIds, cloud.ConsentRefused)
	return &RejectVpcEndpointConnectionsOutput{Unsuccessful: failed}, err
}

func (a *api) decide(ctx context.Context, service string, endpoints []string, to cloud.Consent) ([]UnsuccessfulItem, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	s, ok := cloud.EndpointServices.Get(a.control.View(), cloud.EndpointServiceID(service))
	if !ok || s.Scope() != cloud.Scope(who.Account, who.Region) {
		return nil, noSuch(cloud.KindEndpointService, service)
	}
	return each(endpoints, func(id string) error { return a.control.Decide(ctx, who, s.ID, cloud.EndpointID(id), to) })
}

// offeredShape is a service of users' own as those who may use it see it.
func (a *api) offeredShape(v cloud.View, s *cloud.EndpointService) ServiceDetail {
	c := a.configurationShape(v)(s)
	out := ServiceDetail{
		ServiceName: c.ServiceName, ServiceId: c.ServiceId, ServiceRegion: &s.Region, Owner: &s.Account, ServiceType: c.ServiceType,
		BaseEndpointDnsNames: c.BaseEndpointDnsNames, AvailabilityZones: c.AvailabilityZones, AvailabilityZoneIds: c.AvailabilityZoneIds,
		AcceptanceRequired: c.AcceptanceRequired, ManagesVpcEndpoints: new(false), VpcEndpointPolicySupported: new(false),
		SupportedIpAddressTypes: c.SupportedIpAddressTypes, Tags: c.Tags, PrivateDnsName: c.PrivateDnsName,
	}
	if s.PrivateName != "" {
		out.PrivateDnsNames, out.PrivateDnsNameVerificationState = []PrivateDnsDetails{{PrivateDnsName: &s.PrivateName}}, DnsNameStateVerified
	}
	return out
}

// ownService makes of an endpoint's creation one of a service of users' own, if
// there is such a one that the caller may use.
func (a *api) ownService(who control.Caller, in *CreateVpcEndpointInput, name string, c *control.CreateInterfaceEndpoint) (bool, error) {
	s, ok := control.EndpointServiceFor(a.control.View(), who, callerNames(who), name)
	switch {
	case !ok:
		return false, nil
	case in.PolicyDocument != nil:
		return false, parameter("Endpoint policies are not supported by the service " + name + ".")
	case in.IpAddressType != "" && in.IpAddressType != IpAddressTypeIpv4:
		return false, parameter("The IP address type " + string(in.IpAddressType) + " is not supported by the service " + name + ".")
	}
	*c = control.CreateInterfaceEndpoint{
		VPC: cloud.VPCID(*in.VpcId), Service: s.Name, Provider: s.ID, Domain: serviceDomain(s), PrivateDNS: yes(in.PrivateDnsEnabled),
		Groups: ids[cloud.SecurityGroupID](in.SecurityGroupIds),
	}
	if s.PrivateName != "" {
		c.PrivateNames = []string{s.PrivateName}
	}
	return true, nil
}
