package wire

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Pattern is a model's regular expression. It must match a whole value.
type Pattern struct {
	text string
	is   *regexp.Regexp
	not  *regexp.Regexp // what a lookahead at the beginning excludes; nil is nothing
	end  string         // what a lookbehind at the end excludes
}

var (
	unicodeEscape = regexp.MustCompile(`\\u(10000|10FFFF|[0-9a-fA-F]{4})`)
	repetition    = regexp.MustCompile(`\{(\d+)(,(\d*))?\}`)
	lookahead     = regexp.MustCompile(`^\(?\(\?!([^()]*)\)`)
	lookbehind    = regexp.MustCompile(`\(\?<!\\(\W)\)$`)
)

// CompilePattern compiles a pattern from Java's syntax: \uXXXX is rewritten; a
// repetition above Go's limit of 1000 becomes open-ended (models state the length
// apart); a negative lookahead that begins the pattern, and a negative lookbehind
// for one character that ends it, are checked apart. Other lookarounds are an error.
func CompilePattern(text string) (*Pattern, error) {
	p := &Pattern{text: text}
	s := repetition.ReplaceAllStringFunc(text, openRepetition)
	s = unicodeEscape.ReplaceAllString(s, `\x{$1}`)
	if m := lookbehind.FindStringSubmatch(s); m != nil {
		s, p.end = strings.TrimSuffix(s, m[0]), m[1]
	}
	if m := lookahead.FindStringSubmatch(s); m != nil {
		not, err := regexp.Compile(`^(?:` + m[1] + `)`)
		if err != nil {
			return nil, fmt.Errorf("compiling the lookahead of %s: %w", text, err)
		}
		group := strings.HasPrefix(s, "((")
		s, p.not = strings.TrimPrefix(s, m[0]), not
		if group {
			s = "(" + s
		}
	}
	var err error
	if p.is, err = regexp.Compile(`^(?:` + s + `)$`); err != nil {
		return nil, fmt.Errorf("compiling the pattern %s: %w", text, err)
	}
	return p, nil
}

func openRepetition(s string) string {
	m := repetition.FindStringSubmatch(s)
	low, _ := strconv.Atoi(m[1])
	high, _ := strconv.Atoi(m[3])
	switch {
	case low > 1000:
		return "{1000,}"
	case high > 1000:
		return "{" + m[1] + ",}"
	}
	return s
}

func (p *Pattern) match(s string) bool {
	if p.not != nil && p.not.MatchString(s) || p.end != "" && strings.HasSuffix(s, p.end) {
		return false
	}
	return p.is.MatchString(s)
}
