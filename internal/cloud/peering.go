package cloud

import "time"

// PeeringID is a typed ID.
type PeeringID string

// PeeringState is how far a peering connection is. A pending one expires at a
// time that it carries, without a change of state.
type PeeringState string

// States.
const (
	PeeringPending  PeeringState = "pending-acceptance"
	PeeringActive   PeeringState = "active"
	PeeringRejected PeeringState = "rejected"
	PeeringDeleted  PeeringState = "deleted"
	PeeringFailed   PeeringState = "failed"
)

// Peering joins two VPCs: hosts of one reach those of the other by private
// address, where routes lead there. What lies behind either VPC is not joined.
type Peering struct {
	Meta      // the requester's
	ID        PeeringID
	Requester PeeringSide
	Accepter  PeeringSide
	State     PeeringState
	Expires   time.Time // if still pending
	Ended     time.Time // when it was deleted or rejected, or failed
	EndedBy   string    // the account that ended it
}

// PeeringSide is one of the two VPCs.
type PeeringSide struct {
	VPC     VPCID
	Account string
	Region  string
	// RemoteNames: names of this VPC's hosts resolve to private addresses in the other one.
	RemoteNames bool
	// Tags are the accepter's own; the requester's are in Meta.
	Tags map[string]string
}

// Scope is as Meta.Scope.
func (s *PeeringSide) Scope() string { return Scope(s.Account, s.Region) }

// Sides are a VPC's own side and the other one; nil if it is not joined.
func (p *Peering) Sides(vpc VPCID) (own, other *PeeringSide) {
	switch vpc {
	case p.Requester.VPC:
		return &p.Requester, &p.Accepter
	case p.Accepter.VPC:
		return &p.Accepter, &p.Requester
	}
	return nil, nil
}

// Peerings is the table of peering connections, filed under both sides.
var Peerings = newTable("peering", func(r *Peering) PeeringID { return r.ID }, index[Peering]{
	"scope": func(r *Peering) []string { return both(r.Requester.Scope(), r.Accepter.Scope()) },
	"vpc":   func(r *Peering) []string { return both(string(r.Requester.VPC), string(r.Accepter.VPC)) },
})

func both(a, b string) []string {
	if a == b {
		return []string{a}
	}
	return []string{a, b}
}
