// Package resource has what the resources of Alibaba Cloud's network products have
// in common: the forms of their IDs, names, descriptions, tags and resource groups.
//
// Invariants: what only this dialect shows is in a resource's attributes; a
// resource whose attributes name no resource group is in the account's default one.
package resource

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/alibaba/resourcemanager"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// Names of attributes.
const (
	AttrName        = "alibaba.name"
	AttrDescription = "alibaba.description"
	AttrGroup       = "alibaba.resource-group"
	AttrGroupType   = "alibaba.security-group-type"      // normal or enterprise
	AttrPeerGroup   = "alibaba.accepting-resource-group" // of a peering connection, in the other account
)

// prefixes of IDs.
var prefixes = map[cloud.Resource]string{
	cloud.KindVPC: "vpc", cloud.KindSubnet: "vsw", cloud.KindRouteTable: "vtb", cloud.KindNATGateway: "ngw",
	cloud.KindElasticIP: "eip", cloud.KindSecurityGroup: "sg", cloud.KindSecurityGroupRule: "sgr",
	cloud.KindInterface: "eni", cloud.KindNetworkACL: "nacl", cloud.KindInternetGateway: "ipv4gw", cloud.KindIPv6Gateway: "ipv6gw", cloud.KindIPv6Rule: "ipv6py", cloud.KindIPv6Access: "ipv6bw",
	cloud.KindNATAddress: "vpcnatip", cloud.KindNATRule: "snat", cloud.KindNATForward: "fwd", cloud.KindPeering: "pcc", cloud.KindInstance: "i", cloud.KindReservation: "r", cloud.KindAttachment: "eni-attach",
	cloud.KindPrefixList: "pl", cloud.KindFlowLog: "fl", cloud.KindRegistry: "cri",
	cloud.KindTransitDomain: "cen", cloud.KindTransitRouter: "tr", cloud.KindTransitAttachment: "tr-attach", cloud.KindTransitTable: "vtb",
	cloud.KindEndpoint: "ep", cloud.KindEndpointService: "epsrv",
}

// NewID makes an ID as the vendor's are: a prefix and 21 letters and digits.
func NewID(kind cloud.Resource) string {
	prefix := prefixes[kind]
	if prefix == "" {
		prefix = string(kind)
	}
	return prefix + "-bp1" + strings.ToLower(rand.Text())[:18]
}

// Caller is who calls, with this dialect's forms of IDs.
func Caller(ctx context.Context) control.Caller {
	call := wire.CallFrom(ctx)
	return control.Caller{Account: call.Account, Region: call.Region, Principal: call.Principal, NewID: NewID, Quotas: &quotas}
}

// quotas are what the vendor gives an account in a region. A VPC's blocks and
// route tables count its primary block and its system table.
// https://www.alibabacloud.com/help/en/vpc/product-overview/limits
var quotas = control.Quotas{
	VPCs: 10, CIDRsPerVPC: 6, SubnetsPerVPC: 150, RouteTablesPerVPC: 10, RoutesPerTable: 200, ElasticIPs: 20, AddressesPerNAT: 20,
}

// Scope is the index key of the caller's resources.
func Scope(ctx context.Context) string {
	call := wire.CallFrom(ctx)
	return cloud.Scope(call.Account, call.Region)
}

// Text is what p points to, or "".
func Text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// Time writes a time as the products' answers do.
func Time(t time.Time) *string { return new(t.UTC().Format("2006-01-02T15:04:05Z")) }

// Owner is an account's UID as a number.
func Owner(account string) *int64 {
	n, _ := strconv.ParseInt(access.UID(account), 10, 64)
	return &n
}

// Fault is an error of the vendor's.
func Fault(code, msg string) *wire.Error { return &wire.Error{Code: code, Msg: msg} }

// Missing is an error for what does not exist.
func Missing(code, msg string) *wire.Error { return &wire.Error{Code: code, Status: 404, Msg: msg} }

// Unsupported refuses a parameter whose effect is not implemented.
func Unsupported(parameter string) error {
	return Fault("UnsupportedParameter", `The specified parameter "`+parameter+`" is not supported with this value.`)
}

// Refuse is the first of the named parameters that is set; nil if none is.
func Refuse(set map[string]bool) error {
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if set[name] {
			return Unsupported(name)
		}
	}
	return nil
}

// Described are the names that a caller may give a resource, nil for none.
type Described struct{ Name, Description *string }

// Attrs checks names and returns them as attributes. A name is up to 128
// characters, a description up to 256; neither begins with http:// or https://.
// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-createvpc
func (d Described) Attrs(nameCode, descriptionCode string) (map[string]string, error) {
	out := map[string]string{}
	for _, f := range []struct {
		key, code string
		value     *string
		most      int
	}{{AttrName, nameCode, d.Name, 128}, {AttrDescription, descriptionCode, d.Description, 256}} {
		v := Text(f.value)
		switch {
		case f.value == nil:
		case len([]rune(v)) > f.most, strings.HasPrefix(v, "http://"), strings.HasPrefix(v, "https://"):
			return nil, Fault(f.code, "The specified name or description is not valid: it is too long, or begins with http:// or https://.")
		default:
			out[f.key] = v
		}
	}
	return out, nil
}

// Labels are what a new resource carries.
func Labels(ctx context.Context, c *control.Control, d Described, group *string, tags map[string]string, nameCode, descriptionCode string) (control.Labels, error) {
	attrs, err := d.Attrs(nameCode, descriptionCode)
	if err != nil {
		return control.Labels{}, err
	}
	if g := Text(group); g != "" {
		if err := CheckGroup(ctx, c, g); err != nil {
			return control.Labels{}, err
		}
		attrs[AttrGroup] = g
	}
	return control.Labels{Tags: tags, Attrs: attrs}, nil
}

// CheckGroup refuses a resource group that the account does not have.
func CheckGroup(ctx context.Context, c *control.Control, id string) error {
	account := wire.CallFrom(ctx).Account
	if id == resourcemanager.DefaultGroup(account) {
		return nil
	}
	if _, err := c.ResourceGroup(account, id); err != nil {
		return Missing("InvalidResourceGroup.NotFound", "The ResourceGroup provided does not exist in our records.")
	}
	return nil
}

// Group is the resource group that a resource is in.
func Group(m *cloud.Meta) string {
	if g := m.Attrs[AttrGroup]; g != "" {
		return g
	}
	return resourcemanager.DefaultGroup(m.Account)
}

// Holds tells whether a resource is in a resource group.
func Holds(v cloud.View, account, group string) bool {
	in := func(m *cloud.Meta) bool { return m.Account == account && m.Attrs[AttrGroup] == group }
	return some(v, cloud.VPCs, func(r *cloud.VPC) bool { return in(&r.Meta) }) ||
		some(v, cloud.SecurityGroups, func(r *cloud.SecurityGroup) bool { return in(&r.Meta) }) ||
		some(v, cloud.ElasticIPs, func(r *cloud.ElasticIP) bool { return in(&r.Meta) }) ||
		some(v, cloud.Interfaces, func(r *cloud.Interface) bool { return in(&r.Meta) }) ||
		some(v, cloud.Instances, func(r *cloud.Instance) bool { return in(&r.Meta) && r.Phase != cloud.Terminated }) ||
		some(v, cloud.Functions, func(r *cloud.Function) bool { return in(&r.Meta) }) ||
		some(v, cloud.InternetGateways, func(r *cloud.InternetGateway) bool { return in(&r.Meta) }) ||
		some(v, cloud.IPv6Gateways, func(r *cloud.IPv6Gateway) bool { return in(&r.Meta) }) ||
		some(v, cloud.FlowLogs, func(r *cloud.FlowLog) bool { return in(&r.Meta) }) ||
		some(v, cloud.PrefixLists, func(r *cloud.PrefixList) bool { return in(&r.Meta) }) ||
		some(v, cloud.Endpoints, func(r *cloud.Endpoint) bool { return in(&r.Meta) }) ||
		some(v, cloud.EndpointServices, func(r *cloud.EndpointService) bool { return in(&r.Meta) }) ||
		some(v, cloud.TransitDomains, func(r *cloud.TransitDomain) bool { return in(&r.Meta) }) ||
		some(v, cloud.Peerings, func(r *cloud.Peering) bool {
			return in(&r.Meta) || r.Accepter.Account == account && r.Attrs[AttrPeerGroup] == group
		})
}

// some tells whether a table has a row that is so.
func some[K ~string, T any](v cloud.View, table *cloud.Table[K, T], is func(*T) bool) bool {
	for r := range table.All(v) {
		if is(r) {
			return true
		}
	}
	return false
}

// Tags reads tags; a key stands once, has up to 128 characters and a value as many.
// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-tagresources
func Tags[T any](tags []T, of func(T) (key, value *string)) (map[string]string, error) {
	if len(tags) == 0 {
		return nil, nil
	}
	if len(tags) > 20 {
		return nil, Fault("NumberExceed.Tags", "The maximum number of tags is exceeded.")
	}
	out := map[string]string{}
	for _, t := range tags {
		key, value := of(t)
		k, v := Text(key), Text(value)
		switch {
		case k == "" || len([]rune(k)) > 128 || strings.HasPrefix(k, "aliyun") || strings.HasPrefix(k, "acs:") || strings.Contains(k, "://"):
			return nil, Fault("InvalidTagKey", "The tag keys are not valid.")
		case len([]rune(v)) > 128 || strings.Contains(v, "://"):
			return nil, Fault("InvalidTagValue", "The tag values are not valid.")
		}
		if _, twice := out[k]; twice {
			return nil, Fault("Duplicate.TagKey", "The tag keys are duplicated.")
		}
		out[k] = v
	}
	return out, nil
}

// TagList lists tags by key.
func TagList[T any](tags map[string]string, as func(key, value *string) T) []T {
	var out []T
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, as(new(k), new(tags[k])))
	}
	return out
}
