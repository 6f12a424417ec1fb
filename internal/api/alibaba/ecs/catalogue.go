package ecs

import (
	"context"
	"maps"
	"slices"
	"strings"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/region"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
)

func (a *api) catalogue(s *wire.Service) {
	wire.Handle(s, "DescribeRegions", a.describeRegions)
	wire.Handle(s, "DescribeZones", a.describeZones)
	wire.Handle(s, "DescribeImages", a.describeImages)
	wire.Handle(s, "DescribeInstanceTypes", a.describeInstanceTypes)
	wire.Handle(s, "DescribeInstanceTypeFamilies", a.describeInstanceTypeFamilies)
	wire.Handle(s, "DescribeAvailableResource", a.describeAvailableResource)
}

// The one image: an instance has the machine's own programs, whatever the image says.
const (
	imageID     = "aliyun_3_x64_20G_alibase_20240819.vhd"
	imageFamily = "acs:alibaba_cloud_linux_3_2104_lts_x64"
	osName      = "Alibaba Cloud Linux  3.2104 LTS 64bit"
)

var image = Image{
	ImageId: new(imageID), ImageFamily: new(imageFamily), ImageName: new(imageID), Description: new(""), Architecture: new("x86_64"), OSName: new(osName), OSNameEn: new(osName), OSType: new("linux"),
	Platform: new("Aliyun"), ImageOwnerAlias: new("system"), Status: new("Available"), Usage: new("none"), Progress: new("100%"), CreationTime: new("2024-08-19T00:00:00Z"), Size: new(int64(20)),
	IsPublic: new(true), IsCopied: new(false), IsSelfShared: new(""), IsSubscribed: new(false), IsSupportCloudinit: new(true), IsSupportIoOptimized: new(true), BootMode: new("BIOS"),
	ImageVersion: new(""), ProductCode: new(""), ResourceGroupId: new(""), DiskDeviceMappings: []DiskDeviceMapping{}, Tags: []CreateNetworkInterfaceTag{},
}

// imageOf is the image that a request names, by ID or by family.
func imageOf(id, family *string) (string, error) {
	switch {
	case text(id) == imageID, text(id) == "" && text(family) == imageFamily:
		return imageID, nil
	case text(id) == "" && text(family) == "":
		return "", resource.Fault("MissingParameter", "The input parameter \"ImageId\" that is mandatory for processing this request is not supplied.")
	}
	return "", resource.Missing("InvalidImageId.NotFound", "The specified ImageId does not exist.")
}

func (a *api) describeImages(_ context.Context, in *DescribeImagesInput) (*DescribeImagesOutput, error) {
	if err := resource.Refuse(map[string]bool{"Filter": len(in.Filter) > 0}); err != nil {
		return nil, err
	}
	all := []Image{}
	ids := strings.Split(text(in.ImageId), ",")
	if (text(in.ImageId) == "" || slices.Contains(ids, imageID)) && likes(in.ImageName, imageID) && is(in.ImageFamily, imageFamily) && is(in.ImageOwnerAlias, "system") && is(in.Architecture, "x86_64") &&
		is(in.OSType, "linux") && (in.IsPublic == nil || *in.IsPublic) && (in.IsSupportCloudinit == nil || *in.IsSupportCloudinit) && len(in.Tag) == 0 && text(in.SnapshotId) == "" &&
		(text(in.Status) == "" || strings.Contains(*in.Status, "Available")) && is(in.Usage, "none") && in.ImageOwnerId == nil {
		all = append(all, image)
	}
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, page.Sizes{Default: 10, Max: 100})
	return &DescribeImagesOutput{Images: p.Items, RegionId: in.RegionId, PageNumber: p.Number, PageSize: p.Size, TotalCount: p.Total}, err
}

// size is an instance type: what it may take of this machine.
type size struct {
	name      string
	cpus      int
	memoryMiB int
}

// sizes are the instance types of which instances can be made.
// https://www.alibabacloud.com/help/en/ecs/user-guide/overview-of-instance-families
var sizes = func() map[string]size {
	out := map[string]size{}
	for _, s := range []size{
		{"ecs.t5-lc2m1.nano", 1, 512}, {"ecs.t5-lc1m1.small", 1, 1024}, {"ecs.t5-lc1m2.small", 1, 2048}, {"ecs.t5-lc1m2.large", 2, 4096},
		{"ecs.t6-c4m1.large", 2, 512}, {"ecs.t6-c2m1.large", 2, 1024}, {"ecs.t6-c1m1.large", 2, 2048}, {"ecs.t6-c1m2.large", 2, 4096}, {"ecs.t6-c1m4.large", 2, 8192}, {"ecs.t6-c1m4.xlarge", 4, 16384},
		{"ecs.s6-c1m1.small", 1, 1024}, {"ecs.s6-c1m2.small", 1, 2048}, {"ecs.s6-c1m2.large", 2, 4096}, {"ecs.s6-c1m4.large", 2, 8192},
		{"ecs.e-c1m1.large", 2, 2048}, {"ecs.e-c1m2.large", 2, 4096}, {"ecs.e-c1m4.large", 2, 8192}, {"ecs.u1-c1m2.large", 2, 4096}, {"ecs.u1-c1m4.large", 2, 8192},
		{"ecs.n4.small", 1, 2048}, {"ecs.n4.large", 2, 4096}, {"ecs.g6.large", 2, 8192}, {"ecs.g6.xlarge", 4, 16384}, {"ecs.c6.large", 2, 4096}, {"ecs.c6.xlarge", 4, 8192}, {"ecs.r6.large", 2, 16384},
		{"ecs.g7.large", 2, 8192}, {"ecs.g7.xlarge", 4, 16384}, {"ecs.c7.large", 2, 4096}, {"ecs.c7.xlarge", 4, 8192}, {"ecs.r7.large", 2, 16384},
	} {
		out[s.name] = s
	}
	return out
}()

func sizeOf(name string) (size, error) {
	if name == "" {
		return size{}, resource.Fault("MissingParameter", "The input parameter \"InstanceType\" that is mandatory for processing this request is not supplied.")
	}
	s, ok := sizes[name]
	if !ok {
		return s, resource.Fault("InvalidInstanceType.ValueNotSupported", "The specified InstanceType does not exist or beyond the permitted range.")
	}
	return s, nil
}

// family is the family of an instance type: ecs.g6 of ecs.g6.large.
func family(name string) string {
	if i := strings.LastIndex(name, "."); i > 0 {
		name = name[:i]
	}
	name, _, _ = strings.Cut(name, "-")
	return name
}

func (s size) facts() DescribeInstanceTypesInstanceType {
	level := "EnterpriseLevel"
	switch family(s.name) {
	case "ecs.t5", "ecs.t6":
		level = "CreditEntryLevel"
	case "ecs.s6", "ecs.e", "ecs.n4":
		level = "EntryLevel"
	}
	return DescribeInstanceTypesInstanceType{
		InstanceTypeId: &s.name, InstanceTypeFamily: new(family(s.name)), InstanceFamilyLevel: &level, CpuCoreCount: new(int64(s.cpus)), MemorySize: new(float64(s.memoryMiB) / 1024),
		CpuArchitecture: new("X86"), GPUAmount: new(int64(0)), GPUSpec: new(""), EniQuantity: new(int64(1)), EniTotalQuantity: new(int64(1)), EniPrivateIpAddressQuantity: new(int64(50)),
		EniIpv6AddressQuantity: new(int64(50)), EniTrunkSupported: new(false), DiskQuantity: new(int64(1)), LocalStorageAmount: new(int64(0)), LocalStorageCategory: new(""), NvmeSupport: new("unsupported"),
	}
}

// within tells whether n is between bounds, nil being none.
func within[T int64 | float64](n T, least, most *T) bool {
	return (least == nil || n >= *least) && (most == nil || n <= *most)
}

// ordered are the instance types by name.
func ordered() []size {
	return each(slices.Sorted(maps.Keys(sizes)), func(name string) size { return sizes[name] })
}

func (a *api) describeInstanceTypes(ctx context.Context, in *DescribeInstanceTypesInput) (*DescribeInstanceTypesOutput, error) {
	all := []DescribeInstanceTypesInstanceType{}
	for _, s := range ordered() {
		f := s.facts()
		if page.Has(in.InstanceTypes, s.name) && is(in.InstanceTypeFamily, *f.InstanceTypeFamily) && page.Has(in.InstanceTypeFamilies, *f.InstanceTypeFamily) && is(in.InstanceFamilyLevel, *f.InstanceFamilyLevel) &&
			within(*f.CpuCoreCount, in.MinimumCpuCoreCount, in.MaximumCpuCoreCount) && within(*f.MemorySize, in.MinimumMemorySize, in.MaximumMemorySize) && is(in.CpuArchitecture, "X86") &&
			within(0, in.MinimumGPUAmount, nil) && within(1, in.MinimumEniQuantity, nil) {
			all = append(all, f)
		}
	}
	if in.MaxResults == nil && in.NextToken == nil {
		return &DescribeInstanceTypesOutput{InstanceTypes: all}, nil
	}
	items, next, err := page.ByToken(ctx, all, in.MaxResults, in.NextToken, page.Sizes{Default: 100, Max: 1600}, text(in.InstanceTypeFamily), func(t DescribeInstanceTypesInstanceType) string { return *t.InstanceTypeId })
	return &DescribeInstanceTypesOutput{InstanceTypes: items, NextToken: next}, err
}

func (a *api) describeInstanceTypeFamilies(_ context.Context, in *DescribeInstanceTypeFamiliesInput) (*DescribeInstanceTypeFamiliesOutput, error) {
	out := &DescribeInstanceTypeFamiliesOutput{InstanceTypeFamilies: []InstanceTypeFamily{}}
	last := ""
	for _, s := range ordered() {
		f := family(s.name)
		if f != last && is(in.Generation, generation(f)) {
			out.InstanceTypeFamilies = append(out.InstanceTypeFamilies, InstanceTypeFamily{InstanceTypeFamilyId: &f, Generation: new(generation(f))})
		}
		last = f
	}
	return out, nil
}

// generation is "ecs-" and a family's number; those without one are of the sixth.
func generation(family string) string {
	n := strings.TrimLeft(family, "abcdefghijklmnopqrstuvwxyz.")
	if n == "" || n == "1" {
		n = "6"
	}
	return "ecs-" + n
}

func (a *api) describeRegions(context.Context, *DescribeRegionsInput) (*DescribeRegionsOutput, error) {
	return &DescribeRegionsOutput{Regions: each(region.All(), func(r region.Region) Region {
		return Region{RegionId: new(r.ID), LocalName: new(r.Name), RegionEndpoint: new("ecs." + r.ID + ".aliyuncs.com"), Status: new("available")}
	})}, nil
}

// zones are those of the caller's region.
func zones(ctx context.Context) []string {
	r, _ := region.Get(wire.CallFrom(ctx).Region)
	return r.Zones
}

func (a *api) describeZones(ctx context.Context, _ *DescribeZonesInput) (*DescribeZonesOutput, error) {
	types := slices.Sorted(maps.Keys(sizes))
	return &DescribeZonesOutput{Zones: each(zones(ctx), func(z string) Zone {
		return Zone{
			ZoneId: &z, LocalName: &z, ZoneType: new("AvailabilityZone"), AvailableInstanceTypes: types, AvailableDiskCategories: diskCategories, AvailableDedicatedHostTypes: []string{},
			AvailableResourceCreation: []string{"VSwitch", "IoOptimized", "Instance", "Disk"}, AvailableVolumeCategories: []string{}, DedicatedHostGenerations: []string{},
			AvailableResources: []ResourcesInfo{{
				IoOptimized: new(true), InstanceTypes: types, NetworkTypes: []string{"vpc"}, SystemDiskCategories: diskCategories, DataDiskCategories: []string{},
				InstanceTypeFamilies: slices.Compact(each(types, family)), InstanceGenerations: []string{"ecs-5", "ecs-6", "ecs-7"},
			}},
		}
	})}, nil
}

// describeAvailableResource answers that every type is to be had in every zone.
// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-describeavailableresource
func (a *api) describeAvailableResource(ctx context.Context, in *DescribeAvailableResourceInput) (*DescribeAvailableResourceOutput, error) {
	var values []string
	switch *in.DestinationResource {
	case "InstanceType":
		for _, s := range ordered() {
			if is(in.InstanceType, s.name) && (in.Cores == nil || *in.Cores == int64(s.cpus)) && (in.Memory == nil || *in.Memory*1024 == float64(s.memoryMiB)) {
				values = append(values, s.name)
			}
		}
	case "Zone":
	case "SystemDisk":
		values = diskCategories
	case "IoOptimized":
		values = []string{"optimized"}
	case "Network":
		values = []string{"vpc"}
	default:
		return nil, resource.Fault("InvalidDestinationResource", "The specified parameter \"DestinationResource\" is not valid, or nothing of the kind is to be had.")
	}
	out := &DescribeAvailableResourceOutput{AvailableZones: []AvailableZone{}}
	for _, z := range zones(ctx) {
		if !is(in.ZoneId, z) || text(in.InstanceChargeType) == "PrePaid" {
			continue
		}
		zone := AvailableZone{RegionId: in.RegionId, ZoneId: &z, Status: new("Available"), StatusCategory: new("WithStock"), AvailableResources: []AvailableResource{}}
		if len(values) > 0 {
			zone.AvailableResources = append(zone.AvailableResources, AvailableResource{Type: in.DestinationResource, SupportedResources: each(values, func(v string) SupportedResource {
				return SupportedResource{Value: &v, Status: new("Available"), StatusCategory: new("WithStock")}
			})})
		}
		out.AvailableZones = append(out.AvailableZones, zone)
	}
	return out, nil
}
