package dns

import (
	"context"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"weir/internal/netplan"
)

// names is all that a VPC's resolver knows by itself, indexed; immutable.
type names struct {
	own     *zone
	private map[string]*private // by name
	dns64   []netip.Prefix      // hosts that get IPv6 addresses for names that have none
}

func newNames(p *netplan.Plan) *names {
	n := &names{own: newZone(p.DNS), private: map[string]*private{}}
	for i := range p.DNS.Zones {
		z := newPrivate(&p.DNS.Zones[i])
		n.private[z.name] = z
	}
	for _, s := range p.Subnets {
		for _, cidr := range []netip.Prefix{s.CIDR4, s.CIDR6} {
			if s.DNS64 && cidr.IsValid() {
				n.dns64 = append(n.dns64, cidr)
			}
		}
	}
	return n
}

// zoneOf is the private zone that answers for a name, or nil. The most specific
// domain counts: that of a host is the one above its name, that of an endpoint
// its name, that of reverse names the VPC's block; of two alike the user's zone.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/hosted-zone-private-considerations.html
func (n *names) zoneOf(key string) *private {
	for name := key; ; {
		if z := n.private[name]; z != nil {
			if n.own.depth(key) > labels(name) {
				return nil
			}
			return z
		}
		_, above, more := strings.Cut(name, ".")
		if !more {
			return nil
		}
		name = above
	}
}

func labels(name string) int { return strings.Count(name, ".") + 1 }

// result is what a VPC's own names say of a question. With rest, the answer so
// far leads to a name that somebody else knows.
type result struct {
	answer, ns []dns.RR
	rcode      int
	rest       string
}

// resolve follows a name through the zones of the VPC.
func (n *names) resolve(name string, qtype uint16) (r result) {
	for range maxChain {
		if z := n.zoneOf(canonical(name)); z != nil {
			answer, next, rcode := z.lookup(name, qtype)
			r.answer = append(r.answer, answer...)
			if next != "" {
				name = next
				continue
			}
			if r.rcode = rcode; len(answer) == 0 {
				r.ns = z.soa()
			}
			return r
		}
		answer, rcode, ok := n.own.lookup(name, qtype)
		if !ok {
			r.rest = name
			return r
		}
		r.answer, r.rcode = append(r.answer, answer...), rcode
		return r
	}
	return result{rcode: dns.RcodeServerFailure} // names that lead to each other
}

func (r result) put(reply *dns.Msg) { reply.Answer, reply.Ns, reply.Rcode = r.answer, r.ns, r.rcode }

// Addrs are the addresses that a VPC's hosts get for a name.
func Addrs(ctx context.Context, p *netplan.Plan, upstream Resolve, name string) ([]netip.Addr, error) {
	n := newNames(p)
	var out []netip.Addr
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		r := n.resolve(dns.Fqdn(name), qtype)
		if r.rest != "" {
			answer, _, err := upstream(ctx, r.rest, qtype)
			if err != nil {
				return nil, err
			}
			r.answer = answer
		}
		out = append(out, addressesIn(r.answer)...)
	}
	return out, nil
}

func addressesIn(records []dns.RR) (out []netip.Addr) {
	for _, rr := range records {
		var ip []byte
		switch rr := rr.(type) {
		case *dns.A:
			ip = rr.A.To4()
		case *dns.AAAA:
			ip = rr.AAAA
		}
		if a, ok := netip.AddrFromSlice(ip); ok {
			out = append(out, a)
		}
	}
	return out
}
