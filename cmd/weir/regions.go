package main

import (
	"fmt"
	"slices"

	aliregion "weir/internal/api/alibaba/region"
	"weir/internal/api/wire"
	"weir/internal/control"
)

const defaultRegion = "us-east-1"

// regionZones lists the regions with their zone-id prefix and number of zones.
// https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
var regionZones = []struct {
	name, prefix string
	zones        int
}{
	{"af-south-1", "afs1", 3}, {"ap-east-1", "ape1", 3}, {"ap-northeast-1", "apne1", 3}, {"ap-northeast-2", "apne2", 4},
	{"ap-northeast-3", "apne3", 3}, {"ap-south-1", "aps1", 3}, {"ap-south-2", "aps2", 3}, {"ap-southeast-1", "apse1", 3},
	{"ap-southeast-2", "apse2", 3}, {"ap-southeast-3", "apse3", 3}, {"ap-southeast-4", "apse4", 3}, {"ca-central-1", "cac1", 3},
	{"ca-west-1", "caw1", 3}, {"eu-central-1", "euc1", 3}, {"eu-central-2", "euc2", 3}, {"eu-north-1", "eun1", 3},
	{"eu-south-1", "eus1", 3}, {"eu-south-2", "eus2", 3}, {"eu-west-1", "euw1", 3}, {"eu-west-2", "euw2", 3},
	{"eu-west-3", "euw3", 3}, {"il-central-1", "ilc1", 3}, {"me-central-1", "mec1", 3}, {"me-south-1", "mes1", 3},
	{"sa-east-1", "sae1", 3}, {"us-east-1", "use1", 6}, {"us-east-2", "use2", 3}, {"us-west-1", "usw1", 2}, {"us-west-2", "usw2", 4},
}

// regions is the catalogue; a default region that is not in it gets three zones.
func regions(def string) []control.RegionInfo {
	var out []control.RegionInfo
	for _, r := range regionZones {
		out = append(out, region(r.name, r.prefix, r.zones))
		out[len(out)-1].Only = string(wire.AWS)
	}
	out = aliregion.Add(out)
	if !slices.ContainsFunc(out, func(r control.RegionInfo) bool { return r.Name == def }) {
		out = append(out, region(def, def, 3))
	}
	return out
}

func region(name, prefix string, zones int) control.RegionInfo {
	r := control.RegionInfo{Name: name}
	for i := range zones {
		r.Zones = append(r.Zones, control.ZoneInfo{Name: name + string(rune('a'+i)), ID: fmt.Sprintf("%s-az%d", prefix, i+1)})
	}
	return r
}
