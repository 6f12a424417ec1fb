package ec2

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"weir/internal/api/wire"
)

// size is an instance type: what it may take of this machine.
type size struct {
	cpus      int
	memoryMiB int
}

// sizes are the instance types of which instances can be made.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-types.html
var sizes = map[InstanceType]size{
	"m1.small": {1, 1740},
	"t2.nano":  {1, 512}, "t2.micro": {1, 1024}, "t2.small": {1, 2048}, "t2.medium": {2, 4096}, "t2.large": {2, 8192},
	"t3.nano": {2, 512}, "t3.micro": {2, 1024}, "t3.small": {2, 2048}, "t3.medium": {2, 4096}, "t3.large": {2, 8192}, "t3.xlarge": {4, 16384},
	"t3a.nano": {2, 512}, "t3a.micro": {2, 1024}, "t3a.small": {2, 2048}, "t3a.medium": {2, 4096}, "t3a.large": {2, 8192},
	"m5.large": {2, 8192}, "m5.xlarge": {4, 16384}, "m6i.large": {2, 8192}, "m6i.xlarge": {4, 16384},
	"c5.large": {2, 4096}, "c5.xlarge": {4, 8192}, "c6i.large": {2, 4096}, "c6i.xlarge": {4, 8192},
	"r5.large": {2, 16384}, "r6i.large": {2, 16384},
}

// sizeOf is a type's size. Without a type the vendor takes m1.small.
func sizeOf(t InstanceType) (InstanceType, size, error) {
	t = cmp.Or(t, "m1.small")
	s, ok := sizes[t]
	if !ok {
		return t, s, badValue("instanceType", string(t), "Weir has no such instance type; DescribeInstanceTypes lists those it has.")
	}
	return t, s, nil
}

func burstable(t InstanceType) bool { return strings.HasPrefix(string(t), "t") }

func typeShape(t InstanceType) InstanceTypeInfo {
	s := sizes[t]
	threads := min(s.cpus, 2)
	hypervisor := InstanceTypeHypervisorNitro
	if strings.HasPrefix(string(t), "t2") || strings.HasPrefix(string(t), "m1") {
		hypervisor = InstanceTypeHypervisorXen
	}
	return InstanceTypeInfo{
		InstanceType: t, Hypervisor: hypervisor, BareMetal: new(false), CurrentGeneration: new(hypervisor == InstanceTypeHypervisorNitro || t != "m1.small"),
		BurstablePerformanceSupported: new(burstable(t)), FreeTierEligible: new(t == "t2.micro" || t == "t3.micro"), AutoRecoverySupported: new(true),
		DedicatedHostsSupported: new(false), HibernationSupported: new(false), InstanceStorageSupported: new(false),
		VCpuInfo:   &VCpuInfo{DefaultVCpus: new(int32(s.cpus)), DefaultCores: new(int32(s.cpus / threads)), DefaultThreadsPerCore: new(int32(threads))},
		MemoryInfo: &MemoryInfo{SizeInMiB: new(int64(s.memoryMiB))},
		NetworkInfo: &NetworkInfo{
			MaximumNetworkInterfaces: new(int32(1)), MaximumNetworkCards: new(int32(1)), DefaultNetworkCardIndex: new(int32(0)), Ipv6Supported: new(true),
			Ipv4AddressesPerInterface: new(int32(50)), Ipv6AddressesPerInterface: new(int32(50)), EnaSupport: EnaSupportSupported,
			EfaSupported: new(false), EncryptionInTransitSupported: new(false),
		},
		// Terraform takes a type without these for none.
		EbsInfo:              &EbsInfo{EbsOptimizedSupport: "unsupported", EncryptionSupport: "unsupported", NvmeSupport: "unsupported"},
		PlacementGroupInfo:   &PlacementGroupInfo{SupportedStrategies: []PlacementGroupStrategy{}},
		ProcessorInfo:        &ProcessorInfo{SupportedArchitectures: []ArchitectureType{"x86_64"}},
		NitroEnclavesSupport: NitroEnclavesSupportUnsupported, NitroTpmSupport: NitroTpmSupportUnsupported, SupportedBootModes: []BootModeType{BootModeTypeLegacyBios, BootModeTypeUefi},
		SupportedUsageClasses: []UsageClassType{UsageClassTypeOnDemand}, SupportedRootDeviceTypes: []RootDeviceType{"ebs"}, SupportedVirtualizationTypes: []VirtualizationType{"hvm"},
	}
}

func (a *api) describeInstanceTypes(ctx context.Context, in *DescribeInstanceTypesInput) (*DescribeInstanceTypesOutput, error) {
	if _, err := a.enter(ctx); err != nil {
		return nil, err
	}
	var all []InstanceTypeInfo
	for t := range sizes {
		if len(in.InstanceTypes) == 0 || slices.Contains(in.InstanceTypes, t) {
			all = append(all, typeShape(t))
		}
	}
	unknown := slices.DeleteFunc(texts(in.InstanceTypes), func(t string) bool { _, ok := sizes[InstanceType(t)]; return ok })
	if len(unknown) > 0 {
		return nil, &wire.Error{Code: "InvalidInstanceType", Msg: "The following supplied instance types do not exist: [" + strings.Join(unknown, ", ") + "]"}
	}
	slices.SortFunc(all, func(x, y InstanceTypeInfo) int { return cmp.Compare(x.InstanceType, y.InstanceType) })
	out := &DescribeInstanceTypesOutput{}
	var err error
	out.InstanceTypes, out.NextToken, err = typeListing.answer(ctx, all, question{filters: in.Filters, max: in.MaxResults, token: in.NextToken})
	return out, err
}

var offeringListing = listing[InstanceTypeOffering]{
	id: func(o InstanceTypeOffering) *string { return new(string(o.InstanceType) + " " + text(o.Location)) },
	fields: wire.Fields[InstanceTypeOffering]{
		"instance-type": func(o InstanceTypeOffering) []string { return fact(&o.InstanceType) },
		"location":      func(o InstanceTypeOffering) []string { return fact(o.Location) },
	},
}

// describeInstanceTypeOfferings answers that every type is to be had everywhere.
func (a *api) describeInstanceTypeOfferings(ctx context.Context, in *DescribeInstanceTypeOfferingsInput) (*DescribeInstanceTypeOfferingsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	r, _ := a.control.Region(who.Region)
	kind := cmp.Or(in.LocationType, "region")
	places := []string{who.Region}
	if kind != "region" {
		places = nil
		for _, z := range r.Zones {
			if kind == "availability-zone-id" {
				places = append(places, z.ID)
			} else {
				places = append(places, z.Name)
			}
		}
	}
	var all []InstanceTypeOffering
	for t := range sizes {
		for _, p := range places {
			all = append(all, InstanceTypeOffering{InstanceType: t, Location: new(p), LocationType: kind})
		}
	}
	slices.SortFunc(all, func(x, y InstanceTypeOffering) int {
		return cmp.Compare(*offeringListing.id(x), *offeringListing.id(y))
	})
	out := &DescribeInstanceTypeOfferingsOutput{}
	out.InstanceTypeOfferings, out.NextToken, err = offeringListing.answer(ctx, all, question{filters: in.Filters, max: in.MaxResults, token: in.NextToken})
	return out, err
}
