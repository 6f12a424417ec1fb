package pvtz

import (
	"context"
	"crypto/rand"
	"errors"
	"math/big"
	"slices"
	"strings"
	"time"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

var noRecord = fault("Record.NotExists", "The record does not exist.")

// newRecordID makes an ID that fits numbers of any language.
func newRecordID() int64 {
	n, err := rand.Int(rand.Reader, big.NewInt(1<<52))
	if err != nil {
		panic("pvtz: no randomness: " + err.Error())
	}
	return n.Int64() | 1
}

// revise lets f change the records of a zone.
func (a *api) revise(ctx context.Context, id cloud.DNSZoneID, f func(z *cloud.DNSZone, all []record) ([]record, error)) error {
	err := a.control.ReviseDNSZone(ctx, caller(ctx), id, func(v cloud.View, z *cloud.DNSZone) ([]control.DNSChange, error) {
		all, err := f(z, records(v, z))
		if err != nil {
			return nil, err
		}
		return write(v, z, all)
	})
	var refused *control.DNSChangeError
	if errors.As(err, &refused) && len(refused.Faults) > 0 {
		return changeFault(refused.Faults[0])
	}
	return err
}

func changeFault(f control.DNSFault) error {
	switch f.Reason {
	case control.FaultLimit:
		return fault("Record.QuotaExceeded", "The number of records exceeds the quota.")
	case control.FaultApex:
		return fault("Record.Invalid.Rr", "The host record is invalid.")
	}
	return fault("Record.Conflict", "The record conflicts with another one of the same host record.")
}

// reviseOne lets f change one record, wherever it is; nil removes it.
func (a *api) reviseOne(ctx context.Context, id int64, f func(z *cloud.DNSZone, r record) (*record, error)) error {
	z, _, err := a.findRecord(ctx, id)
	if err != nil {
		return err
	}
	return a.revise(ctx, z.ID, func(z *cloud.DNSZone, all []record) ([]record, error) {
		i := slices.IndexFunc(all, func(r record) bool { return r.ID == id })
		if i < 0 {
			return nil, noRecord
		}
		r, err := f(z, all[i])
		if err != nil || r == nil {
			return slices.Delete(all, i, i+1), err
		}
		r.Updated = time.Now().UnixMilli()
		all = slices.Delete(all, i, i+1)
		return add(all, *r)
	})
}

// add puts a record among the others, whose TTL of that name and type it decides.
func add(all []record, r record) ([]record, error) {
	for i := range all {
		if all[i].is(r) {
			return nil, fault("Record.Exists", "The record already exists.")
		}
		if !r.Disabled && all[i].Name == r.Name && all[i].Type == r.Type {
			all[i].TTL = r.TTL
		}
	}
	return append(all, r), nil
}

// findRecord finds a record among those of all zones of the account.
func (a *api) findRecord(ctx context.Context, id int64) (*cloud.DNSZone, record, error) {
	v := a.control.View()
	for z := range cloud.DNSZones.By(v, "scope", cloud.Scope(wire.CallFrom(ctx).Account, "")) {
		for _, r := range records(v, z) {
			if r.ID == id {
				return z, r, nil
			}
		}
	}
	return nil, record{}, noRecord
}

// unweighted refuses what records here cannot have.
func unweighted(weight *int64, line *string) error {
	if weight != nil && *weight != 1 && *weight != 0 {
		return fault("Record.Invalid.Weight", "Weights are not supported.")
	}
	if text(line) != "" && *line != "default" {
		return fault("Record.Invalid.Line", "Only the line default is supported.")
	}
	return nil
}

func (a *api) addZoneRecord(ctx context.Context, in *AddZoneRecordInput) (*AddZoneRecordOutput, error) {
	if err := unweighted(in.Weight, in.Line); err != nil {
		return nil, err
	}
	id := newRecordID()
	err := a.revise(ctx, cloud.DNSZoneID(*in.ZoneId), func(z *cloud.DNSZone, all []record) ([]record, error) {
		r, err := readRecord(z.Name, *in.Rr, *in.Type, *in.Value, in.Ttl, in.Priority)
		if err != nil {
			return nil, err
		}
		r.ID, r.Remark, r.Created = id, text(in.Remark), time.Now().UnixMilli()
		r.Updated = r.Created
		return add(all, r)
	})
	if err != nil {
		return nil, err
	}
	return &AddZoneRecordOutput{RecordId: &id, Success: new(true)}, nil
}

func (a *api) updateZoneRecord(ctx context.Context, in *UpdateZoneRecordInput) (*UpdateZoneRecordOutput, error) {
	if err := unweighted(in.Weight, in.Line); err != nil {
		return nil, err
	}
	err := a.reviseOne(ctx, *in.RecordId, func(z *cloud.DNSZone, old record) (*record, error) {
		ttl := in.Ttl
		if ttl == nil {
			ttl = new(int64(old.TTL))
		}
		r, err := readRecord(z.Name, *in.Rr, *in.Type, *in.Value, ttl, in.Priority)
		r.ID, r.Remark, r.Created, r.Disabled = old.ID, old.Remark, old.Created, old.Disabled
		return &r, err
	})
	return &UpdateZoneRecordOutput{RecordId: in.RecordId}, err
}

func (a *api) updateRecordRemark(ctx context.Context, in *UpdateRecordRemarkInput) (*UpdateRecordRemarkOutput, error) {
	err := a.reviseOne(ctx, *in.RecordId, func(_ *cloud.DNSZone, r record) (*record, error) {
		r.Remark = text(in.Remark)
		return &r, nil
	})
	return &UpdateRecordRemarkOutput{RecordId: in.RecordId}, err
}

func (a *api) setZoneRecordStatus(ctx context.Context, in *SetZoneRecordStatusInput) (*SetZoneRecordStatusOutput, error) {
	if *in.Status != "ENABLE" && *in.Status != "DISABLE" {
		return nil, fault("Record.Invalid.Status", "The status is invalid: want ENABLE or DISABLE.")
	}
	err := a.reviseOne(ctx, *in.RecordId, func(_ *cloud.DNSZone, r record) (*record, error) {
		r.Disabled = *in.Status == "DISABLE"
		return &r, nil
	})
	return &SetZoneRecordStatusOutput{RecordId: in.RecordId, Status: in.Status}, err
}

func (a *api) deleteZoneRecord(ctx context.Context, in *DeleteZoneRecordInput) (*DeleteZoneRecordOutput, error) {
	err := a.reviseOne(ctx, *in.RecordId, func(*cloud.DNSZone, record) (*record, error) { return nil, nil })
	return &DeleteZoneRecordOutput{RecordId: in.RecordId}, err
}

func recordFacts(z *cloud.DNSZone, r record) Record {
	value, priority := shownValue(r)
	status := "ENABLE"
	if r.Disabled {
		status = "DISABLE"
	}
	created, updated := time.UnixMilli(r.Created), time.UnixMilli(r.Updated)
	return Record{
		RecordId: &r.ID, ZoneId: new(string(z.ID)), Rr: new(hostRecord(z.Name, r.Name)), Type: &r.Type, Value: &value, Ttl: new(int64(r.TTL)),
		Priority: priority, Status: &status, Remark: &r.Remark, Line: new("default"), CreateTime: stamp(created), CreateTimestamp: millis(created),
		UpdateTime: stamp(updated), UpdateTimestamp: millis(updated),
	}
}

func (a *api) describeZoneRecord(ctx context.Context, in *DescribeZoneRecordInput) (*DescribeZoneRecordOutput, error) {
	z, r, err := a.findRecord(ctx, *in.RecordId)
	if err != nil {
		return nil, err
	}
	f := recordFacts(z, r)
	return &DescribeZoneRecordOutput{
		RecordId: f.RecordId, ZoneId: f.ZoneId, Rr: f.Rr, Type: f.Type, Value: f.Value, Ttl: f.Ttl, Priority: f.Priority, Status: f.Status, Remark: f.Remark,
		Line: f.Line, CreateTime: f.CreateTime, CreateTimestamp: f.CreateTimestamp, UpdateTime: f.UpdateTime, UpdateTimestamp: f.UpdateTimestamp,
	}, nil
}

func (a *api) describeZoneRecords(ctx context.Context, in *DescribeZoneRecordsInput) (*DescribeZoneRecordsOutput, error) {
	z, err := a.zone(ctx, *in.ZoneId)
	if err != nil {
		return nil, err
	}
	var all []Record
	word := strings.ToLower(text(in.Keyword))
	for _, r := range records(a.control.View(), z) {
		f := recordFacts(z, r)
		exact := word == strings.ToLower(*f.Rr) || word == strings.ToLower(*f.Value)
		if word == "" || exact || text(in.SearchMode) != "EXACT" && (strings.Contains(*f.Rr, word) || strings.Contains(strings.ToLower(*f.Value), word)) {
			all = append(all, f)
		}
	}
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, sizes)
	if err != nil {
		return nil, err
	}
	return &DescribeZoneRecordsOutput{Records: p.Items, PageNumber: p.Number, PageSize: p.Size, TotalItems: p.Total,
		TotalPages: new((*p.Total + *p.Size - 1) / *p.Size)}, nil
}
