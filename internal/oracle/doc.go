// Package oracle holds the test of the analyser against packets: random
// networks and random changes to them, each probe asked of package reach and
// sent for real through the kernel; verdict and reason must agree. Its code is
// tests alone; `make oracle SEEDS=1-2000` runs as many networks as one likes.
// docs/oracle.md says what it covers and what it has found.
package oracle
