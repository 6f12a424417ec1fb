package fc

import (
	"context"

	aliregion "weir/internal/api/alibaba/region"
)

func (a *api) describeRegions(context.Context, *DescribeRegionsInput) (*DescribeRegionsOutput, error) {
	out := &DescribeRegionsOutput{Regions: &DescribeRegionsOutputRegions{}}
	for _, r := range aliregion.All() {
		out.Regions.Region = append(out.Regions.Region, DescribeRegionsOutputRegionsRegion{LocalName: &r.Name, RegionId: &r.ID})
	}
	return out, nil
}
