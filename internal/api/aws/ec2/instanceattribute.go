package ec2

import (
	"cmp"
	"context"
	"encoding/base64"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func badVolume(id string) *wire.Error {
	return &wire.Error{Code: "InvalidVolume.NotFound", Msg: "The volume '" + id + "' does not exist."}
}

func shutdownBehavior(i *cloud.Instance) ShutdownBehavior {
	if i.TerminateOnExit {
		return ShutdownBehaviorTerminate
	}
	return ShutdownBehaviorStop
}

func (a *api) describeInstanceAttribute(ctx context.Context, in *DescribeInstanceAttributeInput) (*DescribeInstanceAttributeOutput, error) {
	i, err := a.readInstance(ctx, in.InstanceId)
	if err != nil {
		return nil, err
	}
	shape := a.instanceShape(a.control.View())(i)
	out := &DescribeInstanceAttributeOutput{InstanceId: in.InstanceId}
	value := func(s string) *AttributeValue { return &AttributeValue{Value: given(s)} }
	boolean := func(b bool) *AttributeBooleanValue { return &AttributeBooleanValue{Value: new(b)} }
	switch in.Attribute {
	case InstanceAttributeNameInstanceType:
		out.InstanceType = value(i.Type)
	case InstanceAttributeNameUserData:
		out.UserData = value(base64.StdEncoding.EncodeToString(i.UserData))
	case InstanceAttributeNameDisableApiTermination:
		out.DisableApiTermination = boolean(i.KeepAPI)
	case InstanceAttributeNameDisableApiStop:
		out.DisableApiStop = boolean(i.KeepRunning)
	case InstanceAttributeNameInstanceInitiatedShutdownBehavior:
		out.InstanceInitiatedShutdownBehavior = value(string(shutdownBehavior(i)))
	case InstanceAttributeNameRootDeviceName:
		out.RootDeviceName = value(*shape.RootDeviceName)
	case InstanceAttributeNameBlockDeviceMapping:
		out.BlockDeviceMappings = shape.BlockDeviceMappings
	case InstanceAttributeNameProductCodes:
		out.ProductCodes = shape.ProductCodes
	case InstanceAttributeNameSourceDestCheck:
		out.SourceDestCheck = &AttributeBooleanValue{Value: shape.SourceDestCheck}
	case InstanceAttributeNameGroupSet:
		out.Groups = shape.SecurityGroups
	case InstanceAttributeNameEbsOptimized:
		out.EbsOptimized = boolean(false)
	case InstanceAttributeNameEnaSupport:
		out.EnaSupport = boolean(true)
	case InstanceAttributeNameEnclaveOptions:
		out.EnclaveOptions = shape.EnclaveOptions
	case InstanceAttributeNameKernel, InstanceAttributeNameRamdisk, InstanceAttributeNameSriovNetSupport:
		// has none
	default:
		return nil, badValue("attribute", string(in.Attribute), "Unknown attribute.")
	}
	return out, nil
}

func (a *api) modifyInstanceAttribute(ctx context.Context, in *ModifyInstanceAttributeInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	if err := plainAttribute(in); err != nil {
		return nil, err
	}
	if in.Kernel != nil || in.Ramdisk != nil || in.SriovNetSupport != nil || len(in.BlockDeviceMappings) > 0 || in.EbsOptimized != nil && yes(in.EbsOptimized.Value) || in.EnaSupport != nil {
		return nil, a.unsupported("Changing this attribute of an instance")
	}
	m := control.ModifyInstance{SourceDestCheck: attribute(in.SourceDestCheck), KeepAPI: attribute(in.DisableApiTermination), KeepRunning: attribute(in.DisableApiStop)}
	if len(in.Groups) > 0 {
		m.Groups = ids[cloud.SecurityGroupID](in.Groups)
	}
	if in.UserData != nil {
		if err := a.checkUserData(in.UserData.Value); err != nil {
			return nil, err
		}
		m.UserData = &in.UserData.Value
	}
	if in.InstanceType != nil {
		t, s, err := sizeOf(InstanceType(text(in.InstanceType.Value)))
		if err != nil {
			return nil, err
		}
		m.Type, m.CPUs, m.MemoryMiB = new(string(t)), s.cpus, s.memoryMiB
	}
	if p := in.InstanceInitiatedShutdownBehavior; p != nil {
		switch b := ShutdownBehavior(text(p.Value)); b {
		case ShutdownBehaviorStop, ShutdownBehaviorTerminate:
			m.TerminateOnExit = new(b == ShutdownBehaviorTerminate)
		default:
			return nil, badValue("instanceInitiatedShutdownBehavior", string(b), "Use stop or terminate.")
		}
	}
	return nil, a.control.ModifyInstance(ctx, who, cloud.InstanceID(*in.InstanceId), m)
}

// plainAttribute turns the form "Attribute=…&Value=…" into the other one.
func plainAttribute(in *ModifyInstanceAttributeInput) error {
	if in.Attribute == "" {
		return nil
	}
	v := text(in.Value)
	boolean := &AttributeBooleanValue{Value: new(strings.EqualFold(v, "true"))}
	switch in.Attribute {
	case InstanceAttributeNameInstanceType:
		in.InstanceType = &AttributeValue{Value: &v}
	case InstanceAttributeNameDisableApiTermination:
		in.DisableApiTermination = boolean
	case InstanceAttributeNameDisableApiStop:
		in.DisableApiStop = boolean
	case InstanceAttributeNameSourceDestCheck:
		in.SourceDestCheck = boolean
	case InstanceAttributeNameInstanceInitiatedShutdownBehavior:
		in.InstanceInitiatedShutdownBehavior = &AttributeValue{Value: &v}
	case InstanceAttributeNameUserData:
		b, err := base64.StdEncoding.DecodeString(v)
		if err != nil {
			return &wire.Error{Code: "InvalidUserData.Malformed", Msg: "Invalid BASE64 encoding of user data."}
		}
		in.UserData = &BlobAttributeValue{Value: b}
	default:
		return badValue("attribute", string(in.Attribute), "This attribute cannot be changed in this way.")
	}
	return nil
}

// describeInstanceCreditSpecifications tells of burstable instances; their CPUs are not throttled here.
func (a *api) describeInstanceCreditSpecifications(ctx context.Context, in *DescribeInstanceCreditSpecificationsInput) (*DescribeInstanceCreditSpecificationsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	got, next, err := instanceListing.answer(ctx, a.shownInstances(who), question{in.InstanceIds, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &DescribeInstanceCreditSpecificationsOutput{NextToken: next, InstanceCreditSpecifications: []InstanceCreditSpecification{}}
	v := a.control.View()
	for _, i := range got {
		if !burstable(i.InstanceType) {
			continue
		}
		def := "unlimited" // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-performance-instances-unlimited-mode-concepts.html
		if strings.HasPrefix(string(i.InstanceType), "t2") {
			def = "standard"
		}
		if r, ok := cloud.Instances.Get(v, cloud.InstanceID(*i.InstanceId)); ok {
			def = cmp.Or(r.Attrs[attrCredits], def)
		}
		out.InstanceCreditSpecifications = append(out.InstanceCreditSpecifications, InstanceCreditSpecification{InstanceId: i.InstanceId, CpuCredits: new(def)})
	}
	return out, nil
}
