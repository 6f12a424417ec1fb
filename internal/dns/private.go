package dns

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// maxChain bounds how many names lead to one answer.
const maxChain = 16

// private is one private zone, indexed; immutable. It answers for every name at
// and below its own: what it does not have does not exist.
type private struct {
	name    string
	sets    map[string][]*cloud.DNSRecordSet // by name
	inner   map[string]bool                  // names above those that have records: they exist, without data
	targets map[string][]netip.Addr          // of endpoints that aliases lead to
}

func newPrivate(p *netplan.DNSZone) *private {
	z := &private{
		name: p.Name, sets: map[string][]*cloud.DNSRecordSet{}, inner: map[string]bool{p.Name: true}, targets: map[string][]netip.Addr{},
	}
	for _, set := range p.Sets {
		z.sets[set.Name] = append(z.sets[set.Name], set)
		for name := set.Name; name != z.name; {
			_, above, ok := strings.Cut(name, ".")
			if !ok || z.inner[above] {
				break
			}
			z.inner[above], name = true, above
		}
	}
	for _, t := range p.Targets {
		z.targets[t.Name] = t.Addrs
	}
	return z
}

// lookup answers one name; next is the name that a CNAME has it go on with.
func (z *private) lookup(name string, qtype uint16) (answer []dns.RR, next string, rcode int) {
	sets, exists := z.find(canonical(name))
	if !exists {
		return nil, "", dns.RcodeNameError
	}
	var cname *cloud.DNSRecordSet
	for _, set := range sets {
		kind := dns.StringToType[set.Type]
		if kind == qtype || qtype == dns.TypeANY {
			answer = append(answer, z.records(name, set, 0)...)
		} else if kind == dns.TypeCNAME {
			cname = set
		}
	}
	if cname == nil || len(answer) > 0 {
		return answer, "", dns.RcodeSuccess
	}
	for _, rr := range z.records(name, cname, 0) {
		if c, ok := rr.(*dns.CNAME); ok {
			return []dns.RR{c}, c.Target, dns.RcodeSuccess
		}
	}
	return nil, "", dns.RcodeSuccess
}

// find gives a name's records, or those of the "*" below the nearest name above
// it that exists (RFC 4592).
func (z *private) find(key string) (sets []*cloud.DNSRecordSet, exists bool) {
	if sets, ok := z.sets[key]; ok || z.inner[key] {
		return sets, true
	}
	for above := key; above != z.name; {
		var more bool
		if _, above, more = strings.Cut(above, "."); !more {
			return nil, false
		}
		if _, ok := z.sets[above]; ok || z.inner[above] {
			sets, ok = z.sets["*."+above]
			return sets, ok
		}
	}
	return nil, false
}

// records are a set's, as those of the name that was asked for.
func (z *private) records(name string, set *cloud.DNSRecordSet, depth int) (out []dns.RR) {
	if set.Alias != "" {
		return z.alias(name, set, depth)
	}
	for _, value := range set.Values {
		rr, err := dns.NewRR(fmt.Sprintf(". %d IN %s %s", set.TTL, set.Type, value))
		if err != nil || rr == nil {
			continue // the dialect let a value pass that is none; the others count
		}
		rr.Header().Name = name
		out = append(out, rr)
	}
	return out
}

func (z *private) alias(name string, set *cloud.DNSRecordSet, depth int) []dns.RR {
	key := canonical(set.Alias)
	if addrs, ok := z.targets[key]; ok {
		return addressRecords(name, dns.StringToType[set.Type], addrs)
	}
	if depth == maxChain {
		return nil
	}
	sets, _ := z.find(key)
	for _, target := range sets {
		if target.Type == set.Type {
			return z.records(name, target, depth+1)
		}
	}
	return nil
}

// soa is what a negative answer carries: how long it holds (RFC 2308).
func (z *private) soa() []dns.RR {
	for _, set := range z.sets[z.name] {
		for _, rr := range z.records(dns.Fqdn(z.name), set, 0) {
			if soa, ok := rr.(*dns.SOA); ok {
				soa.Hdr.Ttl = min(soa.Hdr.Ttl, soa.Minttl)
				return []dns.RR{soa}
			}
		}
	}
	return nil
}
