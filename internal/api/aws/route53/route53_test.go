package route53_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/smithy-go"

	"weir/internal/api/aws/access"
	"weir/internal/api/aws/iam"
	"weir/internal/api/aws/route53"
	"weir/internal/api/aws/sdktest"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
	"weir/internal/store"
)

const account, other = "111122223333", "444455556666"

type world struct {
	*sdk.Client // root of account
	t           *testing.T
	ctx         context.Context
	control     *control.Control
	url         string
	synced      bool
}

// newWorld serves Route 53 to root of two accounts, each with VPCs.
func newWorld(t *testing.T) *world {
	t.Helper()
	c := control.New(control.Deps{Store: store.NewMemory(cloud.Schema())}, control.Options{
		Account: account, Region: "us-east-1", Regions: []control.RegionInfo{{Name: "us-east-1"}, {Name: "eu-west-1"}}})
	if err := c.Bootstrap(t.Context(), iam.Managed()); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, ctx: t.Context(), control: c}
	auth := access.New(c, map[string]access.Lister{"route53": route53.Targets(c)}, nil)
	server := wire.NewServer(wire.Config{Verify: keys{c}, Account: account, Region: "us-east-1", Authorize: auth.Authorize})
	server.Add(route53.New(c, func(uint64) bool { return w.synced }))
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	w.url = web.URL
	w.Client = w.as("test")
	return w
}

// keys has a key for the root of each account beside control's own.
type keys struct{ *control.Control }

func (k keys) Credential(id, token string) (string, cloud.Principal, bool, error) {
	if id == other {
		return "test", cloud.Principal{Kind: cloud.PrincipalRoot, Account: other, ID: other}, false, nil
	}
	return k.Control.Credential(id, token)
}

func (w *world) as(id string) *sdk.Client {
	return sdk.New(sdk.Options{Region: "us-east-1", BaseEndpoint: &w.url, RetryMaxAttempts: 1, HTTPClient: sdktest.Client,
		Credentials: credentials.NewStaticCredentialsProvider(id, "test", "")})
}

func (w *world) vpc(owner, region, cidr string) types.VPC {
	w.t.Helper()
	n := 0
	who := control.Caller{Account: owner, Region: region, NewID: func(k cloud.Resource) string { n++; return fmt.Sprintf("%s-%s%s%d", k, owner, cidr[:6], n) }}
	v, err := w.control.CreateVPC(w.ctx, who, control.CreateVPC{CIDR: netip.MustParsePrefix(cidr), DNSSupport: true, DNSHostnames: true})
	w.check(err)
	return types.VPC{VPCId: aws.String(string(v.ID)), VPCRegion: types.VPCRegion(region)}
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) zone(name string, vpc types.VPC) string {
	w.t.Helper()
	out, err := w.CreateHostedZone(w.ctx, &sdk.CreateHostedZoneInput{Name: &name, CallerReference: aws.String(name + *vpc.VPCId), VPC: &vpc})
	w.check(err)
	return strings.TrimPrefix(*out.HostedZone.Id, "/hostedzone/")
}

// refused wants an error of this code, whose message has this in it.
func (w *world) refused(what string, err error, code, message string) {
	w.t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code || !strings.Contains(api.ErrorMessage(), message) {
		w.t.Errorf("%s: got %v, want %s: %s", what, err, code, message)
	}
}

func record(action types.ChangeAction, name, kind string, values ...string) types.Change {
	set := &types.ResourceRecordSet{Name: &name, Type: types.RRType(kind), TTL: aws.Int64(60)}
	for _, v := range values {
		set.ResourceRecords = append(set.ResourceRecords, types.ResourceRecord{Value: aws.String(v)})
	}
	return types.Change{Action: action, ResourceRecordSet: set}
}

func alias(name, kind, zone, target string) types.Change {
	return types.Change{Action: "UPSERT", ResourceRecordSet: &types.ResourceRecordSet{Name: &name, Type: types.RRType(kind),
		AliasTarget: &types.AliasTarget{HostedZoneId: &zone, DNSName: &target, EvaluateTargetHealth: true}}}
}

func (w *world) change(zone string, changes ...types.Change) (*sdk.ChangeResourceRecordSetsOutput, error) {
	return w.ChangeResourceRecordSets(w.ctx, &sdk.ChangeResourceRecordSetsInput{HostedZoneId: &zone, ChangeBatch: &types.ChangeBatch{Changes: changes}})
}

// listed is a zone's records, page by page: "name type value,value".
func (w *world) listed(zone string, page int32) (out []string) {
	w.t.Helper()
	in := &sdk.ListResourceRecordSetsInput{HostedZoneId: &zone, MaxItems: &page}
	for {
		l, err := w.ListResourceRecordSets(w.ctx, in)
		w.check(err)
		for _, r := range l.ResourceRecordSets {
			var values []string
			for _, v := range r.ResourceRecords {
				values = append(values, *v.Value)
			}
			if r.AliasTarget != nil {
				values = append(values, "-> "+*r.AliasTarget.DNSName)
			}
			out = append(out, fmt.Sprintf("%s %s %s", *r.Name, r.Type, strings.Join(values, ",")))
		}
		if !l.IsTruncated {
			return out
		}
		in.StartRecordName, in.StartRecordType = l.NextRecordName, l.NextRecordType
	}
}

func TestZones(t *testing.T) {
	w := newWorld(t)
	a, b := w.vpc(account, "us-east-1", "10.1.0.0/16"), w.vpc(account, "eu-west-1", "10.2.0.0/16")
	z := w.zone("Corp.Example.com.", a)
	got, err := w.GetHostedZone(w.ctx, &sdk.GetHostedZoneInput{Id: &z})
	w.check(err)
	if h := got.HostedZone; *h.Id != "/hostedzone/"+z || *h.Name != "corp.example.com." || !h.Config.PrivateZone || *h.ResourceRecordSetCount != 2 || *got.VPCs[0].VPCId != *a.VPCId {
		t.Errorf("zone: %+v %+v", h, got.VPCs)
	}
	create := func(in sdk.CreateHostedZoneInput) error {
		if in.CallerReference == nil {
			in.CallerReference = aws.String("new")
		}
		_, err := w.CreateHostedZone(w.ctx, &in)
		return err
	}
	w.refused("reference again", create(sdk.CreateHostedZoneInput{Name: aws.String("x.example"), VPC: &a, CallerReference: aws.String("Corp.Example.com." + *a.VPCId)}), "HostedZoneAlreadyExists", "caller reference")
	w.refused("same name", create(sdk.CreateHostedZoneInput{Name: aws.String("corp.example.com"), VPC: &a}), "ConflictingDomainExists", z)
	w.refused("no such VPC", create(sdk.CreateHostedZoneInput{Name: aws.String("x.example"), VPC: &types.VPC{VPCId: aws.String("vpc-no"), VPCRegion: "us-east-1"}}), "InvalidVPCId", "vpc-no")
	w.refused("wrong region", create(sdk.CreateHostedZoneInput{Name: aws.String("x.example"), VPC: &types.VPC{VPCId: a.VPCId, VPCRegion: "eu-west-1"}}), "InvalidVPCId", "")
	w.refused("bad name", create(sdk.CreateHostedZoneInput{Name: aws.String("a..b"), VPC: &a}), "InvalidDomainName", "a..b")
	w.refused("public", create(sdk.CreateHostedZoneInput{Name: aws.String("x.example")}), "NotImplemented", "public hosted zone")
	_, err = w.GetHostedZone(w.ctx, &sdk.GetHostedZoneInput{Id: aws.String("ZNO")})
	w.refused("no zone", err, "NoSuchHostedZone", "No hosted zone found with ID: ZNO")
	_, err = w.as(other).GetHostedZone(w.ctx, &sdk.GetHostedZoneInput{Id: &z})
	w.refused("another account's zone", err, "NoSuchHostedZone", "")
	_, err = w.GetDNSSEC(w.ctx, &sdk.GetDNSSECInput{HostedZoneId: &z})
	w.refused("DNSSEC", err, "InvalidArgument", "Operation is unsupported for private")

	up, err := w.UpdateHostedZoneComment(w.ctx, &sdk.UpdateHostedZoneCommentInput{Id: &z, Comment: aws.String("mine")})
	w.check(err)
	if *up.HostedZone.Config.Comment != "mine" {
		t.Errorf("comment: %+v", up.HostedZone.Config)
	}
	w.zone("example.org", b)
	w.zone("b.example.com", b)
	var names []string
	in := &sdk.ListHostedZonesByNameInput{MaxItems: aws.Int32(1), DNSName: aws.String("b.example.com")}
	for {
		l, err := w.ListHostedZonesByName(w.ctx, in)
		w.check(err)
		names = append(names, *l.HostedZones[0].Name)
		if !l.IsTruncated {
			break
		}
		in.DNSName, in.HostedZoneId = l.NextDNSName, l.NextHostedZoneId
	}
	if s := strings.Join(names, " "); s != "b.example.com. corp.example.com. example.org." {
		t.Errorf("by name: %s", s)
	}
	n := 0
	pages := sdk.NewListHostedZonesPaginator(w, &sdk.ListHostedZonesInput{MaxItems: aws.Int32(2)})
	for pages.HasMorePages() {
		p, err := pages.NextPage(w.ctx)
		w.check(err)
		n += len(p.HostedZones)
	}
	by, err := w.ListHostedZonesByVPC(w.ctx, &sdk.ListHostedZonesByVPCInput{VPCId: b.VPCId, VPCRegion: b.VPCRegion})
	w.check(err)
	if n != 3 || len(by.HostedZoneSummaries) != 2 || *by.HostedZoneSummaries[0].Owner.OwningAccount != account {
		t.Errorf("%d zones, of the VPC %+v", n, by.HostedZoneSummaries)
	}
	_, err = w.ChangeTagsForResource(w.ctx, &sdk.ChangeTagsForResourceInput{ResourceType: "hostedzone", ResourceId: &z, AddTags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}})
	w.check(err)
	tags, err := w.ListTagsForResource(w.ctx, &sdk.ListTagsForResourceInput{ResourceType: "hostedzone", ResourceId: &z})
	w.check(err)
	if len(tags.ResourceTagSet.Tags) != 1 || *tags.ResourceTagSet.Tags[0].Value != "v" {
		t.Errorf("tags: %+v", tags.ResourceTagSet)
	}
	_, err = w.change(z, record("CREATE", "a.corp.example.com", "A", "10.0.0.1"))
	w.check(err)
	_, err = w.DeleteHostedZone(w.ctx, &sdk.DeleteHostedZoneInput{Id: &z})
	w.refused("not empty", err, "HostedZoneNotEmpty", "")
	_, err = w.change(z, record("DELETE", "a.corp.example.com", "A", "10.0.0.1"))
	w.check(err)
	gone, err := w.DeleteHostedZone(w.ctx, &sdk.DeleteHostedZoneInput{Id: &z})
	w.check(err)
	for _, want := range []types.ChangeStatus{"PENDING", "INSYNC"} {
		c, err := w.GetChange(w.ctx, &sdk.GetChangeInput{Id: gone.ChangeInfo.Id})
		w.check(err)
		if c.ChangeInfo.Status != want || !c.ChangeInfo.SubmittedAt.Equal(*gone.ChangeInfo.SubmittedAt) {
			t.Errorf("change: %+v, want %s", c.ChangeInfo, want)
		}
		w.synced = true
	}
	_, err = w.as(other).GetChange(w.ctx, &sdk.GetChangeInput{Id: gone.ChangeInfo.Id})
	w.refused("another account's change", err, "NoSuchChange", "")
}

func TestRecords(t *testing.T) {
	w := newWorld(t)
	z := w.zone("example.com", w.vpc(account, "us-east-1", "10.1.0.0/16"))
	_, err := w.change(z,
		record("CREATE", "WWW.example.com", "CNAME", "b.example.com"), record("CREATE", "*.example.com.", "A", "10.0.0.9"),
		record("CREATE", "b.example.com", "A", "10.0.0.2", "10.0.0.1"), record("CREATE", "b.example.com", "TXT", `"a \344 \"q\"" "b"`, `"c"`),
		record("CREATE", "a.b.example.com", "MX", "10 b.example.com."), record("CREATE", "s.example.com", "SRV", "1 2 80 b.example.com"),
		record("CREATE", "example.com", "CAA", `0 issue "ca.example.net"`), record("CREATE", "a-b.example.com", "AAAA", "2001:db8::1"),
		alias("al.example.com", "A", z, "b.example.com."))
	w.check(err)
	want := []string{
		`example.com. CAA 0 issue "ca.example.net"`,
		"example.com. NS ns-1536.awsdns-00.co.uk.,ns-0.awsdns-00.com.,ns-1024.awsdns-00.org.,ns-512.awsdns-00.net.",
		"example.com. SOA ns-1536.awsdns-00.co.uk. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400",
		`\052.example.com. A 10.0.0.9`,
		"a-b.example.com. AAAA 2001:db8::1",
		"al.example.com. A -> b.example.com.",
		"b.example.com. A 10.0.0.2,10.0.0.1",
		`b.example.com. TXT "a \344 \"q\"" "b","c"`,
		"a.b.example.com. MX 10 b.example.com.",
		"s.example.com. SRV 1 2 80 b.example.com",
		"www.example.com. CNAME b.example.com",
	}
	for _, page := range []int32{1, 4, 300} {
		if got := w.listed(z, page); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("pages of %d:\n%s\nwant\n%s", page, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	for _, c := range []struct {
		what, code, message string
		changes             []types.Change
	}{
		{"exists", "InvalidChangeBatch", "[Tried to create resource record set [name='b.example.com.', type='A'] but it already exists]", []types.Change{record("CREATE", "b.example.com", "A", "10.0.0.3")}},
		{"absent", "InvalidChangeBatch", "[name='c.example.com.', type='A'] but it was not found", []types.Change{record("DELETE", "c.example.com", "A", "10.0.0.3")}},
		{"differs", "InvalidChangeBatch", "but the values provided do not match the current values", []types.Change{record("DELETE", "b.example.com", "A", "10.0.0.1")}},
		{"outside", "InvalidChangeBatch", "RRSet with DNS name b.example.org. is not permitted in zone example.com.", []types.Change{record("CREATE", "b.example.org", "A", "10.0.0.1")}},
		{"like the zone", "InvalidChangeBatch", "is not permitted in zone", []types.Change{record("CREATE", "badexample.com", "A", "10.0.0.1")}},
		{"cname beside", "InvalidChangeBatch", "conflicts with other records", []types.Change{record("CREATE", "b.example.com", "CNAME", "x.example.com")}},
		{"beside cname", "InvalidChangeBatch", "conflicting RRSet of type CNAME", []types.Change{record("CREATE", "www.example.com", "A", "10.0.0.1")}},
		{"cname apex", "InvalidChangeBatch", "is not permitted at apex in zone example.com.", []types.Change{record("CREATE", "example.com", "CNAME", "x.example.com")}},
		{"no NS", "InvalidChangeBatch", "at least one NS record", []types.Change{{Action: "DELETE", ResourceRecordSet: &types.ResourceRecordSet{Name: aws.String("example.com"), Type: "NS", TTL: aws.Int64(172800),
			ResourceRecords: record("", "", "", "ns-1536.awsdns-00.co.uk.", "ns-0.awsdns-00.com.", "ns-1024.awsdns-00.org.", "ns-512.awsdns-00.net.").ResourceRecordSet.ResourceRecords}}}},
		{"bad A", "InvalidChangeBatch", "ARRDATAIllegalIPv4Address", []types.Change{record("CREATE", "c.example.com", "A", "10.0.0")}},
		{"bad AAAA", "InvalidChangeBatch", "AAAARRDATAIllegalIPv6Address", []types.Change{record("CREATE", "c.example.com", "AAAA", "10.0.0.1")}},
		{"bad TXT", "InvalidChangeBatch", "InvalidCharacterString", []types.Change{record("CREATE", "c.example.com", "TXT", "plain")}},
		{"open TXT", "InvalidChangeBatch", "InvalidCharacterString", []types.Change{record("CREATE", "c.example.com", "TXT", `"open\"`)}},
		{"bad MX", "InvalidChangeBatch", "MXRRDATA", []types.Change{record("CREATE", "c.example.com", "MX", "mail.example.com")}},
		{"twice", "InvalidChangeBatch", "Duplicate Resource Record: '10.0.0.1'", []types.Change{record("CREATE", "c.example.com", "A", "10.0.0.1", "10.0.0.1")}},
		{"set twice", "InvalidChangeBatch", "invalid set of changes for a resource record set 'A c.example.com.'", []types.Change{record("CREATE", "c.example.com", "A", "10.0.0.1"), record("UPSERT", "c.example.com", "A", "10.0.0.1")}},
		{"no target", "InvalidChangeBatch", "but that target was not found", []types.Change{alias("c.example.com", "A", z, "nothing.example.com")}},
		{"no endpoint", "InvalidChangeBatch", "but that target was not found", []types.Change{alias("c.example.com", "A", "Z7HUB22UULQXV", "vpce-1.lambda.us-east-1.vpce.amazonaws.com")}},
		{"target elsewhere", "InvalidChangeBatch", "does not lie within the target zone", []types.Change{alias("c.example.com", "A", z, "x.example.org")}},
		{"no TTL", "InvalidInput", "Expected exactly one of", []types.Change{{Action: "CREATE", ResourceRecordSet: &types.ResourceRecordSet{Name: aws.String("c.example.com"), Type: "A"}}}},
		{"weighted", "NotImplemented", "routing policy", []types.Change{{Action: "CREATE", ResourceRecordSet: &types.ResourceRecordSet{Name: aws.String("c.example.com"), Type: "A", TTL: aws.Int64(1), Weight: aws.Int64(1),
			SetIdentifier: aws.String("x"), ResourceRecords: []types.ResourceRecord{{Value: aws.String("10.0.0.1")}}}}}},
		{"type", "NotImplemented", "NAPTR", []types.Change{record("CREATE", "c.example.com", "NAPTR", "1")}},
	} {
		_, err := w.change(z, append([]types.Change{record("UPSERT", "good.example.com", "A", "10.0.0.1")}, c.changes...)...)
		w.refused(c.what, err, c.code, c.message)
	}
	if got := w.listed(z, 300); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("refused batches changed the zone:\n%s", strings.Join(got, "\n"))
	}
	_, err = w.change(z, record("DELETE", "b.example.com", "A", "10.0.0.1", "10.0.0.2"), record("DELETE", "b.example.com", "TXT", `"c"`, `"a \344 \"q\"" "b"`),
		record("CREATE", "b.example.com", "CNAME", "a-b.example.com"), record("DELETE", "www.example.com", "CNAME", "b.example.com"), record("CREATE", "www.example.com", "A", "10.0.0.7"))
	w.check(err)
	l, err := w.ListResourceRecordSets(w.ctx, &sdk.ListResourceRecordSetsInput{HostedZoneId: &z, StartRecordName: aws.String("b.example.com"), MaxItems: aws.Int32(1)})
	w.check(err)
	if r := l.ResourceRecordSets[0]; r.Type != "CNAME" || *l.NextRecordName != "a.b.example.com." {
		t.Errorf("after the exchange: %+v, next %s", r, *l.NextRecordName)
	}
}

func TestAssociations(t *testing.T) {
	w := newWorld(t)
	a, b, theirs := w.vpc(account, "us-east-1", "10.1.0.0/16"), w.vpc(account, "us-east-1", "10.2.0.0/16"), w.vpc(other, "us-east-1", "10.3.0.0/16")
	z, x := w.zone("example.com", a), w.as(other)
	associate := func(c *sdk.Client, vpc types.VPC) error {
		_, err := c.AssociateVPCWithHostedZone(w.ctx, &sdk.AssociateVPCWithHostedZoneInput{HostedZoneId: &z, VPC: &vpc})
		return err
	}
	disassociate := func(c *sdk.Client, vpc types.VPC) error {
		_, err := c.DisassociateVPCFromHostedZone(w.ctx, &sdk.DisassociateVPCFromHostedZoneInput{HostedZoneId: &z, VPC: &vpc})
		return err
	}
	w.refused("the last", disassociate(w.Client, a), "LastVPCAssociation", "")
	w.check(associate(w.Client, b))
	w.refused("again", associate(w.Client, b), "ConflictingDomainExists", z)
	w.refused("not asked", associate(x, theirs), "NotAuthorizedException", *theirs.VPCId)
	w.refused("not mine", associate(w.Client, theirs), "NotAuthorizedException", *theirs.VPCId)
	auth := &sdk.CreateVPCAssociationAuthorizationInput{HostedZoneId: &z, VPC: &theirs}
	_, err := x.CreateVPCAssociationAuthorization(w.ctx, auth)
	w.refused("not the zone's owner", err, "NoSuchHostedZone", "")
	_, err = w.CreateVPCAssociationAuthorization(w.ctx, auth)
	w.check(err)
	list, err := w.ListVPCAssociationAuthorizations(w.ctx, &sdk.ListVPCAssociationAuthorizationsInput{HostedZoneId: &z})
	w.check(err)
	if len(list.VPCs) != 1 || *list.VPCs[0].VPCId != *theirs.VPCId {
		t.Errorf("authorizations: %+v", list.VPCs)
	}
	w.refused("not the VPC's owner", associate(w.Client, theirs), "NotAuthorizedException", "")
	w.check(associate(x, theirs))
	by, err := x.ListHostedZonesByVPC(w.ctx, &sdk.ListHostedZonesByVPCInput{VPCId: theirs.VPCId, VPCRegion: theirs.VPCRegion})
	w.check(err)
	if len(by.HostedZoneSummaries) != 1 || *by.HostedZoneSummaries[0].Owner.OwningAccount != account {
		t.Errorf("zones of their VPC: %+v", by.HostedZoneSummaries)
	}
	gone := &sdk.DeleteVPCAssociationAuthorizationInput{HostedZoneId: &z, VPC: &theirs}
	_, err = w.DeleteVPCAssociationAuthorization(w.ctx, gone)
	w.check(err)
	_, err = w.DeleteVPCAssociationAuthorization(w.ctx, gone)
	w.refused("no authorization", err, "VPCAssociationAuthorizationNotFound", "")
	w.check(disassociate(x, theirs))
	w.refused("not associated", disassociate(w.Client, theirs), "VPCAssociationNotFound", "")
	w.check(disassociate(w.Client, a))
	limit, err := w.GetHostedZoneLimit(w.ctx, &sdk.GetHostedZoneLimitInput{HostedZoneId: &z, Type: types.HostedZoneLimitTypeMaxVpcsAssociatedByZone})
	w.check(err)
	if limit.Count != 1 || *limit.Limit.Value != 300 {
		t.Errorf("limit: %+v of %+v", limit.Count, limit.Limit)
	}
}
