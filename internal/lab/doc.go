// Package lab is the internet that Weir's networks reach: a network namespace
// of its own with hosts on documentation addresses. In mode "lab" it is all
// there is: any public name resolves, a catch-all site answers, an echo site
// tells the caller's address, users add sites, and no packet ever leaves the
// machine. In mode "host" the namespace is a router to the machine's uplink.
// In both, the cloud's API names lead to Weir itself.
//
// Invariants: sockets are opened in the namespace and served by ordinary
// goroutines, so requests carry the true source address of their client; a
// packet whose source is not routed back where it came from is dropped; private
// destinations are unreachable; on the machine's own network nothing is touched
// in mode "lab", and in mode "host" only one link and one nftables table, whose
// names begin with "weir", and the forwarding switch.
package lab
