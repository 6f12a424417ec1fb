package reach

import (
	"net/netip"

	"weir/internal/cloud"
)

// LetsOut reports whether the security groups of an interface let a new flow of
// this protocol out to an address, whoever is there.
func (x *Analyser) LetsOut(id cloud.InterfaceID, to netip.Addr, protocol, port int) bool {
	e := x.p.ENI(id)
	if e == nil {
		return false
	}
	rules := x.places[e].profile.Out
	_, allowed := groupRuling(rules, request(Query{To: to, Protocol: protocol, Port: port}), to, "")
	return allowed
}
