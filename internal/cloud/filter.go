package cloud

import "net/netip"

// SecurityGroup filters statefully what enters and leaves the interfaces that carry it.
type SecurityGroup struct {
	Meta
	ID          SecurityGroupID
	VPC         VPCID
	Name        string
	Description string
	Rules       []SecurityGroupRule
}

// Verdict of a rule.
type Verdict string

// Verdicts.
const (
	Allow Verdict = "allow"
	Deny  Verdict = "deny"
)

// SecurityGroupRule matches one peer and one range of ports. Exactly one of
// Prefix, PrefixList and Group is set.
type SecurityGroupRule struct {
	ID          string
	Egress      bool
	Protocol    int // IP protocol number; -1 is all
	From, To    int // ports, or ICMP type and code; -1 is all
	Prefix      netip.Prefix
	PrefixList  PrefixListID
	Group       SecurityGroupID
	GroupOwner  string // account that owns Group, if not our own
	GroupVPC    VPCID  // that Group is in, if not our own
	Description string
	Tags        map[string]string
	// Priority and Action serve dialects that have them; lower priority wins.
	// A dialect without them writes Priority 0 and Allow.
	Priority int
	Action   Verdict
}

// NetworkACL filters statelessly at a subnet's border.
type NetworkACL struct {
	Meta
	ID      NetworkACLID
	VPC     VPCID
	Default bool
	Entries []NetworkACLEntry
}

// NetworkACLEntry is one numbered line; the lowest number that matches decides.
// Behind the last line everything is denied.
type NetworkACLEntry struct {
	Number   int
	Egress   bool
	Protocol int // -1 is all
	Action   Verdict
	Prefix   netip.Prefix
	From, To int // ports
	ICMPType int
	ICMPCode int
	// Attrs are what only one dialect's API echoes back, as in Meta.
	Attrs map[string]string
}
