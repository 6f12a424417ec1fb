package targets

import (
	"reflect"
	"slices"
	"strings"

	"weir/internal/api/aws/access"
	"weir/internal/api/aws/ec2"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// EC2 lists the resources that a call names, and the tagging of those it makes.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
func EC2(c *control.Control) access.Lister {
	return func(call *wire.Call, in any) []access.Target {
		v := c.View()
		var out []access.Target
		for _, arn := range ec2.Resources(call, in) {
			out = append(out, access.Target{Action: "ec2:" + call.Operation, ARN: arn, Keys: ec2Keys(v, call, arn)})
		}
		for _, kind := range tagged(in) {
			keys := ec2Keys(v, call, "")
			keys["ec2:CreateAction"] = []string{call.Operation}
			arn := "arn:aws:ec2:" + call.Region + ":" + call.Account + ":" + kind + "/*"
			out = append(out, access.Target{Action: "ec2:CreateTags", ARN: arn, Keys: keys})
		}
		return out
	}
}

// tagged are the types of the resources that a call makes and tags at once.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
func tagged(in any) []string {
	var kinds []string
	v := reflect.Indirect(reflect.ValueOf(in))
	if v.Kind() != reflect.Struct || !v.FieldByName("TagSpecifications").IsValid() {
		return nil
	}
	specs, _ := v.FieldByName("TagSpecifications").Interface().([]ec2.TagSpecification)
	for _, s := range specs {
		if len(s.Tags) > 0 && s.ResourceType != "" {
			kinds = append(kinds, string(s.ResourceType))
		}
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// ec2Keys are the condition keys of a resource.
func ec2Keys(v cloud.View, call *wire.Call, arn string) access.Keys {
	k := access.Keys{"ec2:Region": {call.Region}}
	_, _, _, rest, _ := access.Split(arn)
	kind, id, _ := strings.Cut(rest, "/")
	find := resources[kind]
	if find == nil {
		return k
	}
	meta, vpc := find(v, id)
	if meta == nil || meta.Account != call.Account {
		return k
	}
	for key, values := range access.ResourceTags(meta.Tags, "ec2") {
		k[key] = values
	}
	if vpc != "" {
		k["ec2:Vpc"] = []string{"arn:aws:ec2:" + call.Region + ":" + call.Account + ":vpc/" + string(vpc)}
	}
	return k
}

type finder func(v cloud.View, id string) (*cloud.Meta, cloud.VPCID)

func in[K ~string, T any](t *cloud.Table[K, T], of func(*T) (*cloud.Meta, cloud.VPCID)) finder {
	return func(v cloud.View, id string) (*cloud.Meta, cloud.VPCID) {
		r, ok := t.Get(v, K(id))
		if !ok {
			return nil, ""
		}
		return of(r)
	}
}

// resources finds the resources of a VPC by the type that their ARNs have.
var resources = map[string]finder{
	"vpc":                          in(cloud.VPCs, func(r *cloud.VPC) (*cloud.Meta, cloud.VPCID) { return &r.Meta, "" }),
	"subnet":                       in(cloud.Subnets, func(r *cloud.Subnet) (*cloud.Meta, cloud.VPCID) { return &r.Meta, r.VPC }),
	"route-table":                  in(cloud.RouteTables, func(r *cloud.RouteTable) (*cloud.Meta, cloud.VPCID) { return &r.Meta, r.VPC }),
	"internet-gateway":             in(cloud.InternetGateways, func(r *cloud.InternetGateway) (*cloud.Meta, cloud.VPCID) { return &r.Meta, "" }),
	"egress-only-internet-gateway": in(cloud.EgressOnlyGateways, func(r *cloud.EgressOnlyGateway) (*cloud.Meta, cloud.VPCID) { return &r.Meta, "" }),
	"natgateway":                   in(cloud.NATGateways, func(r *cloud.NATGateway) (*cloud.Meta, cloud.VPCID) { return &r.Meta, "" }),
	"elastic-ip":                   in(cloud.ElasticIPs, func(r *cloud.ElasticIP) (*cloud.Meta, cloud.VPCID) { return &r.Meta, "" }),
	"security-group":               in(cloud.SecurityGroups, func(r *cloud.SecurityGroup) (*cloud.Meta, cloud.VPCID) { return &r.Meta, r.VPC }),
	"network-acl":                  in(cloud.NetworkACLs, func(r *cloud.NetworkACL) (*cloud.Meta, cloud.VPCID) { return &r.Meta, r.VPC }),
	"network-interface":            in(cloud.Interfaces, func(r *cloud.Interface) (*cloud.Meta, cloud.VPCID) { return &r.Meta, r.VPC }),
	"dhcp-options":                 in(cloud.DHCPOptionSets, func(r *cloud.DHCPOptions) (*cloud.Meta, cloud.VPCID) { return &r.Meta, "" }),
	"prefix-list":                  in(cloud.PrefixLists, func(r *cloud.PrefixList) (*cloud.Meta, cloud.VPCID) { return &r.Meta, "" }),
	"instance":                     in(cloud.Instances, func(r *cloud.Instance) (*cloud.Meta, cloud.VPCID) { return &r.Meta, "" }),
	"vpc-flow-log":                 in(cloud.FlowLogs, func(r *cloud.FlowLog) (*cloud.Meta, cloud.VPCID) { return &r.Meta, "" }),
	"vpc-endpoint-service":         in(cloud.EndpointServices, func(r *cloud.EndpointService) (*cloud.Meta, cloud.VPCID) { return &r.Meta, "" }),
	"vpc-endpoint":                 in(cloud.Endpoints, func(r *cloud.Endpoint) (*cloud.Meta, cloud.VPCID) { return &r.Meta, "" }),
}
