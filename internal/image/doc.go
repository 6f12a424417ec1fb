// Package image brings OCI images to this machine: it finds them in a registry,
// an OCI layout or a `docker save` archive and unpacks them into root file systems.
//
// Invariants:
//   - what is stored is content-addressed: a root file system is the one that the
//     digest of its image's configuration commits to, whatever the source says, and
//     is complete as soon as it has its name
//   - unpacking writes nothing outside the new root, whatever a layer's names, links
//     and earlier layers are
//   - root file systems are shared by everybody who pulls the image: nobody writes
//     to them, users lay their own files over them
//   - what an image may cost in bytes and files is bounded
//
// It runs nothing and decides nothing about who may pull.
package image
