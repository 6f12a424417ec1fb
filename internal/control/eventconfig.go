package control

import (
	"context"
	"time"

	"weir/internal/cloud"
)

// EventSettings say what happens to asynchronous events; on a change a nil field keeps what is there.
type EventSettings struct {
	Function  string
	Qualifier string // "" is $LATEST's
	Retries   *int
	MaxAge    *time.Duration
	OnSuccess *string
	OnFailure *string
	Tasks     *bool
	// Replace starts from the defaults instead of from what is there.
	Replace bool
}

// PutEventConfig sets how asynchronous events of a function or qualifier are treated.
func (c *Control) PutEventConfig(ctx context.Context, caller Caller, in EventSettings) (*cloud.EventConfig, error) {
	var cfg *cloud.EventConfig
	err := c.transact(ctx, func(tx cloud.Tx) error {
		fk := cloud.MakeFunctionKey(caller.Account, caller.Region, in.Function)
		q, err := cloud.Resolve(tx, fk, in.Qualifier)
		if err != nil {
			return err
		}
		cfg = &cloud.EventConfig{
			Meta:      cloud.Meta{Account: caller.Account, Region: caller.Region, Created: c.now()},
			Key:       cloud.MakeEventConfigKey(q.Function.Key, in.Qualifier),
			Function:  q.Function.Key,
			Qualifier: in.Qualifier,
		}
		old, ok := cloud.EventConfigs.Get(tx, cfg.Key)
		switch {
		case !ok && !in.Replace:
			return errNoEventConfig(fk)
		case ok && !in.Replace:
			kept := *old
			cfg = &kept
		}
		if in.Retries != nil {
			cfg.Retries = in.Retries
		}
		set(&cfg.MaxAge, in.MaxAge)
		set(&cfg.OnSuccess, in.OnSuccess)
		set(&cfg.OnFailure, in.OnFailure)
		set(&cfg.Tasks, in.Tasks)
		cfg.Modified = c.now()
		cloud.EventConfigs.Put(tx, cfg)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return cfg, nil
}

// DeleteEventConfig goes back to the defaults.
func (c *Control) DeleteEventConfig(ctx context.Context, caller Caller, function, qualifier string) error {
	err := c.transact(ctx, func(tx cloud.Tx) error {
		fn, err := findFunction(tx, caller, function)
		if err != nil {
			return err
		}
		key := cloud.MakeEventConfigKey(fn.Key, qualifier)
		if _, ok := cloud.EventConfigs.Get(tx, key); !ok {
			return errNoEventConfig(fn.Key)
		}
		cloud.EventConfigs.Delete(tx, key)
		return nil
	})
	return err
}

func errNoEventConfig(function cloud.FunctionKey) error {
	return cloud.Errorf(cloud.NotFound, cloud.KindFunction, string(function), "event-config", "function %s has no settings for asynchronous events", function)
}
