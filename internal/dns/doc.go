// Package dns answers the lookups of a VPC's hosts, on the addresses that the
// cloud reserves for its resolver inside every VPC. Names of the VPC's own hosts
// and of the private zones attached to it come from its plan, all others from
// upstream. Resolvers that DHCP options name are not asked here: hosts ask those
// themselves, from inside the VPC.
//
// A private zone hides the public internet's names at and below its own: what
// it does not have does not exist (split horizon). Where several domains hold a
// name, the most specific one answers. CNAMEs are followed from zone to zone and
// out to the internet. Hosts of subnets with DNS64 get IPv6 addresses below
// 64:ff9b::/96 for names that have IPv4 addresses alone.
//
// Invariants: a VPC that has DNS switched off has no socket and gets no answer;
// a VPC without a way to the internet gets answers all the same (as the clouds
// give them) but nothing else; one VPC's slow upstream never delays another
// VPC, and that VPC's own names only once hundreds of lookups wait; goroutines
// are bounded whatever hosts send.
package dns
