package route53

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// flaw is what is wrong with a record's value, in Amazon's words.
type flaw string

// checkValue wants a value of a type, in Amazon's form, and gives it in RFC
// 1035's: they differ in the escapes of quoted strings, octal there, decimal here.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/ResourceRecordTypes.html
func checkValue(kind RRType, s string) (string, flaw) {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return "", "UnsupportedCharacter (Value contains unsupported characters)"
	}
	f := strings.Fields(s)
	switch kind {
	case RRTypeA:
		return s, address(s, true)
	case RRTypeAAAA:
		return s, address(s, false)
	case RRTypeCNAME, RRTypeNS, RRTypePTR:
		return s, fields(f, kind, hostName)
	case RRTypeMX:
		return s, fields(f, kind, number(16), hostName)
	case RRTypeSRV:
		return s, fields(f, kind, number(16), number(16), number(16), hostName)
	case RRTypeSOA:
		return s, fields(f, kind, hostName, hostName, number(32), number(32), number(32), number(32), number(32))
	case RRTypeTXT, RRTypeSPF:
		return quoted(s)
	case RRTypeCAA:
		return caa(s)
	}
	return "", "UnsupportedType (Type is not supported)"
}

func address(s string, v4 bool) flaw {
	a, err := netip.ParseAddr(s)
	switch {
	case v4 && (err != nil || !a.Is4()):
		return "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)"
	case !v4 && (err != nil || !a.Is6() || a.Zone() != ""):
		return "AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)"
	}
	return ""
}

// fields checks a value's parts, each by its own rule.
func fields(f []string, kind RRType, rules ...func(string) flaw) flaw {
	if len(f) != len(rules) {
		return flaw(fmt.Sprintf("%sRRDATANotEnoughFields (%s record doesn't have %d fields)", kind, kind, len(rules)))
	}
	for i, rule := range rules {
		if w := rule(f[i]); w != "" {
			return w
		}
	}
	return ""
}

func number(bits int) func(string) flaw {
	return func(s string) flaw {
		if _, err := strconv.ParseUint(s, 10, bits); err != nil || s[0] == '+' {
			return "InvalidNumber (Value is not a number in range)"
		}
		return ""
	}
}

// hostName wants a whole name; "." alone is no host, as MX and SRV may say.
func hostName(s string) flaw {
	if s == "." {
		return ""
	}
	if strings.Contains(s, `\`) {
		return "UnsupportedCharacter (Value contains unsupported characters)"
	}
	if _, ok := readName(s); !ok {
		return "DomainNameInvalid (Value is not a valid domain name)"
	}
	return ""
}

// quoted reads strings in quotation marks.
func quoted(s string) (string, flaw) {
	var b strings.Builder
	rest := strings.TrimSpace(s)
	for rest != "" {
		if rest[0] != '"' {
			return "", "InvalidCharacterString (Value should be enclosed in quotation marks)"
		}
		one, after, w := oneQuoted(rest[1:])
		if w != "" {
			return "", w
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(`"` + one + `"`)
		rest = strings.TrimLeft(after, " ")
	}
	if b.Len() == 0 {
		return "", "InvalidCharacterString (Value should be enclosed in quotation marks)"
	}
	return b.String(), ""
}

// oneQuoted reads up to the closing mark.
func oneQuoted(s string) (text, rest string, w flaw) {
	var b strings.Builder
	n := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			if n > 255 {
				return "", "", "CharacterStringTooLong (Value is too long)"
			}
			return b.String(), s[i+1:], ""
		case c == '\\' && i+1 < len(s):
			if code, ok := octal(s[i+1:]); ok {
				fmt.Fprintf(&b, `\%03d`, code)
				i += 3
			} else {
				b.WriteString(s[i : i+2])
				i++
			}
		default:
			b.WriteByte(c)
		}
		n++
	}
	return "", "", "InvalidCharacterString (Value should be enclosed in quotation marks)"
}

func caa(s string) (string, flaw) {
	const wrong = flaw("CAARRDATANotThreeFields (CAA record doesn't have 3 fields)")
	flags, rest, ok := strings.Cut(strings.TrimSpace(s), " ")
	tag, value, ok2 := strings.Cut(strings.TrimSpace(rest), " ")
	if !ok || !ok2 || tag == "" || strings.Trim(strings.ToLower(tag), "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return "", wrong
	}
	if w := number(8)(flags); w != "" {
		return "", w
	}
	text, rest, w := oneQuoted(strings.TrimPrefix(strings.TrimSpace(value), `"`))
	if w != "" || rest != "" || !strings.HasPrefix(strings.TrimSpace(value), `"`) {
		return "", "InvalidCharacterString (Value should be enclosed in quotation marks)"
	}
	return flags + " " + tag + ` "` + text + `"`, ""
}

// showValue is the reverse of checkValue.
func showValue(kind, s string) string {
	if kind != "TXT" && kind != "SPF" && kind != "CAA" {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		if i+3 < len(s) {
			if code, err := strconv.ParseUint(s[i+1:i+4], 10, 8); err == nil {
				fmt.Fprintf(&b, `\%03o`, code)
				i += 3
				continue
			}
		}
		b.WriteString(s[i : i+2])
		i++
	}
	return b.String()
}
