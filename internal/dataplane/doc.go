// Package dataplane makes the kernel's network what the plans say. Its Manager
// watches the state, compiles each VPC's plan, lowers it to a Network (plain
// data: namespaces, links, routes, rules) and has a Kernel apply it; it keeps
// ready-made namespaces (slots) behind every interface, and remembers the
// packets that were dropped, with the resources that are to blame.
//
// How a VPC looks: one router namespace. Every interface is one veth out of it.
// Behind it is, for functions, a namespace that translates its slots to the
// interface's addresses; for hosts, the host's own namespace; for a NAT
// gateway, a namespace that translates. The router's uplink leads to the
// internet's namespace; public addresses are translated one to one on it.
// Routers of peered VPCs meet in the hub: see Hub.
// A gateway endpoint is a local route in the tables that have it: a transparent
// listener inside the router (ListenTCP on the unspecified address) answers and
// sees the caller's own address.
// An interface endpoint is a namespace of its own that takes TCP; what answers
// there listens in it (ListenBehind).
//
// Invariants:
//   - Lower and Diff are pure; only a Kernel has side effects
//   - a VPC without interfaces has no namespaces
//   - closed by default: every base chain that forwards drops what no rule
//     accepts, and rules are in place before links
//   - every drop is logged with a prefix that names its stage (netplan.Stage)
//     and the ACL, profile or interface it belongs to
//   - namespaces and links are never reused: numbers only grow
package dataplane
