// Package terraform holds the test that Terraform's own AWS provider builds a
// VPC with a function in it, finds nothing to change afterwards, and takes all
// of it down again.
package terraform
