// Package logs keeps log groups, their streams, and events.
//
// Invariants:
//   - what Put or Flush reported stored survives the process
//   - an event's ID never changes, and IDs sort as events do: by time, then by
//     arrival
//   - an event older than its group's retention is never shown
//   - Append costs the caller a lock and a copy, not a write
//
// Events are stored in chunks, one message each. Which chunks a group has is
// read from the log when the group is first read, and kept in memory.
package logs
