package cloud

import (
	"net/netip"
	"time"
)

// FunctionKey is "account/region/name".
type FunctionKey string

// VersionKey is "account/region/name/version".
type VersionKey string

// MakeFunctionKey names a function.
func MakeFunctionKey(account, region, name string) FunctionKey {
	return FunctionKey(account + "/" + region + "/" + name)
}

// Function is code with its configuration; Latest is what $LATEST runs.
type Function struct {
	Meta
	Key    FunctionKey
	Name   string
	Latest Version
	// Next is what Latest becomes as soon as its image is here; nil if nothing is under way.
	Next                *Version
	LastVersion         int // number of the newest published version
	ReservedConcurrency *int
	// InvokeFrom are the only VPCs it may be invoked from; none: from anywhere.
	InvokeFrom []VPCID
	// Disabled: nobody may invoke it, for the reason that was given.
	Disabled    bool
	DisabledFor string
	// Policies are the resource policies, by the qualifier they hang on; "" is the function itself.
	Policies map[string]ResourcePolicy
}

// ResourcePolicy says who may use a resource.
type ResourcePolicy struct {
	Document string
	Revision string
}

// Version is one immutable configuration and its code.
type Version struct {
	Number       int // 0 is $LATEST
	Description  string
	Runtime      string
	Handler      string
	Role         string // ARN of the execution role, as the dialect writes it
	Architecture string
	PackageType  string
	Memory       int // MiB
	Ephemeral    int // MiB of /tmp
	Timeout      time.Duration
	Env          map[string]string
	CodeDigest   string // sha256 of the archive, base64; key in the blob store
	CodeSize     int64
	Network      FunctionNetwork
	LogGroup     string
	// Contract is how the code is called, one of package runtime's; "" is that
	// of the dialect that has had functions first.
	Contract string
	// CPU in cores; 0 is what the memory gives.
	CPU float64
	// Concurrency is how many events one instance runs at a time; 0 is one.
	Concurrency int
	// Initializer runs in a new instance before its first event, PreStop before it ends.
	Initializer, PreStop *Hook
	// Server, if set, is how code that is an HTTP server itself is started and reached.
	Server *Server
	// Image, if set, is what the code is in, instead of an archive.
	Image *Image
	// DNS, if set, is how the code finds names, instead of the network's own way.
	DNS *DNS
	// Layers are unpacked one over the other, beside the code.
	Layers     []LayerUse
	Modified   time.Time
	RevisionID string
	// Attrs holds what only one dialect's API echoes back, keyed "<dialect>.<name>".
	Attrs map[string]string
	// State, as the platform sees it; the reason codes are dialect-neutral words.
	State  FunctionState
	Update FunctionUpdate
}

// Hook is a part of the code that runs at a turn of an instance's life.
type Hook struct {
	Handler string
	Timeout time.Duration
}

// DNS is what a resolv.conf says.
type DNS struct {
	Servers  []netip.Addr // none: the network's own
	Searches []string
	Options  []string
}

// Server is an HTTP server that takes events.
type Server struct {
	Command, Args []string
	Port          int
	Health        *HealthCheck
}

// HealthCheck is how a Server's instances are told to be ready, and dead.
type HealthCheck struct {
	Path                       string
	InitialDelay, Period       time.Duration
	Timeout                    time.Duration
	FailureAfter, SuccessAfter int // checks in a row
}

// Image is a container image of a registry. It is fetched after it was configured:
// until then, and if that did not succeed, the version cannot run.
type Image struct {
	Ref      string
	Resolved string // what Ref stood for when it was fetched, by its digest; "" if it was not yet
	Problem  string // why it cannot be used, in words; "" if it can, or nobody knows yet
	// Entrypoint, Command and Dir are run in place of the image's own, if they are set.
	Entrypoint, Command []string
	Dir                 string
	User, Password      string // for the registry; "" for none
}

// Pending says that an image is yet to be fetched. A nil Image is not.
func (i *Image) Pending() bool { return i != nil && i.Resolved == "" && i.Problem == "" }

// Failed says that an image cannot be used. A nil Image can.
func (i *Image) Failed() bool { return i != nil && i.Problem != "" }

// FunctionState says whether a version can be invoked.
type FunctionState struct {
	Status string // pending | active | inactive | failed
	Code   string // why, as a short neutral token: "no-addresses", "bad-subnet", …
	Msg    string
	// ReadyAt: until then a pending status is shown; set by vendor-speed replay.
	ReadyAt time.Time
}

// FunctionUpdate says how the last change went.
type FunctionUpdate struct {
	Status  string // successful | in-progress | failed
	Code    string
	Msg     string
	ReadyAt time.Time
}

// FunctionNetwork is where a function's packets go: by interfaces in a VPC, by
// the platform's own network, or both.
type FunctionNetwork struct {
	VPC     VPCID // without Subnets, the platform's own
	Subnets []SubnetID
	Groups  []SecurityGroupID
	IPv6    bool
	// DefaultEgress: the internet is reached by the platform's network. Without it
	// and without Subnets only the platform's internal services are.
	DefaultEgress bool
	// Wide: beside a VPC, DefaultEgress also carries names and 100.0.0.0/8.
	Wide bool
	// Unchecked settings may name anything; whoever runs the function checks them
	// first, and has the Interfaces made.
	Unchecked bool
	// Interfaces are the shared network interfaces that carry the instances, one per subnet.
	Interfaces []InterfaceID
	// Side is the platform's interface for DefaultEgress beside a VPC.
	Side InterfaceID
}

// PublishedVersion is a numbered version of a function.
type PublishedVersion struct {
	Meta
	Key      VersionKey
	Function FunctionKey
	Version  Version
	// Described is how $LATEST was described when it was published: the version's
	// own description may be another.
	Described string
}

// AliasKey is "account/region/function/alias".
type AliasKey string

// Alias is a name for one version, or for two that share the traffic.
type Alias struct {
	Meta
	Key         AliasKey
	Function    FunctionKey
	Name        string
	Version     int             // 0 is $LATEST
	Weights     map[int]float64 // version → share of the traffic that leaves Version
	Description string
	RevisionID  string
}

// EventConfigKey is "account/region/function/qualifier".
type EventConfigKey string

// EventConfig says what happens to asynchronous events of one qualifier.
type EventConfig struct {
	Meta
	Key       EventConfigKey
	Function  FunctionKey
	Qualifier string
	Retries   *int          // nil is the default
	MaxAge    time.Duration // 0 is the default
	OnSuccess string        // destination, as the dialect writes it
	OnFailure string
	Tasks     bool // each event can be followed and stopped
	Modified  time.Time
}

// KindTask is an asynchronous event that can be followed.
const KindTask Resource = "task"

// Function tables.
var (
	Functions = newTable("function", func(r *Function) FunctionKey { return r.Key }, index[Function]{
		"scope": func(r *Function) []string { return one(r.Scope()) },
		"vpc":   func(r *Function) []string { return one(r.Latest.Network.VPC) },
	})
	PublishedVersions = newTable("version", func(r *PublishedVersion) VersionKey { return r.Key }, index[PublishedVersion]{
		"vpc":      func(r *PublishedVersion) []string { return one(r.Version.Network.VPC) },
		"function": func(r *PublishedVersion) []string { return one(r.Function) },
	})
	Aliases = newTable("alias", func(r *Alias) AliasKey { return r.Key }, index[Alias]{
		"function": func(r *Alias) []string { return one(r.Function) },
	})
	EventConfigs = newTable("event-config", func(r *EventConfig) EventConfigKey { return r.Key }, index[EventConfig]{
		"function": func(r *EventConfig) []string { return one(r.Function) },
	})
)
