package pvtz

import (
	"cmp"
	"encoding/json"
	"hash/fnv"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"weir/internal/cloud"
	"weir/internal/control"
)

const attrRecords = "pvtz.records"

// record is one record of a zone as this product names it.
type record struct {
	ID       int64
	Name     string // whole
	Type     string
	Value    string // in the form of RFC 1035
	TTL      uint32
	Remark   string `json:",omitempty"`
	Disabled bool   `json:",omitempty"`
	Created  int64  // ms
	Updated  int64
}

func (r record) is(o record) bool {
	return r.Name == o.Name && r.Type == o.Type && r.Value == o.Value
}

// shownTypes are the types that this product has.
var shownTypes = []string{"A", "AAAA", "CNAME", "TXT", "MX", "PTR", "SRV"}

// noted are the records that the zone's attribute tells of, though the other
// dialect may have deleted some since.
func noted(z *cloud.DNSZone) (out []record) {
	_ = json.Unmarshal([]byte(z.Attrs[attrRecords]), &out) // nothing else writes it
	return out
}

// records are a zone's records: those of its sets, and the disabled ones.
func records(v cloud.View, z *cloud.DNSZone) (out []record) {
	notes := noted(z)
	for set := range cloud.DNSRecordSets.By(v, "zone", string(z.ID)) {
		if !slices.Contains(shownTypes, set.Type) {
			continue
		}
		for _, value := range set.Values {
			r := record{Name: set.Name, Type: set.Type, Value: value, Created: z.Created.UnixMilli(), Updated: z.Created.UnixMilli()}
			if i := slices.IndexFunc(notes, func(n record) bool { return n.is(r) && !n.Disabled }); i >= 0 {
				r = notes[i]
			} else {
				r.ID = derivedID(z.ID, r)
			}
			r.TTL = set.TTL
			out = append(out, r)
		}
	}
	for _, n := range notes {
		if n.Disabled {
			out = append(out, n)
		}
	}
	slices.SortStableFunc(out, func(a, b record) int { return cmp.Or(cmp.Compare(a.Created, b.Created), cmp.Compare(a.ID, b.ID)) })
	return out
}

// derivedID is the ID of a record that the other dialect made. It fits numbers
// of languages that have no larger ones.
func derivedID(zone cloud.DNSZoneID, r record) int64 {
	h := fnv.New64a()
	h.Write([]byte(string(zone) + "\x00" + r.Name + "\x00" + r.Type + "\x00" + r.Value))
	return int64(h.Sum64()>>12) | 1
}

// write puts records into a zone: their sets change from what they were, and the
// rest is noted.
func write(v cloud.View, z *cloud.DNSZone, now []record) ([]control.DNSChange, error) {
	type key struct{ name, kind string }
	sets := map[key]cloud.DNSRecordSet{}
	for _, r := range now {
		if r.Disabled {
			continue
		}
		s := sets[key{r.Name, r.Type}]
		s.Name, s.Type, s.TTL = r.Name, r.Type, r.TTL
		s.Values = append(s.Values, r.Value)
		sets[key{r.Name, r.Type}] = s
	}
	var changes []control.DNSChange
	for old := range cloud.DNSRecordSets.By(v, "zone", string(z.ID)) {
		if _, stays := sets[key{old.Name, old.Type}]; stays || !slices.Contains(shownTypes, old.Type) || old.Alias != "" {
			continue
		}
		changes = append(changes, control.DNSChange{Action: control.DNSDelete, Set: *old})
	}
	for _, s := range sets {
		old, ok := cloud.DNSRecordSets.Get(v, cloud.MakeDNSRecordKey(z.ID, s.Name, s.Type))
		if ok && old.Alias != "" {
			return nil, fault("Record.Conflict", "The name has an alias, which is not this product's.")
		}
		if !ok || old.TTL != s.TTL || !slices.Equal(old.Values, s.Values) {
			changes = append(changes, control.DNSChange{Action: control.DNSUpsert, Set: s})
		}
	}
	slices.SortFunc(changes, func(a, b control.DNSChange) int {
		return cmp.Or(cmp.Compare(a.Action, b.Action), cmp.Compare(a.Set.Name, b.Set.Name), cmp.Compare(a.Set.Type, b.Set.Type))
	})
	b, err := json.Marshal(now)
	if err != nil {
		return nil, err
	}
	z.Attrs[attrRecords] = string(b)
	return changes, nil
}

// readRecord checks what a record is to be.
// https://www.alibabacloud.com/help/en/dns/api-pvtz-2018-01-01-addzonerecord
func readRecord(zone, rr, kind, value string, ttl, priority *int64) (record, error) {
	r := record{Type: strings.ToUpper(kind), TTL: 60}
	if !slices.Contains(shownTypes, r.Type) {
		return r, fault("Record.Invalid.Type", "The record type is invalid: want one of "+strings.Join(shownTypes, ", ")+".")
	}
	name, ok := recordName(zone, rr)
	if !ok || r.Type == "CNAME" && name == zone {
		return r, fault("Record.Invalid.Rr", "The host record is invalid.")
	}
	r.Name = name
	if ttl != nil {
		if *ttl < 5 || *ttl > 86400 {
			return r, fault("Record.Invalid.TTL", "The TTL is invalid: want 5 to 86400.")
		}
		r.TTL = uint32(*ttl)
	}
	if r.Value, ok = readValue(r.Type, strings.TrimSpace(value), priority); !ok {
		return r, fault("Record.Invalid.Value", "The record value is invalid for a record of type "+r.Type+".")
	}
	return r, nil
}

// recordName is the whole name of a host record: "@" is the zone's own.
func recordName(zone, rr string) (string, bool) {
	if rr == "@" {
		return zone, true
	}
	name := strings.ToLower(rr + "." + zone)
	_, ok := readName(strings.TrimPrefix(name, "*."))
	return name, ok && rr != ""
}

// hostRecord is a name as recordName reads it.
func hostRecord(zone, name string) string {
	if name == zone {
		return "@"
	}
	return strings.TrimSuffix(name, "."+zone)
}

// readValue gives a value in the form of RFC 1035. A TXT value is one text.
func readValue(kind, value string, priority *int64) (string, bool) {
	addr, err := netip.ParseAddr(value)
	switch kind {
	case "A":
		return value, err == nil && addr.Is4()
	case "AAAA":
		return value, err == nil && addr.Is6() && addr.Zone() == ""
	case "CNAME", "PTR":
		return hostOf(value)
	case "MX":
		p := int64(10)
		if priority != nil {
			p = *priority
		}
		host, ok := hostOf(value)
		return strconv.FormatInt(p, 10) + " " + host, ok && p >= 1 && p <= 99
	case "SRV":
		f := strings.Fields(value)
		if len(f) != 4 {
			return "", false
		}
		for _, n := range f[:3] {
			if _, err := strconv.ParseUint(n, 10, 16); err != nil {
				return "", false
			}
		}
		host, ok := hostOf(f[3])
		return strings.Join(append(f[:3], host), " "), ok
	}
	return quote(value)
}

func hostOf(value string) (string, bool) {
	name, ok := readName(value)
	return name + ".", ok
}

// quote writes a text as strings of at most 255 bytes.
func quote(value string) (string, bool) {
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		value = value[1 : len(value)-1]
	}
	if value == "" || len(value) > 512 || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
		return "", false
	}
	var parts []string
	for part := range slices.Chunk([]byte(value), 255) {
		parts = append(parts, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(string(part))+`"`)
	}
	return strings.Join(parts, " "), true
}

// shownValue is a value as this product shows it, and an MX record's priority.
func shownValue(r record) (value string, priority *int64) {
	switch r.Type {
	case "MX":
		p, host, _ := strings.Cut(r.Value, " ")
		n, _ := strconv.ParseInt(p, 10, 64)
		return strings.TrimSuffix(host, "."), &n
	case "TXT":
		v := strings.ReplaceAll(strings.Trim(r.Value, `"`), `" "`, "")
		return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(v), nil
	}
	return strings.TrimSuffix(r.Value, "."), nil
}
