package ec2

import (
	"context"
	"slices"

	"weir/internal/api/wire"
)

// amazonLinux is the one image in the catalogue: an instance
// has the machine's own programs, whatever the image says.
var amazonLinux = Image{
	ImageId: new("ami-0a1b2c3d4e5f60718"), Name: new("al2023-ami-2023.6.20250303.0-kernel-6.1-x86_64"), Description: new("Amazon Linux 2023 AMI 2023.6.20250303.0 x86_64 HVM kernel-6.1"),
	ImageLocation: new("amazon/al2023-ami-2023.6.20250303.0-kernel-6.1-x86_64"), OwnerId: new("137112412989"), ImageOwnerAlias: new("amazon"),
	CreationDate: new("2025-03-03T00:00:00.000Z"), Architecture: ArchitectureValuesX8664, Hypervisor: HypervisorTypeXen, ImageType: ImageTypeValuesMachine,
	State: ImageStateAvailable, Public: new(true), RootDeviceName: new("/dev/xvda"), RootDeviceType: DeviceTypeEbs, VirtualizationType: VirtualizationTypeHvm,
	PlatformDetails: new("Linux/UNIX"), UsageOperation: new("RunInstances"), EnaSupport: new(true), SriovNetSupport: new("simple"), BootMode: BootModeValuesUefiPreferred,
	BlockDeviceMappings: []BlockDeviceMapping{{DeviceName: new("/dev/xvda"), Ebs: &EbsBlockDevice{VolumeSize: new(int32(8)), VolumeType: VolumeTypeGp3, DeleteOnTermination: new(true), Encrypted: new(false)}}},
}

var imageListing = listing[Image]{
	param: "imageIds",
	id:    func(i Image) *string { return i.ImageId },
	tags:  func(i Image) []Tag { return i.Tags },
	fields: wire.Fields[Image]{
		"architecture":        func(i Image) []string { return fact(&i.Architecture) },
		"creation-date":       func(i Image) []string { return fact(i.CreationDate) },
		"description":         func(i Image) []string { return fact(i.Description) },
		"hypervisor":          func(i Image) []string { return fact(&i.Hypervisor) },
		"image-id":            func(i Image) []string { return fact(i.ImageId) },
		"image-type":          func(i Image) []string { return fact(&i.ImageType) },
		"is-public":           func(i Image) []string { return flag(i.Public) },
		"name":                func(i Image) []string { return fact(i.Name) },
		"owner-alias":         func(i Image) []string { return fact(i.ImageOwnerAlias) },
		"owner-id":            func(i Image) []string { return fact(i.OwnerId) },
		"root-device-name":    func(i Image) []string { return fact(i.RootDeviceName) },
		"root-device-type":    func(i Image) []string { return fact(&i.RootDeviceType) },
		"state":               func(i Image) []string { return fact(&i.State) },
		"virtualization-type": func(i Image) []string { return fact(&i.VirtualizationType) },
	},
}

func (a *api) describeImages(ctx context.Context, in *DescribeImagesInput) (*DescribeImagesOutput, error) {
	if _, err := a.enter(ctx); err != nil {
		return nil, err
	}
	for _, id := range in.ImageIds {
		if id != *amazonLinux.ImageId {
			return nil, &wire.Error{Code: "InvalidAMIID.NotFound", Msg: "The image id '[" + id + "]' does not exist"}
		}
	}
	all := []Image{amazonLinux}
	if len(in.Owners) > 0 && !slices.Contains(in.Owners, "amazon") && !slices.Contains(in.Owners, *amazonLinux.OwnerId) {
		all = nil
	}
	out := &DescribeImagesOutput{}
	var err error
	out.Images, out.NextToken, err = imageListing.answer(ctx, all, question{filters: in.Filters, max: in.MaxResults, token: in.NextToken})
	return out, err
}
