// Package ec2 is the VPC part of Amazon's EC2 API: it turns requests into use
// cases of control and resources into Amazon's shapes, states, codes and words.
// One file per resource; the *_gen.go files come from the vendor's model.
//
// Invariants: nothing here decides what the network does; every refusal of
// control has its code in errors.go; a parameter that is not implemented is
// refused, never ignored, unless it only tunes what Weir does not have.
package ec2
