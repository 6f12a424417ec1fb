package lambda

import (
	"context"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
)

func checkTags(tags map[string]string) error {
	for k, v := range tags {
		switch {
		case k == "" || len(k) > 128:
			return invalid("The tag key %q must have between 1 and 128 characters.", k)
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			return invalid("The tag key %q cannot start with aws:, which is reserved.", k)
		case len(v) > 256:
			return invalid("The value of tag %q must have at most 256 characters.", k)
		}
	}
	if len(tags) > 50 {
		return invalid("Number of tags exceeds resource tag limit.")
	}
	return nil
}

// tagged finds the function of a tagging operation.
func (a *api) tagged(ctx context.Context, arn *string) (ref, *cloud.Function, error) {
	r, err := parseRef(ctx, arn, nil)
	if err == nil && r.qualifier != "" {
		return r, nil, invalid("Tags on function aliases and versions are not supported. Please specify a function ARN.")
	}
	return a.unqualified(ctx, arn)
}

func (a *api) tagResource(ctx context.Context, in *TagResourceInput) (*TagResourceOutput, error) {
	r, _, err := a.tagged(ctx, in.Resource)
	if err != nil {
		return nil, err
	}
	if len(in.Tags) == 0 {
		return nil, invalid("An error occurred and the request cannot be processed.")
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	return nil, a.control.TagFunction(ctx, caller(ctx, r.account), r.name, in.Tags, nil)
}

func (a *api) untagResource(ctx context.Context, in *UntagResourceInput) (*UntagResourceOutput, error) {
	if len(in.TagKeys) == 0 { // a query cannot say that a list is empty
		return nil, &wire.Error{Code: "ValidationException", Msg: "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be null"}
	}
	r, _, err := a.tagged(ctx, in.Resource)
	if err != nil {
		return nil, err
	}
	return nil, a.control.TagFunction(ctx, caller(ctx, r.account), r.name, nil, in.TagKeys)
}

func (a *api) listTags(ctx context.Context, in *ListTagsInput) (*ListTagsOutput, error) {
	_, fn, err := a.tagged(ctx, in.Resource)
	if err != nil {
		return nil, err
	}
	tags := fn.Tags
	if tags == nil {
		tags = map[string]string{}
	}
	return &ListTagsOutput{Tags: tags}, nil
}
