package control

import (
	"fmt"
	"net/netip"

	"weir/internal/cloud"
)

// BlueprintSpec is what the "VPC and more" workflow asks for: a VPC with
// subnets, gateways and routes in one step.
// https://docs.aws.amazon.com/vpc/latest/userguide/create-vpc.html
type BlueprintSpec struct {
	Name           string `json:"name"` // prefix of every name tag; "" tags nothing
	CIDR           string `json:"cidr"`
	IPv6           bool   `json:"ipv6"`
	Zones          int    `json:"zones"`           // 1..3
	PublicSubnets  int    `json:"public_subnets"`  // 0 or one per zone
	PrivateSubnets int    `json:"private_subnets"` // 0, one or two per zone
	NAT            string `json:"nat"`             // none, single (one zone) or zone (one per zone)
	EgressOnly     bool   `json:"egress_only"`
	S3Endpoint     bool   `json:"s3_endpoint"`
	NoDNSHostnames bool   `json:"no_dns_hostnames"`
	NoDNSSupport   bool   `json:"no_dns_support"`
}

// Blueprint is everything the workflow will create, in order: its preview.
type Blueprint struct {
	Spec    BlueprintSpec     `json:"spec"`
	VPC     BlueprintVPC      `json:"vpc"`
	Subnets []BlueprintSubnet `json:"subnets"`
	Gateway string            `json:"internet_gateway,omitempty"` // name
	Egress  string            `json:"egress_only_gateway,omitempty"`
	NATs    []BlueprintNAT    `json:"nat_gateways"`
	Tables  []BlueprintTable  `json:"route_tables"`
	S3      string            `json:"s3_endpoint,omitempty"`
}

// BlueprintVPC is the VPC; ID is set once created, here and below.
type BlueprintVPC struct {
	ID, Name string
	CIDR     netip.Prefix
}

// BlueprintSubnet is one subnet; its route table is the one that lists it.
type BlueprintSubnet struct {
	ID, Name, Zone string
	CIDR           netip.Prefix
	Public         bool
	index6         int // number of its /64 in the VPC's block
}

// BlueprintNAT is one NAT gateway with its elastic IP.
type BlueprintNAT struct {
	ID, Name, EIPName string
	Subnet            int // index into Subnets
	Address           string
}

// BlueprintTable is one route table; the implicit local routes are left out.
type BlueprintTable struct {
	ID, Name string
	Subnets  []int
	Routes   []BlueprintRoute
}

// BlueprintRoute is one route; NAT indexes NATs where To is a NAT gateway.
type BlueprintRoute struct {
	Dest string
	To   cloud.TargetKind
	NAT  int
}

func badBlueprint(format string, args ...any) error {
	return cloud.Errorf(cloud.Invalid, cloud.KindVPC, "", "blueprint", "cannot plan the VPC: "+format, args...)
}

// PlanVPC lays out a blueprint for a region; it changes nothing.
func (c *Control) PlanVPC(region string, s BlueprintSpec) (*Blueprint, error) {
	cidr, err := netip.ParsePrefix(s.CIDR)
	if err != nil || !cidr.Addr().Is4() {
		return nil, badBlueprint("%q is no IPv4 CIDR block; give one such as 10.0.0.0/16", s.CIDR)
	}
	cidr = cidr.Masked()
	if cidr.Bits() < 16 || cidr.Bits() > 28 {
		return nil, badBlueprint("the block %s must be between /16 and /28", cidr)
	}
	zones, err := c.blueprintZones(region, s)
	if err != nil {
		return nil, err
	}
	b := &Blueprint{Spec: s, VPC: BlueprintVPC{Name: s.tag("vpc"), CIDR: cidr}}
	if err := b.layOut(zones); err != nil {
		return nil, err
	}
	b.route(zones)
	return b, nil
}

func (s BlueprintSpec) tag(what string) string {
	if s.Name == "" {
		return ""
	}
	return s.Name + "-" + what
}

// blueprintZones checks the counts and picks the zones.
func (c *Control) blueprintZones(region string, s BlueprintSpec) ([]string, error) {
	var zones []string
	for _, r := range c.opt.Regions {
		if r.Name == region {
			zones = c.OpenZones(region)
		}
	}
	switch {
	case s.Zones < 1 || s.Zones > 3:
		return nil, badBlueprint("%d zones asked for; choose 1, 2 or 3", s.Zones)
	case len(zones) < s.Zones:
		return nil, badBlueprint("region %s has %d zones, %d asked for", region, len(zones), s.Zones)
	case s.PublicSubnets != 0 && s.PublicSubnets != s.Zones:
		return nil, badBlueprint("%d public subnets for %d zones; choose 0 or one per zone", s.PublicSubnets, s.Zones)
	case s.PrivateSubnets%s.Zones != 0 || s.PrivateSubnets < 0 || s.PrivateSubnets > 2*s.Zones:
		return nil, badBlueprint("%d private subnets for %d zones; choose 0, one or two per zone", s.PrivateSubnets, s.Zones)
	case s.NAT != "none" && s.NAT != "single" && s.NAT != "zone":
		return nil, badBlueprint("NAT gateways %q; choose none, single (in one zone) or zone (one per zone)", s.NAT)
	case s.NAT != "none" && (s.PublicSubnets == 0 || s.PrivateSubnets == 0):
		return nil, badBlueprint("a NAT gateway needs public and private subnets; choose -nat none")
	case s.EgressOnly && !s.IPv6:
		return nil, badBlueprint("an egress-only internet gateway needs -ipv6")
	}
	return zones[:s.Zones], nil
}

// layOut gives each subnet its block: public ones from the start of the VPC,
// private ones from its middle, as the console's workflow does.
func (b *Blueprint) layOut(zones []string) error {
	n := b.Spec.PublicSubnets + b.Spec.PrivateSubnets
	bits := b.VPC.CIDR.Bits() + 4
	if bits > 28 {
		bits = 28
	}
	slots := 1 << (bits - b.VPC.CIDR.Bits())
	if n > slots || b.Spec.PublicSubnets > slots/2 && b.Spec.PrivateSubnets > 0 {
		return badBlueprint("%s is too small for %d subnets of at least /28; choose a larger block", b.VPC.CIDR, n)
	}
	add := func(kind string, i, slot int, public bool) {
		zone := zones[i%len(zones)]
		b.Subnets = append(b.Subnets, BlueprintSubnet{
			Name: b.Spec.tag(fmt.Sprintf("subnet-%s%d-%s", kind, i+1, zone)),
			Zone: zone, CIDR: nthSubnet(b.VPC.CIDR, bits, slot), Public: public, index6: len(b.Subnets),
		})
	}
	for i := range b.Spec.PublicSubnets {
		add("public", i, i, true)
	}
	for i := range b.Spec.PrivateSubnets {
		add("private", i, slots/2+i, false)
	}
	return nil
}

// nthSubnet is the n-th block of this length in p.
func nthSubnet(p netip.Prefix, bits, n int) netip.Prefix {
	a := p.Addr().As4()
	v := uint32(a[0])<<24 | uint32(a[1])<<16 | uint32(a[2])<<8 | uint32(a[3])
	v += uint32(n) << (32 - bits)
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}), bits)
}

// route adds gateways and tables: one table for all public subnets, one for each private one.
func (b *Blueprint) route(zones []string) {
	s := b.Spec
	if s.PublicSubnets > 0 {
		b.Gateway = s.tag("igw")
		t := BlueprintTable{Name: s.tag("rtb-public"), Routes: []BlueprintRoute{{Dest: "0.0.0.0/0", To: cloud.TargetInternetGateway}}}
		if s.IPv6 {
			t.Routes = append(t.Routes, BlueprintRoute{Dest: "::/0", To: cloud.TargetInternetGateway})
		}
		for i := range s.PublicSubnets {
			t.Subnets = append(t.Subnets, i)
		}
		b.Tables = append(b.Tables, t)
	}
	nats := map[string]int{"single": 1, "zone": len(zones)}[s.NAT]
	for i := range nats {
		b.NATs = append(b.NATs, BlueprintNAT{
			Name: s.tag(fmt.Sprintf("nat-public%d-%s", i+1, zones[i])), EIPName: s.tag("eip-" + zones[i]), Subnet: i,
		})
	}
	if s.EgressOnly {
		b.Egress = s.tag("eigw")
	}
	if s.S3Endpoint {
		b.S3 = s.tag("vpce-s3")
	}
	for i := range s.PrivateSubnets {
		t := BlueprintTable{Name: s.tag(fmt.Sprintf("rtb-private%d-%s", i+1, zones[i%len(zones)])), Subnets: []int{s.PublicSubnets + i}}
		if nats > 0 {
			t.Routes = append(t.Routes, BlueprintRoute{Dest: "0.0.0.0/0", To: cloud.TargetNATGateway, NAT: i % len(zones) % nats})
		}
		if s.EgressOnly {
			t.Routes = append(t.Routes, BlueprintRoute{Dest: "::/0", To: cloud.TargetEgressOnlyGateway})
		}
		b.Tables = append(b.Tables, t)
	}
}
