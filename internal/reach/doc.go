// Package reach answers whether a packet gets from A to B through a plan and,
// if it does not, which rule of which resource stops it.
//
// Invariants: it reads the plan alone and decides as the kernel does, in the
// order of netplan's stages, so an answer and a dropped packet agree; it is
// pure and total; every refusal names what stopped the packet, the rule, and
// what to do about it.
package reach
