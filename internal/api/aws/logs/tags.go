package logs

import (
	"context"

	"weir/internal/api/wire"
	"weir/internal/logs"
)

const maxTags = 50

// tagged is the group that an ARN names; only groups have tags.
func (a *api) tagged(ctx context.Context, arn *string) (string, error) {
	if name, ok := groupOfARN(scope(ctx), *arn); ok {
		if _, err := a.logs.Group(scope(ctx), name); err == nil {
			return name, nil
		}
	}
	return "", notFound("The specified resource does not exist.")
}

func (a *api) tag(ctx context.Context, name string, tags map[string]string, excess *wire.Error) error {
	return a.logs.ChangeGroup(ctx, scope(ctx), name, func(g *logs.Group) error {
		if g.Tags == nil {
			g.Tags = map[string]string{}
		}
		for k, v := range tags {
			g.Tags[k] = v
		}
		if len(g.Tags) > maxTags {
			return excess
		}
		return nil
	})
}

func (a *api) untag(ctx context.Context, name string, keys []string) error {
	return a.logs.ChangeGroup(ctx, scope(ctx), name, func(g *logs.Group) error {
		for _, k := range keys {
			delete(g.Tags, k)
		}
		return nil
	})
}

func (a *api) tags(ctx context.Context, name string) (map[string]string, error) {
	g, err := a.logs.Group(scope(ctx), name)
	if err != nil {
		return nil, err
	}
	if g.Tags == nil {
		g.Tags = map[string]string{}
	}
	return g.Tags, nil
}

const tooManyTags = "The resource can have no more than 50 tags."

func (a *api) TagResource(ctx context.Context, in *TagResourceInput) (*TagResourceOutput, error) {
	name, err := a.tagged(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return nil, a.tag(ctx, name, in.Tags, &wire.Error{Code: "TooManyTagsException", Msg: tooManyTags,
		Fields: map[string]any{"resourceName": *in.ResourceArn}})
}

func (a *api) UntagResource(ctx context.Context, in *UntagResourceInput) (*UntagResourceOutput, error) {
	name, err := a.tagged(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return nil, a.untag(ctx, name, in.TagKeys)
}

func (a *api) ListTagsForResource(ctx context.Context, in *ListTagsForResourceInput) (*ListTagsForResourceOutput, error) {
	name, err := a.tagged(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	tags, err := a.tags(ctx, name)
	return &ListTagsForResourceOutput{Tags: tags}, err
}

func (a *api) TagLogGroup(ctx context.Context, in *TagLogGroupInput) (*TagLogGroupOutput, error) {
	return nil, a.tag(ctx, *in.LogGroupName, in.Tags, invalid(tooManyTags))
}

func (a *api) UntagLogGroup(ctx context.Context, in *UntagLogGroupInput) (*UntagLogGroupOutput, error) {
	return nil, a.untag(ctx, *in.LogGroupName, in.Tags)
}

func (a *api) ListTagsLogGroup(ctx context.Context, in *ListTagsLogGroupInput) (*ListTagsLogGroupOutput, error) {
	tags, err := a.tags(ctx, *in.LogGroupName)
	return &ListTagsLogGroupOutput{Tags: tags}, err
}
