package control

import (
	"weir/internal/cloud"
	"weir/internal/iam"
)

// CheckSessionPolicies refuses a session policy with a syntax error and managed
// ones that the account has not.
func (c *Control) CheckSessionPolicies(account, document string, arns []string) error {
	for _, arn := range arns {
		if err := policyVisible(c.View(), account, arn); err != nil {
			return cloud.Errorf(cloud.Invalid, cloud.KindPolicy, arn, "", "Policy %s does not exist or is not attachable.", arn)
		}
	}
	if document == "" {
		return nil
	}
	return checkDocument(document, iam.Identity)
}

// AuthorizeAssume decides whether who may do what a says with the role r (assume
// it, tag the session, set its source identity): the role's trust policy must
// allow it in any case, and the caller's own policies unless the trust policy
// names the caller and both belong to one account.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
func (c *Control) AuthorizeAssume(who cloud.Principal, r *cloud.Role, a Access) error {
	set, err := c.policiesOf(c.View(), who)
	if err != nil {
		return err
	}
	trust, err := c.document(r.Trust, iam.Trust)
	if err != nil {
		return err
	}
	set.Resource = []*iam.Document{trust}
	return refusal(who, a, iam.Evaluate(iam.Request{
		Principals: a.Names, Action: a.Action, Resource: a.Resource, Context: a.Context,
		SameAccount: who.Account == r.Account, Trust: true,
	}, set))
}

// ServiceMayAssume wants a role whose trust policy lets a service assume it.
func (c *Control) ServiceMayAssume(service string, r *cloud.Role) error {
	if !c.trusts(r, service) {
		return cloud.Errorf(cloud.Denied, cloud.KindRole, r.Name, "trust", "the trust policy of role %s does not let %s assume it", r.Name, service)
	}
	return nil
}
