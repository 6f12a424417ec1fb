package reach

import (
	"net/netip"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// Query is a new flow: its first packet and the answers to it.
type Query struct {
	// From is the interface that sends. Empty: the interface of this VPC that
	// has Source, or else a host on the internet.
	From cloud.InterfaceID
	// Source is the sender's address; if not set, the first of From's in the family of To.
	Source   netip.Addr
	To       netip.Addr
	Protocol int // 0 is TCP; ICMP (1, 58) is an echo request
	Port     int // destination port
	// SourcePort, if 0, is any port that the sender may choose.
	SourcePort int
}

// Answer tells what becomes of a flow.
type Answer struct {
	// Reachable: the first packet arrives and answers come back.
	Reachable bool
	// Delivered: the first packet arrives.
	Delivered bool
	Path      []Hop
	Reply     []Hop
	// What stops it, if not reachable, and in which VPC.
	Stage netplan.Stage
	VPC   cloud.VPCID
	Code  string // the vendor's explanation code
	Blame []cloud.Ref
	// Text is the answer in one sentence.
	Text string
}

// Explain follows a flow through the plan. For several questions about one
// plan, make an Analyser.
func Explain(p *netplan.Plan, q Query) Answer { return New(p).Explain(q) }

// run follows the packet from an interface (nil is the internet), then the answer to it.
func (w *walk) run(from *netplan.ENI, pkt packet) Answer {
	if s := w.forward(from, pkt); s != nil {
		return s.answer(w)
	}
	w.answering = true
	if s := w.back(); s != nil {
		return s.answer(w)
	}
	a := Answer{Reachable: true, Delivered: true, Path: w.path, Reply: append(w.further, w.reply...)}
	if !w.terse {
		a.Text = w.success(from, pkt)
	}
	return a
}

// start finds the sender and makes its first packet.
func (w *walk) start(q Query) (*netplan.ENI, packet, *stop) {
	pkt := request(q)
	if !q.To.IsValid() {
		return nil, pkt, &stop{code: "NO_SOURCE_OR_DESTINATION", text: "No destination address is given"}
	}
	from := w.p.ENI(q.From)
	switch {
	case q.From != "" && from == nil:
		return nil, pkt, &stop{
			code:  "NO_SOURCE_OR_DESTINATION",
			blame: []cloud.Ref{{Kind: cloud.KindInterface, ID: string(q.From)}},
			text:  "Network interface " + string(q.From) + " is not in VPC " + string(w.p.VPC) + " or has no address there",
		}
	case q.From == "" && !q.Source.IsValid():
		return nil, pkt, &stop{code: "NO_SOURCE_OR_DESTINATION", text: "Neither a network interface nor a source address is given"}
	case q.From == "":
		from = w.owner(q.Source)
	}
	if from == nil && w.local(pkt.src) {
		return nil, pkt, w.noHost(pkt.src, nil)
	}
	if from != nil && !pkt.src.IsValid() {
		for _, a := range from.Addrs {
			if a.Is4() == q.To.Is4() && !pkt.src.IsValid() {
				pkt.src = a
			}
		}
		if !pkt.src.IsValid() {
			return nil, pkt, w.noFamily(from, q.To)
		}
	}
	if pkt.src.Is4() != pkt.dst.Is4() {
		return nil, pkt, &stop{code: "NO_PATH", text: "Source " + pkt.src.String() + " and destination " + pkt.dst.String() + " are not of the same IP version"}
	}
	return from, pkt, nil
}
