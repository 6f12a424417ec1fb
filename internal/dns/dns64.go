package dns

import (
	"net"
	"net/netip"
	"slices"

	"github.com/miekg/dns"
)

// wants64 reports whether a reply is one that DNS64 makes up for: it says that a
// name has no IPv6 address, to a host of a subnet with DNS64 (RFC 6147, 5.1).
// https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-nat64-dns64.html
func (n *names) wants64(reply *dns.Msg, from netip.Addr) bool {
	return reply.Question[0].Qtype == dns.TypeAAAA && reply.Rcode == dns.RcodeSuccess &&
		!slices.ContainsFunc(reply.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeAAAA }) &&
		slices.ContainsFunc(n.dns64, func(p netip.Prefix) bool { return p.Contains(from) })
}

// put64 turns the answer to the question for IPv4 addresses into the one for
// IPv6 addresses; without any the reply stays.
func put64(reply *dns.Msg, answer []dns.RR) {
	var out []dns.RR
	found := false
	for _, rr := range answer {
		if a, ok := rr.(*dns.A); ok {
			h := a.Hdr
			h.Rrtype = dns.TypeAAAA
			rr, found = &dns.AAAA{Hdr: h, AAAA: in64(a.A)}, true
		}
		out = append(out, rr)
	}
	if found {
		reply.Answer, reply.Ns, reply.Rcode = out, nil, dns.RcodeSuccess
	}
}

// in64 is an IPv4 address below 64:ff9b::/96 (RFC 6052).
func in64(v4 net.IP) net.IP {
	ip := net.ParseIP("64:ff9b::")
	copy(ip[12:], v4.To4())
	return ip
}
