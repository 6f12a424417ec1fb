package ec2

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// namedZones adds to a refused zone which ones there are, as the vendor's message does.
func (a *api) namedZones(who control.Caller, err error) error {
	var e *cloud.Error
	if !errors.As(err, &e) || e.Resource != cloud.KindZone {
		return err
	}
	return badValue("availabilityZone", e.ID, "Subnets can currently only be created in the following availability zones: "+strings.Join(a.control.OpenZones(who.Region), ", ")+".")
}

var regionListing = listing[Region]{
	id: func(r Region) *string { return r.RegionName },
	fields: wire.Fields[Region]{
		"region-name":   func(r Region) []string { return fact(r.RegionName) },
		"endpoint":      func(r Region) []string { return fact(r.Endpoint) },
		"opt-in-status": func(r Region) []string { return fact(r.OptInStatus) },
	},
}

func (a *api) describeRegions(ctx context.Context, in *DescribeRegionsInput) (*DescribeRegionsOutput, error) {
	var all []Region
	for _, r := range a.control.Options().Regions {
		if r.Only != "" && r.Only != string(wire.AWS) {
			continue
		}
		if len(in.RegionNames) == 0 || slices.Contains(in.RegionNames, r.Name) {
			all = append(all, Region{RegionName: new(r.Name), Endpoint: new("ec2." + r.Name + ".amazonaws.com"), OptInStatus: new("opt-in-not-required")})
		}
	}
	for _, name := range in.RegionNames {
		if _, ok := a.control.Region(name); !ok {
			return nil, &wire.Error{Code: "InvalidParameterValue", Msg: fmt.Sprintf("Invalid region '%s' specified", name)}
		}
	}
	regions, _, err := regionListing.answer(ctx, all, question{filters: in.Filters})
	return &DescribeRegionsOutput{Regions: regions}, err
}

var zoneListing = listing[AvailabilityZone]{
	id: func(z AvailabilityZone) *string { return z.ZoneName },
	fields: wire.Fields[AvailabilityZone]{
		"zone-name":        func(z AvailabilityZone) []string { return fact(z.ZoneName) },
		"zone-id":          func(z AvailabilityZone) []string { return fact(z.ZoneId) },
		"zone-type":        func(z AvailabilityZone) []string { return fact(z.ZoneType) },
		"region-name":      func(z AvailabilityZone) []string { return fact(z.RegionName) },
		"group-name":       func(z AvailabilityZone) []string { return fact(z.GroupName) },
		"state":            func(z AvailabilityZone) []string { return fact(&z.State) },
		"opt-in-status":    func(z AvailabilityZone) []string { return fact(&z.OptInStatus) },
		"parent-zone-id":   func(z AvailabilityZone) []string { return fact(z.ParentZoneId) },
		"parent-zone-name": func(z AvailabilityZone) []string { return fact(z.ParentZoneName) },
		"message": func(z AvailabilityZone) []string {
			return facts(z.Messages, func(m AvailabilityZoneMessage) []string { return fact(m.Message) })
		},
	},
}

func (a *api) describeAvailabilityZones(ctx context.Context, in *DescribeAvailabilityZonesInput) (*DescribeAvailabilityZonesOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	region, _ := a.control.Region(who.Region)
	known := func(name string) bool {
		return slices.ContainsFunc(region.Zones, func(z control.ZoneInfo) bool { return z.Name == name || z.ID == name })
	}
	for _, name := range slices.Concat(in.ZoneNames, in.ZoneIds) {
		if !known(name) {
			return nil, &wire.Error{Code: "InvalidParameterValue", Msg: fmt.Sprintf("Invalid availability zone: [%s]", name)}
		}
	}
	var all []AvailabilityZone
	for _, z := range a.control.Zones(a.control.View(), region.Name) {
		if len(in.ZoneNames)+len(in.ZoneIds) == 0 || slices.Contains(in.ZoneNames, z.Name) || slices.Contains(in.ZoneIds, z.ID) {
			state, messages := zoneState(z)
			all = append(all, AvailabilityZone{
				State: state, Messages: messages,
				ZoneName: new(z.Name), ZoneId: new(z.ID), RegionName: new(region.Name), GroupName: new(region.Name + "-zg-1"), NetworkBorderGroup: new(region.Name),
				ZoneType: new("availability-zone"), OptInStatus: AvailabilityZoneOptInStatusOptInNotRequired,
			})
		}
	}
	zones, _, err := zoneListing.answer(ctx, all, question{filters: in.Filters})
	return &DescribeAvailabilityZonesOutput{AvailabilityZones: zones}, err
}

// zoneState is how Amazon shows a zone that is not in order.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AvailabilityZone.html
func zoneState(z control.ZoneStatus) (AvailabilityZoneState, []AvailabilityZoneMessage) {
	say := func(msg string) []AvailabilityZoneMessage {
		return []AvailabilityZoneMessage{{Message: new(msg)}}
	}
	switch {
	case z.Failed:
		return AvailabilityZoneStateUnavailable, say(z.Name + " has failed.")
	case z.Limited:
		return AvailabilityZoneStateConstrained, say(z.Name + " is capacity-limited: nothing new is placed there.")
	}
	return AvailabilityZoneStateAvailable, nil
}

func (a *api) describeAccountAttributes(ctx context.Context, in *DescribeAccountAttributesInput) (*DescribeAccountAttributesOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	vpc := "none"
	for v := range cloud.VPCs.By(a.control.View(), "scope", cloud.Scope(who.Account, who.Region)) {
		if v.Default {
			vpc = string(v.ID)
		}
	}
	values := [][2]string{
		{"supported-platforms", "VPC"}, {"default-vpc", vpc}, {"max-instances", "20"},
		{"vpc-max-security-groups-per-interface", fmt.Sprint(a.control.Quotas().GroupsPerInterface)},
		{"max-elastic-ips", "5"}, {"vpc-max-elastic-ips", fmt.Sprint(a.control.Quotas().ElasticIPs)},
	}
	out := &DescribeAccountAttributesOutput{}
	for _, n := range in.AttributeNames {
		if !slices.ContainsFunc(values, func(v [2]string) bool { return v[0] == string(n) }) {
			return nil, badValue("attributeName", string(n), "Unknown attribute.")
		}
	}
	for _, v := range values {
		if len(in.AttributeNames) == 0 || slices.Contains(in.AttributeNames, AccountAttributeName(v[0])) {
			out.AccountAttributes = append(out.AccountAttributes, AccountAttribute{
				AttributeName: new(v[0]), AttributeValues: []AccountAttributeValue{{AttributeValue: new(v[1])}},
			})
		}
	}
	return out, nil
}
