package ecs

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/cloud"
)

// attrDisk is what was asked of an instance's system disk, as JSON. It is shown,
// no more: the disk is as it is.
const attrDisk = "alibaba.system-disk"

// systemDisk are the settings of a system disk.
type systemDisk struct {
	Category, Name, Description, Level string
	GiB                                int64
}

// diskCategories are those of the system disks on offer; more may be asked for.
var diskCategories = []string{"cloud_efficiency", "cloud_essd", "cloud_ssd"}

// readDisk reads what is asked of a system disk.
// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-runinstances
func readDisk(category, name, description, level, size *string) (d systemDisk, err error) {
	d = systemDisk{Category: "cloud_efficiency", Name: text(name), Description: text(description), Level: text(level), GiB: 40}
	if c := text(category); c != "" {
		d.Category = c
	}
	if s := text(size); s != "" {
		d.GiB, err = strconv.ParseInt(s, 10, 64)
	}
	switch {
	case !slices.Contains(append([]string{"cloud", "cloud_auto", "cloud_essd_entry"}, diskCategories...), d.Category):
		return d, resource.Fault("InvalidSystemDiskCategory.ValueNotSupported", "The specified parameter \"SystemDisk.Category\" is not valid.")
	case err != nil || d.GiB < 20 || d.GiB > 2048:
		return d, resource.Fault("InvalidSystemDiskSize.ValueNotSupported", "The specified parameter \"SystemDisk.Size\" is not valid: it is from 20 to 2048.")
	case d.Category == "cloud_essd" && d.Level == "":
		d.Level = "PL1"
	}
	return d, nil
}

// number is a number as text.
func number(p *int64) *string {
	if p == nil {
		return nil
	}
	return new(strconv.FormatInt(*p, 10))
}

// keepDisk notes what is asked of the system disk of instances to be.
func keepDisk(attrs map[string]string, category, name, description, level, size *string) error {
	d, err := readDisk(category, name, description, level, size)
	b, _ := json.Marshal(d) // cannot fail
	attrs[attrDisk] = string(b)
	return err
}

// diskFacts are what the API says of an instance's system disk.
// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-describedisks
func (a *api) diskFacts(i *cloud.Instance) Disk {
	d, _ := readDisk(nil, nil, nil, nil, nil) // the defaults, for instances of other dialects
	_ = json.Unmarshal([]byte(i.Attrs[attrDisk]), &d)
	out := Disk{
		DiskId: new("d-" + serial(i.ID)), DiskName: &d.Name, Description: &d.Description, Category: &d.Category, Size: &d.GiB, PerformanceLevel: &d.Level, Type: new("system"),
		Status: new("In_use"), Device: new("/dev/xvda"), InstanceId: new(string(i.ID)), ImageId: new(i.Attrs[attrImage]), RegionId: &i.Region, ResourceGroupId: new(resource.Group(&i.Meta)),
		CreationTime: resource.Time(i.Created), AttachedTime: resource.Time(i.Created), DetachedTime: new(""), ExpiredTime: new(never), DiskChargeType: new("PostPaid"), DeleteWithInstance: new(true),
		DeleteAutoSnapshot: new(false), EnableAutoSnapshot: new(true), EnableAutomatedSnapshotPolicy: new(false), Encrypted: new(false), Portable: new(false), MultiAttach: new("Disabled"),
		KMSKeyId: new(""), SourceSnapshotId: new(""), AutoSnapshotPolicyId: new(""), ProductCode: new(""), SerialNumber: new(serial(i.ID)), MountInstanceNum: new(int64(1)), Tags: []CreateNetworkInterfaceTag{},
		Attachments: []Attachment{{InstanceId: new(string(i.ID)), Device: new("/dev/xvda"), AttachedTime: resource.Time(i.Created)}},
	}
	if s, ok := cloud.Subnets.Get(a.control.View(), i.Subnet); ok {
		out.ZoneId = &s.Zone
	}
	return out
}

// describeDisks shows the system disks of instances; there are no other disks.
func (a *api) describeDisks(ctx context.Context, in *DescribeDisksInput) (*DescribeDisksOutput, error) {
	if err := resource.Refuse(map[string]bool{"Filter": len(in.Filter) > 0}); err != nil {
		return nil, err
	}
	ids, err := list("DiskIds", in.DiskIds)
	if err != nil {
		return nil, err
	}
	all := []Disk{}
	for i := range cloud.Instances.By(a.control.View(), "scope", resource.Scope(ctx)) {
		if f := a.diskFacts(i); i.Phase != cloud.Terminated && page.Has(ids, *f.DiskId) && in.wants(f) {
			all = append(all, f)
		}
	}
	key := func(d Disk) string { return *d.DiskId }
	slices.SortFunc(all, func(x, y Disk) int { return strings.Compare(key(x), key(y)) })
	out := &DescribeDisksOutput{TotalCount: new(int64(len(all)))}
	if in.MaxResults != nil || in.NextToken != nil {
		out.Disks, out.NextToken, err = page.ByToken(ctx, all, in.MaxResults, in.NextToken, page.Sizes{Default: 10, Max: 500}, text(in.DiskIds)+" "+text(in.InstanceId), key)
		return out, err
	}
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, page.Sizes{Default: 10, Max: 100})
	out.Disks, out.PageNumber, out.PageSize = p.Items, p.Number, p.Size
	return out, err
}

// wants tells whether the filters of a request let a disk through.
func (in *DescribeDisksInput) wants(d Disk) bool {
	same := func(filter, have *bool) bool { return filter == nil || *filter == *have }
	all := func(filter *string, have string) bool {
		return text(filter) == "all" || text(filter) == "All" || is(filter, have)
	}
	return is(in.InstanceId, *d.InstanceId) && is(in.ZoneId, text(d.ZoneId)) && is(in.ResourceGroupId, *d.ResourceGroupId) && likes(in.DiskName, *d.DiskName) && is(in.DiskChargeType, *d.DiskChargeType) &&
		all(in.DiskType, *d.Type) && all(in.Category, *d.Category) && all(in.Status, *d.Status) && same(in.Portable, d.Portable) && same(in.Encrypted, d.Encrypted) && same(in.DeleteWithInstance, d.DeleteWithInstance) &&
		same(in.DeleteAutoSnapshot, d.DeleteAutoSnapshot) && same(in.EnableAutoSnapshot, d.EnableAutoSnapshot) && same(in.EnableAutomatedSnapshotPolicy, d.EnableAutomatedSnapshotPolicy) && is(in.MultiAttach, *d.MultiAttach) &&
		text(in.SnapshotId) == "" && text(in.AutoSnapshotPolicyId) == "" && text(in.KMSKeyId) == "" && text(in.LockReason) == "" && len(in.Tag) == 0 && !yes(in.EnableShared)
}
