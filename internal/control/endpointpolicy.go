package control

import (
	"fmt"

	"weir/internal/cloud"
	"weir/internal/iam"
)

// AllowedThrough decides whether the policy of a VPC endpoint lets a request
// pass; other policies decide for themselves. A refusal is as Authorize's.
// https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html
func (c *Control) AllowedThrough(id cloud.EndpointID, who cloud.Principal, a Access) error {
	e, ok := cloud.Endpoints.Get(c.View(), id)
	if !ok { // deleted while the request was on its way
		return refusal(who, a, iam.Decision{Kind: iam.KindEndpoint})
	}
	if e.Policy == "" {
		return nil
	}
	d, err := c.document(e.Policy, iam.Resource)
	if err != nil {
		return fmt.Errorf("the policy of endpoint %s: %w", id, err)
	}
	all, err := c.document(allAccess, iam.Identity)
	if err != nil {
		return err
	}
	return refusal(who, a, iam.Evaluate(
		iam.Request{Principals: a.Names, Action: a.Action, Resource: a.Resource, Context: a.Context, SameAccount: true},
		iam.Policies{Identity: []*iam.Document{all}, Endpoint: []*iam.Document{d}}))
}
