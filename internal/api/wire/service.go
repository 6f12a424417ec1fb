package wire

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"weir/internal/cloud"
)

// Service is one API: its description and the operations that are implemented.
type Service struct {
	Spec
	// MapError turns a neutral error into the service's own; nil, or a nil
	// answer, leaves it to the protocol's general code for that kind.
	MapError func(*cloud.Error) *Error

	ops      map[string]*operation
	routes   []*route // REST only
	planner  planner
	patterns map[string]*Pattern
	enums    map[string]map[string]bool
}

// operation is one entry of the model; call is nil if it is not implemented.
type operation struct {
	Operation
	in, out *structPlan
	newIn   func() reflect.Value // pointer to a new input
	call    func(ctx context.Context, in reflect.Value) (reflect.Value, error)
	dryRun  int // index of DryRun in the input of EC2 and RPC, or -1
	token   int // index of ClientToken in the input of RPC, or -1
}

// NewService returns a service without operations.
func NewService(spec Spec) *Service {
	s := &Service{Spec: spec, ops: map[string]*operation{}, planner: planner{types: map[reflect.Type]*structPlan{}},
		patterns: map[string]*Pattern{}, enums: map[string]map[string]bool{}}
	for _, o := range spec.Operations {
		op := &operation{Operation: o}
		s.ops[o.Name] = op
		if o.Path != "" {
			s.routes = append(s.routes, newRoute(op))
		}
	}
	sortRoutes(s.routes)
	for name, p := range spec.Patterns {
		re, err := CompilePattern(p)
		if err != nil {
			panic(err)
		}
		s.patterns[name] = re
	}
	for name, values := range spec.Enums {
		s.enums[name] = make(map[string]bool, len(values))
		for _, v := range values {
			s.enums[name][v] = true
		}
	}
	return s
}

// Handle registers the implementation of one operation. It panics if the service
// has no such operation, or if f takes another operation's input.
func Handle[In, Out any](s *Service, name string, f func(context.Context, *In) (*Out, error)) {
	op := s.ops[name]
	in, out := reflect.TypeFor[In](), reflect.TypeFor[Out]()
	switch {
	case op == nil:
		panic(fmt.Sprintf("wire: %s has no operation %s", s.Name, name))
	case op.call != nil:
		panic(fmt.Sprintf("wire: %s %s is registered twice", s.Name, name))
	case strings.HasSuffix(in.Name(), "Input") && in.Name() != name+"Input":
		panic(fmt.Sprintf("wire: %s %s cannot take a %s", s.Name, name, in.Name()))
	}
	op.in, op.out = s.planner.plan(in), s.planner.plan(out)
	op.dryRun = -1
	if f := op.in.byIn["DryRun"]; f != nil && (s.Protocol == EC2Query || s.Protocol == RPC) {
		op.dryRun = f.index
	}
	op.token = -1
	if f := op.in.byIn["ClientToken"]; f != nil && s.Protocol == RPC && !reads(name) {
		op.token = f.index
	}
	op.newIn = func() reflect.Value { return reflect.ValueOf(new(In)) }
	op.call = func(ctx context.Context, in reflect.Value) (reflect.Value, error) {
		res, err := f(ctx, in.Interface().(*In))
		if err != nil {
			return reflect.Value{}, err
		}
		if res == nil {
			res = new(Out)
		}
		return reflect.ValueOf(res).Elem(), nil
	}
}

// ofProject tells whether the operation needs a project in the host's name.
func (op *operation) ofProject() bool {
	return op.in != nil && slices.ContainsFunc(op.in.fields, func(f field) bool { return f.loc == inHost })
}

// reads tells whether an operation changes nothing, by its name.
func reads(name string) bool {
	for _, verb := range []string{"Describe", "List", "Get", "Check"} {
		if strings.HasPrefix(name, verb) {
			return true
		}
	}
	return false
}

// Implemented lists the operations that are registered, in the model's order.
func (s *Service) Implemented() []string {
	var names []string
	for _, o := range s.Operations {
		if s.ops[o.Name].call != nil {
			names = append(names, o.Name)
		}
	}
	return names
}
