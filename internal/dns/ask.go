package dns

import (
	"context"
	"time"

	"github.com/miekg/dns"
)

// askTimeout bounds a lookup upstream: resolver libraries give up then.
const askTimeout = 5 * time.Second

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
	answer, rcode, err := s.cfg.Upstream(ctx, q.Name, q.Qtype)
	reply.Answer, reply.Rcode = answer, rcode
	if err != nil {
		s.cfg.Log.Debug("cannot resolve a name", "vpc", v.vpc, "name", q.Name, "err", err)
		reply.Answer, reply.Rcode = nil, dns.RcodeServerFailure
	}
}
