package cloud

import "time"

// KindTrigger is a Trigger.
const KindTrigger Resource = "trigger"

// TriggerKey is "account/region/function/name".
type TriggerKey string

// MakeTriggerKey names a trigger.
func MakeTriggerKey(function FunctionKey, name string) TriggerKey {
	return TriggerKey(string(function) + "/" + name)
}

// Trigger invokes a function: for requests to a name of its own, or at times.
// Exactly one of HTTP and Timer is set.
type Trigger struct {
	Meta
	Key         TriggerKey
	ID          string
	Function    FunctionKey
	Name        string
	Qualifier   string // of the function; "" is $LATEST
	Description string
	HTTP        *HTTPTrigger
	Timer       *TimerTrigger
	Modified    time.Time
}

// HTTPTrigger is an HTTP server's name that stands for a function.
type HTTPTrigger struct {
	Label      string // of the name; unique
	Anonymous  bool   // else requests must be signed by who may invoke the function
	Methods    []string
	NoInternet bool // it is reached from VPCs alone
	CORS       *CORS
}

// TimerTrigger invokes a function at times.
type TimerTrigger struct {
	Schedule string // as package control reads it
	Payload  string
	Enabled  bool
}

// Triggers are all of them.
var Triggers = newTable("trigger", func(r *Trigger) TriggerKey { return r.Key }, index[Trigger]{
	"function": func(r *Trigger) []string { return one(r.Function) },
	"label": func(r *Trigger) []string {
		if r.HTTP == nil {
			return nil
		}
		return one(r.HTTP.Label)
	},
	"kind": func(r *Trigger) []string {
		if r.Timer != nil {
			return []string{"timer"}
		}
		return []string{"http"}
	},
})
