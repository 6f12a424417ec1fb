package control

import (
	"log/slog"
	"net/netip"
	"time"

	"weir/internal/cloud"
	"weir/internal/logs"
	"weir/internal/store"
)

// Control carries out use cases on the state.
type Control struct {
	store *store.Store
	blobs *store.Blobs
	logs  *logs.Logs
	now   func() time.Time
	opt   Options
	log   *slog.Logger

	uploads codeUploads
	parsed  parsedDocuments
	seal    seal
}

// Deps are what Control works with. Now defaults to time.Now.
type Deps struct {
	Store *store.Store
	Blobs *store.Blobs
	Logs  *logs.Logs
	Now   func() time.Time
	Log   *slog.Logger
}

// Options are the platform's settings.
type Options struct {
	Account string // the default account
	Region  string // the default region
	Regions []RegionInfo
	// SlowStates replays the vendor's transition times (a NAT gateway is pending for a minute).
	SlowStates bool
	Quotas     Quotas
	PublicPool netip.Prefix // elastic and auto-assigned IPv4 addresses
	IPv6Pool   netip.Prefix // blocks for VPCs, a /56 each
	// StrictRuntimes refuses a runtime whose exact version is not installed.
	StrictRuntimes bool
}

// RegionInfo is one region with its zones. Clouds have regions of the same name,
// which here are one.
type RegionInfo struct {
	Name  string
	Zones []ZoneInfo
	// Only is the dialect that shows it; "" is every.
	Only string
}

// ZoneInfo is one zone: its name within the account, and its account-independent ID.
type ZoneInfo struct {
	Name string // us-east-1a
	ID   string // use1-az1
}

// Caller is who asks, where, and in which dialect's ID forms.
type Caller struct {
	Account   string
	Region    string
	Principal cloud.Principal
	// NewID makes an ID in the dialect's form for a resource of this kind.
	NewID func(cloud.Resource) string
	// Quotas are the dialect's, where they are not the usual ones; nil is none.
	Quotas *Quotas
}

// New returns a Control; it does no I/O.
func New(d Deps, o Options) *Control {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	return &Control{store: d.Store, blobs: d.Blobs, logs: d.Logs, now: d.Now, opt: o, log: d.Log}
}

// View is the current state.
func (c *Control) View() cloud.View { return c.store.View() }

// Options returns the platform's settings.
func (c *Control) Options() Options { return c.opt }
