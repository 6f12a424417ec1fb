package route53

import (
	"context"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

const attrComment = "aws.comment"

func (a *api) handleZones(s *wire.Service) {
	wire.Handle(s, "CreateHostedZone", a.createHostedZone)
	wire.Handle(s, "GetHostedZone", a.getHostedZone)
	wire.Handle(s, "DeleteHostedZone", a.deleteHostedZone)
	wire.Handle(s, "UpdateHostedZoneComment", a.updateHostedZoneComment)
	wire.Handle(s, "GetHostedZoneLimit", a.getHostedZoneLimit)
	wire.Handle(s, "GetDNSSEC", a.getDNSSEC)
}

// nameServers are those that private zones name. Nobody asks them.
var nameServers = []string{"ns-1536.awsdns-00.co.uk.", "ns-0.awsdns-00.com.", "ns-1024.awsdns-00.org.", "ns-512.awsdns-00.net."}

// firstRecords are those that a zone begins with.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/SOA-NSrecords.html
func firstRecords(zone string) []cloud.DNSRecordSet {
	return []cloud.DNSRecordSet{
		{Name: zone, Type: "NS", TTL: 172800, Values: nameServers},
		{Name: zone, Type: "SOA", TTL: 900, Values: []string{nameServers[0] + " awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"}},
	}
}

func zoneShape(v cloud.View, z *cloud.DNSZone) *HostedZone {
	n := int64(0)
	for range cloud.DNSRecordSets.By(v, "zone", string(z.ID)) {
		n++
	}
	out := &HostedZone{
		Id: new("/hostedzone/" + string(z.ID)), Name: new(showName(z.Name)), CallerReference: new(z.Token),
		Config: &HostedZoneConfig{PrivateZone: new(true)}, ResourceRecordSetCount: &n,
	}
	if c := z.Attrs[attrComment]; c != "" {
		out.Config.Comment = &c
	}
	return out
}

func (a *api) createHostedZone(ctx context.Context, in *CreateHostedZoneInput) (*CreateHostedZoneOutput, error) {
	name, ok := readName(*in.Name)
	private := in.HostedZoneConfig != nil && in.HostedZoneConfig.PrivateZone != nil && *in.HostedZoneConfig.PrivateZone
	switch {
	case !ok || strings.Contains(name, "*"):
		return nil, &wire.Error{Code: "InvalidDomainName", Msg: "The domain name " + *in.Name + " is not valid."}
	case in.DelegationSetId != nil:
		return nil, unsupported("A reusable delegation set")
	case in.VPC == nil && private:
		return nil, invalid("When you're creating a private hosted zone (when you specify true for PrivateZone), you must also specify values for VPCId and VPCRegion.")
	case in.VPC == nil:
		return nil, unsupported("A public hosted zone")
	}
	at, err := vpcOf(in.VPC)
	if err != nil {
		return nil, err
	}
	c := control.CreateDNSZone{
		Labels: control.Labels{Token: *in.CallerReference}, Name: name, VPC: at, Records: firstRecords(name),
	}
	if in.HostedZoneConfig != nil && text(in.HostedZoneConfig.Comment) != "" {
		c.Attrs = map[string]string{attrComment: *in.HostedZoneConfig.Comment}
	}
	z, err := a.control.CreateDNSZone(ctx, caller(ctx), c)
	if err != nil {
		return nil, err
	}
	return &CreateHostedZoneOutput{
		HostedZone: zoneShape(a.control.View(), z), ChangeInfo: a.pending(ctx, nil), VPC: &vpcShapes(z.VPCs)[0],
		DelegationSet: &DelegationSet{NameServers: nameServers},
		Location:      new("https://route53.amazonaws.com/2013-04-01/hostedzone/" + string(z.ID)),
	}, nil
}

func (a *api) getHostedZone(ctx context.Context, in *GetHostedZoneInput) (*GetHostedZoneOutput, error) {
	v := a.control.View()
	z, err := control.DNSZone(v, caller(ctx), zoneID(in.Id))
	if err != nil {
		return nil, err
	}
	return &GetHostedZoneOutput{HostedZone: zoneShape(v, z), VPCs: vpcShapes(z.VPCs)}, nil
}

func (a *api) deleteHostedZone(ctx context.Context, in *DeleteHostedZoneInput) (*DeleteHostedZoneOutput, error) {
	if err := a.control.DeleteDNSZone(ctx, caller(ctx), zoneID(in.Id)); err != nil {
		return nil, err
	}
	return &DeleteHostedZoneOutput{ChangeInfo: a.pending(ctx, nil)}, nil
}

func (a *api) updateHostedZoneComment(ctx context.Context, in *UpdateHostedZoneCommentInput) (*UpdateHostedZoneCommentOutput, error) {
	z, err := a.control.EditDNSZone(ctx, caller(ctx), zoneID(in.Id), map[string]string{attrComment: text(in.Comment)})
	if err != nil {
		return nil, err
	}
	return &UpdateHostedZoneCommentOutput{HostedZone: zoneShape(a.control.View(), z)}, nil
}

func (a *api) getHostedZoneLimit(ctx context.Context, in *GetHostedZoneLimitInput) (*GetHostedZoneLimitOutput, error) {
	v, q := a.control.View(), a.control.Quotas()
	z, err := control.DNSZone(v, caller(ctx), zoneID(in.HostedZoneId))
	if err != nil {
		return nil, err
	}
	limit, n := q.VPCsPerDNSZone, int64(len(z.VPCs))
	if in.Type == HostedZoneLimitTypeMAXRRSETSBYZONE {
		limit, n = q.RecordsPerDNSZone, *zoneShape(v, z).ResourceRecordSetCount
	}
	return &GetHostedZoneLimitOutput{Count: &n, Limit: &HostedZoneLimit{Type: in.Type, Value: new(int64(limit))}}, nil
}

// getDNSSEC is for public zones only, and there are none.
func (a *api) getDNSSEC(ctx context.Context, in *GetDNSSECInput) (*GetDNSSECOutput, error) {
	if _, err := control.DNSZone(a.control.View(), caller(ctx), zoneID(in.HostedZoneId)); err != nil {
		return nil, err
	}
	return nil, &wire.Error{Code: "InvalidArgument", Msg: "Operation is unsupported for private hosted zones."}
}
