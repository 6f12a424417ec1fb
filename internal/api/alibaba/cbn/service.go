// Package cbn speaks Cbn 2017-09-12: Cloud Enterprise Network with transit routers.
//
// A CEN instance is a set of transit routers, one in a region, which are joined
// without a question. The transit routers, attachments and tables are the
// account's; those that are in no CEN, which the other dialect made, are not shown.
//
// Invariants: every transit router has a system route table, and attachments use
// no table unless they are told to; a resource is found in whatever region it is,
// as the product has one endpoint for all; a static route's ID follows from its
// table and destination, and its name is in the table's attributes.
package cbn

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

type api struct {
	control *control.Control
	tagging resource.Tagging
}

// New returns the service with everything that is implemented.
func New(c *control.Control) *wire.Service {
	s := wire.NewService(Spec)
	s.MapError = mapError
	a := &api{c, resource.Tagging{Control: c, Kinds: kinds}}
	a.cens(s)
	a.routers(s)
	a.attachments(s)
	a.tables(s)
	a.grants(s)
	a.tags(s)
	return s
}

func text(p *string) string { return resource.Text(p) }

func yes(p *bool) bool { return p != nil && *p }

// matches tells whether a filter is absent or equal.
func matches(filter *string, have string) bool { return text(filter) == "" || *filter == have }

// stamp writes a time as the product does.
func stamp(t time.Time) *string { return new(t.UTC().Format("2006-01-02T15:04Z")) }

// in is the caller in a region; "" is the world.
func in(ctx context.Context, region string) control.Caller {
	who := resource.Caller(ctx)
	who.Region = region
	return who
}

// labels reads names and tags.
func labels(name, description *string, list []Tag) (control.Labels, error) {
	t, err := resource.Tags(list, tagOf)
	if err != nil {
		return control.Labels{}, err
	}
	attrs, err := names(name, description)
	return control.Labels{Tags: t, Attrs: attrs}, err
}

func names(name, description *string) (map[string]string, error) {
	return resource.Described{Name: name, Description: description}.Attrs("IllegalParam.Name", "IllegalParam.Description")
}

// account reads an account's UID; none is the caller's own.
func account(ctx context.Context, uid *int64, parameter string) (string, error) {
	if uid == nil {
		return wire.CallFrom(ctx).Account, nil
	}
	id, ok := access.Account(strconv.FormatInt(*uid, 10))
	if !ok {
		return "", resource.Fault("IllegalParam."+parameter, "The specified "+parameter+" is illegal.")
	}
	return id, nil
}

// absent are the codes for what does not exist.
var absent = map[cloud.Resource][2]string{
	cloud.KindTransitDomain:     {"ParameterCenInstanceId", "The input parameter CenInstanceId is not supported or the CEN instance does not exist."},
	cloud.KindTransitRouter:     {"ParameterInstanceId", "The input parameter TransitRouterId is not supported or the transit router does not exist."},
	cloud.KindTransitAttachment: {"InvalidTransitRouterAttachmentId.NotFound", "TransitRouterAttachmentId is not found."},
	cloud.KindTransitTable:      {"InvalidTransitRouterRouteTableId.NotFound", "TransitRouterRouteTableId is not found."},
	cloud.KindTransitRoute:      {"IllegalParam.TransitRouterRouteEntryId", "The specified TransitRouterRouteEntryId is illegal: there is no such route entry."},
	cloud.KindVPC:               {"InvalidVpcId.NotFound", "VpcId is not found."},
	cloud.KindSubnet:            {"InvalidVSwitchId.NotFound", "VSwitchId is not found."},
}

// words are the codes of other refusals, by kind and resource.
var words = map[[2]string][2]string{
	{"exists", "transit-domain"}:     {"InvalidOperation.GrantRuleExist", "The instance is granted to the CEN instance already."},
	{"in-use", "vpc"}:                {"InvalidOperation.AttachedChildInstanceExist", "The instance is attached to a transit router of the CEN instance."},
	{"denied", "vpc"}:                {"InstanceNotGranted", "The owner of the instance has not granted it to the CEN instance."},
	{"in-use", "transit-domain"}:     {"InvalidOperation.CenInstanceStatus", "The CEN instance has transit routers."},
	{"in-use", "transit-router"}:     {"InvalidOperation.AttachedChildInstanceExist", "The transit router has attachments."},
	{"in-use", "transit-attachment"}: {"InvalidOperation.AttachmentInUse", "The attachment has association, propagation or routes; end them first, or set Force."},
	{"in-use", "transit-table"}:      {"InvalidOperation.RouteTableInUse", "The route table has associations or propagations."},
	{"exists", "transit-router"}:     {"OperationFailed.TransitRouterExist", "The CEN instance has a transit router in the region."},
	{"exists", "transit-attachment"}: {"OperationFailed.AttachmentExist", "The attachment, or its association with a route table, exists already."},
	{"exists", "transit-table"}:      {"OperationFailed.PropagationExist", "The propagation exists already."},
	{"exists", "transit-route"}:      {"OperationFailed.CreateRouteEntryWithSameDestinationCidrBlock", "The route table has a route entry of the same destination."},
	{"conflict", "transit-router"}:   {"IllegalParam.PeerTransitRouterId", "The peer transit router is not one of the CEN instance in that region."},
	{"limit", "transit-router"}:      {"QuotaExceeded.TransitRouter", "The quota of transit routers is exceeded."},
	{"limit", "transit-table"}:       {"QuotaExceeded.TransitRouterRouteTable", "The quota of route tables is exceeded."},
	{"limit", "transit-route"}:       {"QuotaExceeded.TransitRouterRouteEntry", "The quota of route entries is exceeded."},
	{"limit", "transit-attachment"}:  {"QuotaExceeded.Attachment", "The quota of attachments of the VPC is exceeded."},
	{"exhausted", "subnet"}:          {"InvalidVSwitchId.IpNotEnough", "The vSwitch has not enough IP addresses."},
}

// mapError puts neutral errors into the product's words.
func mapError(e *cloud.Error) *wire.Error {
	if w, ok := words[[2]string{string(e.Kind), string(e.Resource)}]; ok {
		return resource.Fault(w[0], w[1])
	}
	switch e.Kind {
	case cloud.NotFound:
		if w, ok := absent[e.Resource]; ok && e.Reason == "" {
			return resource.Fault(w[0], w[1])
		}
		return resource.Fault("InvalidOperation.NotFound", e.Msg) // an association, a propagation or a grant
	case cloud.State:
		return resource.Fault("IncorrectStatus.Status", e.Msg)
	case cloud.Limit:
		return resource.Fault("QuotaExceeded", e.Msg)
	case cloud.Invalid, cloud.Conflict:
		return resource.Fault("IllegalParam", e.Msg)
	case cloud.Exists, cloud.InUse:
		return resource.Fault("InvalidOperation", e.Msg)
	case cloud.Exhausted:
		return resource.Fault("InsufficientResource", e.Msg)
	case cloud.Denied:
		return &wire.Error{Code: "Forbidden", Status: http.StatusForbidden, Msg: e.Msg}
	}
	return nil
}
