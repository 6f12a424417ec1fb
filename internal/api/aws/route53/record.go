package route53

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// What only this API shows of an alias.
const (
	attrAliasZone   = "aws.alias-zone"
	attrAliasHealth = "aws.alias-health"
)

// The size of a batch. https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html
const (
	maxValues     = 1000
	maxCharacters = 32000
)

func (a *api) handleRecords(s *wire.Service) {
	wire.Handle(s, "ChangeResourceRecordSets", a.changeRecords)
	wire.Handle(s, "ListResourceRecordSets", a.listRecords)
	wire.Handle(s, "GetChange", a.getChange)
}

// recordShape is a record set as the API shows it.
func recordShape(r *cloud.DNSRecordSet) ResourceRecordSet {
	out := ResourceRecordSet{Name: new(showName(r.Name)), Type: RRType(r.Type)}
	if r.Alias != "" {
		out.AliasTarget = &AliasTarget{
			DNSName: new(showName(r.Alias)), HostedZoneId: new(r.Attrs[attrAliasZone]), EvaluateTargetHealth: new(r.Attrs[attrAliasHealth] == "true"),
		}
		return out
	}
	out.TTL = new(int64(r.TTL))
	for _, v := range r.Values {
		out.ResourceRecords = append(out.ResourceRecords, ResourceRecord{Value: new(showValue(r.Type, v))})
	}
	return out
}

// listRecords lists by name, read from its last label, then by type.
func (a *api) listRecords(ctx context.Context, in *ListResourceRecordSetsInput) (*ListResourceRecordSetsOutput, error) {
	n, err := maxItems(in.MaxItems, maxRecords)
	if err != nil {
		return nil, err
	}
	v := a.control.View()
	z, err := control.DNSZone(v, caller(ctx), zoneID(in.HostedZoneId))
	if err != nil {
		return nil, err
	}
	var start cloud.DNSRecordKey
	switch {
	case in.StartRecordName != nil:
		name, ok := readName(*in.StartRecordName)
		if !ok {
			return nil, invalid("The name %s is not valid.", *in.StartRecordName)
		}
		start = cloud.MakeDNSRecordKey(z.ID, name, string(in.StartRecordType))
	case in.StartRecordType != "":
		return nil, invalid("A record type is only taken together with a name.")
	}
	all := slices.Collect(cloud.DNSRecordSets.By(v, "zone", string(z.ID)))
	page, next := cut(all, n, func(r *cloud.DNSRecordSet) bool { return r.Key() < start })
	out := &ListResourceRecordSetsOutput{IsTruncated: new(next != nil), MaxItems: new(strconv.Itoa(n))}
	for _, r := range page {
		out.ResourceRecordSets = append(out.ResourceRecordSets, recordShape(r))
	}
	if next != nil {
		out.NextRecordName, out.NextRecordType = new(showName((*next).Name)), RRType((*next).Type)
	}
	return out, nil
}

var actions = map[ChangeAction]control.DNSAction{
	ChangeActionCREATE: control.DNSCreate, ChangeActionUPSERT: control.DNSUpsert, ChangeActionDELETE: control.DNSDelete,
}

func (a *api) changeRecords(ctx context.Context, in *ChangeResourceRecordSetsInput) (*ChangeResourceRecordSetsOutput, error) {
	id := zoneID(in.HostedZoneId)
	z, err := control.DNSZone(a.control.View(), caller(ctx), id)
	if err != nil {
		return nil, err
	}
	b := &batch{zone: z}
	for _, c := range in.ChangeBatch.Changes {
		if err := b.read(c); err != nil {
			return nil, err
		}
	}
	b.once()
	if len(b.flaws) > 0 {
		return nil, badBatch(b.flaws)
	}
	if err := a.control.ChangeDNSRecords(ctx, caller(ctx), id, b.changes); err != nil {
		var refused *control.DNSChangeError
		if errors.As(err, &refused) {
			for _, f := range refused.Faults {
				b.flaws = append(b.flaws, sentence(f))
			}
			return nil, badBatch(b.flaws)
		}
		return nil, err
	}
	return &ChangeResourceRecordSetsOutput{ChangeInfo: a.pending(ctx, in.ChangeBatch.Comment)}, nil
}

// badBatch lists everything that is wrong with a batch, as Amazon does.
func badBatch(flaws []string) *wire.Error {
	return &wire.Error{Code: "InvalidChangeBatch", Msg: "[" + strings.Join(slices.Compact(flaws), ", ") + "]"}
}

// batch is a batch of changes while it is read.
type batch struct {
	zone               *cloud.DNSZone
	changes            []control.DNSChange
	flaws              []string
	values, characters int
}

func (b *batch) flaw(format string, args ...any) {
	b.flaws = append(b.flaws, fmt.Sprintf(format, args...))
}

// read takes one change. An error is one of the request's form; what is wrong
// with the records is noted.
func (b *batch) read(c Change) error {
	r := c.ResourceRecordSet
	if what := notEnforced(r); what != "" {
		return unsupported(what)
	}
	if !slices.Contains(control.DNSTypes, string(r.Type)) {
		return unsupported("The record type " + string(r.Type))
	}
	plain := r.TTL != nil && len(r.ResourceRecords) > 0
	if plain == (r.AliasTarget != nil) || r.AliasTarget != nil && (r.TTL != nil || r.ResourceRecords != nil) {
		found := "none"
		if r.AliasTarget != nil {
			found = "more than one"
		}
		return invalid("Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found %s in Change with [Action=%s, Name=%s, Type=%s, SetIdentifier=null]",
			found, c.Action, *r.Name, r.Type)
	}
	name, ok := readName(*r.Name)
	if !ok {
		b.flaw("FATAL problem: UnsupportedCharacter (Value contains unsupported characters) encountered with '%s'", *r.Name)
		return nil
	}
	set := cloud.DNSRecordSet{Name: name, Type: string(r.Type)}
	if plain {
		set.TTL = uint32(*r.TTL)
		set.Values = b.readValues(r, c.Action)
	} else {
		b.readAlias(&set, r.AliasTarget)
	}
	b.changes = append(b.changes, control.DNSChange{Action: actions[c.Action], Set: set})
	return nil
}

// notEnforced names what of a record set nothing here does.
func notEnforced(r *ResourceRecordSet) string {
	switch {
	case r.TrafficPolicyInstanceId != nil:
		return "A traffic policy"
	case r.HealthCheckId != nil:
		return "A health check"
	case r.SetIdentifier != nil, r.Weight != nil, r.Region != "", r.GeoLocation != nil, r.Failover != "", r.MultiValueAnswer != nil,
		r.CidrRoutingConfig != nil, r.GeoProximityLocation != nil:
		return "A routing policy other than simple routing"
	}
	return ""
}

func (b *batch) readValues(r *ResourceRecordSet, action ChangeAction) (out []string) {
	weight := 1
	if action == ChangeActionUPSERT { // counts twice
		weight = 2
	}
	for _, v := range r.ResourceRecords {
		value, w := checkValue(r.Type, *v.Value)
		switch {
		case w != "":
			b.flaw("Invalid Resource Record: 'FATAL problem: %s encountered with '%s''", w, *v.Value)
		case slices.Contains(out, value):
			b.flaw("Duplicate Resource Record: '%s'", *v.Value)
		}
		out = append(out, value)
		b.values, b.characters = b.values+weight, b.characters+weight*len(*v.Value)
	}
	if len(out) > 1 && (r.Type == RRTypeCNAME || r.Type == RRTypeSOA) {
		b.flaw("Invalid Resource Record: 'FATAL problem: TooManyResourceRecords (A %s record set has one value only)'", r.Type)
	}
	return out
}

func (b *batch) readAlias(set *cloud.DNSRecordSet, t *AliasTarget) {
	target, ok := readName(*t.DNSName)
	own := zoneID(t.HostedZoneId) == b.zone.ID
	switch {
	case set.Type == "NS" || set.Type == "SOA":
		b.flaw("Alias record sets of type %s are not permitted", set.Type)
	case !ok || own != b.zone.Covers(target):
		b.flaw("Tried to create an alias that targets %s, type %s in zone %s, but the alias target name does not lie within the target zone",
			*t.DNSName, set.Type, *t.HostedZoneId)
	}
	set.Alias = target
	set.Attrs = map[string]string{attrAliasZone: string(zoneID(t.HostedZoneId)), attrAliasHealth: strconv.FormatBool(*t.EvaluateTargetHealth)}
}

// once wants each record set at most once in a batch, but for one that is
// deleted and made anew, and a batch that is not too large.
func (b *batch) once() {
	seen := map[cloud.DNSRecordKey]control.DNSAction{}
	for _, c := range b.changes {
		key := c.Set.Key()
		if before, twice := seen[key]; twice && (before != control.DNSDelete || c.Action != control.DNSCreate) {
			b.flaw("The request contains an invalid set of changes for a resource record set '%s %s'", c.Set.Type, showName(c.Set.Name))
		}
		seen[key] = c.Action
	}
	if b.values > maxValues {
		b.flaw("Number of records limit of %d exceeded.", maxValues)
	}
	if b.characters > maxCharacters {
		b.flaw("RDATA character limit of %d exceeded.", maxCharacters)
	}
}

// sentence is what Amazon says of a change that control refuses.
func sentence(f control.DNSFault) string {
	name, zone := showName(f.Set.Name), showName(f.Zone)
	record := fmt.Sprintf("[name='%s', type='%s']", name, f.Set.Type)
	switch f.Reason {
	case control.FaultExists:
		return "Tried to create resource record set " + record + " but it already exists"
	case control.FaultAbsent:
		return "Tried to delete resource record set " + record + " but it was not found"
	case control.FaultDiffers:
		return "Tried to delete resource record set " + record + " but the values provided do not match the current values"
	case control.FaultOutside:
		return "RRSet with DNS name " + name + " is not permitted in zone " + zone
	case control.FaultAlone:
		return "RRSet of type CNAME with DNS name " + name + " is not permitted as it conflicts with other records with the same DNS name in zone " + zone
	case control.FaultBeside:
		return "RRSet of type " + f.Set.Type + " with DNS name " + name + " is not permitted because a conflicting RRSet of type CNAME with the same DNS name already exists in zone " + zone
	case control.FaultApex:
		return "RRSet of type CNAME with DNS name " + name + " is not permitted at apex in zone " + zone
	case control.FaultKept:
		if f.Set.Type == "SOA" {
			return "A HostedZone must contain exactly one SOA record."
		}
		return "A HostedZone must contain at least one NS record for the zone itself."
	case control.FaultAliasTarget:
		return fmt.Sprintf("Tried to create an alias that targets %s, type %s in zone %s, but that target was not found", showName(f.Set.Alias), f.Set.Type, f.Set.Attrs[attrAliasZone])
	}
	return "Number of records limit of the hosted zone exceeded."
}
