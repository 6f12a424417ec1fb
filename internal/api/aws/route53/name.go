package route53

import "strings"

// readName reads a domain name as clients write it, with octal escapes. Letters,
// digits, "-", "_" and "*" are taken; Amazon takes other characters too.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html
func readName(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\\' {
			n, ok := octal(s[i+1:])
			if !ok || n == '.' {
				return "", false
			}
			c, i = n, i+3
		}
		b.WriteByte(c)
	}
	name := strings.ToLower(strings.TrimSuffix(b.String(), "."))
	if len(name) > 253 {
		return "", false
	}
	for l := range strings.SplitSeq(name, ".") {
		if l == "" || len(l) > 63 || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_*") != "" {
			return "", false
		}
	}
	return name, true
}

// octal reads the three digits of an escape.
func octal(s string) (byte, bool) {
	if len(s) < 3 {
		return 0, false
	}
	n := 0
	for _, c := range []byte(s[:3]) {
		if c < '0' || c > '7' {
			return 0, false
		}
		n = n*8 + int(c-'0')
	}
	return byte(n), n < 256
}

// showName is a name as Amazon shows it.
func showName(name string) string {
	return strings.ReplaceAll(name, "*", `\052`) + "."
}
