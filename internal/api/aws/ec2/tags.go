package ec2

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// resourceTypes are Amazon's names for the kinds that carry tags; ARNs use them too.
var resourceTypes = map[cloud.Resource]ResourceType{
	cloud.KindVPC:               "vpc",
	cloud.KindSubnet:            "subnet",
	cloud.KindRouteTable:        "route-table",
	cloud.KindInternetGateway:   "internet-gateway",
	cloud.KindEgressOnlyGateway: "egress-only-internet-gateway",
	cloud.KindNATGateway:        "natgateway",
	cloud.KindElasticIP:         "elastic-ip",
	cloud.KindSecurityGroup:     "security-group",
	cloud.KindSecurityGroupRule: "security-group-rule",
	cloud.KindNetworkACL:        "network-acl",
	cloud.KindInterface:         "network-interface",
	cloud.KindDHCPOptions:       "dhcp-options",
	cloud.KindPrefixList:        "prefix-list",
	cloud.KindEndpoint:          "vpc-endpoint",
	cloud.KindEndpointService:   "vpc-endpoint-service",
	cloud.KindInstance:          "instance",
	cloud.KindPeering:           "vpc-peering-connection",
	cloud.KindTransitRouter:     "transit-gateway",
	cloud.KindTransitAttachment: "transit-gateway-attachment",
	cloud.KindTransitTable:      "transit-gateway-route-table",
	cloud.KindInsightsPath:      "network-insights-path",
	cloud.KindInsightsAnalysis:  "network-insights-analysis",
	cloud.KindFlowLog:           "vpc-flow-log",
}

func tagList(tags map[string]string) []Tag {
	var out []Tag
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, Tag{Key: new(k), Value: new(tags[k])})
	}
	return out
}

func tagMap(tags []Tag) map[string]string {
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[text(t.Key)] = text(t.Value)
	}
	return m
}

// labels reads the tags for a new resource of this kind.
func labels(kind cloud.Resource, specs []TagSpecification, token *string) (control.Labels, error) {
	in := control.Labels{Token: text(token)}
	for _, s := range specs {
		if s.ResourceType == "" {
			return in, badSpec("Tag specification resource type must have a value")
		}
		if s.ResourceType != resourceTypes[kind] {
			return in, badSpec(fmt.Sprintf("'%s' is not a valid taggable resource type for this operation.", s.ResourceType))
		}
		if len(s.Tags) == 0 {
			return in, badSpec("Tag specification must have at least one tag")
		}
		if err := checkTags(s.Tags); err != nil {
			return in, err
		}
		if in.Tags == nil {
			in.Tags = map[string]string{}
		}
		maps.Copy(in.Tags, tagMap(s.Tags))
	}
	if len(in.Tags) > 50 {
		return in, tooManyTags()
	}
	return in, nil
}

func badSpec(msg string) *wire.Error { return &wire.Error{Code: "InvalidParameterValue", Msg: msg} }

func tooManyTags() *wire.Error {
	return &wire.Error{Code: "TagLimitExceeded", Msg: "The maximum number of Tags for a resource has been reached."}
}

// checkTags applies the vendor's rules for tags that users set.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
func checkTags(tags []Tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		key := text(t.Key)
		switch {
		case key == "":
			return badSpec("Tag key cannot be null or empty")
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return badSpec("Tag keys starting with 'aws:' are reserved for internal use")
		case utf8.RuneCountInString(key) > 128:
			return badSpec(fmt.Sprintf("Tag key exceeds the maximum length of 128 characters: '%s'", key))
		case utf8.RuneCountInString(text(t.Value)) > 256:
			return badSpec(fmt.Sprintf("Tag value exceeds the maximum length of 256 characters: '%s'", text(t.Value)))
		case seen[key]:
			return badSpec(fmt.Sprintf("Duplicate tag key '%s' specified.", key))
		}
		seen[key] = true
	}
	return nil
}

// tagged names the resources of a tagging request.
func tagged(ids []string) ([]cloud.Ref, error) {
	refs := make([]cloud.Ref, len(ids))
	for i, id := range ids {
		kind, ok := kindOf(id)
		if _, taggable := resourceTypes[kind]; !ok || !taggable {
			return nil, &wire.Error{Code: "InvalidID", Msg: fmt.Sprintf("The ID '%s' is not valid", id)}
		}
		refs[i] = cloud.Ref{Kind: kind, ID: id}
	}
	return refs, nil
}

func (a *api) createTags(ctx context.Context, in *CreateTagsInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	refs, err := tagged(in.Resources)
	if err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	return nil, a.control.TagResources(ctx, who, refs, tagMap(in.Tags))
}

// deleteTags removes tags by key, or by key and value; without tags it removes
// all that the user set.
func (a *api) deleteTags(ctx context.Context, in *DeleteTagsInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	refs, err := tagged(in.Resources)
	if err != nil {
		return nil, err
	}
	return nil, a.control.UntagResources(ctx, who, refs, func(key, value string) bool {
		if len(in.Tags) == 0 {
			return !strings.HasPrefix(key, "aws:")
		}
		return slices.ContainsFunc(in.Tags, func(t Tag) bool {
			return text(t.Key) == key && (t.Value == nil || *t.Value == value)
		})
	})
}

var tagListing = listing[TagDescription]{
	id: func(t TagDescription) *string {
		return new(text(t.ResourceId) + "\x00" + text(t.Key))
	},
	fields: wire.Fields[TagDescription]{
		"key":           func(t TagDescription) []string { return fact(t.Key) },
		"resource-id":   func(t TagDescription) []string { return fact(t.ResourceId) },
		"resource-type": func(t TagDescription) []string { return []string{string(t.ResourceType)} },
		"value":         func(t TagDescription) []string { return fact(t.Value) },
	},
}

func (a *api) describeTags(ctx context.Context, in *DescribeTagsInput) (*DescribeTagsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	fields := wire.Fields[TagDescription]{}
	maps.Copy(fields, tagListing.fields)
	for _, f := range in.Filters { // tag:<key> here filters on the value of that key
		if key, ok := strings.CutPrefix(text(f.Name), "tag:"); ok {
			fields[text(f.Name)] = func(t TagDescription) []string {
				if text(t.Key) != key {
					return nil
				}
				return fact(t.Value)
			}
		}
	}
	l := tagListing
	l.fields = fields
	var all []TagDescription
	for ref, tags := range control.Tagged(a.control.View(), who) {
		if resourceTypes[ref.Kind] == "" {
			continue // another service's
		}
		for _, t := range tagList(tags) {
			all = append(all, TagDescription{Key: t.Key, Value: t.Value, ResourceId: new(ref.ID), ResourceType: resourceTypes[ref.Kind]})
		}
	}
	slices.SortFunc(all, func(x, y TagDescription) int { return cmp.Compare(*l.id(x), *l.id(y)) })
	out := &DescribeTagsOutput{}
	out.Tags, out.NextToken, err = l.answer(ctx, all, question{filters: in.Filters, max: in.MaxResults, token: in.NextToken})
	return out, err
}
