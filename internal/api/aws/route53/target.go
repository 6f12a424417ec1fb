package route53

import (
	"strings"

	"weir/internal/api/aws/access"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// unbound are the operations on zones in general.
var unbound = map[string]bool{
	"CreateHostedZone": true, "ListHostedZones": true, "ListHostedZonesByName": true, "ListHostedZonesByVPC": true, "GetHostedZoneCount": true,
}

// Targets lists what a call acts on, for authorisation.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonroute53.html
func Targets(c *control.Control) access.Lister {
	return func(call *wire.Call, in any) []access.Target {
		t := access.Target{Action: "route53:" + call.Operation, ARN: "*", Keys: access.Keys{}}
		id := access.Text(in, "HostedZoneId")
		if id == "" {
			id = access.Text(in, "Id")
		}
		switch in := in.(type) {
		case *GetChangeInput:
			t.ARN, id = "arn:aws:route53:::change/"+strings.TrimPrefix(*in.Id, "/change/"), ""
		case *ChangeTagsForResourceInput:
			t.ARN, id = tagARN(in.ResourceType, *in.ResourceId), ""
		case *ListTagsForResourceInput:
			t.ARN, id = tagARN(in.ResourceType, *in.ResourceId), ""
		case *ListTagsForResourcesInput:
			return tagTargets(t, in)
		case *ChangeResourceRecordSetsInput:
			recordKeys(t.Keys, in)
		}
		if id != "" && !unbound[call.Operation] {
			t.ARN = tagARN(TagResourceTypeHostedzone, id)
		}
		out := []access.Target{t}
		if at := vpcIn(in); at != nil {
			t.Keys["route53:VPCs"] = []string{"VPCId=" + text(at.VPCId) + ",VPCRegion=" + string(at.VPCRegion)}
			if strings.HasPrefix(call.Operation, "Create") || strings.HasPrefix(call.Operation, "Associate") {
				if vpc, ok := cloud.VPCs.Get(c.View(), cloud.VPCID(text(at.VPCId))); ok && vpc.Account == call.Account {
					out = append(out, access.Target{Action: "ec2:DescribeVpcs", ARN: "*"})
				}
			}
		}
		return out
	}
}

func tagARN(kind TagResourceType, id string) string {
	return "arn:aws:route53:::" + string(kind) + "/" + strings.TrimPrefix(id, "/hostedzone/")
}

func tagTargets(t access.Target, in *ListTagsForResourcesInput) (out []access.Target) {
	for _, id := range in.ResourceIds {
		t.ARN = tagARN(in.ResourceType, id)
		out = append(out, t)
	}
	return out
}

// recordKeys are the condition keys of changes of records.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/specifying-rrset-conditions.html
func recordKeys(k access.Keys, in *ChangeResourceRecordSetsInput) {
	for _, c := range in.ChangeBatch.Changes {
		name, ok := readName(*c.ResourceRecordSet.Name)
		if !ok {
			name = strings.ToLower(*c.ResourceRecordSet.Name)
		}
		for key, value := range map[string]string{
			"NormalizedRecordNames": strings.ReplaceAll(name, "*", `\052`), "RecordTypes": string(c.ResourceRecordSet.Type), "Actions": string(c.Action),
		} {
			key = "route53:ChangeResourceRecordSets" + key
			k[key] = append(k[key], value)
		}
	}
}

// vpcIn is the VPC that a call is about, or nil.
func vpcIn(in any) *VPC {
	switch in := in.(type) {
	case *CreateHostedZoneInput:
		return in.VPC
	case *AssociateVPCWithHostedZoneInput:
		return in.VPC
	case *DisassociateVPCFromHostedZoneInput:
		return in.VPC
	case *CreateVPCAssociationAuthorizationInput:
		return in.VPC
	case *DeleteVPCAssociationAuthorizationInput:
		return in.VPC
	case *ListHostedZonesByVPCInput:
		return &VPC{VPCId: in.VPCId, VPCRegion: in.VPCRegion}
	}
	return nil
}
