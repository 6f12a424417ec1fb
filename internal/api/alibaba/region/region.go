// Package region is Alibaba Cloud's catalogue of regions and zones: those of the
// vendor's table of zones that Function Compute supports.
// https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/configure-network-settings
//
// Invariant: a zone's name is all there is to know of it; it is the same in every account.
package region

import (
	"slices"
	"strings"

	"weir/internal/control"
)

// Region is one entry.
type Region struct {
	ID    string
	Name  string // as consoles show it, in English
	Zones []string
	// served are the zones in which functions have network interfaces.
	served []string
}

// Serves says whether functions can have network interfaces in a zone.
func (r Region) Serves(zone string) bool { return slices.Contains(r.served, zone) }

// Default is the region of calls that name none.
const Default = "cn-hangzhou"

// table has the zones' last letters, in the vendor's order; those of more have
// VPCs' vSwitches, but not functions.
var table = []struct{ id, name, zones, more string }{
	{"cn-hangzhou", "China (Hangzhou)", "hijkfg", "b"},
	{"cn-shanghai", "China (Shanghai)", "mlnbegf", "a"},
	{"cn-qingdao", "China (Qingdao)", "c", "b"},
	{"cn-beijing", "China (Beijing)", "ihkjlcegf", "a"},
	{"cn-zhangjiakou", "China (Zhangjiakou)", "bca", ""},
	{"cn-huhehaote", "China (Hohhot)", "ab", ""},
	{"cn-shenzhen", "China (Shenzhen)", "edf", "a"},
	{"cn-chengdu", "China (Chengdu)", "ab", ""},
	{"cn-hongkong", "China (Hong Kong)", "dcb", ""},
	{"ap-southeast-1", "Singapore", "acb", ""},
	{"ap-southeast-3", "Malaysia (Kuala Lumpur)", "a", ""},
	{"ap-southeast-5", "Indonesia (Jakarta)", "ab", ""},
	{"ap-northeast-1", "Japan (Tokyo)", "cba", ""},
	{"eu-west-1", "UK (London)", "a", ""},
	{"eu-central-1", "Germany (Frankfurt)", "ab", ""},
	{"us-west-1", "US (Silicon Valley)", "ab", ""},
	{"us-east-1", "US (Virginia)", "ba", ""},
}

// All returns the catalogue.
func All() []Region {
	out := make([]Region, len(table))
	for i, r := range table {
		out[i] = Region{ID: r.id, Name: r.name}
		sep := "-" // cn-hangzhou-h, but ap-southeast-1a
		if strings.Trim(r.id[len(r.id)-1:], "0123456789") == "" {
			sep = ""
		}
		for _, z := range r.zones + r.more {
			out[i].Zones = append(out[i].Zones, r.id+sep+string(z))
		}
		if r.id == "eu-central-1" { // so named in the vendor's table, beside the two others
			out[i].Zones = append([]string{"eu-central-a"}, out[i].Zones...)
		}
		out[i].served = out[i].Zones[:len(out[i].Zones)-len(r.more)]
	}
	return out
}

// Get returns the region with this ID.
func Get(id string) (Region, bool) {
	for _, r := range All() {
		if r.ID == id {
			return r, true
		}
	}
	return Region{}, false
}

// Dialect is the name of the dialect in control.RegionInfo.Only.
const Dialect = "alibaba"

// Add adds the catalogue to another cloud's; a region of the same name is one
// and the same, and has the zones of both.
func Add(regions []control.RegionInfo) []control.RegionInfo {
	at := map[string]int{}
	for i, r := range regions {
		at[r.Name] = i
	}
	for _, r := range All() {
		i, both := at[r.ID]
		if !both {
			i = len(regions)
			regions = append(regions, control.RegionInfo{Name: r.ID, Only: Dialect})
		} else {
			regions[i].Only = ""
		}
		have := map[string]bool{}
		for _, z := range regions[i].Zones {
			have[z.Name] = true
		}
		for _, z := range r.Zones {
			if !have[z] {
				regions[i].Zones = append(regions[i].Zones, control.ZoneInfo{Name: z, ID: z})
			}
		}
	}
	return regions
}
