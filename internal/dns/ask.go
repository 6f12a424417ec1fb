package dns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"

	"weir/internal/netplan"
)

const (
	askTimeout = 5 * time.Second // of a whole lookup: resolver libraries give up then
	tryTimeout = 2 * time.Second // of one resolver
)

// answer fills the reply if the name is the VPC's own.
func (v *view) answer(reply *dns.Msg) bool {
	q := reply.Question[0]
	answer, rcode, ok := v.zone.Load().lookup(q.Name, q.Qtype)
	if ok {
		reply.Answer, reply.Rcode = answer, rcode
	}
	return ok
}

// ask fills the reply from upstream, or with a server failure.
func (s *Server) ask(v *view, reply *dns.Msg) {
	ctx, cancel := context.WithTimeout(s.ctx, askTimeout)
	defer cancel()
	q := reply.Question[0]
	answer, rcode, err := s.resolve(ctx, v, q)
	reply.Answer, reply.Rcode = answer, rcode
	if err != nil {
		s.cfg.Log.Debug("cannot resolve a name", "vpc", v.vpc, "name", q.Name, "err", err)
		reply.Answer, reply.Rcode = nil, dns.RcodeServerFailure
	}
}

func (s *Server) resolve(ctx context.Context, v *view, q dns.Question) ([]dns.RR, int, error) {
	conf := v.config.Load()
	own := ownResolvers(conf)
	if len(own) == 0 {
		return s.cfg.Upstream(ctx, q.Name, q.Qtype)
	}
	if s.cfg.DialVPC == nil {
		return nil, 0, errors.New("the resolvers that the DHCP options name cannot be reached from here")
	}
	query := new(dns.Msg).SetQuestion(q.Name, q.Qtype)
	query.SetEdns0(ednsSize, false)
	var errs []error
	for _, addr := range own {
		reply, err := s.exchange(ctx, v, addr, query)
		if err == nil {
			return reply.Answer, reply.Rcode, nil
		}
		errs = append(errs, fmt.Errorf("ask %s: %w", addr, err))
	}
	return nil, 0, errors.Join(errs...)
}

// ownResolvers are those of the DHCP options, unless they name the platform's
// own among them, which would make it ask itself.
func ownResolvers(conf *netplan.DNS) []netip.Addr {
	for _, a := range conf.Upstream {
		if slices.Contains(conf.Resolvers, a) {
			return nil
		}
	}
	return conf.Upstream
}

// exchange asks one resolver from inside the VPC, by TCP if the answer is long.
func (s *Server) exchange(ctx context.Context, v *view, addr netip.Addr, query *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	var reply *dns.Msg
	for _, network := range []string{"udp", "tcp"} {
		conn, err := s.cfg.DialVPC(ctx, v.vpc, network, netip.AddrPortFrom(addr, port).String())
		if err != nil {
			return nil, err
		}
		client := dns.Client{Net: network, Timeout: tryTimeout}
		reply, _, err = client.ExchangeWithConnContext(ctx, query, &dns.Conn{Conn: conn, UDPSize: ednsSize})
		conn.Close()
		if err != nil || !reply.Truncated {
			return reply, err
		}
	}
	return reply, nil
}
