package vpc

import (
	"context"

	"weir/internal/api/alibaba/region"
	"weir/internal/api/wire"
)

// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-describeregions
func (a *api) describeRegions(context.Context, *DescribeRegionsInput) (*DescribeRegionsOutput, error) {
	out := &DescribeRegionsOutput{}
	for _, r := range region.All() {
		out.Regions = append(out.Regions, Region{
			RegionId: new(r.ID), LocalName: new(r.Name), RegionEndpoint: new("vpc." + r.ID + ".aliyuncs.com"),
		})
	}
	return out, nil
}

// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-describezones
func (a *api) describeZones(ctx context.Context, _ *DescribeZonesInput) (*DescribeZonesOutput, error) {
	out := &DescribeZonesOutput{}
	r, _ := region.Get(wire.CallFrom(ctx).Region)
	for _, z := range r.Zones {
		out.Zones = append(out.Zones, Zone{ZoneId: new(z), LocalName: new(z)})
	}
	return out, nil
}
