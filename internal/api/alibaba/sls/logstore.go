package sls

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/logs"
)

const day = 24 * time.Hour

// forever is the number of days that keeps lines for ever.
const forever = 3650

// keeps reads how long a logstore keeps its lines.
func keeps(days int64) (time.Duration, error) {
	switch {
	case days < 1 || days > forever:
		return 0, invalid("ttl is invalid: want 1 to 3650")
	case days == forever:
		return 0, nil
	}
	return time.Duration(days) * day, nil
}

// shaped are the settings of a logstore that are only shown: its lines are in one
// place, whatever its shards.
type shaped struct {
	AppendMeta, AutoSplit, EnableTracking bool
	MaxSplitShard                         int64
	Mode                                  string
}

func (s *shaped) set(appendMeta, autoSplit, tracking *bool, most *int64, mode *string) error {
	for _, b := range []struct {
		to *bool
		v  *bool
	}{{&s.AppendMeta, appendMeta}, {&s.AutoSplit, autoSplit}, {&s.EnableTracking, tracking}} {
		if b.v != nil {
			*b.to = *b.v
		}
	}
	if most != nil {
		s.MaxSplitShard = *most
	}
	if mode != nil && *mode != "" {
		s.Mode = *mode
	}
	if s.Mode != "standard" && s.Mode != "query" {
		return invalid("mode is invalid: want standard or query")
	}
	return nil
}

func (s shaped) String() string {
	b, _ := json.Marshal(s) // cannot fail
	return string(b)
}

func readShaped(g logs.Group) (s shaped) {
	if json.Unmarshal([]byte(g.Attrs[attrEcho]), &s) != nil || s.Mode == "" {
		s.Mode = "standard"
	}
	return s
}

// unsupported refuses what a logstore here cannot be.
func unsupported(encrypt *EncryptConf, telemetry, processor *string, tiers ...*int64) error {
	if encrypt != nil && encrypt.Enable != nil && *encrypt.Enable || text(processor) != "" || text(telemetry) != "" && *telemetry != "None" {
		return invalid("encryption, processors and metrics are not supported")
	}
	for _, days := range tiers {
		if days != nil && *days > 0 {
			return invalid("storage tiers are not supported")
		}
	}
	return nil
}

// https://www.alibabacloud.com/help/en/sls/developer-reference/api-sls-2020-12-30-createlogstore
func (a *api) createLogStore(ctx context.Context, in *CreateLogStoreInput) (*CreateLogStoreOutput, error) {
	if _, err := a.project(scope(ctx), *in.Project); err != nil {
		return nil, err
	}
	if !logstoreName.MatchString(*in.LogstoreName) {
		return nil, invalid("The logstore name is invalid: 2 to 63 lowercase letters, digits, hyphens and underscores")
	}
	if err := unsupported(in.EncryptConf, in.TelemetryType, in.ProcessorId, in.HotTtl, in.InfrequentAccessTTL); err != nil {
		return nil, err
	}
	if *in.ShardCount < 1 || *in.ShardCount > 100 {
		return nil, invalid("shardCount is invalid: want 1 to 100")
	}
	retention, err := keeps(*in.Ttl)
	if err != nil {
		return nil, err
	}
	echo := shaped{Mode: "standard"}
	if err := echo.set(in.AppendMeta, in.AutoSplit, in.EnableTracking, in.MaxSplitShard, in.Mode); err != nil {
		return nil, err
	}
	err = a.logs.CreateGroup(ctx, scope(ctx), logs.Group{Name: root + *in.Project + "/" + *in.LogstoreName, Retention: retention,
		Attrs: map[string]string{attrShards: strconv.FormatInt(*in.ShardCount, 10), attrEcho: echo.String()}})
	if cloud.IsKind(err, cloud.Exists) {
		return nil, &wire.Error{Code: "LogStoreAlreadyExist", Msg: "logstore " + *in.LogstoreName + " already exists"}
	}
	return nil, err
}

func logstoreFacts(g logs.Group) *Logstore {
	echo, ttl := readShaped(g), int64(forever)
	if g.Retention > 0 {
		ttl = int64(g.Retention / day)
	}
	return &Logstore{
		LogstoreName: new(g.Name[strings.LastIndexByte(g.Name, '/')+1:]), Ttl: &ttl, ShardCount: new(shards(g)), CreateTime: new(g.Created.Unix()),
		LastModifyTime: new(modified(g).Unix()), AppendMeta: &echo.AppendMeta, AutoSplit: &echo.AutoSplit, EnableTracking: &echo.EnableTracking,
		MaxSplitShard: &echo.MaxSplitShard, Mode: &echo.Mode, TelemetryType: new(""),
	}
}

func (a *api) getLogStore(ctx context.Context, in *GetLogStoreInput) (*GetLogStoreOutput, error) {
	g, err := a.logstore(scope(ctx), *in.Project, *in.Logstore)
	if err != nil {
		return nil, err
	}
	return logstoreFacts(g), nil
}

func (a *api) listLogStores(ctx context.Context, in *ListLogStoresInput) (*ListLogStoresOutput, error) {
	if _, err := a.project(scope(ctx), *in.Project); err != nil {
		return nil, err
	}
	groups, err := a.logs.Groups(ctx, scope(ctx))
	if err != nil {
		return nil, err
	}
	var all []string
	for _, g := range groups {
		name, ok := strings.CutPrefix(g.Name, root+*in.Project+"/")
		if ok && strings.Contains(name, text(in.LogstoreName)) && (text(in.Mode) == "" || readShaped(g).Mode == *in.Mode) &&
			(text(in.TelemetryType) == "" || *in.TelemetryType == "None") {
			all = append(all, name)
		}
	}
	from, to, err := window(len(all), in.Offset, in.Size, 500)
	if err != nil {
		return nil, err
	}
	return &ListLogStoresOutput{Logstores: append([]string{}, all[from:to]...), Count: new(int64(to - from)), Total: new(int64(len(all)))}, nil
}

func (a *api) updateLogStore(ctx context.Context, in *UpdateLogStoreInput) (*UpdateLogStoreOutput, error) {
	g, err := a.logstore(scope(ctx), *in.Project, *in.Logstore)
	if err != nil {
		return nil, err
	}
	if *in.LogstoreName != *in.Logstore {
		return nil, invalid("logstoreName is not the logstore's")
	}
	if err := unsupported(in.EncryptConf, in.TelemetryType, nil, in.HotTtl, in.InfrequentAccessTTL); err != nil {
		return nil, err
	}
	retention, err := keeps(*in.Ttl)
	if err != nil {
		return nil, err
	}
	echo := readShaped(g)
	if err := echo.set(in.AppendMeta, in.AutoSplit, in.EnableTracking, in.MaxSplitShard, in.Mode); err != nil {
		return nil, err
	}
	return nil, a.change(ctx, g.Name, func(g *logs.Group) error {
		g.Retention, g.Attrs[attrEcho] = retention, echo.String()
		return nil
	})
}

func (a *api) deleteLogStore(ctx context.Context, in *DeleteLogStoreInput) (*DeleteLogStoreOutput, error) {
	g, err := a.logstore(scope(ctx), *in.Project, *in.Logstore)
	if err != nil {
		return nil, err
	}
	return nil, a.logs.DeleteGroup(ctx, scope(ctx), g.Name)
}
