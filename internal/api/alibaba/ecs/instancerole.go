package ecs

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/alibaba/sts"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// role checks the name of a role that an instance is to have: ECS must be let to assume it.
// https://www.alibabacloud.com/help/en/ecs/user-guide/attach-an-instance-ram-role
func (a *api) role(ctx context.Context, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	r, ok := sts.FindRole(a.control, access.RAM(wire.CallFrom(ctx).Account, "role", name))
	if !ok {
		return "", resource.Missing("InvalidRamRole.NotFound", "The specified RamRoleName does not exist.")
	}
	if a.control.ServiceMayAssume(sts.ECS, r) != nil {
		return "", forbidden("InvalidRamRole.NotEcsRole", "The specified ram role is not authorized for ecs, please check your role policy.")
	}
	return r.Name, nil
}

// list reads a JSON array of strings.
func list(parameter string, p *string) (out []string, err error) {
	if text(p) != "" && json.Unmarshal([]byte(*p), &out) != nil {
		return nil, resource.Fault("InvalidParameter", "The specified parameter \""+parameter+"\" is not valid: it is no JSON array of strings.")
	}
	return out, nil
}

// outcome is an error as answers about one of several instances have it.
func outcome(err error) (code, msg string) {
	if w := (*wire.Error)(nil); errors.As(err, &w) {
		return w.Code, w.Msg
	}
	if e := (*cloud.Error)(nil); errors.As(err, &e) {
		w := mapError(e)
		return w.Code, w.Msg
	}
	return "InternalError", "The request processing has failed due to some unknown error."
}

// attachInstanceRAMRole gives instances their one role and tells of each.
func (a *api) attachInstanceRAMRole(ctx context.Context, in *AttachInstanceRamRoleInput) (*AttachInstanceRamRoleOutput, error) {
	if err := resource.Refuse(map[string]bool{"Policy": text(in.Policy) != ""}); err != nil {
		return nil, err
	}
	ids, err := list("InstanceIds", in.InstanceIds)
	if err != nil {
		return nil, err
	}
	name, err := a.role(ctx, *in.RamRoleName)
	if err != nil {
		return nil, err
	}
	out := &AttachInstanceRamRoleOutput{RamRoleName: &name, TotalCount: new(int64(len(ids))), FailCount: new(int64(0))}
	for _, id := range ids {
		one := AttachInstanceRamRoleResult{InstanceId: &id, Success: new(true), Code: new("200"), Message: new("success")}
		i, err := a.instance(ctx, id)
		if err == nil && (i.Role != "" || i.Profile != "") {
			err = forbidden("InvalidOperation.RamRoleAttached", "The instance has a RAM role already; detach that first.")
		}
		if err == nil {
			err = a.control.ModifyInstance(ctx, resource.Caller(ctx), i.ID, control.ModifyInstance{Role: &name})
		}
		if err != nil {
			code, msg := outcome(err)
			one.Success, one.Code, one.Message = new(false), &code, &msg
			*out.FailCount++
		}
		out.AttachInstanceRamRoleResults = append(out.AttachInstanceRamRoleResults, one)
	}
	return out, nil
}

func (a *api) detachInstanceRAMRole(ctx context.Context, in *DetachInstanceRamRoleInput) (*DetachInstanceRamRoleOutput, error) {
	ids, err := list("InstanceIds", in.InstanceIds)
	if err != nil {
		return nil, err
	}
	out := &DetachInstanceRamRoleOutput{RamRoleName: in.RamRoleName, TotalCount: new(int64(len(ids))), FailCount: new(int64(0))}
	for _, id := range ids {
		one := DetachInstanceRamRoleResult{InstanceId: &id, Success: new(true), Code: new("200"), Message: new("success")}
		i, err := a.instance(ctx, id)
		if err == nil && (i.Role == "" || text(in.RamRoleName) != "" && !strings.EqualFold(i.Role, *in.RamRoleName)) {
			err = resource.Missing("InvalidRamRole.NotFound", "The instance does not have the specified RAM role.")
		}
		if err == nil {
			one.InstanceRamRoleSets = []InstanceRamRoleSet{{InstanceId: &id, RamRoleName: &i.Role}}
			err = a.control.ModifyInstance(ctx, resource.Caller(ctx), i.ID, control.ModifyInstance{Role: new("")})
		}
		if err != nil {
			code, msg := outcome(err)
			one.Success, one.Code, one.Message = new(false), &code, &msg
			*out.FailCount++
		}
		out.DetachInstanceRamRoleResults = append(out.DetachInstanceRamRoleResults, one)
	}
	return out, nil
}

func (a *api) describeInstanceRAMRole(ctx context.Context, in *DescribeInstanceRamRoleInput) (*DescribeInstanceRamRoleOutput, error) {
	ids, err := list("InstanceIds", in.InstanceIds)
	switch {
	case err != nil:
		return nil, err
	case len(ids) == 0 && text(in.RamRoleName) == "":
		return nil, resource.Fault("MissingParameter", "InstanceIds or RamRoleName must be specified.")
	}
	all := []InstanceRamRoleSet{}
	for i := range cloud.Instances.By(a.control.View(), "scope", resource.Scope(ctx)) {
		if i.Phase != cloud.Terminated && page.Has(ids, string(i.ID)) && is(in.RamRoleName, i.Role) && (i.Role != "" || len(ids) > 0) {
			all = append(all, InstanceRamRoleSet{InstanceId: new(string(i.ID)), RamRoleName: &i.Role})
		}
	}
	slices.SortFunc(all, func(x, y InstanceRamRoleSet) int { return strings.Compare(*x.InstanceId, *y.InstanceId) })
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, page.Sizes{Default: 10, Max: 50})
	return &DescribeInstanceRamRoleOutput{InstanceRamRoleSets: p.Items, RegionId: in.RegionId, TotalCount: p.Total}, err
}
