// Package sls speaks Log Service 2020-12-30, as far as function logs and flow logs
// need it: projects, logstores and queries over what is in them.
//
// A logstore is the log group /sls/<project>/<logstore> of the account and region,
// and a project the group /sls/<project>, which holds no lines of its own. So the
// other dialect shows the same lines, and whoever deletes a group there deletes it here.
//
// Invariants: a project's logstores go with it; a query sees every line stored
// before it, with or without an index.
package sls

import (
	"context"
	"net/http"
	"strings"
	"time"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/logs"
)

type api struct {
	logs *logs.Logs
	now  func() time.Time
}

// New returns the service with everything that is implemented. now is time.Now if nil.
func New(l *logs.Logs, now func() time.Time) *wire.Service {
	if now == nil {
		now = time.Now
	}
	spec := Spec
	spec.Log, spec.Codes, spec.Errors = true, codes, statuses
	s := wire.NewService(spec)
	s.MapError = mapError
	a := &api{l, now}
	wire.Handle(s, "CreateProject", a.createProject)
	wire.Handle(s, "GetProject", a.getProject)
	wire.Handle(s, "ListProject", a.listProject)
	wire.Handle(s, "UpdateProject", a.updateProject)
	wire.Handle(s, "DeleteProject", a.deleteProject)
	wire.Handle(s, "CreateLogStore", a.createLogStore)
	wire.Handle(s, "GetLogStore", a.getLogStore)
	wire.Handle(s, "ListLogStores", a.listLogStores)
	wire.Handle(s, "UpdateLogStore", a.updateLogStore)
	wire.Handle(s, "DeleteLogStore", a.deleteLogStore)
	wire.Handle(s, "ListShards", a.listShards)
	wire.Handle(s, "GetLogStoreMeteringMode", a.getLogStoreMeteringMode)
	wire.Handle(s, "UpdateLogStoreMeteringMode", a.updateLogStoreMeteringMode)
	wire.Handle(s, "CreateIndex", a.createIndex)
	wire.Handle(s, "GetIndex", a.getIndex)
	wire.Handle(s, "UpdateIndex", a.updateIndex)
	wire.Handle(s, "DeleteIndex", a.deleteIndex)
	wire.Handle(s, "GetLogs", a.getLogs)
	wire.Handle(s, "GetLogsV2", a.getLogsV2)
	wire.Handle(s, "GetHistograms", a.getHistograms)
	a.tags(s)
	return s
}

// codes and statuses are those of
// https://www.alibabacloud.com/help/en/sls/developer-reference/error-codes
var codes = map[wire.Trouble]string{
	wire.Validation: "ParameterInvalid", wire.Serialization: "PostBodyInvalid", wire.UnknownAction: "InvalidMethod", wire.NotImplemented: "InvalidMethod",
	wire.MissingAuth: "Unauthorized", wire.BadAuth: "ParameterInvalid", wire.BadKey: "Unauthorized", wire.InactiveKey: "Unauthorized",
	wire.BadSignature: "SignatureNotMatch", wire.LateRequest: "RequestTimeExpired", wire.ExpiredToken: "Unauthorized", wire.BadToken: "Unauthorized",
	wire.TooLarge: "PostBodyTooLarge",
}

var statuses = map[string]wire.ErrorSpec{
	"Unauthorized": {Status: http.StatusUnauthorized}, "SignatureNotMatch": {Status: http.StatusUnauthorized},
	"RequestTimeExpired": {Status: http.StatusBadRequest}, "InvalidMethod": {Status: http.StatusMethodNotAllowed},
	"ProjectNotExist": {Status: http.StatusNotFound}, "LogStoreNotExist": {Status: http.StatusNotFound}, "IndexConfigNotExist": {Status: http.StatusNotFound},
}

func invalid(msg string) error { return &wire.Error{Code: "ParameterInvalid", Msg: msg} }

func noProject(name string) error {
	return &wire.Error{Code: "ProjectNotExist", Msg: "The Project does not exist : " + name}
}

func noLogstore(name string) error {
	return &wire.Error{Code: "LogStoreNotExist", Msg: "logstore " + name + " does not exist"}
}

// mapError words what went away between two looks at it; all else is said where it is found.
func mapError(e *cloud.Error) *wire.Error {
	if e.Resource == cloud.KindLogGroup && e.Kind == cloud.NotFound {
		return noLogstore(e.ID).(*wire.Error)
	}
	return nil
}

func scope(ctx context.Context) logs.Scope {
	call := wire.CallFrom(ctx)
	return logs.Scope{Account: call.Account, Region: call.Region}
}

// root is where projects are among log groups.
const root = "/sls/"

// GroupName is the log group behind a logstore, or behind a project if that is "".
func GroupName(project, logstore string) string {
	return strings.TrimSuffix(root+project+"/"+logstore, "/")
}

// Names are the project and the logstore behind which a log group is.
func Names(group string) (project, logstore string) {
	project, logstore, _ = strings.Cut(strings.TrimPrefix(group, root), "/")
	return project, logstore
}

// Topic is the field with a line's topic. A line that is written with it has its
// other fields, too, as they are to be shown.
const Topic = "__topic__"

// project finds a project.
func (a *api) project(s logs.Scope, name string) (logs.Group, error) {
	g, err := a.logs.Group(s, root+name)
	if err != nil || !projectName.MatchString(name) {
		return g, noProject(name)
	}
	return g, nil
}

// logstore finds a logstore.
func (a *api) logstore(s logs.Scope, project, name string) (logs.Group, error) {
	if _, err := a.project(s, project); err != nil {
		return logs.Group{}, err
	}
	g, err := a.logs.Group(s, root+project+"/"+name)
	if err != nil {
		return g, noLogstore(name)
	}
	return g, nil
}

// GroupOf names the log group behind a logstore, or says what does not exist.
func GroupOf(l *logs.Logs, account, region, project, logstore string) (string, error) {
	s := logs.Scope{Account: account, Region: region}
	if !projectName.MatchString(project) {
		return "", cloud.Errorf(cloud.NotFound, cloud.KindLogGroup, project, "", "project '%s' does not exist", project)
	}
	if _, err := l.Group(s, root+project); err != nil {
		return "", cloud.Errorf(cloud.NotFound, cloud.KindLogGroup, project, "", "project '%s' does not exist", project)
	}
	name := root + project + "/" + logstore
	if _, err := l.Group(s, name); err != nil {
		return "", cloud.Errorf(cloud.NotFound, cloud.KindLogGroup, logstore, "", "logstore '%s' does not exist in project '%s'", logstore, project)
	}
	return name, nil
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// window is the part of a list of n that offset and size ask for.
func window(n int, offset, size *int64, most int64) (from, to int, err error) {
	o, k := int64(0), min(most, 100)
	if offset != nil {
		o = *offset
	}
	if size != nil {
		k = *size
	}
	if o < 0 || k < 0 || k > most {
		return 0, 0, invalid("offset or size is invalid")
	}
	from = int(min(o, int64(n)))
	return from, int(min(int64(from)+k, int64(n))), nil
}
