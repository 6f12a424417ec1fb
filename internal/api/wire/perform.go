package wire

import (
	"context"
	"fmt"
	"reflect"
)

// Perform carries out an operation that no request asked for: fill decodes its
// input, which is validated as any other. Nobody is asked whether the caller
// may, and a dry run is none.
func (s *Service) Perform(ctx context.Context, call Call, fill func(in any) error) (any, error) {
	op := s.ops[call.Operation]
	switch {
	case op == nil:
		return nil, s.unknownAction(call.Operation)
	case op.call == nil:
		return nil, s.Trouble(NotImplemented, "The operation "+op.Name+" of "+s.ID+" is not implemented.")
	}
	in := op.newIn()
	if err := fill(in.Interface()); err != nil {
		return nil, fmt.Errorf("reading the input of %s: %w", op.Name, err)
	}
	if err := s.validate(op.in, in.Elem()); err != nil {
		return nil, err
	}
	call.Service = s.Name
	out, err := op.call(WithCall(ctx, &call), in)
	if err != nil {
		return nil, s.asError(err)
	}
	if out.Kind() == reflect.Pointer {
		return out.Interface(), nil
	}
	return out.Addr().Interface(), nil
}
