package dns

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// askTimeout bounds a lookup upstream: resolver libraries give up then.
const askTimeout = 5 * time.Second

// lookup is a question whose answer somebody else has.
type lookup struct {
	names *names
	reply *dns.Msg // with what leads to rest
	from  netip.Addr
	rest  string
}

// answer fills the reply if the VPC's names say all of it; else it returns what
// is left to ask.
func (v *view) answer(reply *dns.Msg, from netip.Addr) *lookup {
	n, q := v.names.Load(), reply.Question[0]
	r := n.resolve(q.Name, q.Qtype)
	r.put(reply)
	if r.rest != "" {
		return &lookup{n, reply, from, r.rest}
	}
	if n.wants64(reply, from) {
		if v4 := n.resolve(q.Name, dns.TypeA); v4.rest == "" {
			put64(reply, v4.answer)
		}
	}
	return nil
}

// ask completes the reply from upstream, or makes it a server failure.
func (s *Server) ask(v *view, l *lookup) {
	ctx, cancel := context.WithTimeout(s.ctx, askTimeout)
	defer cancel()
	path := l.reply.Answer
	answer, rcode, err := s.cfg.Upstream(ctx, l.rest, l.reply.Question[0].Qtype)
	l.reply.Answer, l.reply.Rcode = slices.Concat(path, answer), rcode
	if err == nil && l.names.wants64(l.reply, l.from) {
		if answer, _, err = s.cfg.Upstream(ctx, l.rest, dns.TypeA); err == nil {
			put64(l.reply, slices.Concat(path, answer))
		}
	}
	if err != nil {
		s.cfg.Log.Debug("cannot resolve a name", "vpc", v.vpc, "name", l.rest, "err", err)
		l.reply.Answer, l.reply.Rcode = nil, dns.RcodeServerFailure
	}
}

// hostOf is who asks.
func hostOf(a net.Addr) netip.Addr {
	ap, _ := netip.ParseAddrPort(a.String())
	if u, ok := a.(*net.UDPAddr); ok {
		ap = u.AddrPort()
	}
	return ap.Addr().Unmap().WithZone("")
}
