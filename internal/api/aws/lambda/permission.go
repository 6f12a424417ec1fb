package lambda

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
)

// maxPolicy is what a function's resource policy may hold.
const maxPolicy = 20480

// policy is a resource policy as Lambda writes it.
type policy struct {
	Version   string
	ID        string `json:"Id"`
	Statement []statement
}

type statement struct {
	Sid       string
	Effect    string
	Principal any
	Action    string
	Resource  string
	Condition map[string]map[string]string `json:",omitempty"`
}

func (a *api) addPermission(ctx context.Context, in *AddPermissionInput) (*AddPermissionOutput, error) {
	r, qualifier, err := a.policyOn(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	if !principals.MatchString(*in.Principal) {
		return nil, invalid("The provided principal was invalid. Please check the principal and try again.")
	}
	s := permission(in, r)
	_, err = a.control.EditFunctionPolicy(ctx, caller(ctx, r.account), r.name, qualifier, value(in.RevisionId), func(doc string) (string, error) {
		p, err := parsePolicy(doc)
		if err != nil {
			return "", err
		}
		if slices.ContainsFunc(p.Statement, func(old statement) bool { return old.Sid == s.Sid }) {
			return "", conflict("The statement id (%s) provided already exists. Please provide a new statement id, or remove the existing statement.", s.Sid)
		}
		p.Statement = append(p.Statement, s)
		out, err := json.Marshal(p)
		if err != nil {
			return "", fmt.Errorf("write the policy of %s: %w", r.arn(), err)
		}
		if len(out) > maxPolicy {
			return "", &wire.Error{Code: "PolicyLengthExceededException", Msg: fmt.Sprintf("The final policy size (%d) is bigger than the limit (%d).", len(out), maxPolicy)}
		}
		return string(out), nil
	})
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("write a statement of %s: %w", r.arn(), err)
	}
	return &AddPermissionOutput{Statement: ptr(string(b))}, nil
}

// policyOn finds what a policy is to hang on: the function or one published qualifier.
func (a *api) policyOn(ctx context.Context, name, qualifier *string) (ref, string, error) {
	r, _, err := a.target(ctx, name, qualifier)
	if err != nil {
		return r, "", err
	}
	if r.qualifier == cloud.Latest {
		return r, "", invalid("We currently do not support adding policies for $LATEST.")
	}
	return r, r.qualifier, nil
}

func parsePolicy(doc string) (policy, error) {
	p := policy{Version: "2012-10-17", ID: "default"}
	if doc == "" {
		return p, nil
	}
	if err := json.Unmarshal([]byte(doc), &p); err != nil {
		return p, fmt.Errorf("read the stored policy: %w", err)
	}
	return p, nil
}

// permission is the statement that AddPermission makes of its parameters.
func permission(in *AddPermissionInput, r ref) statement {
	s := statement{Sid: *in.StatementId, Effect: "Allow", Action: *in.Action, Resource: r.arn(), Principal: principal(*in.Principal)}
	when := func(operator, key string, v *string) {
		if v == nil {
			return
		}
		if s.Condition == nil {
			s.Condition = map[string]map[string]string{}
		}
		if s.Condition[operator] == nil {
			s.Condition[operator] = map[string]string{}
		}
		s.Condition[operator][key] = *v
	}
	when("StringEquals", "AWS:SourceAccount", in.SourceAccount)
	when("ArnLike", "AWS:SourceArn", in.SourceArn)
	when("StringEquals", "lambda:EventSourceToken", in.EventSourceToken)
	when("StringEquals", "aws:PrincipalOrgID", in.PrincipalOrgID)
	when("StringEquals", "lambda:FunctionUrlAuthType", optional(string(in.FunctionUrlAuthType)))
	if in.InvokedViaFunctionUrl != nil {
		when("Bool", "lambda:InvokedViaFunctionUrl", ptr(fmt.Sprint(*in.InvokedViaFunctionUrl)))
	}
	return s
}

// principals are everybody, accounts, ARNs and services.
var principals = regexp.MustCompile(`^(\*|\d{12}|arn:.+|[^ ]+\.(amazonaws\.com(\.cn)?|amazon\.com))$`)

func principal(name string) any {
	switch {
	case name == "*":
		return "*"
	case strings.HasPrefix(name, "arn:"):
		return map[string]string{"AWS": name}
	case len(name) == 12 && strings.Trim(name, "0123456789") == "":
		return map[string]string{"AWS": "arn:aws:iam::" + name + ":root"}
	default:
		return map[string]string{"Service": name}
	}
}

func (a *api) removePermission(ctx context.Context, in *RemovePermissionInput) (*RemovePermissionOutput, error) {
	r, qualifier, err := a.policyOn(ctx, in.FunctionName, in.Qualifier)
	if err != nil && r.name != "" && r.qualifier == "" {
		return nil, &wire.Error{Code: "ResourceNotFoundException", Msg: "No policy found for: " + r.arn()}
	}
	if err != nil {
		return nil, err
	}
	_, err = a.control.EditFunctionPolicy(ctx, caller(ctx, r.account), r.name, qualifier, value(in.RevisionId), func(doc string) (string, error) {
		if doc == "" {
			return "", &wire.Error{Code: "ResourceNotFoundException", Msg: "No policy is associated with the given resource."}
		}
		p, err := parsePolicy(doc)
		if err != nil {
			return "", err
		}
		left := slices.DeleteFunc(slices.Clone(p.Statement), func(s statement) bool { return s.Sid == *in.StatementId })
		if len(left) == len(p.Statement) {
			return "", &wire.Error{Code: "ResourceNotFoundException", Msg: fmt.Sprintf("Statement %s is not found in resource policy.", *in.StatementId)}
		}
		if len(left) == 0 {
			return "", nil
		}
		p.Statement = left
		out, err := json.Marshal(p)
		return string(out), err
	})
	return nil, err
}

func noPolicy() *wire.Error {
	return &wire.Error{Code: "ResourceNotFoundException", Msg: "The resource you requested does not exist."}
}

func (a *api) getPolicy(ctx context.Context, in *GetPolicyInput) (*GetPolicyOutput, error) {
	r, q, err := a.resolve(ctx, in.FunctionName, in.Qualifier)
	if err != nil && r.name != "" {
		return nil, noPolicy()
	}
	if err != nil {
		return nil, err
	}
	p, ok := q.Function.Policies[r.qualifier]
	if !ok {
		return nil, noPolicy()
	}
	return &GetPolicyOutput{Policy: ptr(p.Document), RevisionId: ptr(p.Revision)}, nil
}
