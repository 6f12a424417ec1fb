package sls

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"time"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/logs"
)

// Forms of names.
// https://www.alibabacloud.com/help/en/sls/developer-reference/api-sls-2020-12-30-createproject
var (
	projectName  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
	logstoreName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,61}[a-z0-9]$`)
)

// Attributes of groups.
const (
	attrDescription = "sls.description"
	attrGroup       = "sls.resource-group"
	attrModified    = "sls.modified"
	attrShards      = "sls.shards"
	attrMetering    = "sls.metering"
	attrIndex       = "sls.index"
	attrEcho        = "sls.logstore" // what a logstore echoes back, as JSON
)

func (a *api) createProject(ctx context.Context, in *CreateProjectInput) (*CreateProjectOutput, error) {
	if !projectName.MatchString(*in.ProjectName) {
		return nil, invalid("The project name is invalid: 3 to 63 lowercase letters, digits and hyphens")
	}
	if len(text(in.Description)) > 64 || strings.ContainsAny(text(in.Description), `<>'"\`) {
		return nil, invalid("The description of the project is invalid")
	}
	if in.DataRedundancyType != nil && *in.DataRedundancyType != "LRS" && *in.DataRedundancyType != "" || in.RecycleBinEnabled != nil && *in.RecycleBinEnabled {
		return nil, invalid("only LRS projects without a recycle bin are supported")
	}
	err := a.logs.CreateGroup(ctx, scope(ctx), logs.Group{Name: root + *in.ProjectName,
		Attrs: map[string]string{attrDescription: text(in.Description), attrGroup: text(in.ResourceGroupId)}})
	if cloud.IsKind(err, cloud.Exists) {
		return nil, &wire.Error{Code: "ProjectAlreadyExist", Msg: "Project " + *in.ProjectName + " already exist"}
	}
	return nil, err
}

func projectFacts(ctx context.Context, g logs.Group) Project {
	call := wire.CallFrom(ctx)
	p := Project{
		ProjectName: new(strings.TrimPrefix(g.Name, root)), Description: new(g.Attrs[attrDescription]), Region: new(call.Region), Status: new("Normal"),
		Owner: new(access.UID(call.Account)), CreateTime: new(stamp(g.Created)), LastModifyTime: new(stamp(modified(g))), DataRedundancyType: new("LRS"),
		RecycleBinEnabled: new(false),
	}
	if id := g.Attrs[attrGroup]; id != "" {
		p.ResourceGroupId = &id
	}
	return p
}

func stamp(t time.Time) string { return t.UTC().Format(time.DateTime) }

// modified is when a group was changed last.
func modified(g logs.Group) time.Time {
	if s, err := strconv.ParseInt(g.Attrs[attrModified], 10, 64); err == nil {
		return time.Unix(s, 0)
	}
	return g.Created
}

func (a *api) getProject(ctx context.Context, in *GetProjectInput) (*GetProjectOutput, error) {
	g, err := a.project(scope(ctx), *in.Project)
	if err != nil {
		return nil, err
	}
	return new(projectFacts(ctx, g)), nil
}

func (a *api) listProject(ctx context.Context, in *ListProjectInput) (*ListProjectOutput, error) {
	groups, err := a.logs.Groups(ctx, scope(ctx))
	if err != nil {
		return nil, err
	}
	var all []logs.Group
	for _, g := range groups {
		name, ok := strings.CutPrefix(g.Name, root)
		if ok && projectName.MatchString(name) && strings.Contains(name, text(in.ProjectName)) &&
			(text(in.ResourceGroupId) == "" || g.Attrs[attrGroup] == *in.ResourceGroupId) {
			all = append(all, g)
		}
	}
	from, to, err := window(len(all), in.Offset, in.Size, 500)
	if err != nil {
		return nil, err
	}
	out := &ListProjectOutput{Count: new(int64(to - from)), Total: new(int64(len(all)))}
	for _, g := range all[from:to] {
		out.Projects = append(out.Projects, projectFacts(ctx, g))
	}
	return out, nil
}

func (a *api) updateProject(ctx context.Context, in *UpdateProjectInput) (*UpdateProjectOutput, error) {
	if in.RecycleBinEnabled != nil && *in.RecycleBinEnabled {
		return nil, invalid("a recycle bin is not supported")
	}
	if _, err := a.project(scope(ctx), *in.Project); err != nil {
		return nil, err
	}
	return nil, a.change(ctx, root+*in.Project, func(g *logs.Group) error {
		g.Attrs[attrDescription] = *in.Description
		return nil
	})
}

// change lets f change a group, and notes when.
func (a *api) change(ctx context.Context, name string, f func(g *logs.Group) error) error {
	return a.logs.ChangeGroup(ctx, scope(ctx), name, func(g *logs.Group) error {
		if g.Attrs == nil {
			g.Attrs = map[string]string{}
		}
		g.Attrs[attrModified] = strconv.FormatInt(a.now().Unix(), 10)
		return f(g)
	})
}

// deleteProject deletes the logstores first: a crash leaves a project that can be deleted again.
func (a *api) deleteProject(ctx context.Context, in *DeleteProjectInput) (*DeleteProjectOutput, error) {
	s := scope(ctx)
	if _, err := a.project(s, *in.Project); err != nil {
		return nil, err
	}
	groups, err := a.logs.Groups(ctx, s)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		if !strings.HasPrefix(g.Name, root+*in.Project+"/") {
			continue
		}
		if err := a.logs.DeleteGroup(ctx, s, g.Name); err != nil && !cloud.IsKind(err, cloud.NotFound) {
			return nil, err
		}
	}
	return nil, a.logs.DeleteGroup(ctx, s, root+*in.Project)
}
