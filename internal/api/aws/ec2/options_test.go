package ec2_test

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func filter(name string, values ...string) []types.Filter {
	return []types.Filter{{Name: &name, Values: values}}
}

// TestDefaults: what a fresh account finds in a region.
func TestDefaults(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	v := do(w.DescribeVpcs(ctx, &sdk.DescribeVpcsInput{Filters: filter("is-default", "true")})).Vpcs
	equal(w, "default VPCs", len(v), 1)
	vpc := *v[0].VpcId
	equal(w, "its block", *v[0].CidrBlock, "172.31.0.0/16")
	subnets := do(w.DescribeSubnets(ctx, &sdk.DescribeSubnetsInput{Filters: filter("default-for-az", "true")})).Subnets
	blocks := map[string]string{}
	for _, s := range subnets {
		blocks[*s.AvailabilityZone] = *s.CidrBlock
		equal(w, "public addresses at launch", *s.MapPublicIpOnLaunch, true)
		equal(w, "free addresses of a /20", *s.AvailableIpAddressCount, 4091)
	}
	equal(w, "zone a", blocks["us-east-1a"], "172.31.0.0/20")
	equal(w, "zone b", blocks["us-east-1b"], "172.31.16.0/20")
	equal(w, "zone c", blocks["us-east-1c"], "172.31.32.0/20")
	tables := do(w.DescribeRouteTables(ctx, &sdk.DescribeRouteTablesInput{Filters: filter("vpc-id", vpc)})).RouteTables
	equal(w, "route tables", len(tables), 1)
	equal(w, "routes of the main one", len(tables[0].Routes), 2)
	equal(w, "the way out", (*tables[0].Routes[1].GatewayId)[:4], "igw-")
	equal(w, "its state", tables[0].Routes[1].State, types.RouteStateActive)
	groups := do(w.DescribeSecurityGroups(ctx, &sdk.DescribeSecurityGroupsInput{Filters: filter("vpc-id", vpc)})).SecurityGroups
	equal(w, "groups", len(groups), 1)
	equal(w, "its peer inwards", *groups[0].IpPermissions[0].UserIdGroupPairs[0].GroupId, *groups[0].GroupId)
	options := do(w.DescribeDhcpOptions(ctx, &sdk.DescribeDhcpOptionsInput{})).DhcpOptions
	equal(w, "DHCP options of the VPC", *v[0].DhcpOptionsId, *options[0].DhcpOptionsId)
	equal(w, "domain", *options[0].DhcpConfigurations[0].Values[0].Value, "ec2.internal")
	attributes := do(w.DescribeAccountAttributes(ctx, &sdk.DescribeAccountAttributesInput{AttributeNames: []types.AccountAttributeName{types.AccountAttributeNameDefaultVpc}})).AccountAttributes
	equal(w, "default-vpc attribute", *attributes[0].AttributeValues[0].AttributeValue, vpc)

	// the same IDs after a fresh start, others in another region
	same := do(newWorld(t).DescribeVpcs(ctx, &sdk.DescribeVpcsInput{})).Vpcs[0]
	equal(w, "ID in another world", *same.VpcId, vpc)
	there := do(client(w.url, "eu-west-1").DescribeVpcs(ctx, &sdk.DescribeVpcsInput{})).Vpcs
	equal(w, "VPCs in another region", len(there), 1)
	if *there[0].VpcId == vpc {
		t.Error("two regions share a default VPC")
	}

	// a deleted default subnet can be had again
	do(w.DeleteSubnet(ctx, &sdk.DeleteSubnetInput{SubnetId: subnets[0].SubnetId}))
	back := do(w.CreateDefaultSubnet(ctx, &sdk.CreateDefaultSubnetInput{AvailabilityZone: subnets[0].AvailabilityZone})).Subnet
	equal(w, "block of the new default subnet", *back.CidrBlock, *subnets[0].CidrBlock)
}

func TestRegionsAndZones(t *testing.T) {
	w := newWorld(t)
	regions := do(w.DescribeRegions(t.Context(), &sdk.DescribeRegionsInput{})).Regions
	equal(w, "regions", len(regions), 2)
	equal(w, "endpoint", *regions[1].Endpoint, "ec2.us-east-1.amazonaws.com")
	w.refused(failure(w.DescribeRegions(t.Context(), &sdk.DescribeRegionsInput{RegionNames: []string{"mars-north-1"}})), "InvalidParameterValue", "Invalid region 'mars-north-1' specified")
	zones := do(w.DescribeAvailabilityZones(t.Context(), &sdk.DescribeAvailabilityZonesInput{Filters: filter("zone-id", "use1-az2")})).AvailabilityZones
	equal(w, "zones with that ID", len(zones), 1)
	equal(w, "its name", *zones[0].ZoneName, "us-east-1b")
	equal(w, "images", len(do(w.DescribeImages(t.Context(), &sdk.DescribeImagesInput{Owners: []string{"amazon"}})).Images), 1)
	equal(w, "instances", len(do(w.DescribeInstances(t.Context(), &sdk.DescribeInstancesInput{})).Reservations), 0)
}

func TestVPCBlocks(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	vpc, _ := w.network()
	add := do(w.AssociateVpcCidrBlock(ctx, &sdk.AssociateVpcCidrBlockInput{VpcId: &vpc, CidrBlock: s("10.1.0.0/16")})).CidrBlockAssociation
	equal(w, "state in the answer", add.CidrBlockState.State, types.VpcCidrBlockStateCodeAssociating)
	do(w.CreateSubnet(ctx, &sdk.CreateSubnetInput{VpcId: &vpc, CidrBlock: s("10.1.9.0/24")}))
	w.refused(failure(w.DisassociateVpcCidrBlock(ctx, &sdk.DisassociateVpcCidrBlockInput{AssociationId: add.AssociationId})), "InvalidCidrBlock.InUse", "The vpc "+vpc+" currently has a subnet within CIDR block 10.1.0.0/16")
	main := do(w.DescribeRouteTables(ctx, &sdk.DescribeRouteTablesInput{Filters: filter("vpc-id", vpc)})).RouteTables[0]
	var local []string
	for _, r := range main.Routes {
		local = append(local, aws.ToString(r.DestinationCidrBlock)+aws.ToString(r.DestinationIpv6CidrBlock))
	}
	if want := []string{"10.0.0.0/16", "10.1.0.0/16", "2001:db8:1000::/56"}; !slices.Equal(local, want) {
		t.Errorf("local routes: %v, want %v", local, want)
	}
	for i := range 3 {
		do(w.AssociateVpcCidrBlock(ctx, &sdk.AssociateVpcCidrBlockInput{VpcId: &vpc, CidrBlock: s([]string{"10.2.0.0/16", "10.3.0.0/16", "10.4.0.0/16"}[i])}))
	}
	w.refused(failure(w.AssociateVpcCidrBlock(ctx, &sdk.AssociateVpcCidrBlockInput{VpcId: &vpc, CidrBlock: s("10.5.0.0/16")})), "CidrLimitExceeded", "")

	// the next VPC gets the next block of the IPv6 pool
	next := do(w.CreateVpc(ctx, &sdk.CreateVpcInput{CidrBlock: s("10.0.0.0/16"), AmazonProvidedIpv6CidrBlock: aws.Bool(true)})).Vpc
	equal(w, "second IPv6 block", *next.Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlock, "2001:db8:1000:100::/56")

	do(w.ModifyVpcAttribute(ctx, &sdk.ModifyVpcAttributeInput{VpcId: &vpc, EnableDnsHostnames: &types.AttributeBooleanValue{Value: aws.Bool(true)}}))
	for name, want := range map[types.VpcAttributeName]bool{types.VpcAttributeNameEnableDnsHostnames: true, types.VpcAttributeNameEnableDnsSupport: true, types.VpcAttributeNameEnableNetworkAddressUsageMetrics: false} {
		out := do(w.DescribeVpcAttribute(ctx, &sdk.DescribeVpcAttributeInput{VpcId: &vpc, Attribute: name}))
		for _, v := range []*types.AttributeBooleanValue{out.EnableDnsHostnames, out.EnableDnsSupport, out.EnableNetworkAddressUsageMetrics} {
			if v != nil {
				equal(w, string(name), *v.Value, want)
			}
		}
	}
}

func TestMainRouteTable(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	vpc, subnet := w.network()
	main := do(w.DescribeRouteTables(ctx, &sdk.DescribeRouteTablesInput{Filters: filter("vpc-id", vpc)})).RouteTables[0]
	next := do(w.CreateRouteTable(ctx, &sdk.CreateRouteTableInput{VpcId: &vpc})).RouteTable.RouteTableId
	replaced := do(w.ReplaceRouteTableAssociation(ctx, &sdk.ReplaceRouteTableAssociationInput{AssociationId: main.Associations[0].RouteTableAssociationId, RouteTableId: next}))
	now := do(w.DescribeRouteTables(ctx, &sdk.DescribeRouteTablesInput{Filters: filter("association.route-table-association-id", *replaced.NewAssociationId)})).RouteTables
	equal(w, "the main table", *now[0].RouteTableId, *next)
	w.refused(failure(w.DeleteRouteTable(ctx, &sdk.DeleteRouteTableInput{RouteTableId: next})), "DependencyViolation", "")

	assoc := do(w.AssociateRouteTable(ctx, &sdk.AssociateRouteTableInput{RouteTableId: main.RouteTableId, SubnetId: &subnet})).AssociationId
	do(w.ReplaceRouteTableAssociation(ctx, &sdk.ReplaceRouteTableAssociationInput{AssociationId: assoc, RouteTableId: next}))
	do(w.DeleteRouteTable(ctx, &sdk.DeleteRouteTableInput{RouteTableId: main.RouteTableId}))
	with := do(w.DescribeRouteTables(ctx, &sdk.DescribeRouteTablesInput{Filters: filter("association.subnet-id", subnet)})).RouteTables
	equal(w, "the subnet's table", *with[0].RouteTableId, *next)
}

func TestGatewayEndpoint(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	vpc, _ := w.network()
	list := do(w.DescribePrefixLists(ctx, &sdk.DescribePrefixListsInput{Filters: filter("prefix-list-name", "com.amazonaws.us-east-1.s3")})).PrefixLists[0]
	equal(w, "S3's block", list.Cidrs[0], "198.51.100.128/28")
	table := do(w.CreateRouteTable(ctx, &sdk.CreateRouteTableInput{VpcId: &vpc})).RouteTable.RouteTableId
	routes := func() int {
		t.Helper()
		n := 0
		for _, r := range do(w.DescribeRouteTables(ctx, &sdk.DescribeRouteTablesInput{RouteTableIds: []string{*table}})).RouteTables[0].Routes {
			if aws.ToString(r.DestinationPrefixListId) == *list.PrefixListId {
				n++
			}
		}
		return n
	}
	e := do(w.CreateVpcEndpoint(ctx, &sdk.CreateVpcEndpointInput{VpcId: &vpc, ServiceName: s("com.amazonaws.us-east-1.s3"), RouteTableIds: []string{*table}})).VpcEndpoint
	equal(w, "state", e.State, "available")
	equal(w, "routes to S3", routes(), 1)
	w.refused(failure(w.DeleteRoute(ctx, &sdk.DeleteRouteInput{RouteTableId: table, DestinationPrefixListId: list.PrefixListId})), "InvalidParameterValue", "")
	w.refused(failure(w.DeleteVpc(ctx, &sdk.DeleteVpcInput{VpcId: &vpc})), "DependencyViolation", "")
	do(w.ModifyVpcEndpoint(ctx, &sdk.ModifyVpcEndpointInput{VpcEndpointId: e.VpcEndpointId, RemoveRouteTableIds: []string{*table}}))
	equal(w, "routes after the table was removed", routes(), 0)
	do(w.ModifyVpcEndpoint(ctx, &sdk.ModifyVpcEndpointInput{VpcEndpointId: e.VpcEndpointId, AddRouteTableIds: []string{*table}}))
	out := do(w.DeleteVpcEndpoints(ctx, &sdk.DeleteVpcEndpointsInput{VpcEndpointIds: []string{*e.VpcEndpointId, "vpce-0123456789abcdef0"}}))
	equal(w, "not deleted", *out.Unsuccessful[0].Error.Code, "InvalidVpcEndpointId.NotFound")
	equal(w, "routes after deletion", routes(), 0)
}

func TestPrefixLists(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	vpc, _ := w.network()
	l := do(w.CreateManagedPrefixList(ctx, &sdk.CreateManagedPrefixListInput{
		PrefixListName: s("offices"), AddressFamily: s("IPv4"), MaxEntries: aws.Int32(2), Entries: []types.AddPrefixListEntry{{Cidr: s("198.51.100.0/24")}},
	})).PrefixList
	equal(w, "version", *l.Version, 1)
	change := &sdk.ModifyManagedPrefixListInput{PrefixListId: l.PrefixListId, CurrentVersion: aws.Int64(1), AddEntries: []types.AddPrefixListEntry{{Cidr: s("203.0.113.0/24"), Description: s("new")}}}
	equal(w, "version after a change", *do(w.ModifyManagedPrefixList(ctx, change)).PrefixList.Version, 2)
	w.refused(failure(w.ModifyManagedPrefixList(ctx, change)), "PrefixListVersionMismatch", "The prefix list has the incorrect version number")
	change.CurrentVersion, change.AddEntries[0].Cidr = aws.Int64(2), s("10.0.0.0/8")
	w.refused(failure(w.ModifyManagedPrefixList(ctx, change)), "PrefixListMaxEntriesExceeded", "")
	change.AddEntries[0].Cidr = s("2001:db8::/32")
	w.refused(failure(w.ModifyManagedPrefixList(ctx, change)), "InvalidParameterValue", "")
	entries := func(version *int64) int {
		t.Helper()
		return len(do(w.GetManagedPrefixListEntries(ctx, &sdk.GetManagedPrefixListEntriesInput{PrefixListId: l.PrefixListId, TargetVersion: version})).Entries)
	}
	equal(w, "entries", entries(nil), 2)
	equal(w, "entries of version 1", entries(aws.Int64(1)), 1)
	equal(w, "version after restoring", *do(w.RestoreManagedPrefixListVersion(ctx, &sdk.RestoreManagedPrefixListVersionInput{PrefixListId: l.PrefixListId, PreviousVersion: aws.Int64(1), CurrentVersion: aws.Int64(2)})).PrefixList.Version, 3)
	equal(w, "entries after restoring", entries(nil), 1)

	g := w.group(vpc, "web")
	do(w.AuthorizeSecurityGroupIngress(ctx, &sdk.AuthorizeSecurityGroupIngressInput{GroupId: g, IpPermissions: []types.IpPermission{{IpProtocol: s("-1"), PrefixListIds: []types.PrefixListId{{PrefixListId: l.PrefixListId}}}}}))
	users := do(w.GetManagedPrefixListAssociations(ctx, &sdk.GetManagedPrefixListAssociationsInput{PrefixListId: l.PrefixListId})).PrefixListAssociations
	equal(w, "user", *users[0].ResourceId, *g)
	w.refused(failure(w.DeleteManagedPrefixList(ctx, &sdk.DeleteManagedPrefixListInput{PrefixListId: l.PrefixListId})), "DependencyViolation", "")
	do(w.DeleteSecurityGroup(ctx, &sdk.DeleteSecurityGroupInput{GroupId: g}))
	do(w.DeleteManagedPrefixList(ctx, &sdk.DeleteManagedPrefixListInput{PrefixListId: l.PrefixListId}))
	all := do(w.DescribeManagedPrefixLists(ctx, &sdk.DescribeManagedPrefixListsInput{})).PrefixLists
	equal(w, "Amazon's own lists", len(all), 2)
	w.refused(failure(w.DeleteManagedPrefixList(ctx, &sdk.DeleteManagedPrefixListInput{PrefixListId: all[0].PrefixListId})), "UnauthorizedOperation", "")
}

func TestDHCPOptions(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	vpc, _ := w.network()
	create := func(key string, values ...string) (*sdk.CreateDhcpOptionsOutput, error) {
		return w.CreateDhcpOptions(ctx, &sdk.CreateDhcpOptionsInput{DhcpConfigurations: []types.NewDhcpConfiguration{{Key: &key, Values: values}}})
	}
	d := do(create("domain-name-servers", "10.0.0.9", "AmazonProvidedDNS")).DhcpOptions
	w.refused(failure(create("colour", "red")), "InvalidParameterValue", "")
	w.refused(failure(create("ntp-servers", "clock")), "InvalidParameterValue", "")
	do(w.AssociateDhcpOptions(ctx, &sdk.AssociateDhcpOptionsInput{VpcId: &vpc, DhcpOptionsId: d.DhcpOptionsId}))
	w.refused(failure(w.DeleteDhcpOptions(ctx, &sdk.DeleteDhcpOptionsInput{DhcpOptionsId: d.DhcpOptionsId})), "DependencyViolation", "")
	do(w.AssociateDhcpOptions(ctx, &sdk.AssociateDhcpOptionsInput{VpcId: &vpc, DhcpOptionsId: s("default")}))
	equal(w, "the VPC's options", *do(w.DescribeVpcs(ctx, &sdk.DescribeVpcsInput{VpcIds: []string{vpc}})).Vpcs[0].DhcpOptionsId, "default")
	do(w.DeleteDhcpOptions(ctx, &sdk.DeleteDhcpOptionsInput{DhcpOptionsId: d.DhcpOptionsId}))
}

func TestTagsAndPages(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	vpc, subnet := w.network()
	tag := func(k, v string) []types.Tag { return []types.Tag{{Key: &k, Value: &v}} }
	do(w.CreateTags(ctx, &sdk.CreateTagsInput{Resources: []string{vpc, subnet}, Tags: tag("Name", "a")}))
	do(w.CreateTags(ctx, &sdk.CreateTagsInput{Resources: []string{vpc}, Tags: tag("Name", "b")}))
	equal(w, "subnets named a", len(do(w.DescribeSubnets(ctx, &sdk.DescribeSubnetsInput{Filters: filter("tag:Name", "a")})).Subnets), 1)
	equal(w, "VPCs named a", len(do(w.DescribeVpcs(ctx, &sdk.DescribeVpcsInput{Filters: filter("tag:Name", "a")})).Vpcs), 0)
	tags := do(w.DescribeTags(ctx, &sdk.DescribeTagsInput{Filters: filter("resource-type", "vpc")})).Tags
	equal(w, "tags of VPCs", len(tags), 1)
	equal(w, "the newer value", *tags[0].Value, "b")
	do(w.DeleteTags(ctx, &sdk.DeleteTagsInput{Resources: []string{vpc}, Tags: tag("Name", "a")})) // another value: stays
	equal(w, "tags left", len(do(w.DescribeTags(ctx, &sdk.DescribeTagsInput{})).Tags), 2)
	do(w.DeleteTags(ctx, &sdk.DeleteTagsInput{Resources: []string{vpc, subnet}, Tags: []types.Tag{{Key: s("Name")}}}))
	equal(w, "tags left", len(do(w.DescribeTags(ctx, &sdk.DescribeTagsInput{})).Tags), 0)

	for range 12 {
		do(w.CreateNetworkInterface(ctx, &sdk.CreateNetworkInterfaceInput{SubnetId: &subnet}))
	}
	seen := map[string]bool{}
	pages := sdk.NewDescribeNetworkInterfacesPaginator(w, &sdk.DescribeNetworkInterfacesInput{MaxResults: aws.Int32(5)})
	for n := 0; pages.HasMorePages(); n++ {
		page := do(pages.NextPage(ctx)).NetworkInterfaces
		equal(w, "size of page", len(page), []int{5, 5, 2}[n])
		for _, i := range page {
			seen[*i.NetworkInterfaceId] = true
		}
	}
	equal(w, "interfaces over all pages", len(seen), 12)
	w.refused(failure(w.DescribeNetworkInterfaces(ctx, &sdk.DescribeNetworkInterfacesInput{NextToken: s("nonsense")})), "InvalidPaginationToken", "")
}
