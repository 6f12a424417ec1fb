package wire

import (
	"fmt"
	"regexp"
	"strconv"
)

var (
	unicodeEscape = regexp.MustCompile(`\\u([0-9a-fA-F]{4})`)
	repetition    = regexp.MustCompile(`\{(\d+)(,(\d*))?\}`)
)

// CompilePattern compiles a model's regular expression so that it must match the
// whole value. Models use Java's syntax: \uXXXX is rewritten, and a repetition
// above Go's limit of 1000 becomes open-ended (models state the length apart).
func CompilePattern(p string) (*regexp.Regexp, error) {
	p = unicodeEscape.ReplaceAllString(p, `\x{$1}`)
	p = repetition.ReplaceAllStringFunc(p, func(s string) string {
		m := repetition.FindStringSubmatch(s)
		low, _ := strconv.Atoi(m[1])
		high, _ := strconv.Atoi(m[3])
		switch {
		case low > 1000:
			return "{1000,}"
		case high > 1000:
			return fmt.Sprintf("{%d,}", low)
		}
		return s
	})
	re, err := regexp.Compile(`^(?:` + p + `)$`)
	if err != nil {
		return nil, fmt.Errorf("compiling the pattern %s: %w", p, err)
	}
	return re, nil
}
