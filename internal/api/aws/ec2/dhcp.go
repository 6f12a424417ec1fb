package ec2

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func dhcpShape(d *cloud.DHCPOptions) DhcpOptions {
	out := DhcpOptions{DhcpOptionsId: new(string(d.ID)), OwnerId: new(d.Account), Tags: shown(tagList(d.Tags))}
	for _, k := range slices.Sorted(maps.Keys(d.Options)) {
		c := DhcpConfiguration{Key: new(k)}
		for _, v := range d.Options[k] {
			c.Values = append(c.Values, AttributeValue{Value: new(v)})
		}
		out.DhcpConfigurations = append(out.DhcpConfigurations, c)
	}
	return out
}

var dhcpListing = listing[DhcpOptions]{
	kind: cloud.KindDHCPOptions, param: "dhcpOptionsIds",
	id:   func(d DhcpOptions) *string { return d.DhcpOptionsId },
	tags: func(d DhcpOptions) []Tag { return d.Tags },
	fields: wire.Fields[DhcpOptions]{
		"dhcp-options-id": func(d DhcpOptions) []string { return fact(d.DhcpOptionsId) },
		"owner-id":        func(d DhcpOptions) []string { return fact(d.OwnerId) },
		"key": func(d DhcpOptions) []string {
			return facts(d.DhcpConfigurations, func(c DhcpConfiguration) []string { return fact(c.Key) })
		},
		"value": func(d DhcpOptions) []string {
			return facts(d.DhcpConfigurations, func(c DhcpConfiguration) []string {
				return facts(c.Values, func(v AttributeValue) []string { return fact(v.Value) })
			})
		},
	},
}

// dhcpOptions checks a set's options.
// https://docs.aws.amazon.com/vpc/latest/userguide/VPC_DHCP_Options.html
func dhcpOptions(in []NewDhcpConfiguration) (map[string][]string, error) {
	options := map[string][]string{}
	for _, c := range in {
		key := text(c.Key)
		var values []string
		for _, v := range c.Values {
			values = append(values, strings.Split(v, ",")...)
		}
		for i := range values {
			values[i] = strings.TrimSpace(values[i])
		}
		if len(values) == 0 {
			return nil, badSpec(fmt.Sprintf("No values specified for DHCP option %s", key))
		}
		if err := checkDHCP(key, values); err != nil {
			return nil, err
		}
		if _, twice := options[key]; twice {
			return nil, badSpec(fmt.Sprintf("Option %s is specified more than once", key))
		}
		options[key] = values
	}
	return options, nil
}

func checkDHCP(key string, values []string) error {
	bad := func(v string) error {
		return badSpec(fmt.Sprintf("Value (%s) for parameter value is invalid. Invalid DHCP option value: %s", v, key))
	}
	switch key {
	case "domain-name":
		return nil
	case "domain-name-servers", "ntp-servers", "netbios-name-servers":
		if len(values) > 4 {
			return badSpec(fmt.Sprintf("Too many values for DHCP option %s: at most 4 are allowed", key))
		}
		for _, v := range values {
			if _, err := netip.ParseAddr(v); err != nil && !(key == "domain-name-servers" && v == "AmazonProvidedDNS") {
				return bad(v)
			}
		}
	case "netbios-node-type":
		if len(values) > 1 || !slices.Contains([]string{"1", "2", "4", "8"}, values[0]) {
			return bad(values[0])
		}
	case "ipv6-address-preferred-lease-time":
		if n, err := strconv.Atoi(values[0]); err != nil || n < 140 || n > 2147483647 {
			return bad(values[0])
		}
	default:
		return badSpec(fmt.Sprintf("Value (%s) for parameter key is invalid. Unknown DHCP option", key))
	}
	return nil
}

func (a *api) createDhcpOptions(ctx context.Context, in *CreateDhcpOptionsInput) (*CreateDhcpOptionsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	l, err := labels(cloud.KindDHCPOptions, in.TagSpecifications, nil)
	if err != nil {
		return nil, err
	}
	options, err := dhcpOptions(in.DhcpConfigurations)
	if err != nil {
		return nil, err
	}
	d, err := a.control.CreateDHCPOptions(ctx, who, l, options)
	if err != nil {
		return nil, err
	}
	return &CreateDhcpOptionsOutput{DhcpOptions: new(dhcpShape(d))}, nil
}

func (a *api) describeDhcpOptions(ctx context.Context, in *DescribeDhcpOptionsInput) (*DescribeDhcpOptionsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	all := collect(a.control.View(), cloud.DHCPOptionSets, cloud.Scope(who.Account, who.Region), dhcpShape)
	out := &DescribeDhcpOptionsOutput{}
	out.DhcpOptions, out.NextToken, err = dhcpListing.answer(ctx, all, question{in.DhcpOptionsIds, in.Filters, in.MaxResults, in.NextToken})
	return out, err
}

func (a *api) deleteDhcpOptions(ctx context.Context, in *DeleteDhcpOptionsInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	return nil, a.control.DeleteDHCPOptions(ctx, who, cloud.DHCPOptionsID(*in.DhcpOptionsId))
}

// associateDhcpOptions gives a VPC a set; "default" takes its set away.
func (a *api) associateDhcpOptions(ctx context.Context, in *AssociateDhcpOptionsInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	set := cloud.DHCPOptionsID(*in.DhcpOptionsId)
	if set == "default" {
		set = ""
	}
	return nil, a.control.ModifyVPC(ctx, who, cloud.VPCID(*in.VpcId), control.ModifyVPC{DHCPOptions: &set})
}
