// Package bus runs the NATS JetStream server inside the process: the engine
// behind the state, the logs and the objects.
//
// Invariants:
//   - no listener: only this process reaches the server
//   - every write is on disk before it is acknowledged
//   - nothing is written to a disk that is all but full, so the server never finds it full
//   - one process per directory, held by a lock on a file in it
package bus
