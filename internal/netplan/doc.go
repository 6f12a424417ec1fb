// Package netplan compiles the state into plans: one per VPC, the single
// description that the kernel gets and that the analyser reads.
//
// Invariants: Compile is pure and total (a dangling reference becomes a
// blackhole and a Problem, never a panic or an open path); equal states give
// equal plans; every element names the resources it comes from.
package netplan
