package control

import (
	"context"
	"slices"
	"strings"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// DNSAction is what a change does to a record set.
type DNSAction string

// Actions.
const (
	DNSCreate DNSAction = "create"
	DNSUpsert DNSAction = "upsert"
	DNSDelete DNSAction = "delete" // only what is exactly as given
)

// DNSChange is one change of a batch.
type DNSChange struct {
	Action DNSAction
	Set    cloud.DNSRecordSet // without its Zone
}

// DNSFault says what is wrong with one change of a batch.
type DNSFault struct {
	Reason string // one of the Fault constants
	Zone   string // the zone's name
	Set    cloud.DNSRecordSet
}

// Reasons of faults.
const (
	FaultExists      = "exists"
	FaultAbsent      = "absent"
	FaultDiffers     = "differs"      // what is to be deleted is not as given
	FaultOutside     = "outside"      // the name is not the zone's
	FaultAlone       = "alone"        // a CNAME would stand beside other records
	FaultBeside      = "beside-cname" // another record would stand beside a CNAME
	FaultApex        = "apex-cname"
	FaultKept        = "kept" // the zone would lose its NS or SOA record
	FaultAliasTarget = "alias-target"
	FaultLimit       = "limit"
)

// DNSChangeError refuses a batch: nothing of it was done.
type DNSChangeError struct{ Faults []DNSFault }

func (e *DNSChangeError) Error() string {
	var words []string
	for _, f := range e.Faults {
		words = append(words, f.Set.Name+" "+f.Set.Type+": "+f.Reason)
	}
	return "the changes are refused: " + strings.Join(words, ", ")
}

// ChangeDNSRecords makes all changes of a batch, in order, or none.
func (c *Control) ChangeDNSRecords(ctx context.Context, who Caller, id cloud.DNSZoneID, changes []DNSChange) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		z, err := DNSZone(tx, who, id)
		if err != nil {
			return err
		}
		b := &dnsBatch{tx: tx, zone: z, kinds: map[string][]string{}}
		for _, ch := range changes {
			b.apply(ch)
		}
		for _, ch := range changes {
			b.check(ch)
		}
		n := count(cloud.DNSRecordSets.By(tx, "zone", string(id)), nil)
		if max := c.quotas(who).RecordsPerDNSZone; n > max {
			b.fault(FaultLimit, cloud.DNSRecordSet{Name: z.Name})
		}
		if len(b.faults) > 0 {
			return &DNSChangeError{b.faults}
		}
		return nil
	})
}

// dnsBatch is a batch in work; an error undoes the transaction.
type dnsBatch struct {
	tx     cloud.Tx
	zone   *cloud.DNSZone
	faults []DNSFault
	kinds  map[string][]string // the types that a name has at the end
}

func (b *dnsBatch) fault(reason string, set cloud.DNSRecordSet) {
	b.faults = append(b.faults, DNSFault{Reason: reason, Zone: b.zone.Name, Set: set})
}

func (b *dnsBatch) apply(ch DNSChange) {
	set := ch.Set
	set.Zone = b.zone.ID
	if !b.zone.Covers(set.Name) {
		b.fault(FaultOutside, set)
		return
	}
	old, exists := cloud.DNSRecordSets.Get(b.tx, set.Key())
	switch {
	case ch.Action == DNSCreate && exists:
		b.fault(FaultExists, set)
	case ch.Action == DNSDelete && !exists:
		b.fault(FaultAbsent, set)
	case ch.Action == DNSDelete && !sameRecords(old, &set):
		b.fault(FaultDiffers, set)
	case ch.Action == DNSDelete:
		cloud.DNSRecordSets.Delete(b.tx, set.Key())
	default:
		cloud.DNSRecordSets.Put(b.tx, &set)
	}
}

func sameRecords(a, b *cloud.DNSRecordSet) bool {
	return a.TTL == b.TTL && a.Alias == b.Alias && slices.Equal(slices.Sorted(slices.Values(a.Values)), slices.Sorted(slices.Values(b.Values)))
}

// check judges one change by what all have made of the zone.
func (b *dnsBatch) check(ch DNSChange) {
	set := ch.Set
	set.Zone = b.zone.ID
	now, there := cloud.DNSRecordSets.Get(b.tx, set.Key())
	switch {
	case !b.zone.Covers(set.Name): // said already
	case !there && kept(b.zone, &set):
		b.fault(FaultKept, set)
	case ch.Action == DNSDelete || !there:
	case set.Type == "CNAME" && set.Name == b.zone.Name:
		b.fault(FaultApex, set)
	case set.Type == "CNAME" && len(b.types(set.Name)) > 1:
		b.fault(FaultAlone, set)
	case set.Type != "CNAME" && slices.Contains(b.types(set.Name), "CNAME"):
		b.fault(FaultBeside, set)
	case now.Alias != "" && !b.leads(now):
		b.fault(FaultAliasTarget, set)
	}
}

// types are those of a name's records.
func (b *dnsBatch) types(name string) []string {
	kinds, known := b.kinds[name]
	if !known {
		for _, kind := range DNSTypes {
			if _, ok := cloud.DNSRecordSets.Get(b.tx, cloud.MakeDNSRecordKey(b.zone.ID, name, kind)); ok {
				kinds = append(kinds, kind)
			}
		}
		b.kinds[name] = kinds
	}
	return kinds
}

// DNSTypes are the types of records that zones hold.
var DNSTypes = []string{"A", "AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SOA", "SPF", "SRV", "TXT"}

// leads reports whether an alias leads to records of its own zone, or to an endpoint.
func (b *dnsBatch) leads(set *cloud.DNSRecordSet) bool {
	if b.zone.Covers(set.Alias) {
		_, ok := cloud.DNSRecordSets.Get(b.tx, cloud.MakeDNSRecordKey(b.zone.ID, set.Alias, set.Type))
		return ok && set.Alias != set.Name
	}
	_, ok := netplan.EndpointAddrs(b.tx, set.Alias)
	return ok && (set.Type == "A" || set.Type == "AAAA")
}
