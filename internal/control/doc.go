// Package control holds the use cases: it authorises, validates, decides and
// writes the desired state. One file per resource.
//
// Invariants:
//   - the only writer of the store; a use case is one transaction
//   - invoking a function never writes desired state
//   - neutral: ID forms, defaults, codes and paging belong to the dialects,
//     which pass what differs in the inputs
//   - errors are *cloud.Error and say what was attempted, on what, why not
package control
