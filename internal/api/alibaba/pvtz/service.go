// Package pvtz speaks PrivateZone 2018-01-01.
//
// Zones are those of the account, whichever dialect made them. This product names
// single records where the model has sets of one name and type: a record's ID and
// remark, and the records that are disabled, are in the zone's attribute
// "pvtz.records"; a record that only the model knows has an ID made of what it is.
//
// Invariants: what a resolver answers from is in the model alone; the records of
// one name and type have one TTL, the last that was given.
package pvtz

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"time"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

type api struct {
	control *control.Control
}

// New returns the service with everything that is implemented.
func New(c *control.Control) *wire.Service {
	s := wire.NewService(Spec)
	s.MapError = mapError
	a := &api{c}
	wire.Handle(s, "AddZone", a.addZone)
	wire.Handle(s, "DescribeZones", a.describeZones)
	wire.Handle(s, "DescribeZoneInfo", a.describeZoneInfo)
	wire.Handle(s, "DeleteZone", a.deleteZone)
	wire.Handle(s, "CheckZoneName", a.checkZoneName)
	wire.Handle(s, "UpdateZoneRemark", a.updateZoneRemark)
	wire.Handle(s, "BindZoneVpc", a.bindZoneVpc)
	wire.Handle(s, "AddZoneRecord", a.addZoneRecord)
	wire.Handle(s, "UpdateZoneRecord", a.updateZoneRecord)
	wire.Handle(s, "UpdateRecordRemark", a.updateRecordRemark)
	wire.Handle(s, "SetZoneRecordStatus", a.setZoneRecordStatus)
	wire.Handle(s, "DeleteZoneRecord", a.deleteZoneRecord)
	wire.Handle(s, "DescribeZoneRecord", a.describeZoneRecord)
	wire.Handle(s, "DescribeZoneRecords", a.describeZoneRecords)
	a.tags(s)
	return s
}

// caller is who calls; zones are in no region.
func caller(ctx context.Context) control.Caller {
	call := wire.CallFrom(ctx)
	return control.Caller{Account: call.Account, Principal: call.Principal, NewID: newID}
}

func newID(cloud.Resource) string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func fault(code, msg string) *wire.Error { return &wire.Error{Code: code, Msg: msg} }

// mapError puts neutral errors into the product's words.
func mapError(e *cloud.Error) *wire.Error {
	switch {
	case e.Resource == cloud.KindDNSZone && e.Kind == cloud.NotFound:
		return fault("Zone.NotExists", "The zone does not exist.")
	case e.Resource == cloud.KindDNSZone && e.Kind == cloud.InUse:
		return fault("Zone.VpcExists", "The zone is bound to VPCs and cannot be deleted.")
	case e.Resource == cloud.KindDNSZone && e.Kind == cloud.Limit:
		return fault("Zone.QuotaExceeded", "The number of zones exceeds the quota.")
	case e.Resource == cloud.KindDNSZone && e.Reason == "same-name":
		return fault("ZoneVpc.Conflict", "The VPC "+e.ID+" is bound to another zone of the same name.")
	case e.Resource == cloud.KindDNSVPC && e.Kind == cloud.Limit:
		return fault("ZoneVpc.QuotaExceeded", "The number of VPCs exceeds the quota.")
	case e.Resource == cloud.KindDNSVPC:
		return fault("ZoneVpc.NotExists.VpcId", "The VPC "+e.ID+" does not exist.")
	}
	return nil
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func stamp(t time.Time) *string { return new(t.UTC().Format("2006-01-02T15:04Z")) }

func millis(t time.Time) *int64 { return new(t.UnixMilli()) }
