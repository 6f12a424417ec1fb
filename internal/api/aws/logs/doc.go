// Package logs is the dialect of Amazon CloudWatch Logs: names, ARNs, limits,
// texts, paging tokens and filter patterns, over the neutral logs.
//
// Invariants:
//   - an operation is one method; the generated types say what it takes
//   - CloudWatch's limits and texts live here, the events elsewhere
//   - what Weir does not have is refused, never accepted and ignored
package logs
