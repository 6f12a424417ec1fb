// Package lambda is the dialect of AWS Lambda: names, ARNs, limits, defaults,
// messages and the shapes of its answers, over control and invoke.
//
// Invariants:
//   - an operation is one method; the generated types say what it takes
//   - AWS's limits and texts live here, what they apply to lives in control
//   - what Weir cannot do is refused in words, never accepted and ignored
package lambda
