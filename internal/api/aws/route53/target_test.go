package route53

import (
	"reflect"
	"testing"

	"weir/internal/api/aws/access"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
	"weir/internal/store"
)

// TestTargets: actions, resources and condition keys are those of
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonroute53.html
func TestTargets(t *testing.T) {
	s := store.NewMemory(cloud.Schema())
	if _, err := s.Update(t.Context(), func(tx cloud.Tx) error {
		cloud.VPCs.Put(tx, &cloud.VPC{Meta: cloud.Meta{Account: "1", Region: "us-east-1"}, ID: "vpc-1"})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	list := Targets(control.New(control.Deps{Store: s}, control.Options{}))
	vpc := &VPC{VPCId: new("vpc-1"), VPCRegion: "us-east-1"}
	keys := access.Keys{"route53:VPCs": {"VPCId=vpc-1,VPCRegion=us-east-1"}}
	change := func(action ChangeAction, name string, kind RRType) Change {
		return Change{Action: action, ResourceRecordSet: &ResourceRecordSet{Name: &name, Type: kind}}
	}
	for _, c := range []struct {
		op   string
		in   any
		want []access.Target
	}{
		{"GetHostedZone", &GetHostedZoneInput{Id: new("Z1")}, []access.Target{{Action: "route53:GetHostedZone", ARN: "arn:aws:route53:::hostedzone/Z1", Keys: access.Keys{}}}},
		{"ListHostedZonesByName", &ListHostedZonesByNameInput{HostedZoneId: new("Z1")}, []access.Target{{Action: "route53:ListHostedZonesByName", ARN: "*", Keys: access.Keys{}}}},
		{"GetChange", &GetChangeInput{Id: new("C1")}, []access.Target{{Action: "route53:GetChange", ARN: "arn:aws:route53:::change/C1", Keys: access.Keys{}}}},
		{"CreateHostedZone", &CreateHostedZoneInput{VPC: vpc}, []access.Target{
			{Action: "route53:CreateHostedZone", ARN: "*", Keys: keys}, {Action: "ec2:DescribeVpcs", ARN: "*"}}},
		{"AssociateVPCWithHostedZone", &AssociateVPCWithHostedZoneInput{HostedZoneId: new("Z1"), VPC: vpc}, []access.Target{
			{Action: "route53:AssociateVPCWithHostedZone", ARN: "arn:aws:route53:::hostedzone/Z1", Keys: keys}, {Action: "ec2:DescribeVpcs", ARN: "*"}}},
		{"ListTagsForResources", &ListTagsForResourcesInput{ResourceType: "hostedzone", ResourceIds: []string{"Z1", "Z2"}}, []access.Target{
			{Action: "route53:ListTagsForResources", ARN: "arn:aws:route53:::hostedzone/Z1", Keys: access.Keys{}},
			{Action: "route53:ListTagsForResources", ARN: "arn:aws:route53:::hostedzone/Z2", Keys: access.Keys{}}}},
		{"ChangeResourceRecordSets", &ChangeResourceRecordSetsInput{HostedZoneId: new("Z1"), ChangeBatch: &ChangeBatch{Changes: []Change{
			change("CREATE", "*.Example.com.", "A"), change("DELETE", "b.example.com", "TXT")}}}, []access.Target{
			{Action: "route53:ChangeResourceRecordSets", ARN: "arn:aws:route53:::hostedzone/Z1", Keys: access.Keys{
				"route53:ChangeResourceRecordSetsNormalizedRecordNames": {`\052.example.com`, "b.example.com"},
				"route53:ChangeResourceRecordSetsRecordTypes":           {"A", "TXT"},
				"route53:ChangeResourceRecordSetsActions":               {"CREATE", "DELETE"}}}}},
	} {
		if got := list(&wire.Call{Operation: c.op, Service: "route53", Account: "1"}, c.in); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, want %+v", c.op, got, c.want)
		}
	}
}

// TestValues: values of records, as they are kept and shown again.
func TestValues(t *testing.T) {
	for _, c := range []struct {
		kind       RRType
		value, say string // "" is as given, "!" a flaw
	}{
		{"A", "10.0.0.1", ""}, {"A", "010.0.0.1", "!"}, {"A", "::1", "!"}, {"AAAA", "2001:DB8::1", ""}, {"AAAA", "fe80::1%eth0", "!"},
		{"CNAME", "a.example.com.", ""}, {"CNAME", "a b", "!"}, {"CNAME", "a..b", "!"}, {"CNAME", `a\056b`, "!"}, {"NS", "ns.example", ""},
		{"MX", "10 mail.example", ""}, {"MX", "70000 mail.example", "!"}, {"MX", "+1 mail.example", "!"}, {"MX", "0 .", ""}, {"MX", "10\nmail", "!"},
		{"SRV", "1 2 3 a.example", ""}, {"SRV", "1 2 a.example", "!"}, {"SOA", "a. b. 1 2 3 4 5", ""}, {"SOA", "a. b. 1 2 3 4", "!"},
		{"TXT", `"a" "b"`, ""}, {"TXT", `"a;b (c)"`, ""}, {"TXT", `"\351\"\\"`, `"\233\"\\"`}, {"TXT", `"a`, "!"}, {"TXT", `a`, "!"}, {"TXT", "", "!"}, {"TXT", "\"é\"", "!"},
		{"CAA", `0 issue "ca; x=1"`, ""}, {"CAA", `256 issue "ca"`, "!"}, {"CAA", `0 issue ca`, "!"}, {"CAA", `0 "ca"`, "!"},
	} {
		got, w := checkValue(c.kind, c.value)
		want := c.value
		if c.say != "" {
			want = c.say
		}
		switch {
		case c.say == "!":
			if w == "" {
				t.Errorf("%s %q is taken", c.kind, c.value)
			}
		case w != "" || got != want:
			t.Errorf("%s %q: %q, %s; want %q", c.kind, c.value, got, w, want)
		default:
			if shown := showValue(string(c.kind), got); shown != c.value {
				t.Errorf("%s %q is shown as %q", c.kind, c.value, shown)
			}
		}
	}
}
