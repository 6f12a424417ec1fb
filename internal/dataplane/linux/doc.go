// Package linux is the dataplane's Kernel: it makes network namespaces, links,
// addresses, routes and nftables rules over netlink, and reads the packets that
// rules log. It runs no program.
//
// Invariants:
//   - the machine's own network namespace is never changed
//   - long-lived namespaces are pinned by bind mounts below Config.Dir, which
//     New clears of what an earlier process left; slots live as long as their
//     file descriptors. Where mounting is not permitted all live by descriptors
//   - a thread that enters a namespace is locked, starts no goroutine there and
//     comes back, or ends
//   - a veth end is never moved between namespaces; a link whose far namespace
//     goes is not deleted: both would wait for the kernel's grace periods
package linux
