package iam

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Condition is one operator on one key with its values.
type Condition struct {
	Operator string // without set prefix and IfExists
	Key      string
	Values   []string
	Set      SetTest
	IfExists bool
}

// SetTest says how a key with several values is tested.
type SetTest int

// Set tests.
const (
	Single SetTest = iota // the key has one value
	ForAll                // every value of the request matches one of the policy
	ForAny                // some value of the request matches one of the policy
)

// comparison tells whether a value of the request matches one of the policy.
type comparison func(request, policy string) bool

// operator is a comparison; negated ones hold only if no value of the policy matches.
type operator struct {
	match   comparison
	negated bool
}

var operators = map[string]operator{
	"StringEquals":              {match: func(r, p string) bool { return r == p }},
	"StringNotEquals":           {match: func(r, p string) bool { return r == p }, negated: true},
	"StringEqualsIgnoreCase":    {match: strings.EqualFold},
	"StringNotEqualsIgnoreCase": {match: strings.EqualFold, negated: true},
	"StringLike":                {match: like},
	"StringNotLike":             {match: like, negated: true},
	"NumericEquals":             {match: number(func(r, p float64) bool { return r == p })},
	"NumericNotEquals":          {match: number(func(r, p float64) bool { return r == p }), negated: true},
	"NumericLessThan":           {match: number(func(r, p float64) bool { return r < p })},
	"NumericLessThanEquals":     {match: number(func(r, p float64) bool { return r <= p })},
	"NumericGreaterThan":        {match: number(func(r, p float64) bool { return r > p })},
	"NumericGreaterThanEquals":  {match: number(func(r, p float64) bool { return r >= p })},
	"DateEquals":                {match: date(func(c int) bool { return c == 0 })},
	"DateNotEquals":             {match: date(func(c int) bool { return c == 0 }), negated: true},
	"DateLessThan":              {match: date(func(c int) bool { return c < 0 })},
	"DateLessThanEquals":        {match: date(func(c int) bool { return c <= 0 })},
	"DateGreaterThan":           {match: date(func(c int) bool { return c > 0 })},
	"DateGreaterThanEquals":     {match: date(func(c int) bool { return c >= 0 })},
	"Bool":                      {match: strings.EqualFold},
	"BinaryEquals":              {match: func(r, p string) bool { return r == p }},
	"IpAddress":                 {match: inPrefix},
	"NotIpAddress":              {match: inPrefix, negated: true},
	"ArnEquals":                 {match: arnLike},
	"ArnLike":                   {match: arnLike},
	"ArnNotEquals":              {match: arnLike, negated: true},
	"ArnNotLike":                {match: arnLike, negated: true},
}

func parseConditions(raw map[string]map[string]values) ([]Condition, error) {
	var out []Condition
	for _, op := range slices.Sorted(maps.Keys(raw)) {
		for _, key := range slices.Sorted(maps.Keys(raw[op])) {
			c := Condition{Operator: op, Key: key, Values: raw[op][key]}
			if rest, ok := strings.CutPrefix(c.Operator, "ForAllValues:"); ok {
				c.Operator, c.Set = rest, ForAll
			} else if rest, ok := strings.CutPrefix(c.Operator, "ForAnyValue:"); ok {
				c.Operator, c.Set = rest, ForAny
			}
			c.Operator, c.IfExists = strings.CutSuffix(c.Operator, "IfExists")
			if _, ok := operators[c.Operator]; !ok && c.Operator != "Null" {
				return nil, syntax("condition operator %q is unknown", op)
			}
			out = append(out, c)
		}
	}
	return out, nil
}

// holds reports whether the condition is true for a request's context.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
func (c Condition) holds(context map[string][]string, vars bool) bool {
	have, present := lookup(context, c.Key)
	if c.Operator == "Null" {
		want := len(c.Values) > 0 && strings.EqualFold(c.Values[0], "true")
		return want != present
	}
	op := operators[c.Operator]
	if !present {
		return c.IfExists || op.negated || c.Set == ForAll
	}
	one := func(v string) bool {
		matches := slices.ContainsFunc(c.Values, func(p string) bool {
			if vars {
				var ok bool
				if p, ok = expand(p, context); !ok {
					return false
				}
			}
			return op.match(v, p)
		})
		return matches != op.negated
	}
	// A negated operator on several values without a set prefix must hold for each.
	if c.Set == ForAll || c.Set == Single && op.negated {
		return !slices.ContainsFunc(have, func(v string) bool { return !one(v) })
	}
	return slices.ContainsFunc(have, one)
}

// lookup finds a context key; keys are compared without case.
func lookup(context map[string][]string, key string) ([]string, bool) {
	if v, ok := context[key]; ok {
		return v, true
	}
	for k, v := range context {
		if strings.EqualFold(k, key) {
			return v, true
		}
	}
	return nil, false
}

func number(f func(r, p float64) bool) comparison {
	return func(r, p string) bool {
		x, err1 := strconv.ParseFloat(r, 64)
		y, err2 := strconv.ParseFloat(p, 64)
		return err1 == nil && err2 == nil && f(x, y)
	}
}

func date(f func(int) bool) comparison {
	return func(r, p string) bool {
		x, ok1 := parseTime(r)
		y, ok2 := parseTime(p)
		return ok1 && ok2 && f(x.Compare(y))
	}
}

func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.Unix(n, 0), true
	}
	return time.Time{}, false
}

func inPrefix(r, p string) bool {
	addr, err := netip.ParseAddr(r)
	if err != nil {
		return false
	}
	if prefix, err := netip.ParsePrefix(p); err == nil {
		return prefix.Contains(addr.Unmap())
	}
	single, err := netip.ParseAddr(p)
	return err == nil && single == addr.Unmap()
}

// like matches with * (any text) and ? (one character).
func like(s, pattern string) bool {
	star, mark, i, j := -1, 0, 0, 0
	for i < len(s) {
		switch {
		case j < len(pattern) && pattern[j] == '*':
			star, mark = j, i
			j++
		case j < len(pattern) && (pattern[j] == '?' || pattern[j] == s[i]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = mark, star+1
		default:
			return false
		}
	}
	return strings.Trim(pattern[j:], "*") == ""
}

// arnLike matches ARNs part by part: a wildcard does not reach over a colon of the first five.
func arnLike(r, p string) bool {
	if p == "*" {
		return true
	}
	rs, ps := strings.SplitN(r, ":", 6), strings.SplitN(p, ":", 6)
	if len(rs) != len(ps) {
		return false
	}
	for i := range rs {
		if !like(rs[i], ps[i]) {
			return false
		}
	}
	return true
}

// expand replaces policy variables: ${aws:username}, ${key, 'default'}, ${*}, ${?}, ${$}.
// It reports false where a variable has no value: such a value matches nothing.
func expand(s string, context map[string][]string) (string, bool) {
	var b strings.Builder
	for {
		head, rest, ok := strings.Cut(s, "${")
		b.WriteString(head)
		if !ok {
			return b.String(), true
		}
		name, tail, ok := strings.Cut(rest, "}")
		if !ok {
			b.WriteString("${" + rest)
			return b.String(), true
		}
		key, def, hasDefault := strings.Cut(name, ",")
		v, present := lookup(context, strings.TrimSpace(key))
		switch {
		case name == "*" || name == "?" || name == "$":
			b.WriteString(name)
		case present && len(v) == 1:
			b.WriteString(v[0])
		case hasDefault:
			b.WriteString(strings.Trim(strings.TrimSpace(def), "'"))
		default:
			return "", false
		}
		s = tail
	}
}
