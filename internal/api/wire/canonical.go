package wire

import (
	"slices"
	"strconv"
	"strings"
)

// canonical appends the request in the form that is signed.
func canonical(b []byte, s *signature, q *request, payload string) []byte {
	b = append(b, q.r.Method...)
	b = append(b, '\n')
	if q.ofBuckets() {
		b = append(b, q.path...)
	} else {
		b = appendPath(b, q.path)
	}
	b = append(b, '\n')
	b = appendQuery(b, q.rawQuery)
	b = append(b, '\n')
	for _, name := range s.headers {
		b = append(b, name...)
		b = append(b, ':')
		b = appendHeader(b, q, name)
		b = append(b, '\n')
	}
	b = append(b, '\n')
	for i, name := range s.headers {
		if i > 0 {
			b = append(b, ';')
		}
		b = append(b, name...)
	}
	b = append(b, '\n')
	return append(b, payload...)
}

// appendPath escapes the escaped path once more, as every service but S3 wants.
func appendPath(b []byte, path string) []byte {
	if path == "" {
		return append(b, '/')
	}
	return appendEscaped(b, cleanPath(path), true)
}

// cleanPath removes empty and dot segments.
func cleanPath(p string) string {
	if !strings.Contains(p, "//") && !strings.Contains(p, "/.") {
		return p
	}
	var out []string
	for seg := range strings.SplitSeq(p, "/") {
		switch seg {
		case "", ".":
		case "..":
			if len(out) > 0 {
				out = out[:len(out)-1]
			}
		default:
			out = append(out, seg)
		}
	}
	clean := "/" + strings.Join(out, "/")
	if strings.HasSuffix(p, "/") && clean != "/" {
		clean += "/"
	}
	return clean
}

// appendQuery writes the parameters sorted, but for the signature itself.
func appendQuery(b []byte, raw string) []byte {
	if raw == "" {
		return b
	}
	type pair struct{ k, v string }
	var pairs []pair
	for p := range strings.SplitSeq(raw, "&") {
		k, v, _ := strings.Cut(p, "=")
		if p == "" || k == "X-Amz-Signature" {
			continue
		}
		pairs = append(pairs, pair{reescape(k), reescape(v)})
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		if c := strings.Compare(a.k, b.k); c != 0 {
			return c
		}
		return strings.Compare(a.v, b.v)
	})
	for i, p := range pairs {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(b, p.k...)
		b = append(b, '=')
		b = append(b, p.v...)
	}
	return b
}

// reescape brings a query's escapes into the canonical form: "+" is a space, and
// exactly the unreserved characters stand for themselves.
func reescape(s string) string {
	plain := true
	for i := range len(s) {
		if !unreserved(s[i]) {
			plain = false
			break
		}
	}
	if plain {
		return s
	}
	raw := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+':
			raw = append(raw, ' ')
		case c == '%' && i+2 < len(s):
			n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil {
				raw = append(raw, c)
				continue
			}
			raw = append(raw, byte(n))
			i += 2
		default:
			raw = append(raw, c)
		}
	}
	return string(appendEscaped(nil, string(raw), false))
}

func appendEscaped(b []byte, s string, slash bool) []byte {
	const hexDigits = "0123456789ABCDEF"
	for i := range len(s) {
		if c := s[i]; unreserved(c) || slash && c == '/' {
			b = append(b, c)
		} else {
			b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return b
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~'
}

// appendHeader writes a header's values, trimmed, inner spaces folded.
func appendHeader(b []byte, q *request, name string) []byte {
	switch name {
	case "host":
		return append(b, q.r.Host...)
	case "content-length":
		return strconv.AppendInt(b, int64(len(q.body)), 10)
	}
	for i, v := range q.r.Header.Values(name) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendFolded(b, v)
	}
	return b
}

func appendFolded(b []byte, v string) []byte {
	v = strings.TrimSpace(v)
	if !strings.Contains(v, "  ") {
		return append(b, v...)
	}
	space := false
	for i := range len(v) {
		if v[i] == ' ' && space {
			continue
		}
		space = v[i] == ' '
		b = append(b, v[i])
	}
	return b
}
