package iam

import "testing"

// TestVersion1 decides by documents of Alibaba Cloud's grammar.
// https://www.alibabacloud.com/help/en/ram/user-guide/policy-structure-and-syntax
func TestVersion1(t *testing.T) {
	const bucket = "acs:oss:cn-hangzhou:1000111122223333:photos/2026"
	context := map[string][]string{
		"acs:SourceIp": {"203.0.113.7"}, "acs:CurrentTime": {"2026-03-01T12:00:00Z"}, "acs:SecureTransport": {"true"}, "oss:Size": {"10"},
	}
	statement := func(effect, action, resource, condition string) string {
		s := `{"Effect":"` + effect + `",` + action + `,"Resource":` + resource
		if condition != "" {
			s += `,"Condition":` + condition
		}
		return s + "}"
	}
	get, all := `"Action":["oss:Get*"]`, `"*"`
	for _, c := range []struct {
		name, statements string
		allowed          bool
	}{
		{"action with a wildcard", statement("Allow", get, all, ""), true},
		{"another action", statement("Allow", `"Action":"oss:Put*"`, all, ""), false},
		{"actions have no case", statement("Allow", `"Action":"OSS:getobject"`, all, ""), true},
		{"every action but one", statement("Allow", `"NotAction":"ram:*"`, all, ""), true},
		{"any region and account", statement("Allow", get, `["acs:oss:*:*:photos/*"]`, ""), true},
		{"another account", statement("Allow", get, `"acs:oss:*:1000444455556666:photos/*"`, ""), false},
		{"deny wins", statement("Allow", get, all, "") + "," + statement("Deny", `"Action":"oss:*"`, all, ""), false},
		{"from here", statement("Allow", get, all, `{"IpAddress":{"acs:SourceIp":["203.0.113.0/24"]}}`), true},
		{"not from here", statement("Allow", get, all, `{"NotIpAddress":{"acs:SourceIp":"203.0.113.7"}}`), false},
		{"until", statement("Allow", get, all, `{"DateLessThan":{"acs:CurrentTime":"2026-03-02T00:00:00Z"}}`), true},
		{"too late", statement("Allow", get, all, `{"DateLessThan":{"acs:CurrentTime":"2026-03-01T20:00:00+08:00"}}`), false},
		{"a number", statement("Allow", get, all, `{"NumericLessThanEquals":{"oss:Size":10}}`), true},
		{"a larger number", statement("Allow", get, all, `{"NumericGreaterThan":{"oss:Size":"10"}}`), false},
		{"encrypted", statement("Allow", get, all, `{"Bool":{"acs:SecureTransport":["true"]}}`), true},
		{"a missing key", statement("Allow", get, all, `{"StringEquals":{"acs:SourceVpc":"vpc-1"}}`), false},
		{"all conditions", statement("Allow", get, all, `{"Bool":{"acs:SecureTransport":"true"},"StringLike":{"oss:Prefix":"a*"}}`), false},
		{"no variables", statement("Allow", get, `"acs:oss:*:*:${oss:Size}*"`, ""), false},
	} {
		d, err := Parse(`{"Version":"1","Statement":[`+c.statements+`]}`, Identity)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := Evaluate(Request{Action: "oss:GetObject", Resource: bucket, Context: context, SameAccount: true}, Policies{Identity: []*Document{d}})
		if got.Allowed != c.allowed {
			t.Errorf("%s: %+v, want allowed %t", c.name, got, c.allowed)
		}
	}
	trust, err := Parse(`{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":["fc.aliyuncs.com"]}}]}`, Trust)
	if err != nil {
		t.Fatal(err)
	}
	for service, want := range map[string]bool{"fc.aliyuncs.com": true, "ecs.aliyuncs.com": false} {
		if got := Trusts(trust, Request{Principals: []Principal{{"Service", service}}, Action: "sts:AssumeRole"}); got != want {
			t.Errorf("%s is trusted: %t", service, got)
		}
	}
}
