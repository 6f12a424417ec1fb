package reach

import (
	"fmt"
	"net/netip"
	"slices"

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

// FromDrop explains one drop by a plan.
func FromDrop(p *netplan.Plan, d Drop) Answer {
	return New(p).FromDrop(d)
}

// FromDrop explains a drop as Explain would: it looks for the flow, opened or
// answered by this packet, that the plan stops at the same stage.
func (x *Analyser) FromDrop(d Drop) Answer {
	pkt := packet{
		proto: d.Protocol, src: d.Src.Addr().Unmap(), dst: d.Dst.Addr().Unmap(),
		sport: exactly(d.Src.Port()), dport: exactly(d.Dst.Port()), typ: d.ICMPType, code: d.ICMPCode,
	}
	ways := []bool{false, true} // whether it answers
	if pkt.answers() {
		slices.Reverse(ways)
	}
	for _, answer := range ways {
		if a := x.explain(d, pkt, answer); a.Stage == d.Stage && a.Delivered == answer {
			return a
		}
	}
	return unmatched(x.p, d, pkt)
}

// explain follows the flow that pkt opens, or else the one that it answers.
func (x *Analyser) explain(d Drop, pkt packet, answer bool) Answer {
	if answer {
		pkt = pkt.opening()
	}
	w := &walk{Analyser: x}
	from := w.owner(pkt.src)
	if e := x.p.ENI(d.ENI); from == nil && !answer && e != nil && e.Attach == netplan.AttachDirect {
		if d.Stage == netplan.StageSpoof || e.AnySource {
			from = e
		}
	}
	if from == nil {
		from = w.abroad(pkt)
	}
	if from == nil {
		from = w.remoteSender(pkt.src)
	}
	if pair := w.public(pkt.dst); from == nil && pair != nil {
		pkt.dst = pair.Public
	}
	return w.run(from, pkt)
}

// answers guesses from the ports whether the packet answers another: services
// listen on low ports, clients send from high ones.
func (p packet) answers() bool {
	if p.ported() {
		return p.sport.lo < natPorts.lo && p.dport.lo >= natPorts.lo
	}
	return p.proto == icmp && p.typ == 0 || p.proto == icmpv6 && p.typ == 129
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
