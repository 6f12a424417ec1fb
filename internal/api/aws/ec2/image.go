package ec2

import (
	"context"
	"slices"
	"strings"

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
	fields: merged(imageFields, absent[Image]("block-device-mapping.snapshot-id", "kernel-id", "platform", "product-code", "product-code.type", "ramdisk-id",
		"source-image-id", "source-image-region", "source-instance-id", "state-reason-code", "state-reason-message", "tpm-support")),
}

func volumeFact(f func(*EbsBlockDevice) []string) func(Image) []string {
	return func(i Image) []string {
		return facts(i.BlockDeviceMappings, func(m BlockDeviceMapping) []string { return f(m.Ebs) })
	}
}

// imageFields are the filters of DescribeImages.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html
var imageFields = wire.Fields[Image]{
	"block-device-mapping.delete-on-termination": volumeFact(func(e *EbsBlockDevice) []string { return flag(e.DeleteOnTermination) }),
	"block-device-mapping.device-name": func(i Image) []string {
		return facts(i.BlockDeviceMappings, func(m BlockDeviceMapping) []string { return fact(m.DeviceName) })
	},
	"block-device-mapping.encrypted":   volumeFact(func(e *EbsBlockDevice) []string { return flag(e.Encrypted) }),
	"block-device-mapping.volume-size": volumeFact(func(e *EbsBlockDevice) []string { return decimal(e.VolumeSize) }),
	"block-device-mapping.volume-type": volumeFact(func(e *EbsBlockDevice) []string { return fact(&e.VolumeType) }),
	"ena-support":                      func(i Image) []string { return flag(i.EnaSupport) },
	"free-tier-eligible":               func(i Image) []string { return flag(i.FreeTierEligible) },
	"image-allowed":                    func(i Image) []string { return flag(new(true)) },
	"manifest-location":                func(i Image) []string { return fact(i.ImageLocation) },
	"sriov-net-support":                func(i Image) []string { return fact(i.SriovNetSupport) },
	"architecture":                     func(i Image) []string { return fact(&i.Architecture) },
	"creation-date":                    func(i Image) []string { return fact(i.CreationDate) },
	"description":                      func(i Image) []string { return fact(i.Description) },
	"hypervisor":                       func(i Image) []string { return fact(&i.Hypervisor) },
	"image-id":                         func(i Image) []string { return fact(i.ImageId) },
	"image-type":                       func(i Image) []string { return fact(&i.ImageType) },
	"is-public":                        func(i Image) []string { return flag(i.Public) },
	"name":                             func(i Image) []string { return fact(i.Name) },
	"owner-alias":                      func(i Image) []string { return fact(i.ImageOwnerAlias) },
	"owner-id":                         func(i Image) []string { return fact(i.OwnerId) },
	"root-device-name":                 func(i Image) []string { return fact(i.RootDeviceName) },
	"root-device-type":                 func(i Image) []string { return fact(&i.RootDeviceType) },
	"state":                            func(i Image) []string { return fact(&i.State) },
	"virtualization-type":              func(i Image) []string { return fact(&i.VirtualizationType) },
}

func (a *api) describeImages(ctx context.Context, in *DescribeImagesInput) (*DescribeImagesOutput, error) {
	if _, err := a.enter(ctx); err != nil {
		return nil, err
	}
	for _, id := range in.ImageIds {
		if err := checkImage(id); err != nil {
			return nil, err
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

// namedImage is the image of a public parameter, which AWS Systems Manager keeps for
// the newest Amazon Linux; any other ID stays what it is.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-systems-manager-parameter-to-find-AMI.html
func namedImage(id string) string {
	name, ok := strings.CutPrefix(id, "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-")
	if ok && strings.HasSuffix(name, "-x86_64") {
		return *amazonLinux.ImageId
	}
	return id
}

func checkImage(id string) error {
	switch {
	case !strings.HasPrefix(id, "ami-"):
		return &wire.Error{Code: "InvalidAMIID.Malformed", Msg: `Invalid id: "` + id + `" (expecting "ami-...")`}
	case id != *amazonLinux.ImageId:
		return &wire.Error{Code: "InvalidAMIID.NotFound", Msg: "The image id '[" + id + "]' does not exist"}
	}
	return nil
}
