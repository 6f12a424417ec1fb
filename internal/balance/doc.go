// Package balance runs load balancers: it takes connections at their
// interfaces and passes them on, from there, to targets that are healthy.
//
// Invariants:
//   - every connection, and every check, begins and ends in the network namespace
//     of one of the balancer's interfaces, so that routes, network ACLs and security
//     groups of the VPC hold on both of its legs
//   - what it does follows from the VPCs' plans alone; the health of targets is the
//     only thing that it finds out itself, and forgets with the process
//   - a connection that nobody takes is reset, not held open
//   - where no target is healthy it goes to all of them, as the vendor's does
//     (https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html)
package balance
