package logs

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode"
)

// condition decides on a message's JSON value.
type condition func(doc any) bool

// compileJSON compiles "{ $.a = 1 && ($.b.c != \"x*\" || $.d[0] IS NULL) }".
// A message that is not a JSON object never matches.
func compileJSON(pattern string) (func(string) bool, error) {
	inner, ok := strings.CutSuffix(pattern[1:], "}")
	if !ok {
		return nil, invalid("Invalid filter pattern: a JSON pattern ends with '}'")
	}
	p := &parser{rest: inner}
	cond, err := p.either()
	if err == nil && p.peek() != "" {
		err = p.unexpected()
	}
	if err != nil {
		return nil, err
	}
	return func(message string) bool {
		var doc map[string]any
		return json.Unmarshal([]byte(message), &doc) == nil && doc != nil && cond(doc)
	}, nil
}

// maxNesting bounds the parentheses of a pattern.
const maxNesting = 50

// parser reads conditions by recursive descent: || binds weaker than &&.
type parser struct {
	rest  string
	depth int
}

func (p *parser) peek() string {
	p.rest = strings.TrimLeftFunc(p.rest, unicode.IsSpace)
	return p.rest
}

func (p *parser) take(token string) bool {
	rest, ok := strings.CutPrefix(p.peek(), token)
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *parser) unexpected() error {
	return invalid("Invalid filter pattern: unexpected %q", p.peek())
}

func (p *parser) either() (condition, error) {
	left, err := p.both()
	for err == nil && p.take("||") {
		var right condition
		l := left
		right, err = p.both()
		left = func(d any) bool { return l(d) || right(d) }
	}
	return left, err
}

func (p *parser) both() (condition, error) {
	left, err := p.single()
	for err == nil && p.take("&&") {
		var right condition
		l := left
		right, err = p.single()
		left = func(d any) bool { return l(d) && right(d) }
	}
	return left, err
}

func (p *parser) single() (condition, error) {
	if !p.take("(") {
		return p.comparison()
	}
	if p.depth++; p.depth > maxNesting {
		return nil, invalid("Invalid filter pattern: more than %d parentheses are open", maxNesting)
	}
	cond, err := p.either()
	if err == nil && !p.take(")") {
		err = p.unexpected()
	}
	p.depth--
	return cond, err
}

func (p *parser) comparison() (condition, error) {
	path, err := p.selector()
	if err != nil {
		return nil, err
	}
	for word, want := range map[string]func(any, bool) bool{
		"IS TRUE":    func(v any, _ bool) bool { return v == true },
		"IS FALSE":   func(v any, _ bool) bool { return v == false },
		"IS NULL":    func(v any, found bool) bool { return found && v == nil },
		"NOT EXISTS": func(_ any, found bool) bool { return !found },
		"EXISTS":     func(_ any, found bool) bool { return found },
	} {
		if p.take(word) {
			return func(d any) bool { return want(lookup(d, path)) }, nil
		}
	}
	for _, op := range []string{"!=", ">=", "<=", "=", ">", "<"} {
		if p.take(op) {
			return p.operand(path, op)
		}
	}
	return nil, p.unexpected()
}

// selector reads "$.a.b[0]" or `$["a"]` into its steps: names and indexes.
func (p *parser) selector() (path []any, err error) {
	if !p.take("$") {
		return nil, p.unexpected()
	}
	for {
		switch {
		case strings.HasPrefix(p.rest, "."):
			end := strings.IndexFunc(p.rest[1:], func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(".[]=!<>()&|", r) })
			if end < 0 {
				end = len(p.rest) - 1
			}
			if end == 0 {
				return nil, p.unexpected()
			}
			path, p.rest = append(path, p.rest[1:end+1]), p.rest[end+1:]
		case strings.HasPrefix(p.rest, "["):
			step, rest, ok := strings.Cut(p.rest[1:], "]")
			if !ok {
				return nil, p.unexpected()
			}
			if n, err := strconv.Atoi(step); err == nil && n >= 0 {
				path = append(path, n)
			} else if len(step) > 2 && step[0] == '"' && step[len(step)-1] == '"' {
				path = append(path, step[1:len(step)-1])
			} else {
				return nil, p.unexpected()
			}
			p.rest = rest
		case len(path) == 0:
			return nil, p.unexpected()
		default:
			return path, nil
		}
	}
}

// lookup follows path into a JSON value.
func lookup(v any, path []any) (any, bool) {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			next, ok := m[step]
			if !ok {
				return nil, false
			}
			v = next
		case int:
			a, _ := v.([]any)
			if step >= len(a) {
				return nil, false
			}
			v = a[step]
		}
	}
	return v, true
}

// operand reads what a field is compared with: a number, a string in which *
// stands for anything, or a %regular expression%. A field that is missing is
// unequal to nothing: != needs it too.
func (p *parser) operand(path []any, op string) (condition, error) {
	text, isText := "", true
	var match func(string) bool
	var err error
	switch rest := p.peek(); {
	case strings.HasPrefix(rest, `"`):
		text, p.rest, err = quoted(rest)
	case strings.HasPrefix(rest, "%"):
		expr, after, ok := strings.Cut(rest[1:], "%")
		if !ok {
			return nil, p.unexpected()
		}
		p.rest = after
		match, err = expression(expr)
	default:
		end := strings.IndexFunc(rest, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("()&|", r) })
		if end < 0 {
			end = len(rest)
		}
		text, p.rest, isText = rest[:end], rest[end:], false
	}
	if err != nil {
		return nil, err
	}
	if number, e := strconv.ParseFloat(text, 64); e == nil && !isText {
		return func(d any) bool {
			n, ok := float(lookup(d, path))
			return ok && holds(op, n, number)
		}, nil
	}
	if op != "=" && op != "!=" || match == nil && text == "" {
		return nil, p.unexpected()
	}
	if match == nil {
		match = func(s string) bool { return wildcard(text, s) }
	}
	return func(d any) bool {
		v, found := lookup(d, path)
		s, ok := plain(v)
		return found && ok && match(s) == (op == "=")
	}, nil
}

func float(v any, found bool) (float64, bool) {
	n, ok := v.(float64)
	return n, ok && found
}

// plain is a scalar as patterns see it.
func plain(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

func holds(op string, a, b float64) bool {
	switch op {
	case "=":
		return a == b
	case "!=":
		return a != b
	case ">":
		return a > b
	case "<":
		return a < b
	case ">=":
		return a >= b
	}
	return a <= b
}

// wildcard matches s against a pattern in which * stands for any run.
func wildcard(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	rest, ok := strings.CutPrefix(s, parts[0])
	if !ok {
		return false
	}
	last := len(parts) - 1
	for _, part := range parts[1:last] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return strings.HasSuffix(rest, parts[last])
}
