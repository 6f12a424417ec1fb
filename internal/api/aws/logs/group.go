package logs

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"weir/internal/api/wire"
	"weir/internal/logs"
)

// Attributes of a group that only this dialect shows.
const (
	attrClass     = "aws.class"
	attrProtected = "aws.deletion-protection"
)

// retentions are the days that a retention policy may have.
var retentions = []int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

const day = 24 * time.Hour

func (a *api) CreateLogGroup(ctx context.Context, in *CreateLogGroupInput) (*CreateLogGroupOutput, error) {
	name := *in.LogGroupName
	if strings.HasPrefix(name, "aws/") {
		return nil, invalid("Log groups starting with AWS/ are reserved for AWS.")
	}
	if in.KmsKeyId != nil { // there are no keys
		return nil, invalid("The specified KMS key does not exist or is not allowed to be used with LogGroup '%s'", groupARN(scope(ctx), name))
	}
	if in.LogGroupClass == LogGroupClassDELIVERY { // its events go to a destination, which Weir does not have
		return nil, invalid("Log group class DELIVERY is not supported.")
	}
	g := logs.Group{Name: name, Tags: in.Tags, Attrs: map[string]string{attrClass: string(in.LogGroupClass)}}
	if value(in.DeletionProtectionEnabled) {
		g.Attrs[attrProtected] = "true"
	}
	return nil, a.logs.CreateGroup(ctx, scope(ctx), g)
}

func (a *api) DeleteLogGroup(ctx context.Context, in *DeleteLogGroupInput) (*DeleteLogGroupOutput, error) {
	g, err := a.logs.Group(scope(ctx), *in.LogGroupName)
	if err != nil {
		return nil, err
	}
	if g.Attrs[attrProtected] != "" {
		return nil, &wire.Error{Code: "ValidationException", Msg: "The specified log group has deletion protection enabled. Disable deletion protection before deleting the log group."}
	}
	return nil, a.logs.DeleteGroup(ctx, scope(ctx), g.Name)
}

func (a *api) PutLogGroupDeletionProtection(ctx context.Context, in *PutLogGroupDeletionProtectionInput) (*PutLogGroupDeletionProtectionOutput, error) {
	name, err := oneGroup(ctx, nil, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	return nil, a.logs.ChangeGroup(ctx, scope(ctx), name, func(g *logs.Group) error {
		delete(g.Attrs, attrProtected)
		if *in.DeletionProtectionEnabled {
			g.Attrs[attrProtected] = "true"
		}
		return nil
	})
}

func (a *api) PutRetentionPolicy(ctx context.Context, in *PutRetentionPolicyInput) (*PutRetentionPolicyOutput, error) {
	days := *in.RetentionInDays
	if !slices.Contains(retentions, days) {
		set := strings.ReplaceAll(strings.Trim(fmt.Sprint(retentions), "[]"), " ", ", ")
		return nil, invalid("1 validation error detected: Value '%d' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: [%s]", days, set)
	}
	return nil, a.retain(ctx, *in.LogGroupName, time.Duration(days)*day)
}

func (a *api) DeleteRetentionPolicy(ctx context.Context, in *DeleteRetentionPolicyInput) (*DeleteRetentionPolicyOutput, error) {
	return nil, a.retain(ctx, *in.LogGroupName, 0)
}

func (a *api) retain(ctx context.Context, name string, d time.Duration) error {
	return a.logs.ChangeGroup(ctx, scope(ctx), name, func(g *logs.Group) error { g.Retention = d; return nil })
}

func (a *api) DescribeLogGroups(ctx context.Context, in *DescribeLogGroupsInput) (*DescribeLogGroupsOutput, error) {
	s := scope(ctx)
	prefix, pattern := value(in.LogGroupNamePrefix), value(in.LogGroupNamePattern)
	if prefix != "" && pattern != "" {
		return nil, invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	if len(in.AccountIdentifiers) > 0 && !slices.Contains(in.AccountIdentifiers, s.Account) {
		return &DescribeLogGroupsOutput{}, nil
	}
	var names []string
	for _, id := range in.LogGroupIdentifiers {
		name, err := oneGroup(ctx, nil, &id)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	all, err := a.logs.Groups(ctx, s)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(g logs.Group) bool {
		return !strings.HasPrefix(g.Name, prefix) || !strings.Contains(g.Name, pattern) ||
			in.LogGroupClass != "" && in.LogGroupClass != class(g) ||
			names != nil && !slices.Contains(names, g.Name)
	})
	page, next, err := wire.Page(all, wire.Paging{Max: in.Limit, Token: in.NextToken, Default: 50,
		Scope: strings.Join([]string{"DescribeLogGroups", s.Account, s.Region, prefix, pattern}, "\x00")},
		func(g logs.Group) string { return g.Name })
	if err != nil {
		return nil, err
	}
	out := &DescribeLogGroupsOutput{NextToken: next}
	for _, g := range page {
		out.LogGroups = append(out.LogGroups, describeGroup(s, g))
	}
	return out, nil
}

// ListLogGroups finds groups by a regular expression, and tells less of them.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_ListLogGroups.html
func (a *api) ListLogGroups(ctx context.Context, in *ListLogGroupsInput) (*ListLogGroupsOutput, error) {
	s := scope(ctx)
	pattern, err := regexp.Compile(value(in.LogGroupNamePattern))
	if err != nil {
		return nil, invalid("The pattern %s is no regular expression.", *in.LogGroupNamePattern)
	}
	out := &ListLogGroupsOutput{LogGroups: []LogGroupSummary{}}
	if len(in.AccountIdentifiers) > 0 && !slices.Contains(in.AccountIdentifiers, s.Account) ||
		len(in.DataSources) > 0 || len(in.FieldIndexNames) > 0 { // no group has these
		return out, nil
	}
	all, err := a.logs.Groups(ctx, s)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(g logs.Group) bool {
		return !pattern.MatchString(g.Name) || in.LogGroupClass != "" && in.LogGroupClass != class(g) ||
			slices.ContainsFunc(in.LogGroupTags, func(f TagFilter) bool { return !tagged(g, f) })
	})
	page, next, err := wire.Page(all, wire.Paging{Max: in.Limit, Token: in.NextToken, Default: 50,
		Scope: strings.Join([]string{"ListLogGroups", s.Account, s.Region, pattern.String()}, "\x00")},
		func(g logs.Group) string { return g.Name })
	out.NextToken = next
	for _, g := range page {
		out.LogGroups = append(out.LogGroups, LogGroupSummary{LogGroupName: &g.Name, LogGroupArn: ptr(groupARN(s, g.Name)), LogGroupClass: class(g)})
	}
	return out, err
}

// tagged tells whether a group has a tag, with one of the values if there are any.
func tagged(g logs.Group, f TagFilter) bool {
	v, ok := g.Tags[value(f.Key)]
	return ok && (len(f.Values) == 0 || slices.Contains(f.Values, v))
}

func class(g logs.Group) LogGroupClass {
	return cmp.Or(LogGroupClass(g.Attrs[attrClass]), LogGroupClassSTANDARD)
}

func describeGroup(s logs.Scope, g logs.Group) LogGroup {
	arn := groupARN(s, g.Name)
	out := LogGroup{
		Arn: ptr(arn + ":*"), LogGroupArn: &arn, LogGroupName: &g.Name, CreationTime: ptr(g.Created.UnixMilli()),
		LogGroupClass: class(g), MetricFilterCount: ptr(int32(0)), StoredBytes: &g.Bytes,
		DeletionProtectionEnabled: ptr(g.Attrs[attrProtected] != ""),
	}
	if g.Retention > 0 {
		out.RetentionInDays = ptr(int32(g.Retention / day))
	}
	return out
}

func ptr[T any](v T) *T { return &v }
