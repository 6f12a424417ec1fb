package fc

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
	"weir/internal/invoke"
)

var triggerName = regexp.MustCompile("^[a-zA-Z_][a-zA-Z0-9-_]{0,127}$")

// triggerTypes are the vendor's; http and timer are implemented.
var triggerTypes = []string{"oss", "log", "mns_topic", "cdn_events", "tablestore", "eventbridge"}

// httpConfig is an HTTP trigger's triggerConfig.
type httpConfig struct {
	AuthType           string          `json:"authType"`
	Methods            []string        `json:"methods"`
	DisableURLInternet bool            `json:"disableURLInternet"`
	AuthConfig         json.RawMessage `json:"authConfig"`
	CorsConfig         *corsJSON       `json:"corsConfig"`
}

// corsJSON is a corsConfig in a triggerConfig.
type corsJSON struct {
	AllowCredentials *bool    `json:"allowCredentials"`
	AllowHeaders     []string `json:"allowHeaders"`
	AllowMethods     []string `json:"allowMethods"`
	AllowOrigins     []string `json:"allowOrigins"`
	ExposeHeaders    []string `json:"exposeHeaders"`
	MaxAge           *int64   `json:"maxAge"`
}

// timerConfig is a timer trigger's.
type timerConfig struct {
	CronExpression string `json:"cronExpression"`
	Payload        string `json:"payload"`
	Enable         bool   `json:"enable"`
}

// methods an HTTP trigger may take.
var methods = []string{"GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"}

func (a *api) createTrigger(ctx context.Context, in *CreateTriggerInput) (*Trigger, error) {
	if !triggerName.MatchString(value(in.TriggerName)) {
		return nil, invalid("triggerName '%s' must match %s", value(in.TriggerName), triggerName)
	}
	set := control.TriggerSettings{Function: value(in.FunctionName), Name: value(in.TriggerName), Description: in.Description,
		Qualifier: ptr(neutralQualifier(value(in.Qualifier))), Attrs: map[string]string{"fc.triggerConfig": value(in.TriggerConfig)}}
	kind := value(in.TriggerType)
	switch {
	case slices.Contains(triggerTypes, kind):
		return nil, a.service.Trouble(wire.NotImplemented, "Triggers of type "+kind+" are not implemented.")
	case kind != "http" && kind != "timer":
		return nil, invalid("triggerType '%s' is not supported", kind)
	}
	if err := a.triggerConfig(kind, value(in.TriggerConfig), &set); err != nil {
		return nil, err
	}
	t, err := a.control.CreateTrigger(ctx, caller(ctx), set)
	if err != nil {
		return nil, err
	}
	return triggerShape(t), nil
}

func (a *api) updateTrigger(ctx context.Context, in *UpdateTriggerInput) (*Trigger, error) {
	old, err := a.control.Trigger(caller(ctx), value(in.FunctionName), value(in.TriggerName))
	if err != nil {
		return nil, err
	}
	set := control.TriggerSettings{Function: value(in.FunctionName), Name: old.Name, Description: in.Description}
	if in.Qualifier != nil {
		set.Qualifier = ptr(neutralQualifier(*in.Qualifier))
	}
	if in.TriggerConfig != nil {
		set.Attrs = map[string]string{"fc.triggerConfig": *in.TriggerConfig}
		if err := a.triggerConfig(triggerKind(old), *in.TriggerConfig, &set); err != nil {
			return nil, err
		}
	}
	t, err := a.control.UpdateTrigger(ctx, caller(ctx), set)
	if err != nil {
		return nil, err
	}
	return triggerShape(t), nil
}

// triggerConfig reads a triggerConfig, which is a string of JSON.
func (a *api) triggerConfig(kind, text string, set *control.TriggerSettings) error {
	read := func(into any) error {
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(into); err != nil {
			return invalid("triggerConfig is invalid for a trigger of type %s: %v", kind, err)
		}
		return nil
	}
	if kind == "timer" {
		var c timerConfig
		if err := read(&c); err != nil {
			return err
		}
		set.Timer = &cloud.TimerTrigger{Schedule: c.CronExpression, Payload: c.Payload, Enabled: c.Enable}
		return nil
	}
	c := httpConfig{AuthType: "function"}
	if err := read(&c); err != nil {
		return err
	}
	empty := func(raw json.RawMessage) bool {
		return slices.Contains([]string{"", "null", "{}", `""`}, string(bytes.TrimSpace(raw)))
	}
	switch {
	case c.AuthType == "jwt" || !empty(c.AuthConfig):
		return a.service.Trouble(wire.NotImplemented, "authType jwt and authConfig are not implemented.")
	case c.AuthType != "anonymous" && c.AuthType != "function":
		return invalid("authType is set to an invalid value: want anonymous or function")
	case len(c.Methods) == 0:
		return invalid("methods is required but not provided")
	}
	for _, m := range c.Methods {
		if !slices.Contains(methods, m) {
			return invalid("methods has an invalid value '%s': want %s", m, strings.Join(methods, ", "))
		}
	}
	shared, err := cors((*CORSConfig)(c.CorsConfig))
	set.HTTP = &cloud.HTTPTrigger{Anonymous: c.AuthType == "anonymous", Methods: c.Methods, NoInternet: c.DisableURLInternet, CORS: shared}
	return err
}

func (a *api) getTrigger(ctx context.Context, in *GetTriggerInput) (*Trigger, error) {
	t, err := a.control.Trigger(caller(ctx), value(in.FunctionName), value(in.TriggerName))
	if err != nil {
		return nil, err
	}
	return triggerShape(t), nil
}

func (a *api) listTriggers(ctx context.Context, in *ListTriggersInput) (*ListTriggersOutput, error) {
	fn, err := a.find(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	var all []*cloud.Trigger
	for t := range cloud.Triggers.By(a.control.View(), "function", string(fn.Key)) {
		if strings.HasPrefix(t.Name, value(in.Prefix)) {
			all = append(all, t)
		}
	}
	page, next, err := pageOf(all, in.Limit, in.NextToken, "triggers "+string(fn.Key)+" "+value(in.Prefix), func(t *cloud.Trigger) string { return t.Name })
	if err != nil {
		return nil, err
	}
	out := &ListTriggersOutput{Triggers: []Trigger{}, NextToken: next}
	for _, t := range page {
		out.Triggers = append(out.Triggers, *triggerShape(t))
	}
	return out, nil
}

func (a *api) deleteTrigger(ctx context.Context, in *DeleteTriggerInput) (*DeleteTriggerOutput, error) {
	return &DeleteTriggerOutput{}, a.control.DeleteTrigger(ctx, caller(ctx), value(in.FunctionName), value(in.TriggerName))
}

func triggerKind(t *cloud.Trigger) string {
	if t.HTTP != nil {
		return "http"
	}
	return "timer"
}

func triggerShape(t *cloud.Trigger) *Trigger {
	out := &Trigger{TriggerName: &t.Name, TriggerId: &t.ID, TriggerType: ptr(triggerKind(t)), TriggerConfig: ptr(t.Attrs["fc.triggerConfig"]),
		Description: &t.Description, Qualifier: ptr(shownQualifier(t.Qualifier)), CreatedTime: stamp(t.Created), LastModifiedTime: stamp(t.Modified)}
	if out.HttpTrigger = new(HTTPTrigger); t.HTTP != nil { // empty for other types
		out.HttpTrigger = &HTTPTrigger{UrlIntranet: ptr("https://" + t.HTTP.Label + "." + t.Region + intranet + triggerDomain)}
		if !t.HTTP.NoInternet {
			out.HttpTrigger.UrlInternet = ptr("https://" + t.HTTP.Label + "." + t.Region + triggerDomain)
		}
	}
	return out
}

func shownQualifier(q string) string {
	if q == "" || q == cloud.Latest {
		return latest
	}
	return q
}

// TimerEvent is what a timer trigger sends.
// https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/time-trigger
func TimerEvent(fn *cloud.Function, t *cloud.Trigger, at time.Time) invoke.Event {
	payload, err := json.Marshal(struct {
		Time    string `json:"triggerTime"`
		Name    string `json:"triggerName"`
		Payload string `json:"payload"`
	}{at.UTC().Format(time.RFC3339), t.Name, t.Timer.Payload})
	if err != nil {
		panic("fc: " + err.Error()) // three strings
	}
	return invoke.Event{ID: newRequestID(), Function: fn.Key, Qualifier: t.Qualifier, ARN: functionARN(fn), Payload: payload}
}

// newRequestID names an event that no request brought.
func newRequestID() string { return strings.ToUpper(newFunctionID()) }
