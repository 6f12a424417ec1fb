package ec2

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/control"
)

// Change is one call of this API. As JSON it is an object with the operation's
// name and its input, whose members are named as the SDKs and the command line
// name them; "as" names its answer, which a later change's input refers to:
//
//	{"AllocateAddress": {}, "as": "eip"}
//	{"CreateNatGateway": {"SubnetId": "subnet-…", "AllocationId": "${eip.AllocationId}"}}
type Change struct {
	Operation string
	Input     json.RawMessage
	As        string
}

// UnmarshalJSON reads the form above.
func (c *Change) UnmarshalJSON(b []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b, &members); err != nil {
		return err
	}
	*c = Change{}
	for name, value := range members {
		switch {
		case name == "as":
			if err := json.Unmarshal(value, &c.As); err != nil {
				return fmt.Errorf(`"as" is no name: %w`, err)
			}
		case c.Operation != "":
			return fmt.Errorf("a change is one operation, not both %s and %s", c.Operation, name)
		default:
			c.Operation, c.Input = name, value
		}
	}
	if c.Operation == "" {
		return fmt.Errorf("a change names an operation and its input, as in %s", `{"CreateRoute": {…}}`)
	}
	return nil
}

// MarshalJSON writes it.
func (c Change) MarshalJSON() ([]byte, error) {
	members := map[string]any{c.Operation: c.Input}
	if c.As != "" {
		members["as"] = c.As
	}
	return json.Marshal(members)
}

// Rehearse carries out changes one after the other, on a fork of the real thing.
func Rehearse(ctx context.Context, fork *control.Control, who control.Caller, changes []Change) error {
	s := New(fork)
	answers := map[string]any{}
	for i, c := range changes {
		call := wire.Call{Operation: c.Operation, Account: who.Account, Region: who.Region, Principal: who.Principal}
		out, err := s.Perform(ctx, call, func(in any) error { return c.decode(in, answers) })
		if err != nil {
			return fmt.Errorf("change %d, %s: %w", i+1, c.Operation, err)
		}
		if c.As != "" {
			b, err := json.Marshal(out)
			if err != nil {
				return fmt.Errorf("change %d, %s: encoding its answer: %w", i+1, c.Operation, err)
			}
			var answer any
			if err := json.Unmarshal(b, &answer); err != nil {
				return fmt.Errorf("change %d, %s: reading its answer: %w", i+1, c.Operation, err)
			}
			answers[c.As] = answer
		}
	}
	return nil
}

// decode fills an operation's input, with references to earlier answers resolved.
func (c *Change) decode(in any, answers map[string]any) error {
	if len(bytes.TrimSpace(c.Input)) == 0 {
		return nil
	}
	var value any
	if err := json.Unmarshal(c.Input, &value); err != nil {
		return err
	}
	value, err := resolved(value, answers)
	if err != nil {
		return err
	}
	b, err := json.Marshal(value)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(in)
}

var reference = regexp.MustCompile(`^\$\{([^}.]+)((?:\.[^}.]+)*)\}$`)

// resolved replaces strings of the form ${name.Member.0.Member} by what they refer to.
func resolved(value any, answers map[string]any) (any, error) {
	var err error
	switch v := value.(type) {
	case map[string]any:
		for k := range v {
			if v[k], err = resolved(v[k], answers); err != nil {
				return nil, err
			}
		}
	case []any:
		for i := range v {
			if v[i], err = resolved(v[i], answers); err != nil {
				return nil, err
			}
		}
	case string:
		m := reference.FindStringSubmatch(v)
		if m == nil {
			return v, nil
		}
		at, ok := answers[m[1]]
		for _, part := range strings.FieldsFunc(m[2], func(r rune) bool { return r == '.' }) {
			switch t := at.(type) {
			case map[string]any:
				at, ok = t[part]
			case []any:
				n, e := strconv.Atoi(part)
				if ok = e == nil && n >= 0 && n < len(t); ok {
					at = t[n]
				}
			default:
				ok = false
			}
			if !ok {
				break
			}
		}
		if !ok || at == nil {
			return nil, fmt.Errorf("%s refers to nothing that an earlier change answered", v)
		}
		return at, nil
	}
	return value, nil
}
