package ec2

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
)

// text is the value of an optional string, "" if it is not given.
func text[S ~string](p *S) S {
	if p == nil {
		return ""
	}
	return *p
}

func yes(p *bool) bool { return p != nil && *p }

func number[N int32 | int64](p *N) N {
	if p == nil {
		return 0
	}
	return *p
}

// shown is a list that Amazon shows even when it is empty; clients count on it.
func shown[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// counted reads an optional number of things.
func counted(param string, p *int32) (int, error) {
	if n := number(p); n < 0 {
		return 0, badValue(param, strconv.Itoa(int(n)), "Must not be negative.")
	}
	return int(number(p)), nil
}

// given is nil for "", which the wire then leaves out.
func given[S ~string](s S) *string {
	if s == "" {
		return nil
	}
	return new(string(s))
}

// attribute is the value of an optional boolean attribute, nil if it is not given.
func attribute(p *AttributeBooleanValue) *bool {
	if p == nil {
		return nil
	}
	return p.Value
}

func badValue(param, value, why string) *wire.Error {
	return &wire.Error{Code: "InvalidParameterValue", Msg: strings.TrimSpace(fmt.Sprintf("Value (%s) for parameter %s is invalid. %s", value, param, why))}
}

func missing(param string) *wire.Error {
	return &wire.Error{Code: "MissingParameter", Msg: "The request must contain the parameter " + param}
}

func combination(format string, args ...any) *wire.Error {
	return &wire.Error{Code: "InvalidParameterCombination", Msg: fmt.Sprintf(format, args...)}
}

// cidr reads an optional block of one address family.
func cidr(param string, p *string, v6 bool) (netip.Prefix, error) {
	if p == nil || *p == "" {
		return netip.Prefix{}, nil
	}
	c, err := netip.ParsePrefix(*p)
	if err != nil || c.Addr().Is6() != v6 || c.Addr().Is4In6() {
		return netip.Prefix{}, badValue(param, *p, "This is not a valid CIDR block.")
	}
	return c, nil
}

// address reads an optional address of one family.
func address(param string, p *string, v6 bool) (netip.Addr, error) {
	if p == nil || *p == "" {
		return netip.Addr{}, nil
	}
	a, err := netip.ParseAddr(*p)
	if err != nil || a.Is6() != v6 || a.Is4In6() || a.Zone() != "" {
		return netip.Addr{}, badValue(param, *p, "Invalid IP address.")
	}
	return a, nil
}

func addresses(param string, ps []string, v6 bool) ([]netip.Addr, error) {
	var as []netip.Addr
	for _, p := range ps {
		a, err := address(param, &p, v6)
		if err != nil {
			return nil, err
		}
		as = append(as, a)
	}
	return as, nil
}

func ids[K ~string](in []string) []K {
	out := make([]K, len(in))
	for i, id := range in {
		out[i] = K(id)
	}
	return out
}

// fact is a resource's value for a filter.
func fact[S ~string](p *S) []string {
	if p == nil {
		return nil
	}
	return []string{string(*p)}
}

func flag(p *bool) []string {
	return []string{fmt.Sprint(yes(p))}
}

// facts collects a filter's values over the parts of a resource.
func facts[T any](parts []T, f func(T) []string) []string {
	var out []string
	for _, p := range parts {
		out = append(out, f(p)...)
	}
	return out
}

func arn(m *cloud.Meta, kind, id string) string {
	return "arn:aws:ec2:" + m.Region + ":" + m.Account + ":" + kind + "/" + id
}

func decimal(p *int32) []string {
	if p == nil {
		return nil
	}
	return []string{strconv.Itoa(int(*p))}
}
