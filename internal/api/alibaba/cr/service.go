// Package cr speaks what Container Registry (Enterprise Edition) 2018-12-01 says of
// instances and the VPCs that they are linked to. Images themselves are the
// operator's registry's.
//
// Invariants: a link is of the module Registry; there are no charts.
package cr

import (
	"context"
	"slices"
	"strings"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

type api struct {
	control *control.Control
	service *wire.Service
}

// New returns the service with everything that is implemented.
func New(c *control.Control) *wire.Service {
	s := wire.NewService(Spec)
	s.MapError = mapError
	a := &api{c, s}
	wire.Handle(s, "ListInstance", a.listInstance)
	wire.Handle(s, "GetInstance", a.getInstance)
	wire.Handle(s, "GetInstanceVpcEndpoint", a.getInstanceVpcEndpoint)
	wire.Handle(s, "CreateInstanceVpcEndpointLinkedVpc", a.createLink)
	wire.Handle(s, "DeleteInstanceVpcEndpointLinkedVpc", a.deleteLink)
	return s
}

// Targets lists what a call acts on.
// https://www.alibabacloud.com/help/en/acr/developer-reference/api-cr-2018-12-01-ram
func Targets(call *wire.Call, in any) []access.Target {
	id := access.Text(in, "InstanceId")
	if id == "" {
		id = "*"
	}
	return []access.Target{{Action: access.Action(call), ARN: "acs:cr:" + call.Region + ":" + access.UID(call.Account) + ":instance/" + id}}
}

// mapError puts neutral errors into the product's words. Terraform's provider waits
// for INSTANCE_NOT_EXIST and INSTANCE_ACCESS_NOT_EXIST; the others are ours.
func mapError(e *cloud.Error) *wire.Error {
	switch {
	case e.Resource == cloud.KindRegistry && e.Kind == cloud.NotFound && e.Reason == "link":
		return resource.Fault("INSTANCE_ACCESS_NOT_EXIST", "The access of the instance does not exist: "+e.Msg)
	case e.Resource == cloud.KindRegistry && e.Kind == cloud.NotFound:
		return resource.Fault("INSTANCE_NOT_EXIST", "The instance "+e.ID+" does not exist.")
	case e.Resource == cloud.KindRegistry && e.Kind == cloud.Exists:
		return resource.Fault("INSTANCE_ACCESS_ALREADY_EXIST", "The access of the instance exists already: "+e.Msg)
	case e.Resource == cloud.KindVPC:
		return resource.Fault("VPC_NOT_EXIST", "The VPC "+e.ID+" does not exist.")
	case e.Resource == cloud.KindSubnet:
		return resource.Fault("VSWITCH_NOT_EXIST", "The vSwitch "+e.ID+" does not exist in the VPC.")
	}
	return nil
}

// registry is the module that links are of.
const registry = "Registry"

// module refuses charts.
func (a *api) module(name *string) error {
	if name == nil || *name == "" || *name == registry {
		return nil
	}
	return a.service.Trouble(wire.NotImplemented, "ModuleName "+*name+" is not implemented: use "+registry+".")
}

func (a *api) createLink(ctx context.Context, in *CreateInstanceVpcEndpointLinkedVpcInput) (*CreateInstanceVpcEndpointLinkedVpcOutput, error) {
	if err := a.module(in.ModuleName); err != nil {
		return nil, err
	}
	err := a.control.LinkRegistry(ctx, resource.Caller(ctx), cloud.RegistryID(*in.InstanceId), cloud.VPCID(*in.VpcId), cloud.SubnetID(*in.VswitchId))
	return &CreateInstanceVpcEndpointLinkedVpcOutput{Code: new("success"), IsSuccess: new(true)}, err
}

func (a *api) deleteLink(ctx context.Context, in *DeleteInstanceVpcEndpointLinkedVpcInput) (*DeleteInstanceVpcEndpointLinkedVpcOutput, error) {
	if err := a.module(in.ModuleName); err != nil {
		return nil, err
	}
	err := a.control.UnlinkRegistry(ctx, resource.Caller(ctx), cloud.RegistryID(*in.InstanceId), cloud.VPCID(*in.VpcId), cloud.SubnetID(*in.VswitchId))
	return &DeleteInstanceVpcEndpointLinkedVpcOutput{Code: new("success"), IsSuccess: new(true)}, err
}

func (a *api) getInstanceVpcEndpoint(ctx context.Context, in *GetInstanceVpcEndpointInput) (*GetInstanceVpcEndpointOutput, error) {
	if err := a.module(in.ModuleName); err != nil {
		return nil, err
	}
	r, err := a.control.Registry(resource.Caller(ctx), cloud.RegistryID(*in.InstanceId))
	if err != nil {
		return nil, err
	}
	out := &GetInstanceVpcEndpointOutput{Code: new("success"), IsSuccess: new(true), Enable: new(true), LinkedVpcs: []LinkedVpc{},
		Domains: []string{r.Name + "-registry-vpc." + r.Region + ".cr.aliyuncs.com"}}
	for _, l := range r.Links {
		out.LinkedVpcs = append(out.LinkedVpcs, LinkedVpc{VpcId: new(string(l.VPC)), VswitchId: new(string(l.Subnet)), DefaultAccess: &l.Default, Status: new("RUNNING")})
	}
	return out, nil
}

func (a *api) getInstance(ctx context.Context, in *GetInstanceInput) (*GetInstanceOutput, error) {
	r, err := a.control.Registry(resource.Caller(ctx), cloud.RegistryID(*in.InstanceId))
	if err != nil {
		return nil, err
	}
	return &GetInstanceOutput{Code: new("success"), IsSuccess: new(true), InstanceId: new(string(r.ID)), InstanceName: &r.Name, InstanceStatus: new("RUNNING"),
		InstanceSpecification: new(specification), CreateTime: new(r.Created.UnixMilli()), ModifiedTime: new(r.Created.UnixMilli())}, nil
}

// specification is what every instance is sold as.
const specification = "Enterprise_Advanced"

func (a *api) listInstance(ctx context.Context, in *ListInstanceInput) (*ListInstanceOutput, error) {
	out := &ListInstanceOutput{Code: new("success"), IsSuccess: new(true), Instances: []Instance{}, PageNo: new(int64(1)), PageSize: new(int64(30))}
	if in.PageNo != nil && *in.PageNo > 0 {
		out.PageNo = in.PageNo
	}
	if in.PageSize != nil && *in.PageSize > 0 && *in.PageSize <= 100 {
		out.PageSize = in.PageSize
	}
	var all []*cloud.Registry
	for r := range cloud.Registries.By(a.control.View(), "scope", resource.Scope(ctx)) {
		if (in.InstanceName == nil || strings.Contains(r.Name, *in.InstanceName)) && (in.InstanceStatus == nil || *in.InstanceStatus == "" || *in.InstanceStatus == "RUNNING") {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(x, y *cloud.Registry) int { return strings.Compare(x.Name, y.Name) })
	out.TotalCount = new(int64(len(all)))
	first := min((*out.PageNo-1)**out.PageSize, int64(len(all)))
	for _, r := range all[first:min(first+*out.PageSize, int64(len(all)))] {
		created := new(r.Created.UTC().Format("2006-01-02T15:04:05Z"))
		out.Instances = append(out.Instances, Instance{InstanceId: new(string(r.ID)), InstanceName: &r.Name, InstanceStatus: new("RUNNING"),
			InstanceSpecification: new(specification), RegionId: &r.Region, CreateTime: created, ModifiedTime: created})
	}
	return out, nil
}
