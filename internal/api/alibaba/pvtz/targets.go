package pvtz

import "weir/internal/api/alibaba/resource"

// Acts says what calls act on: zones are of no region, and records are their zone's.
// https://www.alibabacloud.com/help/en/dns/api-pvtz-2018-01-01-ram
var Acts = resource.Acts{
	Product: "pvtz", Global: true,
	Named: []resource.Named{{Field: "ZoneId", Type: "zone"}},
	Own:   []resource.Part{{Name: "Zone", Type: "zone"}},
	Types: map[string]string{"zone": "zone"},
	Makes: []string{"AddZone"},
}
