// Package runtime runs a function's code in a sandbox under its cloud's contract:
// which interpreter a runtime's name means here, how the code is loaded, how
// events go in and results come out, and what each failure is called.
//
// Use: Engine.Prepare starts an interpreter that waits, knowing no function yet;
// Process.Init gives it one function version; then Process.Invoke, any number of
// times, one at a time. Process.Kill ends it.
//
// Two contracts. Managed runtimes (Python, Node) are pushed events over a socket
// pair by our own bootstrap (bootstrap/). Custom ones (provided.*) poll the
// Lambda Runtime API over HTTP, on 127.0.0.1:9001 inside the sandbox's network
// namespace.
//
// Code may be an archive, which an interpreter or a program of it runs in a sandbox
// with this machine's /usr, or an image, whose own program runs in a machine with
// the image for its root; images' programs are servers or poll the Runtime API.
//
// Invariants:
//   - a process serves one function version and is never used for another
//   - the code's failures are Results or InitErrors, as the cloud's documents; an
//     error of another type is Weir's own
//   - once Invoke has returned an error or Result.Exited, the process is dead
package runtime
