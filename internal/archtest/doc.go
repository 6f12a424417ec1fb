// Package archtest holds the tests that keep the layers apart: who may import
// whom, and that every package says what it is for.
package archtest
