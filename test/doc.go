// Package test drives unmodified clients against a real daemon and then sends
// packets. Every scenario is a txtar under scenarios/ that states its verdict
// by hand from the vendor's document; Go tests beside it use the vendor's SDK.
//
// Each scenario has a daemon of its own, on the lab internet, on a free
// loopback port. A client that is not installed skips the scenario with a
// message that names it.
package test
