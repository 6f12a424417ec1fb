package control

import (
	"context"
	"net/netip"
	"time"

	"weir/internal/cloud"
)

// InstanceChange is what a request did to an instance.
type InstanceChange struct {
	ID       cloud.InstanceID
	Was, Now cloud.Phase
}

// changeInstances changes several instances, all or none.
func (c *Control) changeInstances(ctx context.Context, who Caller, ids []cloud.InstanceID, f func(tx cloud.Tx, i *cloud.Instance) error) ([]InstanceChange, error) {
	var out []InstanceChange
	err := c.transact(ctx, func(tx cloud.Tx) error {
		for _, id := range ids {
			old, err := c.instance(tx, who, id)
			if err != nil {
				return err
			}
			i := *old
			if err := f(tx, &i); err != nil {
				return err
			}
			cloud.Instances.Put(tx, &i)
			out = append(out, InstanceChange{id, old.Phase, i.Phase})
		}
		return nil
	})
	return out, err
}

// instance is one that APIs show.
func (c *Control) instance(v cloud.View, who Caller, id cloud.InstanceID) (*cloud.Instance, error) {
	i, err := find(v, who, cloud.Instances, cloud.KindInstance, id)
	if err == nil && !InstanceShown(i, c.now()) {
		err = absent(cloud.KindInstance, string(id))
	}
	return i, err
}

// TerminateInstances ends instances for good.
func (c *Control) TerminateInstances(ctx context.Context, who Caller, ids []cloud.InstanceID) ([]InstanceChange, error) {
	return c.changeInstances(ctx, who, ids, func(_ cloud.Tx, i *cloud.Instance) error {
		switch {
		case i.KeepAPI:
			return cloud.Errorf(cloud.Denied, cloud.KindInstance, string(i.ID), "keep-api", "The instance '%s' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.", i.ID)
		case i.Phase != cloud.Terminated:
			i.Phase, i.Reason, i.Asked = cloud.Terminating, "", c.now().UTC()
		}
		return nil
	})
}

// StopInstances stops instances; they keep their interface.
func (c *Control) StopInstances(ctx context.Context, who Caller, ids []cloud.InstanceID) ([]InstanceChange, error) {
	return c.changeInstances(ctx, who, ids, func(_ cloud.Tx, i *cloud.Instance) error {
		switch {
		case i.Phase == cloud.Stopping || i.Phase == cloud.Stopped:
			return nil
		case !i.Phase.Up():
			return wrongPhase(i, "stopped")
		case i.KeepRunning:
			return cloud.Errorf(cloud.Denied, cloud.KindInstance, string(i.ID), "keep-running", "The instance '%s' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.", i.ID)
		}
		i.Phase, i.Reason, i.Asked = cloud.Stopping, "", c.now().UTC()
		return nil
	})
}

// StartInstances starts stopped instances.
func (c *Control) StartInstances(ctx context.Context, who Caller, ids []cloud.InstanceID) ([]InstanceChange, error) {
	return c.changeInstances(ctx, who, ids, func(tx cloud.Tx, i *cloud.Instance) error {
		if i.Phase.Up() {
			return nil
		}
		if i.Phase != cloud.Stopped {
			return wrongPhase(i, "started")
		}
		if s, ok := cloud.Subnets.Get(tx, i.Subnet); ok {
			if err := zoneRuns(tx, s, i.Type); err != nil {
				return err
			}
		}
		i.Phase, i.Reason, i.Asked, i.Launched = cloud.Pending, "", time.Time{}, c.now().UTC().Truncate(time.Second)
		i.Boot++
		eni, ok := cloud.Interfaces.Get(tx, i.Interface)
		if !ok || !i.PublicIP {
			return nil
		}
		next := *eni
		var err error
		next.PublicIP, err = c.publicAddress(tx)
		cloud.Interfaces.Put(tx, &next)
		return err
	})
}

// RebootInstances restarts what runs.
func (c *Control) RebootInstances(ctx context.Context, who Caller, ids []cloud.InstanceID) error {
	_, err := c.changeInstances(ctx, who, ids, func(_ cloud.Tx, i *cloud.Instance) error {
		if !i.Phase.Up() {
			return wrongPhase(i, "rebooted")
		}
		i.Boot++
		return nil
	})
	return err
}

func wrongPhase(i *cloud.Instance, verb string) error {
	return cloud.Errorf(cloud.State, cloud.KindInstance, string(i.ID), "phase", "The instance '%s' is not in a state from which it can be %s (it is %s).", i.ID, verb, i.Phase)
}

// ModifyInstance changes what is not nil.
type ModifyInstance struct {
	Attrs                                 map[string]string
	Role                                  *string
	Groups                                []cloud.SecurityGroupID
	SourceDestCheck                       *bool
	UserData                              *[]byte
	Metadata                              *cloud.MetadataOptions
	Type                                  *string
	CPUs, MemoryMiB                       int // with Type
	TerminateOnExit, KeepAPI, KeepRunning *bool
}

// ModifyInstance changes an instance; size and user data only while it is stopped.
func (c *Control) ModifyInstance(ctx context.Context, who Caller, id cloud.InstanceID, in ModifyInstance) error {
	_, err := c.changeInstances(ctx, who, []cloud.InstanceID{id}, func(tx cloud.Tx, i *cloud.Instance) error {
		if (in.Type != nil || in.UserData != nil) && i.Phase != cloud.Stopped {
			return cloud.Errorf(cloud.State, cloud.KindInstance, string(id), "not-stopped", "The instance '%s' is not in the 'stopped' state.", id)
		}
		i.Attrs = merged(i.Attrs, in.Attrs)
		set(&i.Role, in.Role)
		set(&i.TerminateOnExit, in.TerminateOnExit)
		set(&i.KeepAPI, in.KeepAPI)
		set(&i.KeepRunning, in.KeepRunning)
		set(&i.UserData, in.UserData)
		set(&i.Metadata, in.Metadata)
		if in.Type != nil {
			i.Type, i.CPUs, i.MemoryMiB = *in.Type, in.CPUs, in.MemoryMiB
		}
		if in.Groups == nil && in.SourceDestCheck == nil {
			return nil
		}
		return c.ModifyInterface(context.WithValue(ctx, txKey{}, tx), who, i.Interface, ModifyInterface{Groups: in.Groups, SourceDestCheck: in.SourceDestCheck})
	})
	return err
}

// Settled records what has come of an instance's start, stop or end. A request
// that came in between is left to stand.
func (c *Control) Settled(ctx context.Context, id cloud.InstanceID, boot int, to cloud.Phase, reason string) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		old, ok := cloud.Instances.Get(tx, id)
		if !ok || old.Boot != boot || old.Phase == to || !leads(old.Phase, to) {
			return nil
		}
		i := *old
		i.Phase = to
		if reason != "" {
			i.Reason = reason
		}
		switch to {
		case cloud.Stopped:
			releasePublic(tx, i.Interface)
		case cloud.Terminated:
			i.Ended = c.now()
			releaseInterface(tx, i.Interface)
			i.Interface = ""
		}
		cloud.Instances.Put(tx, &i)
		return nil
	})
}

// leads reports whether one phase may be followed by another.
func leads(from, to cloud.Phase) bool {
	switch from {
	case cloud.Pending:
		return to == cloud.Running || to == cloud.Stopped || to == cloud.Terminated
	case cloud.Running, cloud.Stopping:
		return to == cloud.Stopped || to == cloud.Terminated
	case cloud.Terminating:
		return to == cloud.Terminated
	}
	return false
}

// releasePublic gives an instance's own public address back.
func releasePublic(tx cloud.Tx, id cloud.InterfaceID) {
	if old, ok := cloud.Interfaces.Get(tx, id); ok && old.PublicIP.IsValid() {
		i := *old
		i.PublicIP = netip.Addr{}
		cloud.Interfaces.Put(tx, &i)
	}
}

// releaseInterface deletes or detaches the interface of an instance that has ended.
func releaseInterface(tx cloud.Tx, id cloud.InterfaceID) {
	old, ok := cloud.Interfaces.Get(tx, id)
	switch {
	case !ok:
	case old.Attachment != nil && old.Attachment.DeleteOnTermination:
		removeInterface(tx, id)
	default:
		i := *old
		i.Attachment, i.PublicIP = nil, netip.Addr{}
		cloud.Interfaces.Put(tx, &i)
	}
}
