package control

import (
	"context"
	"slices"
	"strings"

	"weir/internal/cloud"
)

// maxBindings is how many VPCs may invoke one function.
const maxBindings = 20

// BindFunction lets a VPC invoke a function; only VPCs that are bound may, once
// one is. Errors: Exists, Limit "bindings".
func (c *Control) BindFunction(ctx context.Context, who Caller, name string, vpc cloud.VPCID) error {
	return c.alterFunction(ctx, who, name, func(fn *cloud.Function) error {
		if slices.Contains(fn.InvokeFrom, vpc) {
			return cloud.Errorf(cloud.Exists, cloud.KindVPC, string(vpc), "binding", "function %s is bound to VPC %s already", name, vpc)
		}
		if len(fn.InvokeFrom) >= maxBindings {
			return cloud.Errorf(cloud.Limit, cloud.KindFunction, name, "bindings", "function %s is bound to %d VPCs, which is the most; unbind one", name, maxBindings)
		}
		fn.InvokeFrom = append(slices.Clone(fn.InvokeFrom), vpc)
		return nil
	})
}

// UnbindFunction undoes BindFunction. Error: NotFound of the VPC.
func (c *Control) UnbindFunction(ctx context.Context, who Caller, name string, vpc cloud.VPCID) error {
	return c.alterFunction(ctx, who, name, func(fn *cloud.Function) error {
		i := slices.Index(fn.InvokeFrom, vpc)
		if i < 0 {
			return cloud.Errorf(cloud.NotFound, cloud.KindVPC, string(vpc), "binding", "function %s is not bound to VPC %s", name, vpc)
		}
		fn.InvokeFrom = slices.Delete(slices.Clone(fn.InvokeFrom), i, i+1)
		return nil
	})
}

// DisableFunction keeps everybody from invoking a function, or lets them again.
func (c *Control) DisableFunction(ctx context.Context, who Caller, name string, disabled bool, reason string) error {
	return c.alterFunction(ctx, who, name, func(fn *cloud.Function) error {
		fn.Disabled, fn.DisabledFor = disabled, reason
		return nil
	})
}

// SetFunctionAttrs merges attributes into a function's own.
func (c *Control) SetFunctionAttrs(ctx context.Context, who Caller, name string, attrs map[string]string) error {
	return c.alterFunction(ctx, who, name, func(fn *cloud.Function) error {
		fn.Attrs = merged(fn.Attrs, attrs)
		return nil
	})
}

// alterFunction changes what is not a version's: the revision stays.
func (c *Control) alterFunction(ctx context.Context, who Caller, name string, change func(fn *cloud.Function) error) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		old, err := findFunction(tx, who, name)
		if err != nil {
			return err
		}
		fn := copyFunction(old)
		if err := change(fn); err != nil {
			return err
		}
		cloud.Functions.Put(tx, fn)
		return nil
	})
}

// MayInvoke refuses callers that the function keeps out: vpc is where the call
// came in, "" if through no VPC. Errors: Denied "disabled", "bound".
func MayInvoke(fn *cloud.Function, vpc cloud.VPCID) error {
	switch {
	case fn.Disabled:
		return cloud.Errorf(cloud.Denied, cloud.KindFunction, fn.Name, "disabled", "function %s is disabled", fn.Name)
	case len(fn.InvokeFrom) > 0 && !slices.Contains(fn.InvokeFrom, vpc):
		return cloud.Errorf(cloud.Denied, cloud.KindFunction, fn.Name, "bound", "Resource access is bound by VPC: %s", joinVPCs(fn.InvokeFrom))
	}
	return nil
}

func joinVPCs(ids []cloud.VPCID) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = string(id)
	}
	return strings.Join(names, ",")
}
