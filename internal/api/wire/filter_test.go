package wire

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

type thing struct {
	id, state string
	tags      map[string]string
}

func TestSelect(t *testing.T) {
	things := []thing{
		{"vpc-1", "available", map[string]string{"Name": "one", "env": "prod"}},
		{"vpc-2", "pending", map[string]string{"Name": "two"}},
		{"vpc-3", "available", nil},
	}
	fields := Fields[thing]{"vpc-id": func(x thing) []string { return []string{x.id} }, "state": func(x thing) []string { return []string{x.state} }}
	f := func(name string, values ...string) Filter { return Filter{&name, values} }
	for _, c := range []struct {
		name    string
		filters []Filter
		want    string
	}{
		{"none", nil, "vpc-1 vpc-2 vpc-3"},
		{"one value", []Filter{f("state", "pending")}, "vpc-2"},
		{"any of the values", []Filter{f("vpc-id", "vpc-1", "vpc-3")}, "vpc-1 vpc-3"},
		{"all of the filters", []Filter{f("vpc-id", "vpc-1", "vpc-2"), f("state", "available")}, "vpc-1"},
		{"wildcard", []Filter{f("vpc-id", "vpc-?")}, "vpc-1 vpc-2 vpc-3"},
		{"case matters", []Filter{f("state", "Pending")}, ""},
		{"tag", []Filter{f("tag:Name", "t*")}, "vpc-2"},
		{"tag key", []Filter{f("tag-key", "env", "none")}, "vpc-1"},
		{"tag value", []Filter{f("tag-value", "two")}, "vpc-2"},
		{"no values", []Filter{f("state")}, ""},
	} {
		got, err := Select(things, c.filters, fields, func(x thing) map[string]string { return x.tags })
		var ids []string
		for _, x := range got {
			ids = append(ids, x.id)
		}
		if s := strings.Join(ids, " "); err != nil || s != c.want {
			t.Errorf("%s: got %q, %v, want %q", c.name, s, err, c.want)
		}
	}
	var e *Error
	if _, err := Select(things, []Filter{f("colour", "red")}, fields, nil); !errors.As(err, &e) || e.Code != "InvalidParameterValue" || e.Msg != "The filter 'colour' is invalid" {
		t.Errorf("unknown filter: %v", err)
	}
	if _, err := Select(things, []Filter{f("tag:a", "b")}, fields, nil); !errors.As(err, &e) {
		t.Errorf("tag filter of what has no tags: %v", err)
	}
}

func TestWildcard(t *testing.T) {
	for pattern, c := range map[string]struct{ yes, no []string }{
		"abc":    {[]string{"abc"}, []string{"ab", "abcd", "Abc", ""}},
		"a*":     {[]string{"a", "abc"}, []string{"ba", ""}},
		"*":      {[]string{"", "x"}, nil},
		"*b*d":   {[]string{"bd", "abcd", "abdbd"}, []string{"abc"}},
		"a?c":    {[]string{"abc", "aüc"}, []string{"ac", "abbc"}},
		`a\*c`:   {[]string{"a*c"}, []string{"abc"}},
		`a\?`:    {[]string{"a?"}, []string{"ab"}},
		`\\x`:    {[]string{`\x`}, []string{"x"}},
		"":       {[]string{""}, []string{"a"}},
		"a**":    {[]string{"a", "ab"}, []string{"b"}},
		"*a*a*a": {[]string{"aaa"}, []string{strings.Repeat("a", 2), strings.Repeat("a", 5000) + "b"}},
	} {
		for _, s := range c.yes {
			if !Wildcard(pattern, s) {
				t.Errorf("%q does not match %q", pattern, s)
			}
		}
		if i := slices.IndexFunc(c.no, func(s string) bool { return Wildcard(pattern, s) }); i >= 0 {
			t.Errorf("%q matches %.20q", pattern, c.no[i])
		}
	}
}
