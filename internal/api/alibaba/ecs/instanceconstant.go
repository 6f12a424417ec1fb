package ecs

import (
	"context"

	"weir/internal/api/alibaba/page"
)

// describeInstanceMaintenanceAttributes shows what is the same for all instances:
// nobody maintains the machine.
// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-describeinstancemaintenanceattributes
func (a *api) describeInstanceMaintenanceAttributes(ctx context.Context, in *DescribeInstanceMaintenanceAttributesInput) (*DescribeInstanceMaintenanceAttributesOutput, error) {
	const only = "AutoRecover"
	all := []MaintenanceAttribute{}
	for _, i := range a.shownInstances(ctx) {
		if page.Has(in.InstanceId, *i.InstanceId) {
			all = append(all, MaintenanceAttribute{InstanceId: i.InstanceId, NotifyOnMaintenance: new(false), MaintenanceWindows: []MaintenanceWindow{},
				ActionOnMaintenance: &ActionOnMaintenance{Value: new(only), DefaultValue: new(only), SupportedValues: []string{only}}})
		}
	}
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, page.Sizes{Default: 10, Max: 100})
	return &DescribeInstanceMaintenanceAttributesOutput{MaintenanceAttributes: p.Items, PageNumber: p.Number, PageSize: p.Size, TotalCount: p.Total}, err
}

// describeInstanceAttachmentAttributes answers that instances take no private
// pool's capacity.
// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-describeinstanceattachmentattributes
func (a *api) describeInstanceAttachmentAttributes(ctx context.Context, in *DescribeInstanceAttachmentAttributesInput) (*DescribeInstanceAttachmentAttributesOutput, error) {
	ids, err := list("InstanceIds", in.InstanceIds)
	if err != nil {
		return nil, err
	}
	all := []Instance{}
	for _, i := range a.shownInstances(ctx) {
		if page.Has(ids, *i.InstanceId) {
			all = append(all, Instance{InstanceId: i.InstanceId, PrivatePoolOptionsId: new(""), PrivatePoolOptionsMatchCriteria: new("")})
		}
	}
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, page.Sizes{Default: 10, Max: 100})
	return &DescribeInstanceAttachmentAttributesOutput{Instances: p.Items, PageNumber: p.Number, PageSize: p.Size, TotalCount: p.Total}, err
}
