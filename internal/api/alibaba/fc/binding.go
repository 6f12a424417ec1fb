package fc

import (
	"context"

	"weir/internal/api/wire"
	"weir/internal/cloud"
)

// createVpcBinding lets a VPC invoke the function, and with the first one shuts
// out everybody else. It holds for every version and alias; triggers are not affected.
func (a *api) createVpcBinding(ctx context.Context, in *CreateVpcBindingInput) (*CreateVpcBindingOutput, error) {
	call := wire.CallFrom(ctx)
	vpc, ok := cloud.VPCs.Get(a.control.View(), cloud.VPCID(value(in.VpcId)))
	if !ok || vpc.Account != call.Account || vpc.Region != call.Region {
		return nil, invalid("VPC '%s' is not found", value(in.VpcId))
	}
	return &CreateVpcBindingOutput{}, a.control.BindFunction(ctx, caller(ctx), value(in.FunctionName), vpc.ID)
}

func (a *api) listVpcBindings(ctx context.Context, in *ListVpcBindingsInput) (*ListVpcBindingsOutput, error) {
	fn, err := a.find(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	out := &ListVpcBindingsOutput{VpcIds: []string{}}
	for _, id := range fn.InvokeFrom {
		out.VpcIds = append(out.VpcIds, string(id))
	}
	return out, nil
}

func (a *api) deleteVpcBinding(ctx context.Context, in *DeleteVpcBindingInput) (*DeleteVpcBindingOutput, error) {
	return &DeleteVpcBindingOutput{}, a.control.UnbindFunction(ctx, caller(ctx), value(in.FunctionName), cloud.VPCID(value(in.VpcId)))
}
