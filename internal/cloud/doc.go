// Package cloud is the neutral model: resources, typed IDs, the read and write
// views of the state, and errors. No cloud's name appears in it.
//
// Invariants:
//   - a value in a table is immutable; to change one, copy it and Put the copy
//     (maps and slices included: never write through a value read from a View)
//   - a field is here only if netplan, iam or invoke reads it, or every dialect
//     shows it; what one dialect alone echoes back goes into Meta.Attrs
//   - standard library only
package cloud
