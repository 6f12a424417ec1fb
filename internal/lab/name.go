package lab

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// EchoName is the echo site's name.
const EchoName = "echo.weir.test"

// verdict is what the name table says of a name.
type verdict int

const (
	public   verdict = iota // any name of the public internet
	known                   // has the addresses given with it
	noDomain                // does not exist
)

// names decides which addresses a public resolver gives for a name; pure.
type names struct {
	regions []string        // the cloud's regions; empty is any
	sites   map[string]Host // by name
}

// reservedTLDs are never delegated on the public internet (RFC 6761, RFC 6762,
// RFC 7686, RFC 9476 and ICANN's .internal); arpa has reverse names only.
var reservedTLDs = []string{"invalid", "local", "internal", "test", "localhost", "onion", "alt", "arpa"}

// apiDomains hold the clouds' API names.
var apiDomains = []string{"amazonaws.com", "api.aws", "on.aws", "amazonaws.com.cn", "aliyuncs.com", "fcapp.run"}

var (
	awsRegion  = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
	publicHost = regexp.MustCompile(`^ec2-(\d+)-(\d+)-(\d+)-(\d+)$`)
)

// lookup takes a name in lower case without its last dot.
func (n names) lookup(name string) (verdict, []netip.Addr) {
	if h, ok := n.sites[name]; ok {
		return known, []netip.Addr{h.V4, h.V6}
	}
	if name == EchoName {
		return known, []netip.Addr{Echo.V4, Echo.V6}
	}
	if !publicName(name) {
		return noDomain, nil
	}
	for _, domain := range apiDomains {
		if rest, ok := strings.CutSuffix(name, "."+domain); ok {
			return n.apiName(name, rest, domain)
		}
	}
	return public, nil
}

// apiName resolves a name under one of the clouds' API domains. Like the
// clouds' own, names have IPv6 addresses only where they are called dual-stack.
func (n names) apiName(name, rest, domain string) (verdict, []netip.Addr) {
	labels := strings.Split(rest, ".")
	if addr, ok := publicHostName(labels); ok && domain == "amazonaws.com" {
		return known, []netip.Addr{addr}
	}
	if slices.Contains(labels, "vpce") {
		// An endpoint's own names exist where its VPC's resolver answers.
		return noDomain, nil
	}
	if len(n.regions) > 0 && strings.Contains(domain, "aws") {
		for _, l := range labels {
			if awsRegion.MatchString(l) && !slices.Contains(n.regions, l) {
				return noDomain, nil
			}
		}
	}
	if (domain == "aliyuncs.com" || domain == "fcapp.run") && slices.ContainsFunc(labels, isInsideLabel) {
		return known, []netip.Addr{Inside}
	}
	h := API
	if slices.ContainsFunc(labels, isS3Label) && domain != "aliyuncs.com" {
		h = s3Host(name)
	}
	if domain == "api.aws" || domain == "on.aws" || slices.Contains(labels, "dualstack") {
		return known, []netip.Addr{h.V4, h.V6}
	}
	return known, []netip.Addr{h.V4}
}

// ownName reports whether name is a cloud's or Weir's own.
func ownName(name string) bool {
	return name == EchoName || slices.ContainsFunc(apiDomains, func(d string) bool {
		return name == d || strings.HasSuffix(name, "."+d)
	})
}

// isInsideLabel: "oss-cn-hangzhou-internal", "cn-hangzhou-vpc", "cn-hangzhou-intranet".
func isInsideLabel(l string) bool {
	return slices.ContainsFunc([]string{"-internal", "-vpc", "-intranet", "vpc-proxy"}, func(end string) bool { return strings.HasSuffix(l, end) })
}

func isS3Label(l string) bool { return l == "s3" || strings.HasPrefix(l, "s3-") }

// publicHostName reads the address out of ec2-203-0-113-5.compute-1 and
// ec2-203-0-113-5.<region>.compute, the names of public addresses.
func publicHostName(labels []string) (netip.Addr, bool) {
	old := len(labels) == 2 && labels[1] == "compute-1"
	if !old && (len(labels) != 3 || labels[2] != "compute") {
		return netip.Addr{}, false
	}
	m := publicHost.FindStringSubmatch(labels[0])
	if m == nil {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(strings.Join(m[1:], "."))
	return addr, err == nil
}

// reverse finds the name of one of this internet's hosts by address.
func (n names) reverse(addr netip.Addr) (string, bool) {
	if Echo.has(addr) {
		return EchoName, true
	}
	for name, h := range n.sites {
		if h.has(addr) {
			return name, true
		}
	}
	return "", false
}

// publicName reports whether name could be delegated: two labels or more, each
// well formed, under a top-level domain that is neither reserved nor a number.
func publicName(name string) bool {
	labels := strings.Split(name, ".")
	if len(labels) < 2 || len(name) > 253 {
		return false
	}
	for _, l := range labels {
		if !validLabel(l) {
			return false
		}
	}
	tld := labels[len(labels)-1]
	return strings.Trim(tld, "0123456789") != "" && !slices.Contains(reservedTLDs, tld)
}

func validLabel(l string) bool {
	return l != "" && len(l) <= 63 && l[0] != '-' && l[len(l)-1] != '-' &&
		strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// canonical is a name as this package keeps it: lower case, no last dot.
func canonical(name string) string {
	return strings.TrimSuffix(strings.ToLower(dns.Fqdn(name)), ".")
}
