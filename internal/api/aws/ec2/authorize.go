package ec2

import (
	"reflect"
	"slices"
	"strings"

	"weir/internal/api/wire"
)

// Resources are the ARNs that a request concerns, for its authorisation: those
// of every ID in it, and those of the kinds it makes. "*" where there are none,
// as for the Describe operations, which know no resource-level permissions.
func Resources(call *wire.Call, in any) []string {
	if strings.HasPrefix(call.Operation, "Describe") || strings.HasPrefix(call.Operation, "Get") {
		return []string{"*"}
	}
	found := map[string]bool{}
	name := func(kind ResourceType, id string) {
		found["arn:aws:ec2:"+call.Region+":"+call.Account+":"+string(kind)+"/"+id] = true
	}
	if v := reflect.ValueOf(in); v.Kind() == reflect.Pointer && !v.IsNil() {
		visit(v.Elem(), func(s string) {
			if kind, ok := kindOf(s); ok {
				if t, ok := resourceTypes[kind]; ok {
					name(t, s)
				}
			}
		})
	}
	if kind, ok := made[call.Operation]; ok {
		name(kind, "*")
	}
	if len(found) == 0 {
		return []string{"*"}
	}
	arns := make([]string, 0, len(found))
	for a := range found {
		arns = append(arns, a)
	}
	slices.Sort(arns)
	return arns
}

// made are the operations that make a resource, and its type.
var made = map[string]ResourceType{
	"CreateVpc": "vpc", "CreateDefaultVpc": "vpc", "CreateSubnet": "subnet", "CreateDefaultSubnet": "subnet",
	"CreateRouteTable": "route-table", "CreateInternetGateway": "internet-gateway",
	"CreateEgressOnlyInternetGateway": "egress-only-internet-gateway", "CreateNatGateway": "natgateway",
	"AllocateAddress": "elastic-ip", "CreateSecurityGroup": "security-group", "CreateNetworkAcl": "network-acl",
	"CreateNetworkInterface": "network-interface", "CreateDhcpOptions": "dhcp-options",
	"CreateManagedPrefixList": "prefix-list", "CreateVpcEndpoint": "vpc-endpoint",
	"CreateVpcPeeringConnection": "vpc-peering-connection",
	"CreateTransitGateway":       "transit-gateway", "CreateTransitGatewayRouteTable": "transit-gateway-route-table",
	"CreateTransitGatewayVpcAttachment": "transit-gateway-attachment", "CreateTransitGatewayPeeringAttachment": "transit-gateway-attachment",
	"CreateNetworkInsightsPath": "network-insights-path", "StartNetworkInsightsAnalysis": "network-insights-analysis",
	"CreateVpcEndpointServiceConfiguration": "vpc-endpoint-service",
	"RunInstances":                          "instance",
	"CreateFlowLogs":                        "vpc-flow-log",
	"AuthorizeSecurityGroupIngress":         "security-group-rule", "AuthorizeSecurityGroupEgress": "security-group-rule",
}

// visit calls f with every string in members that name resources: those whose
// name ends in Id, Ids, Groups or Resources.
func visit(v reflect.Value, f func(string)) {
	for i := range v.NumField() {
		field, name := v.Field(i), v.Type().Field(i).Name
		for field.Kind() == reflect.Pointer && !field.IsNil() {
			field = field.Elem()
		}
		names := strings.HasSuffix(name, "Id") || strings.HasSuffix(name, "Ids") || name == "Groups" || name == "Resources"
		switch {
		case field.Kind() == reflect.String && names:
			f(field.String())
		case field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.String && names:
			for j := range field.Len() {
				f(field.Index(j).String())
			}
		case field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.Struct:
			for j := range field.Len() {
				visit(field.Index(j), f)
			}
		}
	}
}
