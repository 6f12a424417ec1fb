package dataplane

import (
	"weir/internal/cloud"
	"weir/internal/dataplane/nft"
	"weir/internal/netplan"
)

// zones makes a chain for each failed zone, which says so and drops, and lists
// its subnets: nothing passes their links, not even flows that stand.
func (l *lowerer) zones(s *ruleSets) (chains []*nft.Chain) {
	s.zoneIn = &nft.Set{Name: "zone_in", Key: []nft.Field{nft.IIfGroup}, Verdicts: true}
	s.zoneOut = &nft.Set{Name: "zone_out", Key: []nft.Field{nft.OIfGroup}, Verdicts: true}
	names := map[string]string{}
	for _, sub := range l.p.Subnets {
		if !sub.Failed {
			continue
		}
		if names[sub.Zone] == "" {
			from := cloud.Ref{Kind: cloud.KindZone, ID: sub.Zone}
			c := (&nft.Chain{Name: "zone", Rules: []nft.Rule{nft.R(l.drop(netplan.StageZone, sub.Zone, from)...)}}).Sealed()
			names[sub.Zone] = c.Name
			chains = append(chains, c)
		}
		k, to := nft.K(nft.Group(l.n.subnets[sub.ID])), nft.Goto(names[sub.Zone])
		s.zoneIn.Elems = append(s.zoneIn.Elems, k.Then(to))
		s.zoneOut.Elems = append(s.zoneOut.Elems, k.Then(to))
	}
	if len(chains) > 0 {
		l.table.Sets = append(l.table.Sets, s.zoneIn, s.zoneOut)
	}
	return chains
}

// cutBy drops what crosses a link to a failed zone.
func cutBy(subnets *nft.Set, by nft.Field) []nft.Rule {
	if len(subnets.Elems) == 0 {
		return nil
	}
	return []nft.Rule{nft.R(nft.VMap(subnets, by))}
}
