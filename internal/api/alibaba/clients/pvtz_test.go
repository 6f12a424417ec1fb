package clients

import (
	"testing"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	sdkpvtz "github.com/aliyun/alibaba-cloud-sdk-go/services/pvtz"
	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"

	"weir/internal/api/alibaba/region"
	"weir/internal/cloud"
)

// zones calls PrivateZone with the vendor's client.
type zones struct {
	w *world
	*sdkpvtz.Client
}

func (z zones) add(zone, rr, kind, value string) (*sdkpvtz.AddZoneRecordResponse, error) {
	r := to(z.w, sdkpvtz.CreateAddZoneRecordRequest())
	r.ZoneId, r.Rr, r.Type, r.Value = zone, rr, kind, value
	return z.AddZoneRecord(r)
}

func (z zones) bind(zone string, vpcs ...string) (*sdkpvtz.BindZoneVpcResponse, error) {
	r := to(z.w, sdkpvtz.CreateBindZoneVpcRequest())
	var list []sdkpvtz.BindZoneVpcVpcs
	for _, id := range vpcs {
		list = append(list, sdkpvtz.BindZoneVpcVpcs{RegionId: region.Default, VpcId: id})
	}
	r.ZoneId, r.Vpcs = zone, &list
	return z.BindZoneVpc(r)
}

func (z zones) status(id int64, status string) (*sdkpvtz.SetZoneRecordStatusResponse, error) {
	r := to(z.w, sdkpvtz.CreateSetZoneRecordStatusRequest())
	r.RecordId, r.Status = requests.NewInteger64(id), status
	return z.SetZoneRecordStatus(r)
}

func (z zones) zone(name string) (*sdkpvtz.AddZoneResponse, error) {
	r := to(z.w, sdkpvtz.CreateAddZoneRequest())
	r.ZoneName = name
	return z.AddZone(r)
}

func (z zones) drop(id string) (*sdkpvtz.DeleteZoneResponse, error) {
	r := to(z.w, sdkpvtz.CreateDeleteZoneRequest())
	r.ZoneId = id
	return z.DeleteZone(r)
}

// resolves are the values that resolvers answer a name with.
func (w *world) resolves(zone, name, kind string) []string {
	set, ok := cloud.DNSRecordSets.Get(w.control.View(), cloud.MakeDNSRecordKey(cloud.DNSZoneID(zone), name, kind))
	if !ok {
		return nil
	}
	return set.Values
}

func TestPrivateZone(t *testing.T) {
	w := newWorld(t)
	client, err := sdkpvtz.NewClientWithAccessKey(region.Default, "test", "test")
	if err != nil {
		t.Fatal(err)
	}
	z := zones{w, client}
	mk := func() string {
		r := to(w, sdkvpc.CreateCreateVpcRequest())
		r.CidrBlock = "10.0.0.0/16"
		return ok(w.root().vpc.CreateVpc(r))(t).VpcId
	}
	a, b := mk(), mk()
	refused(z.zone("bad..name"))(t, 400, "Zone.Invalid.Name")
	id := ok(z.zone("Corp.Example"))(t).ZoneId
	refused(z.bind(id, "vpc-nowhere"))(t, 400, "ZoneVpc.NotExists.VpcId")
	refused(z.bind("nowhere"))(t, 400, "Zone.NotExists")
	ok(z.bind(id, a, b))(t)
	ok(z.bind(id, b))(t)
	info := to(w, sdkpvtz.CreateDescribeZoneInfoRequest())
	info.ZoneId = id
	if got := ok(z.DescribeZoneInfo(info))(t); len(got.BindVpcs.Vpc) != 1 || got.BindVpcs.Vpc[0].VpcId != b || got.ZoneName != "corp.example" || got.RecordCount != 0 {
		t.Errorf("zone %+v", got)
	}
	other := ok(z.zone("corp.example"))(t).ZoneId // of the same name, for another VPC
	refused(z.bind(other, b))(t, 400, "ZoneVpc.Conflict")
	ok(z.bind(other, a))(t)

	first := ok(z.add(id, "db", "A", "10.0.0.5"))(t).RecordId
	second := ok(z.add(id, "db", "A", "10.0.0.6"))(t).RecordId
	if got := w.resolves(id, "db.corp.example", "A"); len(got) != 2 {
		t.Errorf("db is %v", got)
	}
	ok(z.status(first, "DISABLE"))(t)
	if got := w.resolves(id, "db.corp.example", "A"); len(got) != 1 || got[0] != "10.0.0.6" {
		t.Errorf("db is %v with one record disabled", got)
	}
	update := to(w, sdkpvtz.CreateUpdateZoneRecordRequest())
	update.RecordId, update.Rr, update.Type, update.Value = requests.NewInteger64(second), "db", "A", "10.0.0.7"
	ok(z.UpdateZoneRecord(update))(t)
	ok(z.status(first, "ENABLE"))(t)
	if got := w.resolves(id, "db.corp.example", "A"); len(got) != 2 || got[0] != "10.0.0.7" || got[1] != "10.0.0.5" {
		t.Errorf("db is %v", got)
	}
	ok(z.add(id, "@", "MX", "mail.corp.example"))(t)
	if got := w.resolves(id, "corp.example", "MX"); len(got) != 1 || got[0] != "10 mail.corp.example." {
		t.Errorf("mail is %v", got)
	}
	for _, c := range []struct{ rr, kind, value, code string }{
		{"db", "A", "10.0.0.5", "Record.Exists"}, {"db", "A", "fe80::1", "Record.Invalid.Value"}, {"db", "NAPTR", "x", "Record.Invalid.Type"},
		{"db", "CNAME", "x.example", "Record.Conflict"}, {"@", "CNAME", "x.example", "Record.Invalid.Rr"}, {"b..d", "A", "10.0.0.5", "Record.Invalid.Rr"},
	} {
		refused(z.add(id, c.rr, c.kind, c.value))(t, 400, c.code)
	}
	remove := to(w, sdkpvtz.CreateDeleteZoneRecordRequest())
	remove.RecordId = requests.NewInteger64(second)
	ok(z.DeleteZoneRecord(remove))(t)
	refused(z.DeleteZoneRecord(remove))(t, 400, "Record.NotExists")
	list := to(w, sdkpvtz.CreateDescribeZoneRecordsRequest())
	list.ZoneId = id
	got := ok(z.DescribeZoneRecords(list))(t)
	if got.TotalItems != 2 || got.Records.Record[0].RecordId != first || got.Records.Record[0].Rr != "db" || got.Records.Record[1].Priority != 10 {
		t.Errorf("records %+v", got.Records)
	}
	refused(z.drop(id))(t, 400, "Zone.VpcExists")
	ok(z.bind(id))(t)
	ok(z.drop(id))(t)
	refused(z.drop(id))(t, 400, "Zone.NotExists")
	if got := w.resolves(id, "db.corp.example", "A"); got != nil {
		t.Errorf("db is %v after its zone", got)
	}
}
