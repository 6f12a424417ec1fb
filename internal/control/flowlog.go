package control

import (
	"context"
	"strings"
	"time"

	"weir/internal/cloud"
	"weir/internal/iam"
	"weir/internal/logs"
)

// CreateFlowLogs is the input of Control.CreateFlowLogs.
type CreateFlowLogs struct {
	Labels
	Resources []cloud.Ref // VPCs, subnets or interfaces: a flow log for each
	Traffic   cloud.FlowTraffic
	Interval  time.Duration
	Columns   []cloud.FlowColumn
	Version   int
	Group     string
	Role      ExecutionRole // without an ARN the platform writes itself
}

// CreateFlowLogs has traffic recorded. A resource that cannot be is left out,
// and failed tells of it.
func (c *Control) CreateFlowLogs(ctx context.Context, who Caller, in CreateFlowLogs) (made []*cloud.FlowLog, failed map[string]error, err error) {
	err = c.transact(ctx, func(tx cloud.Tx) error {
		made, failed = nil, map[string]error{}
		if done, err := earlierFlowLogs(tx, who, in); done != nil || err != nil {
			made = done
			return err
		}
		if err := c.checkRole(tx, in.Role); in.Role.ARN != "" && err != nil {
			return cloud.Errorf(cloud.Invalid, cloud.KindFlowLog, in.Role.ARN, "role", "the flow log cannot have role %s: %v", in.Role.ARN, err)
		}
		for _, r := range in.Resources {
			vpc, err := flowSource(tx, who, r)
			if err != nil {
				failed[r.ID] = err
				continue
			}
			if err := sameFlowLog(tx, r, in); err != nil {
				return err
			}
			f := &cloud.FlowLog{
				Meta: c.meta(who, in.Labels), ID: cloud.FlowLogID(who.NewID(cloud.KindFlowLog)), VPC: vpc, Resource: r,
				Traffic: in.Traffic, Interval: in.Interval, Columns: in.Columns, Version: in.Version, Group: in.Group, Role: in.Role.ARN,
			}
			cloud.FlowLogs.Put(tx, f)
			made = append(made, f)
		}
		rememberFlowLogs(tx, who, in, made)
		return nil
	})
	return made, failed, err
}

func flowLogsToken(who Caller, in CreateFlowLogs) string {
	return "token/" + who.scope() + "/flow-logs/" + in.Token
}

// earlierFlowLogs are what a request with the same token made.
func earlierFlowLogs(tx cloud.Tx, who Caller, in CreateFlowLogs) (made []*cloud.FlowLog, err error) {
	s, ok := cloud.Settings.Get(tx, flowLogsToken(who, in))
	if in.Token == "" || !ok {
		return nil, nil
	}
	ids, sum, _ := strings.Cut(s.Value, " ")
	if sum != fingerprint(in) {
		return nil, cloud.Errorf(cloud.Conflict, cloud.KindToken, in.Token, "token-reused", "the token %q was used for a different request; choose a new one", in.Token)
	}
	for _, id := range strings.Split(ids, ",") {
		if f, ok := cloud.FlowLogs.Get(tx, cloud.FlowLogID(id)); ok {
			made = append(made, f)
		}
	}
	return made, nil
}

func rememberFlowLogs(tx cloud.Tx, who Caller, in CreateFlowLogs, made []*cloud.FlowLog) {
	if in.Token == "" || len(made) == 0 {
		return
	}
	ids := make([]string, len(made))
	for i, f := range made {
		ids[i] = string(f.ID)
	}
	cloud.Settings.Put(tx, &cloud.Setting{Key: flowLogsToken(who, in), Value: strings.Join(ids, ",") + " " + fingerprint(in)})
}

// flowSource finds what is to be logged, and its VPC.
func flowSource(v cloud.View, who Caller, r cloud.Ref) (cloud.VPCID, error) {
	switch r.Kind {
	case cloud.KindSubnet:
		s, err := find(v, who, cloud.Subnets, r.Kind, cloud.SubnetID(r.ID))
		if err != nil {
			return "", err
		}
		return s.VPC, nil
	case cloud.KindInterface:
		i, err := find(v, who, cloud.Interfaces, r.Kind, cloud.InterfaceID(r.ID))
		if err != nil {
			return "", err
		}
		return i.VPC, nil
	}
	vpc, err := find(v, who, cloud.VPCs, cloud.KindVPC, cloud.VPCID(r.ID))
	if err != nil {
		return "", err
	}
	return vpc.ID, nil
}

// sameFlowLog refuses a second flow log of a resource to the same group.
func sameFlowLog(v cloud.View, r cloud.Ref, in CreateFlowLogs) error {
	for f := range cloud.FlowLogs.By(v, "resource", r.ID) {
		if f.Group == in.Group {
			return cloud.Errorf(cloud.Exists, cloud.KindFlowLog, string(f.ID), "", "%s has the flow log %s to log group %s already", r.ID, f.ID, f.Group)
		}
	}
	return nil
}

// ModifyFlowLog changes what is not nil.
type ModifyFlowLog struct {
	Attrs    map[string]string
	Interval *time.Duration
	Off      *bool
}

// ModifyFlowLog changes a flow log.
func (c *Control) ModifyFlowLog(ctx context.Context, who Caller, id cloud.FlowLogID, in ModifyFlowLog) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		old, err := find(tx, who, cloud.FlowLogs, cloud.KindFlowLog, id)
		if err != nil {
			return err
		}
		f := *old
		f.Attrs = merged(f.Attrs, in.Attrs)
		set(&f.Interval, in.Interval)
		set(&f.Off, in.Off)
		cloud.FlowLogs.Put(tx, &f)
		return nil
	})
}

// DeleteFlowLogs ends flow logs: all of them, or none if one is not there.
func (c *Control) DeleteFlowLogs(ctx context.Context, who Caller, ids []cloud.FlowLogID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		for _, id := range ids {
			if _, err := find(tx, who, cloud.FlowLogs, cloud.KindFlowLog, id); err != nil {
				return err
			}
		}
		for _, id := range ids {
			cloud.FlowLogs.Delete(tx, id)
		}
		return nil
	})
}

// dropFlowLogs ends the flow logs of a resource that is deleted.
func dropFlowLogs(tx cloud.Tx, resource string) {
	for f := range cloud.FlowLogs.By(tx, "resource", resource) {
		cloud.FlowLogs.Delete(tx, f.ID)
	}
}

// Ask is an action on a resource, in a dialect's words.
type Ask struct{ Action, Resource string }

// RoleMay reports whether a role exists, may be assumed by the service, and is
// allowed everything that is asked.
func (c *Control) RoleMay(v cloud.View, r ExecutionRole, asks ...Ask) bool {
	role, ok := findRole(v, r.ARN)
	if !ok || !c.trusts(role, r.Service) {
		return false
	}
	set, err := c.policiesOf(v, cloud.Principal{Kind: cloud.PrincipalSession, Account: role.Account, Name: role.Name})
	if err != nil {
		return false
	}
	for _, a := range asks {
		req := iam.Request{Principals: []iam.Principal{{Type: "AWS", Value: r.ARN}}, Action: a.Action, Resource: a.Resource, SameAccount: true}
		if !iam.Evaluate(req, set).Allowed {
			return false
		}
	}
	return true
}

// HasLogGroup reports whether an account has a log group in a region.
func (c *Control) HasLogGroup(account, region, name string) bool {
	_, err := c.logs.Group(logs.Scope{Account: account, Region: region}, name)
	return err == nil
}
