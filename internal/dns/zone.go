package dns

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"weir/internal/netplan"
)

// ttl of the VPC's own names, as the cloud's resolver gives them.
const ttl = 60

// zone is a plan's names, indexed; immutable.
type zone struct {
	addrs    map[string][]netip.Addr // by name in lower case without its last dot
	hosts    map[string]bool         // names that are a host's: their domain is the one above
	wild     bool                    // some name begins with "*."
	pointers map[string][]string     // reverse name to names
	reverse  []netip.Prefix          // reverse names below these are the zone's own
}

func newZone(p netplan.DNS) *zone {
	z := &zone{
		addrs:    map[string][]netip.Addr{"localhost": {netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()}},
		hosts:    map[string]bool{},
		pointers: map[string][]string{},
		reverse:  p.Reverse,
	}
	for _, r := range p.Records {
		name := canonical(r.Name)
		z.addrs[name] = append(z.addrs[name], r.Addrs...)
		z.hosts[name] = z.hosts[name] || !r.Endpoint
		z.wild = z.wild || strings.HasPrefix(name, "*.")
		for _, a := range r.Addrs {
			if r.Reverse && z.owns(a) {
				rev := canonical(reverseName(a))
				z.pointers[rev] = append(z.pointers[rev], name)
			}
		}
	}
	return z
}

func (z *zone) owns(a netip.Addr) bool {
	for _, p := range z.reverse {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// lookup answers for a name that is the zone's own; ok is false for all others.
func (z *zone) lookup(name string, qtype uint16) (answer []dns.RR, rcode int, ok bool) {
	key := canonical(name)
	if at, found := z.find(key); found {
		return addressRecords(name, qtype, z.addrs[at]), dns.RcodeSuccess, true
	}
	if names, found := z.pointers[key]; found {
		if qtype == dns.TypePTR || qtype == dns.TypeANY {
			for _, n := range names {
				answer = append(answer, &dns.PTR{Hdr: header(name, dns.TypePTR), Ptr: dns.Fqdn(n)})
			}
		}
		return answer, dns.RcodeSuccess, true
	}
	if p, found := reversePrefix(key); found {
		for _, own := range z.reverse {
			switch {
			case own.Bits() <= p.Bits() && own.Contains(p.Addr()):
				if z.isParent(key) {
					return nil, dns.RcodeSuccess, true
				}
				return nil, dns.RcodeNameError, true
			case p.Contains(own.Addr()):
				return nil, dns.RcodeSuccess, true // a parent of names that may exist
			}
		}
	}
	return nil, 0, false
}

// find gives the name that has addresses for a name: itself, or the nearest "*" above it.
func (z *zone) find(key string) (at string, found bool) {
	at = key
	_, found = z.addrs[at]
	for rest := key; !found && z.wild; {
		var more bool
		if _, rest, more = strings.Cut(rest, "."); !more {
			break
		}
		at = "*." + rest
		_, found = z.addrs[at]
	}
	return at, found
}

// depth is how many labels the domain has that makes a name the zone's own; 0 if it is not.
func (z *zone) depth(key string) int {
	if at, found := z.find(key); found {
		n := labels(strings.TrimPrefix(at, "*."))
		if z.hosts[at] {
			n--
		}
		return n
	}
	p, found := reversePrefix(key)
	for _, own := range z.reverse {
		if found && own.Bits() <= p.Bits() && own.Contains(p.Addr()) {
			if own.Addr().Is4() {
				return 2 + own.Bits()/8
			}
			return 2 + own.Bits()/4
		}
	}
	return 0
}

// isParent reports whether the reverse name has names below it (then it exists, without data).
func (z *zone) isParent(key string) bool {
	for name := range z.pointers {
		if strings.HasSuffix(name, "."+key) {
			return true
		}
	}
	return false
}

// Addresses are the records of a name that has these addresses.
func Addresses(name string, qtype uint16, addrs []netip.Addr) []dns.RR {
	return addressRecords(name, qtype, addrs)
}

func addressRecords(name string, qtype uint16, addrs []netip.Addr) (out []dns.RR) {
	for _, a := range addrs {
		switch {
		case a.Is4() && (qtype == dns.TypeA || qtype == dns.TypeANY):
			out = append(out, &dns.A{Hdr: header(name, dns.TypeA), A: net.IP(a.AsSlice())})
		case a.Is6() && (qtype == dns.TypeAAAA || qtype == dns.TypeANY):
			out = append(out, &dns.AAAA{Hdr: header(name, dns.TypeAAAA), AAAA: net.IP(a.AsSlice())})
		}
	}
	return out
}

func header(name string, rrtype uint16) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: rrtype, Class: dns.ClassINET, Ttl: ttl}
}

func canonical(name string) string {
	return strings.TrimSuffix(strings.ToLower(name), ".")
}

// reverseName is the name under which an address's names are found.
func reverseName(a netip.Addr) string {
	name, _ := dns.ReverseAddr(a.String()) // an address always has one
	return name
}

// reversePrefix is the addresses that stand below a reverse name, whole or partial.
func reversePrefix(name string) (netip.Prefix, bool) {
	if rest, ok := strings.CutSuffix(name, ".in-addr.arpa"); ok {
		return readReversed(strings.Split(rest, "."), 4, 8, 10)
	}
	if rest, ok := strings.CutSuffix(name, ".ip6.arpa"); ok {
		return readReversed(strings.Split(rest, "."), 16, 4, 16)
	}
	return netip.Prefix{}, false
}

// readReversed reads labels, the last one first, as numbers of so many bits each.
func readReversed(labels []string, size, bits, base int) (netip.Prefix, bool) {
	raw := make([]byte, size)
	if len(labels)*bits > size*8 {
		return netip.Prefix{}, false
	}
	for i := range labels {
		n, ok := parseLabel(labels[len(labels)-1-i], bits, base)
		if !ok {
			return netip.Prefix{}, false
		}
		at := i * bits
		raw[at/8] |= n << (8 - bits - at%8)
	}
	addr, _ := netip.AddrFromSlice(raw)
	return netip.PrefixFrom(addr, len(labels)*bits), true
}

// parseLabel reads one label of a reverse name, written without leading zeros.
func parseLabel(label string, bits, base int) (byte, bool) {
	n, err := strconv.ParseUint(label, base, bits)
	return byte(n), err == nil && strconv.FormatUint(n, base) == label
}
