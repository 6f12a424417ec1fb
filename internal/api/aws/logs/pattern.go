package logs

import (
	"regexp"
	"strings"
	"unicode"
)

// compile turns a filter pattern into what decides on a message; nil lets all pass.
// (FilterAndPatternSyntax of the vendor's guide.)
func compile(pattern string) (func(string) bool, error) {
	p := strings.TrimSpace(pattern)
	switch {
	case p == "":
		return nil, nil
	case strings.HasPrefix(p, "{"):
		return compileJSON(p)
	case strings.HasPrefix(p, "["): // fields of a line, by place
		return nil, invalid("Invalid filter pattern: space-delimited patterns are not supported; use terms or a JSON pattern.")
	}
	return compileTerms(p)
}

// terms is a pattern of words: all of must, none of not, and any of any. The
// vendor ignores "any" terms where there are others.
type terms struct{ must, not, any []func(string) bool }

func compileTerms(p string) (func(string) bool, error) {
	var t terms
	for p = strings.TrimSpace(p); p != ""; p = strings.TrimSpace(p) {
		list := &t.must
		switch p[0] {
		case '?':
			list, p = &t.any, p[1:]
		case '-':
			list, p = &t.not, p[1:]
		}
		match, rest, err := term(p)
		if err != nil {
			return nil, err
		}
		*list, p = append(*list, match), rest
	}
	return t.match, nil
}

func (t terms) match(message string) bool {
	for _, f := range t.must {
		if !f(message) {
			return false
		}
	}
	for _, f := range t.not {
		if f(message) {
			return false
		}
	}
	if len(t.must)+len(t.not) > 0 {
		return true
	}
	for _, f := range t.any {
		if f(message) {
			return true
		}
	}
	return false
}

// term reads one term: a word, a "phrase", or a %regular expression%.
func term(p string) (match func(string) bool, rest string, err error) {
	if p == "" {
		return nil, "", invalid("Invalid filter pattern")
	}
	var text string
	switch p[0] {
	case '"':
		text, rest, err = quoted(p)
	case '%':
		expr, after, ok := strings.Cut(p[1:], "%")
		if !ok {
			return nil, "", invalid("Invalid filter pattern")
		}
		re, err := expression(expr)
		return re, after, err
	default:
		end := strings.IndexFunc(p, unicode.IsSpace)
		if end < 0 {
			end = len(p)
		}
		text, rest = p[:end], p[end:]
		if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' }) {
			err = invalid("Invalid character(s) in term '%s'", text)
		}
	}
	return func(m string) bool { return strings.Contains(m, text) }, rest, err
}

// quoted reads a quoted string, in which a backslash keeps a quote or a backslash.
func quoted(p string) (text, rest string, err error) {
	var b strings.Builder
	for i := 1; i < len(p); i++ {
		switch {
		case p[i] == '"':
			return b.String(), p[i+1:], nil
		case p[i] == '\\' && i+1 < len(p) && (p[i+1] == '"' || p[i+1] == '\\'):
			i++
		}
		b.WriteByte(p[i])
	}
	return "", "", invalid("Invalid filter pattern: unterminated quoted term")
}

// expression compiles a regular expression; the vendor has no groups.
func expression(expr string) (func(string) bool, error) {
	if expr == "" || strings.ContainsAny(expr, "()!") {
		return nil, invalid("Invalid regular expression '%s' in filter pattern", expr)
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, invalid("Invalid regular expression '%s' in filter pattern", expr)
	}
	return re.MatchString, nil
}
