package control

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"strconv"
	"time"

	"weir/internal/cloud"
)

// CreateFunction makes a function from an archive and its settings.
type CreateFunction struct {
	Name         string
	Archive      []byte
	Architecture string
	PackageType  string
	Settings     FunctionSettings
	Tags         map[string]string
	Attrs        map[string]string // of the function, not of its version; see cloud.Meta
	// Publish also makes version 1.
	Publish bool
}

// FunctionSettings are what may be set at creation and changed later; a nil field keeps what is there.
type FunctionSettings struct {
	Description *string
	Runtime     *string
	Handler     *string
	Role        *ExecutionRole
	Memory      *int // MiB
	Ephemeral   *int // MiB
	Timeout     *time.Duration
	Env         map[string]string
	Network     *FunctionNetworkSettings
	LogGroup    *string
	Contract    *string
	CPU         *float64
	Concurrency *int
	Initializer **cloud.Hook
	PreStop     **cloud.Hook
	Server      **cloud.Server
	Image       **cloud.Image
	Layers      *[]cloud.LayerUse
	DNS         **cloud.DNS
	// Attrs are the dialect's own; an empty value removes one.
	Attrs map[string]string
}

// FunctionNetworkSettings attach a function to subnets of one VPC, or, without subnets, to none.
type FunctionNetworkSettings struct {
	Subnets []cloud.SubnetID
	Groups  []cloud.SecurityGroupID
	IPv6    bool
	// DefaultEgress, Wide and Unchecked are as cloud.FunctionNetwork's. VPC is read
	// only of Unchecked ones; else the subnets tell it.
	DefaultEgress, Wide, Unchecked bool
	VPC                            cloud.VPCID
	// RoleActions are what the execution role must be allowed to do when the
	// network is configured; nobody asks again later.
	RoleActions []string
	// Managed and Description mark the interfaces as the service's own.
	Managed     string
	Description string
}

// UpdateFunctionSettings changes a function's configuration.
type UpdateFunctionSettings struct {
	Name       string
	RevisionID string // if set, the function must be at this revision
	Settings   FunctionSettings
	Publish    bool // as a new version too
	// DryRun checks everything and changes nothing.
	DryRun bool
}

// CreateFunction stores the code, creates the function and its network
// interfaces, and returns the function. A function whose subnets have no free
// address is created all the same, in the state failed.
func (c *Control) CreateFunction(ctx context.Context, caller Caller, in CreateFunction) (*cloud.Function, error) {
	key := cloud.MakeFunctionKey(caller.Account, caller.Region, in.Name)
	if _, ok := cloud.Functions.Get(c.View(), key); ok {
		return nil, errFunctionExists(in.Name)
	}
	code := &storedCode{release: func() {}} // of a function whose code is an image
	if in.Settings.Image == nil || *in.Settings.Image == nil {
		var err error
		if code, err = c.storeCode(ctx, in.Archive); err != nil {
			return nil, err
		}
	}
	defer code.release()
	var fn *cloud.Function
	err := c.transact(ctx, func(tx cloud.Tx) error {
		if _, ok := cloud.Functions.Get(tx, key); ok {
			return errFunctionExists(in.Name)
		}
		now := c.now()
		fn = &cloud.Function{
			Meta: cloud.Meta{Account: caller.Account, Region: caller.Region, Created: now, Tags: maps.Clone(in.Tags), Attrs: in.Attrs},
			Key:  key,
			Name: in.Name,
			Latest: cloud.Version{
				Architecture: in.Architecture,
				PackageType:  in.PackageType,
				CodeDigest:   code.digest,
				CodeSize:     code.size,
			},
		}
		v, err := c.applySettings(tx, caller, fn, in.Settings)
		if err != nil {
			return err
		}
		v.Modified = now // equal to Created tells a new function from a changed one
		v.State.ReadyAt = c.readyAt()
		v.Update = cloud.FunctionUpdate{Status: "successful", ReadyAt: v.State.ReadyAt}
		fn.Latest = v
		if in.Publish {
			c.publish(tx, fn, v.Description)
		}
		cloud.Functions.Put(tx, fn)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return fn, nil
}

// UpdateFunctionSettings changes the configuration that $LATEST runs with.
func (c *Control) UpdateFunctionSettings(ctx context.Context, caller Caller, in UpdateFunctionSettings) (*cloud.Function, error) {
	if in.DryRun {
		fn, err := findFunction(c.View(), caller, in.Name)
		if err == nil {
			err = c.changeable(fn, in.RevisionID)
		}
		return fn, err
	}
	return c.changeFunction(ctx, caller, in.Name, in.RevisionID, func(tx cloud.Tx, fn *cloud.Function) error {
		v, err := c.applySettings(tx, caller, fn, in.Settings)
		if err != nil {
			return err
		}
		if fn.Latest = v; in.Publish {
			c.publish(tx, fn, v.Description)
		}
		return nil
	})
}

// changeFunction runs change on a copy of the function and stores it as a new revision.
func (c *Control) changeFunction(ctx context.Context, caller Caller, name, revision string, change func(tx cloud.Tx, fn *cloud.Function) error) (*cloud.Function, error) {
	var fn *cloud.Function
	err := c.transact(ctx, func(tx cloud.Tx) error {
		old, err := findFunction(tx, caller, name)
		if err != nil {
			return err
		}
		if err := c.changeable(old, revision); err != nil {
			return err
		}
		fn = copyFunction(old)
		if err := change(tx, fn); err != nil {
			return err
		}
		fn.Latest.Modified = c.now()
		fn.Latest.RevisionID = newRevision()
		fn.Latest.Update = cloud.FunctionUpdate{Status: "successful", ReadyAt: c.readyAt()}
		awaitImage(fn, old)
		cloud.Functions.Put(tx, fn)
		c.releaseNetwork(tx, old.Latest.Network)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return fn, nil
}

// changeable refuses a change while the last one is still shown as running,
// and one that was made for another revision.
func (c *Control) changeable(fn *cloud.Function, revision string) error {
	v := &fn.Latest
	if now := c.now(); now.Before(v.State.ReadyAt) || now.Before(v.Update.ReadyAt) || fn.Next != nil || v.Image.Pending() {
		return cloud.Errorf(cloud.Conflict, cloud.KindFunction, string(fn.Key), "updating", "function %s is still being changed: try again when it is done", fn.Name)
	}
	if revision != "" && revision != v.RevisionID {
		return cloud.Errorf(cloud.Conflict, cloud.KindFunction, string(fn.Key), "revision", "function %s is at revision %s, not at %s: read it again and retry", fn.Name, v.RevisionID, revision)
	}
	return nil
}

// applySettings returns the function's latest version with the settings in it, its network attached.
func (c *Control) applySettings(tx cloud.Tx, caller Caller, fn *cloud.Function, s FunctionSettings) (cloud.Version, error) {
	v := fn.Latest
	set(&v.Description, s.Description)
	set(&v.Runtime, s.Runtime)
	set(&v.Handler, s.Handler)
	set(&v.Memory, s.Memory)
	set(&v.Ephemeral, s.Ephemeral)
	set(&v.Timeout, s.Timeout)
	set(&v.LogGroup, s.LogGroup)
	set(&v.Contract, s.Contract)
	set(&v.CPU, s.CPU)
	set(&v.Concurrency, s.Concurrency)
	set(&v.Initializer, s.Initializer)
	set(&v.PreStop, s.PreStop)
	set(&v.Server, s.Server)
	if set(&v.Image, s.Image); v.Image != nil {
		v.CodeDigest, v.CodeSize = "", 0
	}
	set(&v.Layers, s.Layers)
	set(&v.DNS, s.DNS)
	if s.Env != nil {
		v.Env = maps.Clone(s.Env)
	}
	v.Attrs = mergeAttrs(v.Attrs, s.Attrs)
	if s.Role != nil {
		if s.Role.Service != "" { // else it is looked at when it is assumed
			if err := c.checkRole(tx, *s.Role); err != nil {
				return v, err
			}
		}
		v.Role = s.Role.ARN
	}
	if fn.Latest.RevisionID == "" { // new
		v.State = cloud.FunctionState{Status: "active"}
	}
	v.Modified = c.now()
	v.RevisionID = newRevision()
	if s.Network == nil && fn.Latest.RevisionID != "" {
		return v, nil
	}
	network := FunctionNetworkSettings{DefaultEgress: true}
	if s.Network != nil {
		network = *s.Network
	}
	return v, c.attachNetwork(tx, caller, &v, network)
}

func mergeAttrs(old, change map[string]string) map[string]string {
	if len(change) == 0 {
		return old
	}
	out := maps.Clone(old)
	if out == nil {
		out = map[string]string{}
	}
	for k, v := range change {
		if v == "" {
			delete(out, k)
		} else {
			out[k] = v
		}
	}
	return out
}

// DeleteFunction deletes a function with its versions, aliases and event
// configurations, or one published version of it.
func (c *Control) DeleteFunction(ctx context.Context, caller Caller, name string, version int) error {
	var dropped []string
	err := c.transact(ctx, func(tx cloud.Tx) error {
		dropped = nil
		fn, err := findFunction(tx, caller, name)
		if err != nil {
			return err
		}
		if version > 0 {
			return c.deleteVersion(tx, fn, version, &dropped)
		}
		networks := []cloud.FunctionNetwork{fn.Latest.Network}
		dropped = append(dropped, archivesOf(&fn.Latest)...)
		for pv := range cloud.PublishedVersions.By(tx, "function", string(fn.Key)) {
			networks = append(networks, pv.Version.Network)
			dropped = append(dropped, archivesOf(&pv.Version)...)
			cloud.PublishedVersions.Delete(tx, pv.Key)
		}
		for a := range cloud.Aliases.By(tx, "function", string(fn.Key)) {
			cloud.Aliases.Delete(tx, a.Key)
		}
		for e := range cloud.EventConfigs.By(tx, "function", string(fn.Key)) {
			cloud.EventConfigs.Delete(tx, e.Key)
		}
		for t := range cloud.Triggers.By(tx, "function", string(fn.Key)) {
			cloud.Triggers.Delete(tx, t.Key)
		}
		for p := range cloud.Provisions.By(tx, "function", string(fn.Key)) {
			cloud.Provisions.Delete(tx, p.Key)
		}
		cloud.Functions.Delete(tx, fn.Key)
		for _, n := range networks {
			c.releaseNetwork(tx, n)
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.dropCode(ctx, dropped)
	return nil
}

// TagFunction sets and removes tags.
func (c *Control) TagFunction(ctx context.Context, caller Caller, name string, put map[string]string, remove []string) error {
	err := c.transact(ctx, func(tx cloud.Tx) error {
		old, err := findFunction(tx, caller, name)
		if err != nil {
			return err
		}
		fn := copyFunction(old)
		tags := maps.Clone(fn.Tags)
		if tags == nil {
			tags = map[string]string{}
		}
		maps.Copy(tags, put)
		for _, k := range remove {
			delete(tags, k)
		}
		if len(tags) > 50 {
			return cloud.Errorf(cloud.Limit, cloud.KindFunction, name, "tags", "function %s would have %d tags, at most 50 are allowed", name, len(tags))
		}
		fn.Tags = tags
		cloud.Functions.Put(tx, fn)
		return nil
	})
	return err
}

// SetReservedConcurrency reserves part of the account's concurrency for a
// function, or nil none; unreserved is what must stay free for the others.
func (c *Control) SetReservedConcurrency(ctx context.Context, caller Caller, name string, reserve *int, total, unreserved int) error {
	err := c.transact(ctx, func(tx cloud.Tx) error {
		old, err := findFunction(tx, caller, name)
		if err != nil {
			return err
		}
		if most := mostProvisioned(tx, old.Key); reserve != nil && *reserve < most {
			return cloud.Errorf(cloud.Limit, cloud.KindFunction, strconv.Itoa(most), "provisioned", "reserving %d for function %s is less than the %d that are provisioned", *reserve, name, most)
		}
		if reserve != nil {
			left := total - *reserve
			for f := range cloud.Functions.By(tx, "scope", old.Scope()) {
				if f.ReservedConcurrency != nil && f.Key != old.Key {
					left -= *f.ReservedConcurrency
				}
			}
			if left < unreserved {
				return cloud.Errorf(cloud.Limit, cloud.KindFunction, name, "unreserved-concurrency",
					"reserving %d for function %s would leave %d unreserved in the account, at least %d must stay", *reserve, name, left, unreserved)
			}
		}
		fn := copyFunction(old)
		fn.ReservedConcurrency = reserve
		cloud.Functions.Put(tx, fn)
		return nil
	})
	return err
}

func findFunction(v cloud.View, caller Caller, name string) (*cloud.Function, error) {
	key := cloud.MakeFunctionKey(caller.Account, caller.Region, name)
	fn, ok := cloud.Functions.Get(v, key)
	if !ok {
		return nil, cloud.Errorf(cloud.NotFound, cloud.KindFunction, string(key), "", "there is no function %s in %s of account %s", name, caller.Region, caller.Account)
	}
	return fn, nil
}

// copyFunction is a copy whose own fields may be set; its maps are still shared.
func copyFunction(fn *cloud.Function) *cloud.Function {
	out := *fn
	return &out
}

func errFunctionExists(name string) error {
	return cloud.Errorf(cloud.Exists, cloud.KindFunction, name, "", "function %s exists already", name)
}

// readyAt is when a change that was just made shows as finished.
func (c *Control) readyAt() time.Time {
	if c.opt.SlowStates {
		return c.now().Add(slowFunction)
	}
	return time.Time{}
}

// slowFunction is about what the vendor takes to create or change a function.
const slowFunction = 5 * time.Second

// newRevision is a random (version 4) UUID.
func newRevision() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
