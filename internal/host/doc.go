// Package host keeps instances running: it follows the desired state and starts,
// restarts and ends a machine (see package sandbox) for each instance, behind the
// instance's own network interface.
//
// Invariants:
//   - an instance runs at most once, and only while its interface is in place
//   - what has come of a request is recorded before the next one is looked at; a
//     request made in between is seen then
//   - an instance that the state wants up when the daemon starts goes on, if an
//     earlier process left it running behind the interface that it has now; it is
//     started again otherwise
//   - what an instance prints is kept, its last part, until it is forgotten
package host
