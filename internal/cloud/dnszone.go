package cloud

import (
	"slices"
	"strings"
)

// DNSZoneID is a typed ID.
type DNSZoneID string

// Kinds of resource in the DNS.
const (
	KindDNSZone   Resource = "dns-zone"
	KindDNSRecord Resource = "dns-record"
	// KindDNSVPC is the tie between a zone and a VPC.
	KindDNSVPC Resource = "dns-zone-vpc"
)

// DNSZone is a private zone: the names at and below Name are what its records
// say in the VPCs it is attached to, and are unknown to everybody else. It
// belongs to no region.
type DNSZone struct {
	Meta
	ID   DNSZoneID
	Name string    // lower case, without the last dot
	VPCs []ZoneVPC // whose resolvers answer from it
	// Invited are VPCs of other accounts, whose owners may attach them.
	Invited []ZoneVPC
	Token   string // of the request that made it; unique in the account
}

// ZoneVPC names a VPC as users of zones do.
type ZoneVPC struct {
	VPC    VPCID
	Region string
}

// Covers reports whether a name, in lower case without its last dot, is the zone's.
func (z *DNSZone) Covers(name string) bool {
	return name == z.Name || strings.HasSuffix(name, "."+z.Name)
}

// DNSRecordSet is what a zone says of one name and type.
type DNSRecordSet struct {
	Zone DNSZoneID
	Name string // lower case, without the last dot; "*." in front stands for every name below that has none of its own
	Type string // "A", "MX", …
	TTL  uint32
	// Values are in the form of RFC 1035; names in them are whole, with or
	// without their last dot.
	Values []string
	// Alias, if not "", is the name whose records of this type are the answer,
	// instead of Values: one of the zone, or an endpoint's own.
	Alias string
	// Attrs are as Meta's.
	Attrs map[string]string `json:",omitempty"`
}

// DNSRecordKey identifies a record set. Keys of a zone sort by name, read from
// its last label, then by type.
type DNSRecordKey string

// MakeDNSRecordKey forms the key. Labels hold nothing that sorts before "*".
func MakeDNSRecordKey(zone DNSZoneID, name, kind string) DNSRecordKey {
	labels := strings.Split(name, ".")
	slices.Reverse(labels)
	return DNSRecordKey(string(zone) + "/" + strings.Join(labels, "!") + " " + kind)
}

// Key is the record set's own.
func (r *DNSRecordSet) Key() DNSRecordKey { return MakeDNSRecordKey(r.Zone, r.Name, r.Type) }

// Tables of the DNS.
var (
	DNSZones = newTable("dns-zone", func(r *DNSZone) DNSZoneID { return r.ID }, index[DNSZone]{
		"scope":   func(r *DNSZone) []string { return one(r.Scope()) },
		"vpc":     func(r *DNSZone) []string { return zoneVPCs(r.VPCs) },
		"invited": func(r *DNSZone) []string { return zoneVPCs(r.Invited) },
	})
	DNSRecordSets = newTable("dns-record", (*DNSRecordSet).Key, index[DNSRecordSet]{
		"zone": func(r *DNSRecordSet) []string { return one(r.Zone) },
	})
)

func zoneVPCs(of []ZoneVPC) (out []string) {
	for _, a := range of {
		out = append(out, string(a.VPC))
	}
	return out
}
