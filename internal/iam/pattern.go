package iam

import (
	"strings"
	"unicode/utf8"
)

// quote stands in a pattern before a character that means itself, so that a
// value filled in for a variable cannot bring wildcards with it. Documents that
// contain it are refused.
const quote = "\x00"

var quoter = strings.NewReplacer("*", quote+"*", "?", quote+"?", quote, quote+quote)

// like matches with * (any text) and ? (one character).
func like(s, pattern string) bool {
	star, mark, i, j := -1, 0, 0, 0
	for i < len(s) {
		if j < len(pattern) && pattern[j] == '*' {
			star, mark = j, i
			j++
			continue
		}
		if n, m := step(s[i:], pattern[j:]); n > 0 {
			i, j = i+n, j+m
			continue
		}
		if star < 0 {
			return false
		}
		_, n := utf8.DecodeRuneInString(s[mark:])
		mark += n
		i, j = mark, star+1
	}
	return strings.Trim(pattern[j:], "*") == ""
}

// step consumes one character of both; n is 0 if they differ.
func step(s, pattern string) (n, m int) {
	switch {
	case pattern == "":
		return 0, 0
	case pattern[0] == '?':
		_, n = utf8.DecodeRuneInString(s)
		return n, 1
	case pattern[0] == quote[0] && len(pattern) > 1:
		if pattern[1] == s[0] {
			return 1, 2
		}
		return 0, 0
	case pattern[0] == s[0]:
		return 1, 1
	}
	return 0, 0
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
// In a pattern what it fills in is quoted. It reports false where a variable has
// no value, or several: such a text matches nothing.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
func expand(s string, context map[string][]string, pattern bool) (string, bool) {
	if !strings.Contains(s, "${") {
		return s, true
	}
	var b strings.Builder
	fill := func(v string) {
		if pattern {
			v = quoter.Replace(v)
		}
		b.WriteString(v)
	}
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
			fill(name)
		case present && len(v) == 1:
			fill(v[0])
		case hasDefault && len(v) == 0:
			fill(strings.Trim(strings.TrimSpace(def), "'"))
		default:
			return "", false
		}
		s = tail
	}
}
