// Package iam parses policy documents and decides requests by them.
//
// Invariants: pure; an unknown operator, element or malformed value is a parse
// error, never a permission; an explicit deny wins over every allow; without an
// allow the answer is no.
package iam
