package ram

import (
	"context"
	"errors"
	"fmt"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// serviceRoles are the roles that services link to themselves, by service.
// https://www.alibabacloud.com/help/en/ram/user-guide/services-that-support-service-linked-roles
var serviceRoles = map[string]struct{ role, policy, description string }{
	"fc.aliyuncs.com": {"AliyunServiceRoleForFC", "AliyunServiceRolePolicyForFC", "Function Compute uses this role to access your resources in other services."},
}

// ServiceRoleName is the name of a service's own role.
func ServiceRoleName(service string) (string, error) {
	s, ok := serviceRoles[service]
	if !ok {
		return "", &wire.Error{Code: "InvalidParameter.ServiceName", Msg: "The service " + service + " has no service-linked role here."}
	}
	return s.role, nil
}

// CreateServiceRole makes a service's own role. It exists once.
func CreateServiceRole(ctx context.Context, c *control.Control, caller control.Caller, service, description string) (*cloud.Role, error) {
	if _, err := ServiceRoleName(service); err != nil {
		return nil, err
	}
	s := serviceRoles[service]
	if description == "" {
		description = s.description
	}
	return c.CreateRole(ctx, caller, control.CreateRole{
		Name: s.role, Path: "/", Description: description, Service: service, Attached: []string{systemPrefix + s.policy},
		Trust: fmt.Sprintf(`{"Version":"1","Statement":[{"Action":"sts:AssumeRole","Effect":"Allow","Principal":{"Service":[%q]}}]}`, service),
	})
}

// EnsureServiceRole returns a service's own role, and makes it if it is not there:
// Function Compute does so when it first needs it.
func EnsureServiceRole(ctx context.Context, c *control.Control, account, service string) (*cloud.Role, error) {
	s, ok := serviceRoles[service]
	if !ok {
		return nil, fmt.Errorf("the service %s has no service-linked role", service)
	}
	if r, err := c.Role(account, s.role); err == nil {
		return r, nil
	}
	r, err := CreateServiceRole(ctx, c, control.Caller{Account: account, NewID: newID}, service, "")
	var e *cloud.Error
	if errors.As(err, &e) && e.Kind == cloud.Exists { // another call was faster
		return c.Role(account, s.role)
	}
	return r, err
}

// ServiceOf is the service whose own role has this name; "" if it is nobody's.
func ServiceOf(role string) string {
	for service, s := range serviceRoles {
		if s.role == role {
			return service
		}
	}
	return ""
}
