package resourcemanager

import (
	"context"
	"crypto/rand"
	"fmt"
	"regexp"
	"strings"
	"time"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/alibaba/ram"
	"weir/internal/api/wire"
	"weir/internal/cloud"
)

func roleFacts(r *cloud.Role) *Role {
	return &Role{
		RoleId: &r.ID, RoleName: &r.Name, Arn: new(access.RAM(r.Account, "role", r.Name)), Description: &r.Description,
		AssumeRolePolicyDocument: &r.Trust, MaxSessionDuration: new(int64(r.MaxSession / time.Second)), IsServiceLinkedRole: new(r.Service != ""),
		RolePrincipalName: new(r.Name + "@role." + access.UID(r.Account) + ".onaliyunservice.com"), CreateDate: date(r.Created), UpdateDate: date(r.Created),
	}
}

// https://www.alibabacloud.com/help/en/resource-management/developer-reference/api-resourcemanager-2020-03-31-createservicelinkedrole
func (a *api) createServiceLinkedRole(ctx context.Context, in *CreateServiceLinkedRoleInput) (*CreateServiceLinkedRoleOutput, error) {
	if text(in.CustomSuffix) != "" {
		return nil, &wire.Error{Code: "InvalidParameter.CustomSuffix", Msg: "The service " + *in.ServiceName + " does not support a custom suffix."}
	}
	r, err := ram.CreateServiceRole(ctx, a.control, ram.Caller(ctx), *in.ServiceName, text(in.Description))
	if err != nil {
		return nil, err
	}
	return &CreateServiceLinkedRoleOutput{Role: roleFacts(r)}, nil
}

// existence is an operation that no SDK of the vendor's has; Serverless Devs asks
// it, before every deployment, whether the roles of services are there.
const existence = "CheckServiceLinkedRoleExistence"

// CheckServiceLinkedRoleExistenceInput names a service.
type CheckServiceLinkedRoleExistenceInput struct {
	ServiceName *string `w:"ServiceName,req"`
}

// CheckServiceLinkedRoleExistenceOutput tells whether it has its role.
type CheckServiceLinkedRoleExistenceOutput struct {
	Exists *bool `w:"Exists"`
}

func (a *api) checkServiceLinkedRoleExistence(ctx context.Context, in *CheckServiceLinkedRoleExistenceInput) (*CheckServiceLinkedRoleExistenceOutput, error) {
	name, err := ram.ServiceRoleName(*in.ServiceName)
	if err != nil {
		return nil, err
	}
	_, err = a.control.Role(account(ctx), name)
	return &CheckServiceLinkedRoleExistenceOutput{Exists: new(err == nil)}, nil
}

func (a *api) getRole(ctx context.Context, in *GetRoleInput) (*GetRoleOutput, error) {
	r, err := a.control.Role(account(ctx), *in.RoleName)
	if err != nil {
		return nil, err
	}
	return &GetRoleOutput{Role: roleFacts(r)}, nil
}

// deleteServiceLinkedRole deletes at once; the task that it answers is over.
func (a *api) deleteServiceLinkedRole(ctx context.Context, in *DeleteServiceLinkedRoleInput) (*DeleteServiceLinkedRoleOutput, error) {
	r, err := a.control.Role(account(ctx), *in.RoleName)
	if err != nil {
		return nil, err
	}
	service := ram.ServiceOf(r.Name)
	if r.Service == "" || service == "" {
		return nil, &wire.Error{Code: "InvalidParameter.RoleName", Msg: "The role " + r.Name + " is not a service-linked role."}
	}
	if err := a.control.DeleteServiceRole(ctx, r.Account, r.Name); err != nil {
		return nil, err
	}
	task := fmt.Sprintf("task/aliyun-service-role/%s/%s/%s", service, r.Name, strings.ToLower(rand.Text()))
	return &DeleteServiceLinkedRoleOutput{DeletionTaskId: &task}, nil
}

var deletionTask = regexp.MustCompile(`^task/aliyun-service-role/[^/]+/([^/]+)/[a-z0-9]{26}$`)

func (a *api) getServiceLinkedRoleDeletionStatus(_ context.Context, in *GetServiceLinkedRoleDeletionStatusInput) (*GetServiceLinkedRoleDeletionStatusOutput, error) {
	m := deletionTask.FindStringSubmatch(text(in.DeletionTaskId))
	if m == nil || ram.ServiceOf(m[1]) == "" {
		return nil, &wire.Error{Code: "EntityNotExist.Role.DeletionTask", Status: 404, Msg: "The deletion task does not exist."}
	}
	return &GetServiceLinkedRoleDeletionStatusOutput{Status: new("SUCCEEDED")}, nil
}
