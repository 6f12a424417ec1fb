// Package iam parses policy documents and decides requests by them.
//
// Invariants: pure; an unknown operator, a repeated or unknown element and a
// malformed value are parse errors, never a permission; an explicit deny wins over
// every allow; without an allow the answer is no; what a variable fills in never
// brings wildcards with it.
package iam
