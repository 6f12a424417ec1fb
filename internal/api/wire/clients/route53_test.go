package clients

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk53 "github.com/aws/aws-sdk-go-v2/service/route53"
	types53 "github.com/aws/aws-sdk-go-v2/service/route53/types"

	"weir/internal/api/aws/route53"
	"weir/internal/api/wire"
)

func (b *backend) addRoute53() {
	svc := wire.NewService(route53.Spec)
	change := &route53.ChangeInfo{Id: ptr("/change/C1"), Status: route53.ChangeStatusPENDING, SubmittedAt: &created}
	on[route53.CreateHostedZoneInput](b, svc, "CreateHostedZone", &route53.CreateHostedZoneOutput{
		HostedZone: &route53.HostedZone{Id: ptr("/hostedzone/Z1"), Name: ptr("example.com."), CallerReference: ptr("r & s"), Config: &route53.HostedZoneConfig{PrivateZone: ptr(true)}},
		ChangeInfo: change, DelegationSet: &route53.DelegationSet{NameServers: []string{"ns-0.example."}}, Location: ptr("https://there/Z1"),
	}, nil)
	on[route53.ChangeResourceRecordSetsInput](b, svc, "ChangeResourceRecordSets", &route53.ChangeResourceRecordSetsOutput{ChangeInfo: change}, nil)
	on[route53.ListResourceRecordSetsInput](b, svc, "ListResourceRecordSets", &route53.ListResourceRecordSetsOutput{
		IsTruncated: ptr(true), MaxItems: ptr("1"), NextRecordName: ptr("next.example.com."), NextRecordType: route53.RRTypeTXT,
		ResourceRecordSets: []route53.ResourceRecordSet{{Name: ptr(`\052.example.com.`), Type: route53.RRTypeTXT, TTL: ptr(int64(60)),
			ResourceRecords: []route53.ResourceRecord{{Value: ptr(`"<a>" "b"`)}, {Value: ptr(`"c"`)}}}},
	}, nil)
	on[route53.GetHostedZoneInput, route53.GetHostedZoneOutput](b, svc, "GetHostedZone", nil,
		&wire.Error{Code: "NoSuchHostedZone", Status: 404, Msg: "No hosted zone found with ID: Z9"})
	on[route53.ListHostedZonesInput](b, svc, "ListHostedZones", &route53.ListHostedZonesOutput{IsTruncated: ptr(false), MaxItems: ptr("100")}, nil)
	b.wire.Add(svc)
}

func TestSDKRoute53(t *testing.T) {
	b := newBackend(t, wire.Config{})
	c := sdk53.NewFromConfig(sdk(b))
	made := must[*sdk53.CreateHostedZoneOutput](t)(c.CreateHostedZone(t.Context(), &sdk53.CreateHostedZoneInput{
		Name: aws.String("example.com"), CallerReference: aws.String("r & s"), VPC: &types53.VPC{VPCId: aws.String("vpc-1"), VPCRegion: "us-east-1"},
		HostedZoneConfig: &types53.HostedZoneConfig{Comment: aws.String("<c>")}}))
	same(t, "zone", input[route53.CreateHostedZoneInput](t, b, "CreateHostedZone"), &route53.CreateHostedZoneInput{
		Name: ptr("example.com"), CallerReference: ptr("r & s"), VPC: &route53.VPC{VPCId: ptr("vpc-1"), VPCRegion: "us-east-1"},
		HostedZoneConfig: &route53.HostedZoneConfig{Comment: ptr("<c>")}})
	if *made.HostedZone.Name != "example.com." || !made.HostedZone.Config.PrivateZone || made.DelegationSet.NameServers[0] != "ns-0.example." ||
		*made.Location != "https://there/Z1" || !made.ChangeInfo.SubmittedAt.Equal(created) {
		t.Errorf("answer: %+v", made)
	}
	must[*sdk53.ChangeResourceRecordSetsOutput](t)(c.ChangeResourceRecordSets(t.Context(), &sdk53.ChangeResourceRecordSetsInput{
		HostedZoneId: aws.String("/hostedzone/Z1"), ChangeBatch: &types53.ChangeBatch{Changes: []types53.Change{
			{Action: "CREATE", ResourceRecordSet: &types53.ResourceRecordSet{Name: aws.String("a.example.com"), Type: "A", TTL: aws.Int64(0),
				ResourceRecords: []types53.ResourceRecord{{Value: aws.String("10.0.0.1")}, {Value: aws.String("10.0.0.2")}}}},
			{Action: "UPSERT", ResourceRecordSet: &types53.ResourceRecordSet{Name: aws.String("b.example.com"), Type: "A",
				AliasTarget: &types53.AliasTarget{HostedZoneId: aws.String("Z2"), DNSName: aws.String("x.")}}},
		}}}))
	same(t, "changes", input[route53.ChangeResourceRecordSetsInput](t, b, "ChangeResourceRecordSets"), &route53.ChangeResourceRecordSetsInput{
		HostedZoneId: ptr("Z1"), ChangeBatch: &route53.ChangeBatch{Changes: []route53.Change{
			{Action: "CREATE", ResourceRecordSet: &route53.ResourceRecordSet{Name: ptr("a.example.com"), Type: "A", TTL: ptr(int64(0)),
				ResourceRecords: []route53.ResourceRecord{{Value: ptr("10.0.0.1")}, {Value: ptr("10.0.0.2")}}}},
			{Action: "UPSERT", ResourceRecordSet: &route53.ResourceRecordSet{Name: ptr("b.example.com"), Type: "A",
				AliasTarget: &route53.AliasTarget{HostedZoneId: ptr("Z2"), DNSName: ptr("x."), EvaluateTargetHealth: ptr(false)}}},
		}}})
	list := must[*sdk53.ListResourceRecordSetsOutput](t)(c.ListResourceRecordSets(t.Context(), &sdk53.ListResourceRecordSetsInput{
		HostedZoneId: aws.String("Z1"), StartRecordName: aws.String(`\052.example.com`), StartRecordType: "TXT", MaxItems: aws.Int32(1)}))
	same(t, "list", input[route53.ListResourceRecordSetsInput](t, b, "ListResourceRecordSets"), &route53.ListResourceRecordSetsInput{
		HostedZoneId: ptr("Z1"), StartRecordName: ptr(`\052.example.com`), StartRecordType: "TXT", MaxItems: ptr("1")})
	if r := list.ResourceRecordSets[0]; !list.IsTruncated || *list.NextRecordName != "next.example.com." || *r.TTL != 60 || *r.ResourceRecords[0].Value != `"<a>" "b"` {
		t.Errorf("answer: %+v", list)
	}
	if zones := must[*sdk53.ListHostedZonesOutput](t)(c.ListHostedZones(t.Context(), &sdk53.ListHostedZonesInput{})); zones.IsTruncated || len(zones.HostedZones) != 0 {
		t.Errorf("zones: %+v", zones)
	}
	_, err := c.GetHostedZone(t.Context(), &sdk53.GetHostedZoneInput{Id: aws.String("Z9")})
	wantCode(t, err, "NoSuchHostedZone", "No hosted zone found with ID: Z9")
	_, err = c.GetHostedZoneCount(t.Context(), &sdk53.GetHostedZoneCountInput{})
	wantCode(t, err, "NotImplemented", "The operation GetHostedZoneCount of Route 53 is not implemented.")
}
