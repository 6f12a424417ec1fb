package iam

import (
	"context"
	"fmt"
	"strings"

	"weir/internal/api/aws/access"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// question is what both simulations ask.
type question struct {
	actions, resources       []string
	given, boundary          []string
	resourcePolicy, resOwner *string
	callerARN                *string
	context                  []ContextEntry
	marker                   *string
	max                      *int32
}

// https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html
func (a *api) simulateCustomPolicy(ctx context.Context, in *SimulateCustomPolicyInput) (*SimulateCustomPolicyOutput, error) {
	list, next, more, err := a.simulate(ctx, control.Simulation{}, question{
		in.ActionNames, in.ResourceArns, in.PolicyInputList, in.PermissionsBoundaryPolicyInputList,
		in.ResourcePolicy, in.ResourceOwner, in.CallerArn, in.ContextEntries, in.Marker, in.MaxItems,
	})
	return &SimulateCustomPolicyOutput{EvaluationResults: list, Marker: next, IsTruncated: more}, err
}

// https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
func (a *api) simulatePrincipalPolicy(ctx context.Context, in *SimulatePrincipalPolicyInput) (*SimulatePrincipalPolicyOutput, error) {
	var s control.Simulation
	var err error
	if s.Policies, s.Boundary, err = a.policiesOf(ctx, *in.PolicySourceArn); err != nil {
		return nil, err
	}
	who := in.CallerArn
	if who == nil {
		who = in.PolicySourceArn
	}
	list, next, more, err := a.simulate(ctx, s, question{
		in.ActionNames, in.ResourceArns, in.PolicyInputList, in.PermissionsBoundaryPolicyInputList,
		in.ResourcePolicy, in.ResourceOwner, who, in.ContextEntries, in.Marker, in.MaxItems,
	})
	return &SimulatePrincipalPolicyOutput{EvaluationResults: list, Marker: next, IsTruncated: more}, err
}

// holders are the kinds of ARN that have policies.
var holders = map[string]cloud.Resource{"user": cloud.KindUser, "group": cloud.KindGroup, "role": cloud.KindRole}

// policiesOf finds the policies of the user, group or role that an ARN names.
func (a *api) policiesOf(ctx context.Context, source string) ([]control.NamedPolicy, []string, error) {
	service, _, owner, rest, ok := access.Split(source)
	kind, path, _ := strings.Cut(rest, "/")
	h := control.Holder{Kind: holders[kind], Name: path[strings.LastIndexByte(path, '/')+1:]}
	if !ok || service != "iam" || owner != account(ctx) || h.Kind == "" {
		return nil, nil, &wire.Error{Code: "InvalidInput", Msg: "Invalid Entity Arn: " + source + " does not clearly define entity type and name."}
	}
	return a.control.PoliciesOf(owner, h)
}

func (a *api) simulate(ctx context.Context, s control.Simulation, q question) ([]EvaluationResult, *string, *bool, error) {
	for i, doc := range q.given {
		s.Policies = append(s.Policies, control.NamedPolicy{Name: fmt.Sprintf("PolicyInputList.%d", i+1), Document: doc})
	}
	if q.boundary != nil {
		s.Boundary = q.boundary
	}
	s.Resource, s.Account, s.Owner = str(q.resourcePolicy), account(ctx), ownerOf(str(q.resOwner))
	s.Context = map[string][]string{}
	for _, e := range q.context {
		if e.ContextKeyName != nil {
			s.Context[*e.ContextKeyName] = e.ContextKeyValues
		}
	}
	if q.callerARN != nil {
		s.Names = []control.PrincipalName{{Type: "AWS", Value: *q.callerARN}}
		if _, _, owner, _, ok := access.Split(*q.callerARN); ok {
			s.Account = owner
			s.Names = append(s.Names, control.PrincipalName{Type: "AWS", Value: "arn:aws:iam::" + owner + ":root"})
		}
	}
	resources := q.resources
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	type ask struct {
		n                int
		action, resource string
	}
	var asks []ask
	for _, action := range q.actions {
		for _, resource := range resources {
			asks = append(asks, ask{len(asks), action, resource})
		}
	}
	asks, next, more, err := page(ctx, asks, q.marker, q.max, func(a ask) string { return fmt.Sprintf("%06d", a.n) })
	out := []EvaluationResult{}
	for _, k := range asks {
		v, err := a.control.Simulate(s, k.action, k.resource)
		if err != nil {
			return nil, nil, nil, invalidPolicy(err)
		}
		out = append(out, evaluation(k.action, k.resource, v))
	}
	return out, next, more, err
}

// invalidPolicy is how the simulator refuses a document.
func invalidPolicy(err error) error {
	if cloud.IsKind(err, cloud.Malformed) {
		return &wire.Error{Code: "InvalidInput", Msg: err.Error()}
	}
	return err
}

// ownerOf is the account of a resource's owner, who is named by ARN or number.
func ownerOf(owner string) string {
	if _, _, account, _, ok := access.Split(owner); ok {
		return account
	}
	return owner
}

var sources = map[string]PolicySourceType{
	control.SourceUser: PolicySourceTypeUser, control.SourceGroup: PolicySourceTypeGroup, control.SourceRole: PolicySourceTypeRole,
	control.SourceVendor: PolicySourceTypeAwsManaged, control.SourceManaged: PolicySourceTypeUserManaged,
	control.SourceResource: PolicySourceTypeResource, control.SourceGiven: PolicySourceTypeNone,
}

func evaluation(action, resource string, v *control.Verdict) EvaluationResult {
	r := EvaluationResult{
		EvalActionName: &action, EvalResourceName: &resource, EvalDecision: PolicyEvaluationDecisionTypeImplicitDeny,
		MatchedStatements: []Statement{}, MissingContextValues: append([]string{}, v.Missing...),
	}
	switch {
	case v.Allowed:
		r.EvalDecision = PolicyEvaluationDecisionTypeAllowed
	case v.Explicit:
		r.EvalDecision = PolicyEvaluationDecisionTypeExplicitDeny
	}
	for _, p := range v.Matched {
		r.MatchedStatements = append(r.MatchedStatements, Statement{SourcePolicyId: &p.Name, SourcePolicyType: sources[p.Source]})
	}
	if v.Bounded {
		r.PermissionsBoundaryDecisionDetail = &PermissionsBoundaryDecisionDetail{AllowedByPermissionsBoundary: &v.InBoundary}
	}
	return r
}

func (a *api) getContextKeysForCustomPolicy(_ context.Context, in *GetContextKeysForCustomPolicyInput) (*GetContextKeysForCustomPolicyOutput, error) {
	keys, err := a.control.ContextKeys(in.PolicyInputList)
	return &GetContextKeysForCustomPolicyOutput{ContextKeyNames: append([]string{}, keys...)}, invalidPolicy(err)
}

func (a *api) getContextKeysForPrincipalPolicy(ctx context.Context, in *GetContextKeysForPrincipalPolicyInput) (*GetContextKeysForPrincipalPolicyOutput, error) {
	policies, _, err := a.policiesOf(ctx, *in.PolicySourceArn)
	if err != nil {
		return nil, err
	}
	docs := in.PolicyInputList
	for _, p := range policies {
		docs = append(docs, p.Document)
	}
	keys, err := a.control.ContextKeys(docs)
	return &GetContextKeysForPrincipalPolicyOutput{ContextKeyNames: append([]string{}, keys...)}, invalidPolicy(err)
}
