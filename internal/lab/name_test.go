package lab

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	n := names{
		regions: []string{"us-east-1", "eu-west-1"},
		sites:   map[string]Host{"shop.example.com": siteHost(0), "partner.internal": siteHost(54)},
	}
	const catchAll, none = "public", "none"
	for name, want := range map[string]string{
		"example.com":            catchAll,
		"a.b.c.example.co.jp":    catchAll,
		"_acme.example.com":      catchAll,
		"xn--r8jz45g.xn--zckzah": catchAll,

		"example":                          none,
		"":                                 none,
		"-a.example.com":                   none,
		"a..example.com":                   none,
		"a b.example.com":                  none,
		"1.2.3.4":                          none,
		strings.Repeat("a", 64) + ".com":   none,
		strings.Repeat("abc.", 64) + "com": none,
		"db.invalid":                       none,
		"printer.local":                    none,
		"ip-10-0-0-4.ec2.internal":         none,
		"other.weir.test":                  none,
		"x.localhost":                      none,

		"echo.weir.test":       "198.51.100.7 2001:db8::7",
		"shop.example.com":     "198.51.100.200 2001:db8::1:0",
		"partner.internal":     "198.51.100.254 2001:db8::1:36",
		"www.shop.example.com": catchAll,

		"lambda.us-east-1.amazonaws.com":                  "198.51.100.10",
		"sts.amazonaws.com":                               "198.51.100.10",
		"lambda.us-esat-1.amazonaws.com":                  none, // a region that does not exist
		"ec2.eu-west-1.api.aws":                           "198.51.100.10 2001:db8::10",
		"abc.lambda-url.us-east-1.on.aws":                 "198.51.100.10 2001:db8::10",
		"vpce-1.lambda.us-east-1.vpce.amazonaws.com":      none,
		"amazonaws.com":                                   catchAll,
		"notamazonaws.com":                                catchAll,
		"oss-cn-hangzhou.aliyuncs.com":                    "198.51.100.10",
		"fc.cn-hangzhou.aliyuncs.com":                     "198.51.100.10",
		"ec2-203-0-113-5.compute-1.amazonaws.com":         "203.0.113.5",
		"ec2-203-0-113-5.eu-west-1.compute.amazonaws.com": "203.0.113.5",
	} {
		kind, addrs := n.lookup(name)
		got := map[verdict]string{public: catchAll, noDomain: none}[kind]
		if kind == known {
			got = strings.Trim(fmt.Sprint(addrs), "[]")
		}
		if got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}

func TestS3Names(t *testing.T) {
	for name, both := range map[string]bool{
		"s3.us-east-1.amazonaws.com":             false,
		"s3.amazonaws.com":                       false,
		"s3-us-west-2.amazonaws.com":             false,
		"bucket.s3.us-east-1.amazonaws.com":      false,
		"my.bucket.s3.amazonaws.com":             false,
		"s3.dualstack.us-east-1.amazonaws.com":   true,
		"b.s3.dualstack.us-east-1.amazonaws.com": true,
	} {
		verdict, addrs := names{}.lookup(name)
		if verdict != known || len(addrs) == 0 || !netip.MustParsePrefix("198.51.100.128/28").Contains(addrs[0]) {
			t.Errorf("%s: %v, want one of 198.51.100.128/28", name, addrs)
			continue
		}
		if len(addrs) == 2 != both || both && !netip.MustParsePrefix("2001:db8::3:0/124").Contains(addrs[1]) {
			t.Errorf("%s: %v, want an IPv6 address: %v", name, addrs, both)
		}
	}
	_, one := names{}.lookup("a.s3.amazonaws.com")
	if _, again := (names{}).lookup("a.s3.amazonaws.com"); one[0] != again[0] {
		t.Errorf("one name has two addresses: %v, %v", one, again)
	}
}

func TestReverseName(t *testing.T) {
	for name, want := range map[string]string{
		"7.100.51.198.in-addr.arpa": "198.51.100.7",
		"100.51.198.in-addr.arpa":   "invalid IP",
		"7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": "2001:db8::7",
	} {
		if addr, ok := reverseName(name); !ok || addr.String() != want {
			t.Errorf("%s: %s, %v, want %s", name, addr, ok, want)
		}
	}
	if _, ok := reverseName("example.com"); ok {
		t.Error("example.com is taken for a reverse name")
	}
}
