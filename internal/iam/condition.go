package iam

import (
	"cmp"
	"encoding/json"
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
	pattern bool              // the policy's value has wildcards
	form    func(string) bool // what the policy's value must be; nil is any text
}

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
var operators = makeOperators()

func makeOperators() map[string]operator {
	ops := map[string]operator{}
	both := func(yes, no string, o operator) {
		ops[yes] = o
		o.negated = true
		ops[no] = o
	}
	same := operator{match: func(r, p string) bool { return r == p }}
	both("StringEquals", "StringNotEquals", same)
	both("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", operator{match: strings.EqualFold})
	both("StringLike", "StringNotLike", operator{match: like, pattern: true})
	both("ArnEquals", "ArnNotEquals", operator{match: arnLike, pattern: true})
	both("ArnLike", "ArnNotLike", operator{match: arnLike, pattern: true})
	both("IpAddress", "NotIpAddress", operator{match: inPrefix, form: isPrefix})
	ops["Bool"] = operator{match: strings.EqualFold, form: isBool}
	ops["BinaryEquals"] = same

	for suffix, holds := range map[string]func(order int) bool{
		"Equals":            func(c int) bool { return c == 0 },
		"LessThan":          func(c int) bool { return c < 0 },
		"LessThanEquals":    func(c int) bool { return c <= 0 },
		"GreaterThan":       func(c int) bool { return c > 0 },
		"GreaterThanEquals": func(c int) bool { return c >= 0 },
	} {
		ops["Numeric"+suffix] = operator{match: number(holds), form: isNumber}
		ops["Date"+suffix] = operator{match: date(holds), form: isTime}
	}
	equal := func(c int) bool { return c == 0 }
	ops["NumericNotEquals"] = operator{match: number(equal), form: isNumber, negated: true}
	ops["DateNotEquals"] = operator{match: date(equal), form: isTime, negated: true}
	return ops
}

func isBool(s string) bool { return strings.EqualFold(s, "true") || strings.EqualFold(s, "false") }

func isNumber(s string) bool { _, err := strconv.ParseFloat(s, 64); return err == nil }

func isTime(s string) bool { _, ok := parseTime(s); return ok }

func isPrefix(s string) bool {
	_, err := netip.ParsePrefix(s)
	if err != nil {
		_, err = netip.ParseAddr(s)
	}
	return err == nil
}

func parseConditions(b json.RawMessage) ([]Condition, error) {
	raw, err := object(b, "Condition")
	if err != nil {
		return nil, err
	}
	var out []Condition
	for _, op := range slices.Sorted(maps.Keys(raw)) {
		keys, err := object(raw[op], "condition "+op)
		if err != nil {
			return nil, err
		}
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			c, err := parseCondition(op, key, keys[key])
			if err != nil {
				return nil, err
			}
			out = append(out, c)
		}
	}
	return out, nil
}

func parseCondition(op, key string, b json.RawMessage) (Condition, error) {
	c := Condition{Operator: op, Key: key}
	var err error
	if c.Values, err = scalars(b, "condition "+op+" on "+key); err != nil {
		return c, err
	}
	if rest, ok := strings.CutPrefix(c.Operator, "ForAllValues:"); ok {
		c.Operator, c.Set = rest, ForAll
	} else if rest, ok := strings.CutPrefix(c.Operator, "ForAnyValue:"); ok {
		c.Operator, c.Set = rest, ForAny
	}
	c.Operator, c.IfExists = strings.CutSuffix(c.Operator, "IfExists")
	known, ok := operators[c.Operator]
	switch {
	case !ok && (c.Operator != "Null" || c.IfExists):
		return c, grammar("Invalid Condition type : %s.", op)
	case !strings.Contains(key, ":"):
		return c, grammar("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
	case clean(key, "a condition key") != nil:
		return c, clean(key, "a condition key")
	}
	form := known.form
	if c.Operator == "Null" {
		form = isBool
	}
	for _, v := range c.Values {
		if form != nil && !strings.Contains(v, "${") && !form(v) {
			return c, syntax("%q is no value for condition %s on %s", v, op, key)
		}
	}
	return c, nil
}

// holds reports whether the condition is true for a request's context.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
func (c Condition) holds(context map[string][]string, vars bool) bool {
	have, _ := lookup(context, c.Key)
	if c.Operator == "Null" {
		absent := len(have) == 0
		return slices.ContainsFunc(c.Values, func(v string) bool { return strings.EqualFold(v, "true") == absent })
	}
	op := operators[c.Operator]
	if len(have) == 0 {
		return c.IfExists || c.Set == ForAll || op.negated && c.Set != ForAny
	}
	one := func(v string) bool {
		matches := slices.ContainsFunc(c.Values, func(p string) bool {
			if vars {
				var ok bool
				if p, ok = expand(p, context, op.pattern); !ok {
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

func number(f func(order int) bool) comparison {
	return func(r, p string) bool {
		x, err1 := strconv.ParseFloat(r, 64)
		y, err2 := strconv.ParseFloat(p, 64)
		return err1 == nil && err2 == nil && f(cmp.Compare(x, y))
	}
}

func date(f func(order int) bool) comparison {
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
