// Package invoke runs functions: it keeps instances warm, starts them cold in a
// leased network slot, holds the concurrency limits, times out, retries
// asynchronous events and writes the platform's lines to the function's log.
//
// Invariants:
//   - one instance runs one event at a time, and only events of one version at
//     one revision; a changed function gets new instances
//   - an instance that timed out, crashed or cannot be trusted is killed whole,
//     never reused
//   - a network slot belongs to one instance and is closed with it
//   - what runs of a function goes on until the image that it was changed to is here
//   - desired state is read, never written
//   - the vendor's messages stay the vendor's; reasons go to the function's log
package invoke
