// Package linux is the dataplane's Kernel: it makes network namespaces, links,
// addresses, routes and nftables rules over netlink, and reads the packets that
// rules log. It runs no program.
//
// Invariants:
//   - the machine's own network namespace is never changed
//   - long-lived namespaces are pinned by bind mounts, with a note of the VPC's
//     numbers beside them; slots live as long as their file descriptors. Where
//     mounting is not permitted all live by descriptors
//   - what an earlier process left is taken over: the first Apply for a VPC looks
//     what is there and changes what differs. What cannot be told, or is not
//     wanted any more, is cleared; rules are replaced before links are made
//   - a thread that enters a namespace is locked, starts no goroutine there and
//     comes back, or ends
//   - what package fastpath remembers is forgotten whenever anything is changed, and
//     nothing is remembered meanwhile
//   - a veth end is never moved between namespaces; a link whose far namespace
//     goes is not deleted: both would wait for the kernel's grace periods
package linux
