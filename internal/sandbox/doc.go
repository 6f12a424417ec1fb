// Package sandbox starts one isolated process tree: its own user, mount, pid,
// ipc, uts, cgroup and network namespaces, a read-only root of which only /tmp
// can be written, no capabilities, a seccomp filter and resource limits.
//
// How a start works. A Host keeps one OS thread inside a small mount namespace
// that holds nothing but the prepared root. That thread clones every sandbox, so
// a copy of the namespace is already the sandbox's root and the host's files are
// not in it at all. The clone runs the stage, a few hundred bytes of machine code
// (stage_amd64.s) that carries out a list of system calls compiled beforehand in
// Go, drops every privilege, starts the program and stays as pid 1 to reap.
//
// A Host for machines starts sandboxes in which a whole host runs, as root of its
// own and with a root that can be written: see machine.go. A machine's root may be
// an image's instead of the shared one: see image.go.
//
// Invariants:
//   - nothing of the program runs before every limit and filter is in place; a
//     step that fails ends the start with its name
//   - what this machine cannot enforce is named by Check, never skipped silently
//   - no name in an image is followed before the image is the root
//   - the sandbox's user namespace owns no other namespace: even all capabilities
//     in it give no power over its mounts, network or processes
//   - when pid 1 dies everything in the sandbox dies; pid 1 dies with the daemon
//   - this package knows nothing of functions, clouds or VPCs
package sandbox
