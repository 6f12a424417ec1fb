// Package resourcemanager speaks Alibaba Cloud's ResourceManager 2020-03-31:
// resource groups, and what is granted in them or in the whole account.
//
// Invariant: every account has its default resource group, which cannot be deleted.
package resourcemanager

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"strings"
	"time"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/alibaba/ram"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

type api struct {
	control *control.Control
	holds   []Holds
}

// Holds tells whether a service has resources in a resource group.
type Holds func(v cloud.View, account, group string) bool

// New returns the service with everything that is implemented. A resource group
// that one of the services holds something in is not deleted.
func New(c *control.Control, holds ...Holds) *wire.Service {
	spec := Spec
	spec.Operations = append(slices.Clone(spec.Operations), wire.Operation{Name: existence})
	s := wire.NewService(spec)
	s.MapError = mapError
	a := &api{c, holds}
	wire.Handle(s, "CreateResourceGroup", a.createResourceGroup)
	wire.Handle(s, "GetResourceGroup", a.getResourceGroup)
	wire.Handle(s, "ListResourceGroups", a.listResourceGroups)
	wire.Handle(s, "UpdateResourceGroup", a.updateResourceGroup)
	wire.Handle(s, "DeleteResourceGroup", a.deleteResourceGroup)
	wire.Handle(s, "TagResources", a.tagResources)
	wire.Handle(s, "UntagResources", a.untagResources)
	wire.Handle(s, "ListTagResources", a.listTagResources)
	wire.Handle(s, "AttachPolicy", a.attachPolicy)
	wire.Handle(s, "DetachPolicy", a.detachPolicy)
	wire.Handle(s, "ListPolicyAttachments", a.listPolicyAttachments)
	wire.Handle(s, "CreateServiceLinkedRole", a.createServiceLinkedRole)
	wire.Handle(s, existence, a.checkServiceLinkedRoleExistence)
	wire.Handle(s, "DeleteServiceLinkedRole", a.deleteServiceLinkedRole)
	wire.Handle(s, "GetServiceLinkedRoleDeletionStatus", a.getServiceLinkedRoleDeletionStatus)
	wire.Handle(s, "GetRole", a.getRole)
	return s
}

func mapError(e *cloud.Error) *wire.Error { return ram.MapError(e) }

func account(ctx context.Context) string { return wire.CallFrom(ctx).Account }

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func date(t time.Time) *string { return new(t.UTC().Format(time.RFC3339)) }

// DefaultGroup is the ID of an account's default resource group.
func DefaultGroup(account string) string {
	sum := sha256.Sum256([]byte("default resource group of " + account))
	return "rg-acf" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:12]
}

// Targets lists what a call acts on.
// https://www.alibabacloud.com/help/en/resource-management/resource-group/developer-reference/api-resourcemanager-2020-03-31-ram
func Targets(call *wire.Call, in any) []access.Target {
	uid := access.UID(call.Account)
	switch group := access.Text(in, "ResourceGroupId"); {
	case strings.Contains(call.Operation, "Policy"):
		t := access.Target{Action: "ram:" + call.Operation, ARN: "acs:ram::" + uid + ":*"}
		if group != "" && group != uid {
			t.Group = group
		}
		return []access.Target{t}
	case strings.Contains(call.Operation, "Role"):
		return []access.Target{{Action: "ram:" + call.Operation, ARN: "acs:ram::" + uid + ":role/*"}}
	case strings.HasSuffix(call.Operation, "TagResources"):
		return tagged(call, uid, in)
	case group != "":
		return []access.Target{{Action: "resourcemanager:" + call.Operation, ARN: "acs:resourcemanager:*:" + uid + ":resourcegroup/" + group, Group: group}}
	}
	return []access.Target{{Action: "resourcemanager:" + call.Operation, ARN: "acs:resourcemanager:*:" + uid + ":resourcegroup/*"}}
}
