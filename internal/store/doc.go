// Package store keeps the desired state: immutable snapshots in memory over a
// durable log.
//
// Invariants:
//   - a snapshot never changes; taking one never blocks
//   - a transaction is in the log, synced, before anyone sees its snapshot
//   - after a crash a transaction is there wholly or not at all
//   - one writer: a commit that finds the log further than its snapshot fails
package store
