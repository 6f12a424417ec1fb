package fc

import (
	"context"
	"strings"

	"weir/internal/cloud"
)

// createVpcBinding lets a VPC invoke the function, and with the first one shuts
// out everybody else. It holds for every version and alias; triggers are not
// affected. The VPC is not looked for, as those of vpcConfig are not: it may be
// another region's, or be made later, and until then nobody calls from there.
func (a *api) createVpcBinding(ctx context.Context, in *CreateVpcBindingInput) (*CreateVpcBindingOutput, error) {
	id := cloud.VPCID(value(in.VpcId))
	if !strings.HasPrefix(string(id), "vpc-") {
		return nil, invalid("vpcId '%s' is not the ID of a VPC", id)
	}
	return &CreateVpcBindingOutput{}, a.control.BindFunction(ctx, caller(ctx), value(in.FunctionName), id)
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
