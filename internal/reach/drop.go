package reach

import (
	"fmt"
	"net/netip"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// Drop is a packet that the kernel dropped, as the dropping rule logged it:
// with the addresses it had there, translated or not.
type Drop struct {
	Stage    netplan.Stage
	Detail   string            // what ParseLogPrefix found behind the stage
	ENI      cloud.InterfaceID // where it came from, if known
	Protocol int
	Src, Dst netip.AddrPort
	ICMPType int
	ICMPCode int
}

// FromDrop explains a drop as Explain would: it looks for the flow, opened or
// answered by this packet, that the plan stops at the same stage.
func FromDrop(p *netplan.Plan, d Drop) Answer {
	if p == nil {
		p = &netplan.Plan{}
	}
	pkt := packet{
		proto: d.Protocol, src: d.Src.Addr().Unmap(), dst: d.Dst.Addr().Unmap(),
		sport: exactly(d.Src.Port()), dport: exactly(d.Dst.Port()), typ: d.ICMPType, code: d.ICMPCode,
	}
	for _, flow := range []packet{pkt, pkt.opening()} {
		w := &walk{p: p}
		from := w.owner(flow.src)
		if e := p.ENI(d.ENI); from == nil && flow == pkt && e != nil && e.Attach == netplan.AttachDirect {
			if d.Stage == netplan.StageSpoof || e.AnySource {
				from = e
			}
		}
		if pair := w.public(flow.dst); from == nil && pair != nil {
			flow.dst = pair.Public
		}
		if a := w.run(from, flow); a.Stage == d.Stage {
			return a
		}
	}
	return unmatched(p, d, pkt)
}

func exactly(port uint16) span { return span{int(port), int(port)} }

// unmatched explains a drop that the plan would not cause any more.
func unmatched(p *netplan.Plan, d Drop, pkt packet) Answer {
	where := string(d.Stage)
	if d.Detail != "" {
		where += " " + d.Detail
	}
	a := Answer{
		Stage: d.Stage, Code: codes[d.Stage],
		Blame: []cloud.Ref{{Kind: cloud.KindVPC, ID: string(p.VPC)}},
		Text: fmt.Sprintf("%s from %s to %s was dropped (%s) by rules of VPC %s that have changed since; try again.",
			pkt.what(), pkt.src, pkt.dst, where, p.VPC),
	}
	if d.ENI != "" {
		a.Blame = append(a.Blame, cloud.Ref{Kind: cloud.KindInterface, ID: string(d.ENI)})
	}
	return a
}
