// Package nft describes an nftables table as plain Go values: sets, maps,
// chains and rules over a closed list of packet fields. A value prints itself
// in nft syntax (for goldens and for people) and lowers itself to netlink; Diff
// gives the batches that turn one table into another; Conn sends batches and
// reads a table back.
//
// Invariants:
//   - no program is run; the caller opens a Conn on a thread that is in the
//     namespace it is for
//   - a set with intervals is written once: to change it, give the new one
//     another name (Sealed does). The kernel finds the element to delete by its
//     start alone and refuses most overlaps, so editing one in place is unsafe
//   - Diff puts what is new in a first batch and what refers to it in a second:
//     a batch is atomic for the tables, but a packet on its way may look up new
//     elements with old rules
//   - a rule's comment starts with a hash of its text, by which a chain that is
//     read back is recognised
//
// Only little-endian machines are supported.
package nft
