package sls

import (
	"slices"
	"strings"
	"unicode"
)

// fields are a line as queries see it.
type fields = map[string]string

// query is a parsed search statement: what lines it finds.
// https://www.alibabacloud.com/help/en/sls/user-guide/search-syntax
type query func(fields) bool

// parseQuery reads a search statement: words and key:value, joined by and (also
// if left out), or, not and parentheses; case counts nowhere.
func parseQuery(s string) (query, error) {
	p := &parser{words: words(s)}
	if slices.Contains(p.words, word{text: "|"}) {
		return nil, invalid("analytic statements are not supported")
	}
	if len(p.words) == 0 {
		return func(fields) bool { return true }, nil
	}
	q := p.either()
	if p.bad || len(p.words) > 0 {
		return nil, invalid("The query statement is invalid: " + s)
	}
	return q, nil
}

// word is a token of a statement; a quoted one is never an operator.
type word struct {
	text   string
	quoted bool
}

func words(s string) (out []word) {
	for s != "" {
		switch c := s[0]; {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			s = s[1:]
		case strings.IndexByte("():|", c) >= 0:
			out, s = append(out, word{text: s[:1]}), s[1:]
		case c == '"':
			text, rest, ok := strings.Cut(s[1:], `"`)
			if !ok {
				return append(out, word{text: ")"}) // no statement ends like this
			}
			out, s = append(out, word{text, true}), rest
		default:
			n := strings.IndexAny(s, " \t\r\n():|\"")
			if n < 0 {
				n = len(s)
			}
			out, s = append(out, word{text: s[:n]}), s[n:]
		}
	}
	return out
}

type parser struct {
	words []word
	depth int
	bad   bool
}

// maxDepth bounds how deep parentheses nest.
const maxDepth = 50

func (p *parser) is(text string) bool {
	return len(p.words) > 0 && !p.words[0].quoted && strings.EqualFold(p.words[0].text, text)
}

func (p *parser) take(text string) bool {
	if !p.is(text) {
		return false
	}
	p.words = p.words[1:]
	return true
}

func (p *parser) either() query {
	q := p.all()
	for p.take("or") {
		a, b := q, p.all()
		q = func(f fields) bool { return a(f) || b(f) }
	}
	return q
}

func (p *parser) all() query {
	q := p.one()
	for !p.bad && len(p.words) > 0 && !p.is("or") && !p.is(")") {
		p.take("and")
		a, b := q, p.one()
		q = func(f fields) bool { return a(f) && b(f) }
	}
	return q
}

func (p *parser) one() query {
	never := func(fields) bool { return false }
	if p.depth++; p.depth > maxDepth {
		p.bad = true
		return never
	}
	defer func() { p.depth-- }()
	switch {
	case p.take("not"):
		q := p.one()
		return func(f fields) bool { return !q(f) }
	case p.take("("):
		q := p.either()
		p.bad = p.bad || !p.take(")")
		return q
	case len(p.words) == 0 || p.is(")") || p.is(":") || p.is("or") || p.is("and"):
		p.bad = true
		return never
	}
	first := p.words[0]
	p.words = p.words[1:]
	if !p.take(":") {
		return anywhere(first)
	}
	if len(p.words) == 0 || p.is(")") || p.is("(") {
		p.bad = true
		return never
	}
	value := p.words[0]
	p.words = p.words[1:]
	for p.take(":") && len(p.words) > 0 { // topics hold colons
		value.text += ":" + p.words[0].text
		p.words = p.words[1:]
	}
	return func(f fields) bool { return holds(f[first.text], value) }
}

// anywhere finds a word in any field of a line's own.
func anywhere(w word) query {
	return func(f fields) bool {
		if w.text == "*" {
			return true
		}
		for name, v := range f {
			if !strings.HasPrefix(name, "__") && holds(v, w) {
				return true
			}
		}
		return false
	}
}

// holds tells whether a text has the words of w, each whole or, before a star, begun.
func holds(text string, w word) bool {
	if w.text == "*" {
		return text != ""
	}
	have := tokens(text)
	for _, want := range tokens(w.text) {
		begin, star := strings.CutSuffix(want, "*")
		found := false
		for _, t := range have {
			if t == want || star && strings.HasPrefix(t, begin) {
				found = true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// tokens cuts a text at the delimiters of the vendor's default index.
func tokens(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune(`,'";=()[]{}?@&<>/:`, r)
	})
}
