// Package dns answers the lookups of a VPC's hosts, on the addresses that the
// cloud reserves for its resolver inside every VPC. Names of the VPC's own hosts
// come from its plan, all others from upstream. Resolvers that DHCP options name
// are not asked here: hosts ask those themselves, from inside the VPC.
//
// Invariants: a VPC that has DNS switched off has no socket and gets no answer;
// a VPC without a way to the internet gets answers all the same (as the clouds
// give them) but nothing else; one VPC's slow upstream never delays another
// VPC, and that VPC's own names only once hundreds of lookups wait; goroutines
// are bounded whatever hosts send.
package dns
