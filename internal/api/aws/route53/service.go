// Package route53 speaks Amazon Route 53: private hosted zones, their records
// and the VPCs they serve.
//
// Invariants: a zone belongs to an account and to no region; a batch of changes
// is made whole or not at all; names are kept in lower case without their last
// dot and shown as Amazon shows them, in whole and with octal escapes; routing
// policies, health checks and public zones, which nothing here enforces, are
// refused.
package route53

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

type api struct {
	control *control.Control
	// shows reports whether every resolver answers as of this revision of the state.
	shows func(rev uint64) bool
}

// New returns the service with everything that is implemented.
func New(c *control.Control, shows func(rev uint64) bool) *wire.Service {
	s := wire.NewService(Spec)
	s.MapError = mapError
	a := &api{c, shows}
	a.handleZones(s)
	a.handleLists(s)
	a.handleVPCs(s)
	a.handleRecords(s)
	a.handleTags(s)
	return s
}

// fault identifies a refusal of control.
type fault struct {
	kind     cloud.Kind
	resource cloud.Resource
	reason   string
}

// words are Amazon's code and message; "" takes control's own text, in the
// others "%s" is the ID at fault.
type words struct{ code, msg string }

// https://docs.aws.amazon.com/Route53/latest/APIReference/API_Operations_Amazon_Route_53.html
var faults = map[fault]words{
	{cloud.NotFound, cloud.KindDNSZone, ""}:          {"NoSuchHostedZone", "No hosted zone found with ID: %s"},
	{cloud.Exists, cloud.KindDNSZone, ""}:            {"HostedZoneAlreadyExists", "A hosted zone has already been created with the specified caller reference: %s"},
	{cloud.InUse, cloud.KindDNSZone, ""}:             {"HostedZoneNotEmpty", ""},
	{cloud.Conflict, cloud.KindDNSZone, "same-name"}: {"ConflictingDomainExists", ""},
	{cloud.Limit, cloud.KindDNSZone, ""}:             {"TooManyHostedZones", "This account can't create more hosted zones: the limit has been reached."},
	{cloud.Invalid, cloud.KindDNSVPC, "vpc"}:         {"InvalidVPCId", "The VPC ID %s is invalid, or this account may not use that VPC."},
	{cloud.Denied, cloud.KindDNSVPC, "not-invited"}:  {"NotAuthorizedException", ""},
	{cloud.NotFound, cloud.KindDNSVPC, ""}:           {"VPCAssociationNotFound", ""},
	{cloud.NotFound, cloud.KindDNSVPC, "invited"}:    {"VPCAssociationAuthorizationNotFound", ""},
	{cloud.Conflict, cloud.KindDNSVPC, "last"}:       {"LastVPCAssociation", ""},
	{cloud.Limit, cloud.KindDNSVPC, ""}:              {"LimitsExceeded", "The hosted zone %s is associated with as many VPCs as it can be."},
	{cloud.Limit, cloud.KindDNSVPC, "invited"}:       {"TooManyVPCAssociationAuthorizations", "The hosted zone %s has as many authorizations as it can have."},
	{cloud.Limit, cloud.KindTag, ""}:                 {"InvalidInput", ""},
}

func mapError(e *cloud.Error) *wire.Error {
	w, ok := faults[fault{e.Kind, e.Resource, e.Reason}]
	if !ok {
		return nil
	}
	out := &wire.Error{Code: w.code, Msg: e.Msg, Err: e}
	if w.msg != "" {
		out.Msg = strings.ReplaceAll(w.msg, "%s", e.ID)
	}
	return out
}

func invalid(format string, args ...any) *wire.Error {
	return &wire.Error{Code: "InvalidInput", Msg: fmt.Sprintf(format, args...)}
}

func unsupported(what string) *wire.Error {
	return &wire.Error{Code: "NotImplemented", Status: http.StatusNotImplemented, Msg: what + " is not implemented."}
}

// caller is who calls; zones are in no region.
func caller(ctx context.Context) control.Caller {
	call := wire.CallFrom(ctx)
	return control.Caller{Account: call.Account, Principal: call.Principal, NewID: newID}
}

// newID makes a hosted zone's ID.
func newID(kind cloud.Resource) string {
	if kind != cloud.KindDNSZone {
		panic("route53: a " + string(kind) + " has no ID of this API")
	}
	const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	b := make([]byte, 20)
	rand.Read(b)
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return "Z" + string(b)
}

// zoneID takes an ID with or without the kind in front, as the API gives it out.
func zoneID(id *string) cloud.DNSZoneID {
	return cloud.DNSZoneID(strings.TrimPrefix(*id, "/hostedzone/"))
}

func vpcOf(v *VPC) (cloud.ZoneVPC, error) {
	if v == nil || text(v.VPCId) == "" || v.VPCRegion == "" {
		return cloud.ZoneVPC{}, invalid("The VPC's ID and region are both required.")
	}
	return cloud.ZoneVPC{VPC: cloud.VPCID(*v.VPCId), Region: string(v.VPCRegion)}, nil
}

func vpcShapes(of []cloud.ZoneVPC) []VPC {
	out := []VPC{}
	for _, at := range of {
		out = append(out, VPC{VPCId: new(string(at.VPC)), VPCRegion: VPCRegion(at.Region)})
	}
	return out
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// maxItems reads how many items a page may have.
func maxItems(p *string, most int) (int, error) {
	if p == nil {
		return most, nil
	}
	n, err := strconv.Atoi(*p)
	if err != nil || n < 1 {
		return 0, invalid("The value '%s' of maxitems is no positive number.", *p)
	}
	return min(n, most), nil
}

// cut is a page of items that are in order, from the first that is not before
// the start, and the item that the next page starts with.
func cut[T any](items []T, n int, before func(T) bool) (page []T, next *T) {
	i := slices.IndexFunc(items, func(t T) bool { return !before(t) })
	if i < 0 {
		return []T{}, nil
	}
	items = items[i:]
	if len(items) <= n {
		return items, nil
	}
	return items[:n], &items[n]
}
