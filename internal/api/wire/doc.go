// Package wire decodes, authenticates, dispatches and encodes API calls of any
// dialect: protocol codecs driven by generated types, signatures, errors in
// each protocol's own shape.
//
// Invariants: nothing here knows an operation by name; an operation is one
// Handle line; whatever is not registered answers the service's own
// not-implemented error; bad input never becomes a 500.
package wire
