package control

import (
	"fmt"
	"net/netip"
	"slices"

	"weir/internal/cloud"
	"weir/internal/netplan"
	"weir/internal/reach"
)

// Internet4 and Internet6 stand for hosts on the internet where a question names none.
var (
	Internet4 = netip.MustParseAddr("198.51.100.80")
	Internet6 = netip.MustParseAddr("2001:db8::80")
)

// terminal is one end of a question: an interface, or the internet behind a gateway.
type terminal struct {
	eni *cloud.Interface
	vpc cloud.VPCID
	// addrs are what to send to; none is the interface's own.
	addrs []netip.Addr
	// outside: beyond that gateway, so any address there will do.
	outside bool
}

// analyse answers p into a.
func analyse(v cloud.View, who Caller, p *cloud.InsightsPath, a *cloud.InsightsAnalysis) {
	sources, missing := ends(v, who, p.Source)
	var targets []terminal
	if p.Destination.ID == "" {
		targets = []terminal{{}}
	} else if missing == "" {
		targets, missing = ends(v, who, p.Destination)
	}
	if missing != "" {
		a.Failure = "The request failed due to missing component " + missing
		return
	}
	var first *reach.Answer
	var at *reach.Analyser
	for _, s := range sources {
		if s.vpc == "" {
			record(v, reach.New(nil), p, a, &reach.Answer{Code: "UNASSOCIATED_COMPONENT", Blame: []cloud.Ref{p.Source}, Text: p.Source.ID + " is not attached to a VPC; attach it."})
			return
		}
		x := reach.Across(s.vpc, func(id cloud.VPCID) *netplan.Plan { return netplan.Compile(v, id) }).Hiding(others(v, who.Account))
		for _, q := range questions(v, x, p, s, targets) {
			answer := x.Explain(q)
			if answer.Reachable {
				unsuitable(p, a, &answer)
			}
			if first == nil || answer.Reachable {
				first, at = &answer, x
			}
			if answer.Reachable {
				break
			}
		}
		if first != nil && first.Reachable {
			break
		}
	}
	if first == nil {
		at = reach.New(nil)
		first = &reach.Answer{Code: "NO_SOURCE_OR_DESTINATION", Blame: []cloud.Ref{p.Source}, Text: "The source and the destination have no addresses of one IP version."}
	}
	record(v, at, p, a, first)
}

// others tells what belongs to other accounts. Without an organisation that
// trusts it, the vendor's analyser sees nothing of that.
// https://docs.aws.amazon.com/vpc/latest/reachability/cross-account-analyses.html
func others(v cloud.View, account string) func(cloud.Ref) bool {
	return func(r cloud.Ref) bool {
		switch r.Kind {
		case cloud.KindVPC:
			vpc, ok := cloud.VPCs.Get(v, cloud.VPCID(r.ID))
			return ok && vpc.Account != account
		case cloud.KindEndpointService:
			s, ok := cloud.EndpointServices.Get(v, cloud.EndpointServiceID(r.ID))
			return ok && s.Account != account
		case cloud.KindTransitTable:
			t, ok := cloud.TransitTables.Get(v, cloud.TransitTableID(r.ID))
			return ok && t.Account != account
		}
		return false
	}
}

// ends resolves a resource to interfaces or the internet, or names what is missing.
func ends(v cloud.View, who Caller, r cloud.Ref) (out []terminal, missing string) {
	switch r.Kind {
	case cloud.KindInterface:
		if i, err := find(v, who, cloud.Interfaces, r.Kind, cloud.InterfaceID(r.ID)); err == nil {
			return []terminal{{eni: i, vpc: i.VPC}}, ""
		}
	case cloud.KindInstance:
		for i := range cloud.Interfaces.By(v, "scope", who.scope()) {
			if i.Attachment != nil && i.Attachment.Instance == r.ID {
				out = append(out, terminal{eni: i, vpc: i.VPC})
			}
		}
	case cloud.KindInternetGateway:
		if g, err := find(v, who, cloud.InternetGateways, r.Kind, cloud.InternetGatewayID(r.ID)); err == nil {
			return []terminal{{vpc: g.VPC, outside: true}}, ""
		}
	case cloud.KindEndpoint:
		if e, err := find(v, who, cloud.Endpoints, r.Kind, cloud.EndpointID(r.ID)); err == nil {
			out = endpointEnds(v, e)
		}
	}
	if len(out) == 0 {
		return nil, r.ID
	}
	return out, ""
}

// endpointEnds are an interface endpoint's interfaces, or the addresses behind a gateway endpoint.
func endpointEnds(v cloud.View, e *cloud.Endpoint) (out []terminal) {
	for _, id := range e.Interfaces {
		if i, ok := cloud.Interfaces.Get(v, id); ok {
			out = append(out, terminal{eni: i, vpc: i.VPC})
		}
	}
	list, ok := GatewayList(v, e.Region, e.Service)
	if !e.Gateway || !ok {
		return out
	}
	service := terminal{vpc: e.VPC}
	for _, entry := range list.Entries {
		service.addrs = append(service.addrs, entry.Prefix.Addr())
	}
	return append(out, service)
}

// questions are the flows of which one must pass.
func questions(v cloud.View, x *reach.Analyser, p *cloud.InsightsPath, from terminal, targets []terminal) []reach.Query {
	var out []reach.Query
	ports := []int{0}
	if p.Protocol == 6 || p.Protocol == 17 {
		lo, hi := p.AtSource.DestinationPorts.From, p.AtSource.DestinationPorts.To
		if at := p.AtDestination.DestinationPorts; lo == 0 && hi == 0 && at.To > 0 {
			lo, hi = at.From, at.To // no gateway changes them
		}
		if hi == 0 {
			hi = 65535
		}
		ports = x.Ports(p.Protocol, max(lo, 1), hi)
	}
	for _, to := range targets {
		for _, addr := range destinations(v, x, p, from, to) {
			q := reach.Query{To: addr, Protocol: p.Protocol, SourcePort: p.AtSource.SourcePorts.From, Source: p.AtSource.Source}
			if from.eni != nil {
				q.From = from.eni.ID
			} else if !q.Source.IsValid() {
				q.Source = internetHost(addr)
			}
			for _, q.Port = range ports {
				out = append(out, q)
			}
		}
	}
	return out
}

func internetHost(like netip.Addr) netip.Addr {
	if like.Is4() {
		return Internet4
	}
	return Internet6
}

// destinations are the addresses to send to.
func destinations(v cloud.View, x *reach.Analyser, p *cloud.InsightsPath, from, to terminal) []netip.Addr {
	if a := p.AtSource.Destination; a.IsValid() {
		return []netip.Addr{a}
	}
	at := p.AtDestination.Destination // translated, if from the internet
	switch {
	case to.eni != nil:
		addrs := slices.Concat(to.eni.Addrs, to.eni.Addrs6)
		if at.IsValid() {
			addrs = []netip.Addr{at}
		}
		if from.eni != nil {
			return addrs
		}
		return publicAddrs(v, to.eni, addrs)
	case at.IsValid():
		return []netip.Addr{at}
	case to.outside:
		return outside(x, from)
	}
	return to.addrs
}

// publicAddrs are what the internet sends to for these addresses of an interface.
func publicAddrs(v cloud.View, i *cloud.Interface, addrs []netip.Addr) []netip.Addr {
	var out []netip.Addr
	for _, a := range addrs {
		public := a
		if len(i.Addrs) > 0 && a == i.Addrs[0] && i.PublicIP.IsValid() {
			public = i.PublicIP
		}
		for e := range cloud.ElasticIPs.By(v, "interface", string(i.ID)) {
			if e.Private == a {
				public = e.Addr
			}
		}
		out = append(out, public)
	}
	return out
}

// outside are addresses of the internet, one for each route that may lead there.
func outside(x *reach.Analyser, from terminal) []netip.Addr {
	out := []netip.Addr{Internet4}
	if from.eni != nil && len(from.eni.Addrs6) > 0 {
		out = append(out, Internet6)
	}
	for _, t := range x.Plan().Tables {
		for _, r := range t.Routes {
			away := r.Hop == netplan.HopInternet || r.Hop == netplan.HopNAT || r.Hop == netplan.HopEgressOnly || r.Hop == netplan.HopIPv6
			if a := r.Dest.Addr(); away && r.Dest.Bits() > 0 && !a.IsPrivate() {
				out = append(out, a)
			}
		}
	}
	return out
}

// unsuitable turns a path that passes, but not as asked, into a refusal.
func unsuitable(p *cloud.InsightsPath, a *cloud.InsightsAnalysis, answer *reach.Answer) {
	refuse := func(r cloud.Ref, format string, args ...any) {
		*answer = reach.Answer{Path: answer.Path, Code: "NO_PATH", Blame: []cloud.Ref{r}, Text: fmt.Sprintf(format, args...)}
	}
	need := a.Through
	if k := p.Destination.Kind; k == cloud.KindInterface || k == cloud.KindInternetGateway {
		need = append(slices.Clone(need), p.Destination)
	}
	for _, r := range need {
		if r.Kind != cloud.KindVPC && !reach.Passes(answer.Path, r) {
			refuse(r, "The traffic passes, but not through %s.", r.ID)
			return
		}
	}
	for _, r := range a.Around {
		if reach.Passes(answer.Path, r) {
			refuse(r, "The traffic passes only through %s, which is left out.", r.ID)
			return
		}
	}
	last, want := reach.Last(answer.Path), p.AtDestination
	if want.Source.IsValid() && want.Source != last.Source || want.Destination.IsValid() && want.Destination != last.Destination {
		refuse(p.Source, "The traffic arrives as from %s to %s, which is not what the filter at the destination asks for.", last.Source, last.Destination)
	}
}
