// Package pki is Weir's own certificate authority. It keeps one root in a
// directory and issues server certificates on demand for whatever name a
// client asks for, so that every site of the lab internet and every cloud API
// name speaks TLS that the functions trust.
//
// Invariants: the root's key never leaves its directory and is readable by its
// owner alone; a leaf names exactly one host or address, lives at most 397 days
// (what clients accept) and never longer than the root; the number of leaves
// kept is bounded whatever names clients ask for.
package pki
