// Package flowlog makes the lines of flow logs: it takes what passed and what
// was refused at interfaces, sums it up by flow during each log's interval, and
// gives out a line for each flow.
//
// Invariants:
//   - it is told everything and asks nobody: flows, logs and interfaces come in
//     by calls, lines go out by one
//   - it holds one interval's flows and no more than maxFlows of them; what does
//     not fit is said to be skipped, never left out silently
//   - a flow log that is gone gives no more lines, an interface that is gone
//     gives what there was of it
package flowlog
