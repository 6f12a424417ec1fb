package lambda

import (
	"context"
	"strings"
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

func (a *api) tagResource(ctx context.Context, in *TagResourceInput) (*TagResourceOutput, error) {
	r, _, err := a.unqualified(ctx, in.Resource)
	if err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	return nil, a.control.TagFunction(ctx, caller(ctx, r.account), r.name, in.Tags, nil)
}

func (a *api) untagResource(ctx context.Context, in *UntagResourceInput) (*UntagResourceOutput, error) {
	r, _, err := a.unqualified(ctx, in.Resource)
	if err != nil {
		return nil, err
	}
	return nil, a.control.TagFunction(ctx, caller(ctx, r.account), r.name, nil, in.TagKeys)
}

func (a *api) listTags(ctx context.Context, in *ListTagsInput) (*ListTagsOutput, error) {
	_, fn, err := a.unqualified(ctx, in.Resource)
	if err != nil {
		return nil, err
	}
	tags := fn.Tags
	if tags == nil {
		tags = map[string]string{}
	}
	return &ListTagsOutput{Tags: tags}, nil
}
