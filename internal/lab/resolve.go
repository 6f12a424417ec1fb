package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	// ttl is short: sites come and go.
	ttl           = 60
	lookupTimeout = 5 * time.Second
)

// Resolve answers as a public resolver would: the records, the response code
// (dns.RcodeSuccess without records is "no data"), or an error if no answer can
// be had at all.
func (l *Lab) Resolve(ctx context.Context, name string, qtype uint16) ([]dns.RR, int, error) {
	if _, ok := dns.IsDomainName(name); !ok {
		return nil, dns.RcodeFormatError, nil
	}
	fqdn, name := dns.Fqdn(name), canonical(name)
	table := names{regions: l.cfg.Regions, sites: l.sites.hosts()}
	if rest, ok := reverseName(name); ok {
		return l.resolveReverse(ctx, table, fqdn, rest, qtype)
	}
	verdict, addrs := table.lookup(name)
	switch {
	case verdict == noDomain:
		return nil, dns.RcodeNameError, nil
	case verdict == public && l.cfg.Mode == ModeHost:
		return l.forward(ctx, fqdn, qtype)
	case verdict == public:
		addrs = []netip.Addr{CatchAll.V4, CatchAll.V6}
	}
	return addressRecords(fqdn, qtype, addrs), dns.RcodeSuccess, nil
}

func (l *Lab) resolveReverse(ctx context.Context, table names, fqdn string, addr netip.Addr, qtype uint16) ([]dns.RR, int, error) {
	if name, ok := table.reverse(addr); ok {
		if qtype != dns.TypePTR && qtype != dns.TypeANY {
			return nil, dns.RcodeSuccess, nil
		}
		return []dns.RR{&dns.PTR{Hdr: header(fqdn, dns.TypePTR), Ptr: dns.Fqdn(name)}}, dns.RcodeSuccess, nil
	}
	if l.cfg.Mode == ModeHost && addr.IsValid() && !unreachable(addr) {
		return l.forward(ctx, fqdn, qtype)
	}
	return nil, dns.RcodeNameError, nil
}

// addressRecords are the addresses that fit the type asked for.
func addressRecords(fqdn string, qtype uint16, addrs []netip.Addr) []dns.RR {
	var out []dns.RR
	for _, a := range addrs {
		switch {
		case a.Is4() && (qtype == dns.TypeA || qtype == dns.TypeANY):
			out = append(out, &dns.A{Hdr: header(fqdn, dns.TypeA), A: net.IP(a.AsSlice())})
		case a.Is6() && (qtype == dns.TypeAAAA || qtype == dns.TypeANY):
			out = append(out, &dns.AAAA{Hdr: header(fqdn, dns.TypeAAAA), AAAA: net.IP(a.AsSlice())})
		}
	}
	return out
}

func header(fqdn string, rrtype uint16) dns.RR_Header {
	return dns.RR_Header{Name: fqdn, Rrtype: rrtype, Class: dns.ClassINET, Ttl: ttl}
}

// reverseName reads the address out of a reverse name; the address is not valid
// if the name is only a part of one.
func reverseName(name string) (netip.Addr, bool) {
	if rest, ok := strings.CutSuffix(name, ".in-addr.arpa"); ok {
		labels := strings.Split(rest, ".")
		reverseStrings(labels)
		addr, _ := netip.ParseAddr(strings.Join(labels, "."))
		return addr, true
	}
	if rest, ok := strings.CutSuffix(name, ".ip6.arpa"); ok {
		labels := strings.Split(rest, ".")
		reverseStrings(labels)
		var b strings.Builder
		for i, l := range labels {
			if i > 0 && i%4 == 0 {
				b.WriteByte(':')
			}
			b.WriteString(l)
		}
		addr, _ := netip.ParseAddr(b.String())
		return addr, true
	}
	return netip.Addr{}, false
}

func reverseStrings(s []string) {
	for i, j := 0, len(s)-1; i < j; i, j = i+1, j-1 {
		s[i], s[j] = s[j], s[i]
	}
}

// forward asks the machine's own resolvers, as resolv.conf lists them.
func (l *Lab) forward(ctx context.Context, fqdn string, qtype uint16) ([]dns.RR, int, error) {
	conf, err := dns.ClientConfigFromFile(l.cfg.ResolvConf)
	if err != nil {
		return nil, 0, fmt.Errorf("resolve %s: read the machine's resolvers: %w", fqdn, err)
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	query := new(dns.Msg).SetQuestion(fqdn, qtype)
	query.SetEdns0(4096, false)
	failure := errors.New("no resolver is configured")
	for _, server := range conf.Servers {
		reply, err := l.exchange(ctx, query, net.JoinHostPort(server, conf.Port))
		if err == nil && reply.Rcode != dns.RcodeServerFailure && reply.Rcode != dns.RcodeRefused {
			return reply.Answer, reply.Rcode, nil
		}
		if err == nil {
			err = fmt.Errorf("%s answers %s", server, dns.RcodeToString[reply.Rcode])
		}
		failure = err
	}
	return nil, 0, fmt.Errorf("resolve %s by the machine's resolvers in %s: %w", fqdn, l.cfg.ResolvConf, failure)
}

// exchange asks one resolver from the machine's own network, by TCP if the answer is long.
func (l *Lab) exchange(ctx context.Context, query *dns.Msg, server string) (*dns.Msg, error) {
	var reply *dns.Msg
	for _, network := range []string{"udp", "tcp"} {
		conn, err := dialIn(ctx, l.cfg.HostNetNS, network, server)
		if err != nil {
			return nil, err
		}
		client := dns.Client{Net: network, Timeout: 2 * time.Second}
		reply, _, err = client.ExchangeWithConnContext(ctx, query, &dns.Conn{Conn: conn, UDPSize: 4096})
		conn.Close()
		if err != nil || !reply.Truncated {
			return reply, err
		}
	}
	return reply, nil
}
