package control

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"strings"

	"weir/internal/cloud"
)

// TriggerSettings make or change a trigger; on a change a nil field keeps what is there.
type TriggerSettings struct {
	Function, Name string
	Qualifier      *string
	Description    *string
	HTTP           *cloud.HTTPTrigger // its label is kept, or made
	Timer          *cloud.TimerTrigger
	Attrs          map[string]string
}

// maxTriggers is how many a function may have.
const maxTriggers = 10

// CreateTrigger makes a trigger. Errors: NotFound of the function or its qualifier;
// Exists; Limit "triggers"; Conflict "http" if the qualifier has an HTTP trigger.
func (c *Control) CreateTrigger(ctx context.Context, who Caller, in TriggerSettings) (*cloud.Trigger, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.Trigger, error) {
		fn, err := findFunction(tx, who, in.Function)
		if err != nil {
			return nil, err
		}
		key := cloud.MakeTriggerKey(fn.Key, in.Name)
		if _, there := cloud.Triggers.Get(tx, key); there {
			return nil, cloud.Errorf(cloud.Exists, cloud.KindTrigger, in.Name, "", "trigger '%s' already exists", in.Name)
		}
		n := 0
		for range cloud.Triggers.By(tx, "function", string(fn.Key)) {
			n++
		}
		if n >= maxTriggers {
			return nil, cloud.Errorf(cloud.Limit, cloud.KindTrigger, in.Name, "triggers", "function %s has %d triggers, which is the most", fn.Name, maxTriggers)
		}
		t := &cloud.Trigger{Meta: c.meta(who, Labels{Attrs: in.Attrs}), Key: key, ID: strings.ToLower(rand.Text()), Function: fn.Key, Name: in.Name}
		return t, c.putTrigger(tx, t, in)
	})
}

// UpdateTrigger changes a trigger, whose kind stays.
func (c *Control) UpdateTrigger(ctx context.Context, who Caller, in TriggerSettings) (*cloud.Trigger, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.Trigger, error) {
		old, err := findTrigger(tx, who, in.Function, in.Name)
		if err != nil {
			return nil, err
		}
		t := *old
		if in.Attrs != nil {
			t.Attrs = in.Attrs
		}
		return &t, c.putTrigger(tx, &t, in)
	})
}

func (c *Control) putTrigger(tx cloud.Tx, t *cloud.Trigger, in TriggerSettings) error {
	set(&t.Qualifier, in.Qualifier)
	set(&t.Description, in.Description)
	if _, err := cloud.Resolve(tx, t.Function, t.Qualifier); err != nil {
		return err
	}
	if in.HTTP != nil {
		h := *in.HTTP
		h.Label = newLabel()
		if t.HTTP != nil {
			h.Label = t.HTTP.Label
		}
		t.HTTP = &h
	}
	if in.Timer != nil {
		if _, err := ParseSchedule(in.Timer.Schedule); err != nil {
			return err
		}
		t.Timer = in.Timer
	}
	for other := range cloud.Triggers.By(tx, "function", string(t.Function)) {
		if t.HTTP != nil && other.HTTP != nil && other.Key != t.Key && other.Qualifier == t.Qualifier {
			return cloud.Errorf(cloud.Exists, cloud.KindTrigger, t.Name, "http", "the function has an HTTP trigger for this qualifier already: '%s'", other.Name)
		}
	}
	t.Modified = c.now()
	cloud.Triggers.Put(tx, t)
	return nil
}

// newLabel is a label of a name that nobody guesses.
func newLabel() string {
	var b [10]byte
	_, _ = rand.Read(b[:])
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

// DeleteTrigger deletes a trigger.
func (c *Control) DeleteTrigger(ctx context.Context, who Caller, function, name string) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		t, err := findTrigger(tx, who, function, name)
		if err == nil {
			cloud.Triggers.Delete(tx, t.Key)
		}
		return err
	})
}

// Trigger is a function's trigger.
func (c *Control) Trigger(who Caller, function, name string) (*cloud.Trigger, error) {
	return findTrigger(c.View(), who, function, name)
}

func findTrigger(v cloud.View, who Caller, function, name string) (*cloud.Trigger, error) {
	fn, err := findFunction(v, who, function)
	if err != nil {
		return nil, err
	}
	t, ok := cloud.Triggers.Get(v, cloud.MakeTriggerKey(fn.Key, name))
	if !ok {
		return nil, cloud.Errorf(cloud.NotFound, cloud.KindTrigger, name, "", "trigger '%s' does not exist", name)
	}
	return t, nil
}
