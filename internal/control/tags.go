package control

import (
	"context"
	"iter"
	"maps"

	"weir/internal/cloud"
)

// taggable changes the tags of one kind of resource and lists them.
type taggable struct {
	// edit puts a copy of the resource with the tags that f makes of its own.
	edit func(c *Control, tx cloud.Tx, who Caller, id string, f func(map[string]string) (map[string]string, error)) error
	all  func(v cloud.View, who Caller) iter.Seq2[string, map[string]string]
	// meta is what a resource has in common with others; nil if it is not there.
	meta func(v cloud.View, id string) *cloud.Meta
}

func tagging[K ~string, T any](table *cloud.Table[K, T], kind cloud.Resource, key func(*T) K, meta func(*T) *cloud.Meta) taggable {
	return taggable{
		edit: func(_ *Control, tx cloud.Tx, who Caller, id string, f func(map[string]string) (map[string]string, error)) error {
			old, err := find(tx, who, table, kind, K(id))
			if err != nil {
				return err
			}
			r := *old
			if meta(&r).Tags, err = f(meta(old).Tags); err != nil {
				return err
			}
			table.Put(tx, &r)
			return nil
		},
		meta: func(v cloud.View, id string) *cloud.Meta {
			if r, ok := table.Get(v, K(id)); ok {
				return meta(r)
			}
			return nil
		},
		all: func(v cloud.View, who Caller) iter.Seq2[string, map[string]string] {
			return func(yield func(string, map[string]string) bool) {
				for r := range table.By(v, "scope", who.scope()) {
					if !yield(string(key(r)), meta(r).Tags) {
						return
					}
				}
			}
		},
	}
}

// taggables are the resources of a VPC that carry tags.
var taggables = map[cloud.Resource]taggable{
	cloud.KindVPC:               tagging(cloud.VPCs, cloud.KindVPC, func(r *cloud.VPC) cloud.VPCID { return r.ID }, func(r *cloud.VPC) *cloud.Meta { return &r.Meta }),
	cloud.KindSubnet:            tagging(cloud.Subnets, cloud.KindSubnet, func(r *cloud.Subnet) cloud.SubnetID { return r.ID }, func(r *cloud.Subnet) *cloud.Meta { return &r.Meta }),
	cloud.KindRouteTable:        tagging(cloud.RouteTables, cloud.KindRouteTable, func(r *cloud.RouteTable) cloud.RouteTableID { return r.ID }, func(r *cloud.RouteTable) *cloud.Meta { return &r.Meta }),
	cloud.KindInternetGateway:   tagging(cloud.InternetGateways, cloud.KindInternetGateway, func(r *cloud.InternetGateway) cloud.InternetGatewayID { return r.ID }, func(r *cloud.InternetGateway) *cloud.Meta { return &r.Meta }),
	cloud.KindEgressOnlyGateway: tagging(cloud.EgressOnlyGateways, cloud.KindEgressOnlyGateway, func(r *cloud.EgressOnlyGateway) cloud.EgressOnlyGatewayID { return r.ID }, func(r *cloud.EgressOnlyGateway) *cloud.Meta { return &r.Meta }),
	cloud.KindIPv6Gateway:       tagging(cloud.IPv6Gateways, cloud.KindIPv6Gateway, func(r *cloud.IPv6Gateway) cloud.IPv6GatewayID { return r.ID }, func(r *cloud.IPv6Gateway) *cloud.Meta { return &r.Meta }),
	cloud.KindNATGateway:        tagging(cloud.NATGateways, cloud.KindNATGateway, func(r *cloud.NATGateway) cloud.NATGatewayID { return r.ID }, func(r *cloud.NATGateway) *cloud.Meta { return &r.Meta }),
	cloud.KindElasticIP:         tagging(cloud.ElasticIPs, cloud.KindElasticIP, func(r *cloud.ElasticIP) cloud.AllocationID { return r.ID }, func(r *cloud.ElasticIP) *cloud.Meta { return &r.Meta }),
	cloud.KindSecurityGroup:     tagging(cloud.SecurityGroups, cloud.KindSecurityGroup, func(r *cloud.SecurityGroup) cloud.SecurityGroupID { return r.ID }, func(r *cloud.SecurityGroup) *cloud.Meta { return &r.Meta }),
	cloud.KindNetworkACL:        tagging(cloud.NetworkACLs, cloud.KindNetworkACL, func(r *cloud.NetworkACL) cloud.NetworkACLID { return r.ID }, func(r *cloud.NetworkACL) *cloud.Meta { return &r.Meta }),
	cloud.KindInterface:         tagging(cloud.Interfaces, cloud.KindInterface, func(r *cloud.Interface) cloud.InterfaceID { return r.ID }, func(r *cloud.Interface) *cloud.Meta { return &r.Meta }),
	cloud.KindDHCPOptions:       tagging(cloud.DHCPOptionSets, cloud.KindDHCPOptions, func(r *cloud.DHCPOptions) cloud.DHCPOptionsID { return r.ID }, func(r *cloud.DHCPOptions) *cloud.Meta { return &r.Meta }),
	cloud.KindPrefixList:        tagging(cloud.PrefixLists, cloud.KindPrefixList, func(r *cloud.PrefixList) cloud.PrefixListID { return r.ID }, func(r *cloud.PrefixList) *cloud.Meta { return &r.Meta }),
	cloud.KindEndpoint:          tagging(cloud.Endpoints, cloud.KindEndpoint, func(r *cloud.Endpoint) cloud.EndpointID { return r.ID }, func(r *cloud.Endpoint) *cloud.Meta { return &r.Meta }),
	cloud.KindInsightsPath:      tagging(cloud.InsightsPaths, cloud.KindInsightsPath, func(r *cloud.InsightsPath) cloud.InsightsPathID { return r.ID }, func(r *cloud.InsightsPath) *cloud.Meta { return &r.Meta }),
	cloud.KindInsightsAnalysis:  tagging(cloud.InsightsAnalyses, cloud.KindInsightsAnalysis, func(r *cloud.InsightsAnalysis) cloud.InsightsAnalysisID { return r.ID }, func(r *cloud.InsightsAnalysis) *cloud.Meta { return &r.Meta }),
	cloud.KindInstance:          tagging(cloud.Instances, cloud.KindInstance, func(r *cloud.Instance) cloud.InstanceID { return r.ID }, func(r *cloud.Instance) *cloud.Meta { return &r.Meta }),
	cloud.KindFlowLog:           tagging(cloud.FlowLogs, cloud.KindFlowLog, func(r *cloud.FlowLog) cloud.FlowLogID { return r.ID }, func(r *cloud.FlowLog) *cloud.Meta { return &r.Meta }),
	cloud.KindEndpointService:   tagging(cloud.EndpointServices, cloud.KindEndpointService, func(r *cloud.EndpointService) cloud.EndpointServiceID { return r.ID }, func(r *cloud.EndpointService) *cloud.Meta { return &r.Meta }),
	cloud.KindLoadBalancer:      tagging(cloud.LoadBalancers, cloud.KindLoadBalancer, func(r *cloud.LoadBalancer) cloud.LoadBalancerID { return r.ID }, func(r *cloud.LoadBalancer) *cloud.Meta { return &r.Meta }),
	cloud.KindTargetGroup:       tagging(cloud.TargetGroups, cloud.KindTargetGroup, func(r *cloud.TargetGroup) cloud.TargetGroupID { return r.ID }, func(r *cloud.TargetGroup) *cloud.Meta { return &r.Meta }),
	cloud.KindListener:          tagging(cloud.Listeners, cloud.KindListener, func(r *cloud.Listener) cloud.ListenerID { return r.ID }, func(r *cloud.Listener) *cloud.Meta { return &r.Meta }),
	cloud.KindSecurityGroupRule: ruleTags,
	cloud.KindPeering:           peeringTags,
	cloud.KindTransitDomain:     tagging(cloud.TransitDomains, cloud.KindTransitDomain, func(r *cloud.TransitDomain) cloud.TransitDomainID { return r.ID }, func(r *cloud.TransitDomain) *cloud.Meta { return &r.Meta }),
	cloud.KindTransitRouter:     tagging(cloud.TransitRouters, cloud.KindTransitRouter, func(r *cloud.TransitRouter) cloud.TransitRouterID { return r.ID }, func(r *cloud.TransitRouter) *cloud.Meta { return &r.Meta }),
	cloud.KindTransitTable:      tagging(cloud.TransitTables, cloud.KindTransitTable, func(r *cloud.TransitTable) cloud.TransitTableID { return r.ID }, func(r *cloud.TransitTable) *cloud.Meta { return &r.Meta }),
	cloud.KindTransitAttachment: transitTags,
}

// ruleTags are the tags of security-group rules, which live in their groups.
var ruleTags = taggable{
	edit: func(_ *Control, tx cloud.Tx, who Caller, id string, f func(map[string]string) (map[string]string, error)) error {
		for g := range cloud.SecurityGroups.By(tx, "scope", who.scope()) {
			if i := ruleByID(g.Rules, id); i >= 0 {
				return changeRules(tx, who, g.ID, func(rules []cloud.SecurityGroupRule) (_ []cloud.SecurityGroupRule, err error) {
					rules[i].Tags, err = f(rules[i].Tags)
					return rules, err
				})
			}
		}
		return absent(cloud.KindSecurityGroupRule, id)
	},
	all: func(v cloud.View, who Caller) iter.Seq2[string, map[string]string] {
		return func(yield func(string, map[string]string) bool) {
			for g := range cloud.SecurityGroups.By(v, "scope", who.scope()) {
				for _, r := range g.Rules {
					if !yield(r.ID, r.Tags) {
						return
					}
				}
			}
		}
	},
}

// TagResources adds tags to resources, all or none.
func (c *Control) TagResources(ctx context.Context, who Caller, refs []cloud.Ref, tags map[string]string) error {
	return c.editTags(ctx, who, refs, func(old map[string]string) (map[string]string, error) {
		now := merged(old, tags)
		if n := c.quotas(who).TagsPerResource; len(now) > n {
			return nil, cloud.Errorf(cloud.Limit, cloud.KindTag, "", "", "a resource carries at most %d tags, not %d", n, len(now))
		}
		return now, nil
	})
}

// UntagResources removes the tags for which drop says so.
func (c *Control) UntagResources(ctx context.Context, who Caller, refs []cloud.Ref, drop func(key, value string) bool) error {
	return c.editTags(ctx, who, refs, func(old map[string]string) (map[string]string, error) {
		now := merged(old, nil)
		maps.DeleteFunc(now, drop)
		return now, nil
	})
}

func (c *Control) editTags(ctx context.Context, who Caller, refs []cloud.Ref, f func(map[string]string) (map[string]string, error)) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		for _, r := range refs {
			t, ok := taggables[r.Kind]
			if !ok {
				return cloud.Errorf(cloud.NotFound, cloud.KindTag, r.ID, "resource", "there is no resource %q that carries tags", r.ID)
			}
			if err := t.edit(c, tx, who, r.ID, f); err != nil {
				return err
			}
		}
		return nil
	})
}

// MetaOf is what a resource of a network has in common with others; nil if there
// is none with this ID.
func MetaOf(v cloud.View, id string) *cloud.Meta {
	for _, t := range taggables {
		if t.meta != nil {
			if m := t.meta(v, id); m != nil {
				return m
			}
		}
	}
	return nil
}

// Tagged yields the tagged resources of the caller with their tags.
func Tagged(v cloud.View, who Caller) iter.Seq2[cloud.Ref, map[string]string] {
	return func(yield func(cloud.Ref, map[string]string) bool) {
		for kind, t := range taggables {
			for id, tags := range t.all(v, who) {
				if len(tags) > 0 && !yield(cloud.Ref{Kind: kind, ID: id}, tags) {
					return
				}
			}
		}
	}
}

// editMeta puts a copy of a resource whose Meta is edited.
func editMeta[K ~string, T any](tx cloud.Tx, who Caller, table *cloud.Table[K, T], kind cloud.Resource, id string, meta func(*T) *cloud.Meta, edit func(*cloud.Meta)) error {
	old, err := find(tx, who, table, kind, K(id))
	if err != nil {
		return err
	}
	r := *old
	m := meta(&r)
	m.Attrs = maps.Clone(m.Attrs)
	edit(m)
	table.Put(tx, &r)
	return nil
}

// SetAttrs merges attributes into a resource of a network.
func (c *Control) SetAttrs(ctx context.Context, who Caller, ref cloud.Ref, attrs map[string]string) error {
	edit := func(m *cloud.Meta) { m.Attrs = merged(m.Attrs, attrs) }
	return c.transact(ctx, func(tx cloud.Tx) error {
		switch ref.Kind {
		case cloud.KindVPC:
			return editMeta(tx, who, cloud.VPCs, ref.Kind, ref.ID, func(r *cloud.VPC) *cloud.Meta { return &r.Meta }, edit)
		case cloud.KindSubnet:
			return editMeta(tx, who, cloud.Subnets, ref.Kind, ref.ID, func(r *cloud.Subnet) *cloud.Meta { return &r.Meta }, edit)
		case cloud.KindRouteTable:
			return editMeta(tx, who, cloud.RouteTables, ref.Kind, ref.ID, func(r *cloud.RouteTable) *cloud.Meta { return &r.Meta }, edit)
		case cloud.KindNetworkACL:
			return editMeta(tx, who, cloud.NetworkACLs, ref.Kind, ref.ID, func(r *cloud.NetworkACL) *cloud.Meta { return &r.Meta }, edit)
		case cloud.KindInternetGateway:
			return editMeta(tx, who, cloud.InternetGateways, ref.Kind, ref.ID, func(r *cloud.InternetGateway) *cloud.Meta { return &r.Meta }, edit)
		case cloud.KindIPv6Gateway:
			return editMeta(tx, who, cloud.IPv6Gateways, ref.Kind, ref.ID, func(r *cloud.IPv6Gateway) *cloud.Meta { return &r.Meta }, edit)
		case cloud.KindIPv6Rule:
			return editMeta(tx, who, cloud.IPv6Rules, ref.Kind, ref.ID, func(r *cloud.IPv6Rule) *cloud.Meta { return &r.Meta }, edit)
		case cloud.KindNATGateway:
			return editMeta(tx, who, cloud.NATGateways, ref.Kind, ref.ID, func(r *cloud.NATGateway) *cloud.Meta { return &r.Meta }, edit)
		case cloud.KindElasticIP:
			return editMeta(tx, who, cloud.ElasticIPs, ref.Kind, ref.ID, func(r *cloud.ElasticIP) *cloud.Meta { return &r.Meta }, edit)
		case cloud.KindSecurityGroup:
			return editMeta(tx, who, cloud.SecurityGroups, ref.Kind, ref.ID, func(r *cloud.SecurityGroup) *cloud.Meta { return &r.Meta }, edit)
		case cloud.KindInstance:
			return editMeta(tx, who, cloud.Instances, ref.Kind, ref.ID, func(r *cloud.Instance) *cloud.Meta { return &r.Meta }, edit)
		case cloud.KindFlowLog:
			return editMeta(tx, who, cloud.FlowLogs, ref.Kind, ref.ID, func(r *cloud.FlowLog) *cloud.Meta { return &r.Meta }, edit)
		case cloud.KindPrefixList:
			return editMeta(tx, who, cloud.PrefixLists, ref.Kind, ref.ID, func(r *cloud.PrefixList) *cloud.Meta { return &r.Meta }, edit)
		case cloud.KindInterface:
			return editMeta(tx, who, cloud.Interfaces, ref.Kind, ref.ID, func(r *cloud.Interface) *cloud.Meta { return &r.Meta }, edit)
		case cloud.KindEndpoint:
			return editMeta(tx, who, cloud.Endpoints, ref.Kind, ref.ID, func(r *cloud.Endpoint) *cloud.Meta { return &r.Meta }, edit)
		case cloud.KindEndpointService:
			return editMeta(tx, who, cloud.EndpointServices, ref.Kind, ref.ID, func(r *cloud.EndpointService) *cloud.Meta { return &r.Meta }, edit)
		case cloud.KindTransitDomain:
			return editMeta(tx, who, cloud.TransitDomains, ref.Kind, ref.ID, func(r *cloud.TransitDomain) *cloud.Meta { return &r.Meta }, edit)
		case cloud.KindTransitRouter:
			return editMeta(tx, who, cloud.TransitRouters, ref.Kind, ref.ID, func(r *cloud.TransitRouter) *cloud.Meta { return &r.Meta }, edit)
		case cloud.KindTransitAttachment:
			return editMeta(tx, who, cloud.TransitAttachments, ref.Kind, ref.ID, func(r *cloud.TransitAttachment) *cloud.Meta { return &r.Meta }, edit)
		case cloud.KindTransitTable:
			return editMeta(tx, who, cloud.TransitTables, ref.Kind, ref.ID, func(r *cloud.TransitTable) *cloud.Meta { return &r.Meta }, edit)
		case cloud.KindPeering:
			p, err := c.findPeering(tx, who, cloud.PeeringID(ref.ID))
			if err != nil {
				return err
			}
			changed := *p
			edit(&changed.Meta)
			cloud.Peerings.Put(tx, &changed)
			return nil
		}
		return absent(ref.Kind, ref.ID)
	})
}
