package iam

import (
	"encoding/json"
	"testing"
)

// TestConditions states what the vendor's pages say of each operator.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
func TestConditions(t *testing.T) {
	type keys = map[string][]string
	tests := map[string]struct {
		condition string
		context   keys
		want      bool
	}{
		"equal":                        {`{"StringEquals":{"aws:x":"a"}}`, keys{"aws:x": {"a"}}, true},
		"equal minds case":             {`{"StringEquals":{"aws:x":"a"}}`, keys{"aws:x": {"A"}}, false},
		"equal, key's case":            {`{"StringEquals":{"AWS:X":"a"}}`, keys{"aws:x": {"a"}}, true},
		"equal one of several":         {`{"StringEquals":{"aws:x":["b","a"]}}`, keys{"aws:x": {"a"}}, true},
		"equal without key":            {`{"StringEquals":{"aws:x":"a"}}`, nil, false},
		"equal if exists, without key": {`{"StringEqualsIfExists":{"aws:x":"a"}}`, nil, true},
		"equal if exists, other":       {`{"StringEqualsIfExists":{"aws:x":"a"}}`, keys{"aws:x": {"b"}}, false},
		"no wildcards in equal":        {`{"StringEquals":{"aws:x":"a*"}}`, keys{"aws:x": {"ab"}}, false},
		"not equal":                    {`{"StringNotEquals":{"aws:x":["a","b"]}}`, keys{"aws:x": {"b"}}, false},
		"not equal without key":        {`{"StringNotEquals":{"aws:x":"a"}}`, nil, true},
		"ignore case":                  {`{"StringEqualsIgnoreCase":{"aws:x":"aB"}}`, keys{"aws:x": {"Ab"}}, true},
		"not, ignore case":             {`{"StringNotEqualsIgnoreCase":{"aws:x":"aB"}}`, keys{"aws:x": {"Ab"}}, false},
		"like":                         {`{"StringLike":{"aws:x":"home/?/*"}}`, keys{"aws:x": {"home/a/b/c"}}, true},
		"? is one character":           {`{"StringLike":{"aws:x":"a?c"}}`, keys{"aws:x": {"aéc"}}, true},
		"? is not none":                {`{"StringLike":{"aws:x":"a?c"}}`, keys{"aws:x": {"ac"}}, false},
		"not like":                     {`{"StringNotLike":{"aws:x":"a*"}}`, keys{"aws:x": {"abc"}}, false},

		"all conditions": {`{"StringEquals":{"aws:x":"a","aws:y":"b"}}`, keys{"aws:x": {"a"}, "aws:y": {"c"}}, false},

		"number":            {`{"NumericLessThanEquals":{"s3:max-keys":"10"}}`, keys{"s3:max-keys": {"10"}}, true},
		"number, too large": {`{"NumericLessThan":{"s3:max-keys":10}}`, keys{"s3:max-keys": {"10"}}, false},
		"numbers, not text": {`{"NumericGreaterThan":{"aws:x":9}}`, keys{"aws:x": {"10"}}, true},
		"equal numbers":     {`{"NumericEquals":{"aws:x":1.0}}`, keys{"aws:x": {"1"}}, true},
		"unequal numbers":   {`{"NumericNotEquals":{"aws:x":1}}`, keys{"aws:x": {"1.0"}}, false},
		"text is no number": {`{"NumericGreaterThanEquals":{"aws:x":0}}`, keys{"aws:x": {"many"}}, false},

		"before":            {`{"DateLessThan":{"aws:CurrentTime":"2020-06-30T00:00:00Z"}}`, keys{"aws:CurrentTime": {"2020-06-29T23:59:59Z"}}, true},
		"not before":        {`{"DateLessThan":{"aws:CurrentTime":"2020-06-30T00:00:00Z"}}`, keys{"aws:CurrentTime": {"2020-06-30T00:00:00Z"}}, false},
		"date without time": {`{"DateGreaterThan":{"aws:CurrentTime":"2019-07-16"}}`, keys{"aws:CurrentTime": {"2019-07-16T00:00:01Z"}}, true},
		"epoch":             {`{"DateEquals":{"aws:EpochTime":"2001-09-09T01:46:40Z"}}`, keys{"aws:EpochTime": {"1000000000"}}, true},
		"another zone":      {`{"DateNotEquals":{"aws:CurrentTime":"2020-01-01T09:00:00+09:00"}}`, keys{"aws:CurrentTime": {"2020-01-01T00:00:00Z"}}, false},

		"true":             {`{"Bool":{"aws:SecureTransport":true}}`, keys{"aws:SecureTransport": {"true"}}, true},
		"false":            {`{"Bool":{"aws:SecureTransport":"true"}}`, keys{"aws:SecureTransport": {"false"}}, false},
		"bool without key": {`{"Bool":{"aws:MultiFactorAuthPresent":"false"}}`, nil, false},
		"bool if exists":   {`{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}`, nil, true},

		"in the network":     {`{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, keys{"aws:SourceIp": {"203.0.113.9"}}, true},
		"not in it":          {`{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, keys{"aws:SourceIp": {"198.51.100.9"}}, false},
		"one address":        {`{"IpAddress":{"aws:SourceIp":"203.0.113.9"}}`, keys{"aws:SourceIp": {"203.0.113.9"}}, true},
		"IPv6":               {`{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","2001:DB8:1234:5678::/64"]}}`, keys{"aws:SourceIp": {"2001:db8:1234:5678::1"}}, true},
		"outside":            {`{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, keys{"aws:SourceIp": {"203.0.113.9"}}, false},
		"outside, no source": {`{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, nil, true},

		"ARN":                        {`{"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:123456789012:my-*"}}`, keys{"aws:SourceArn": {"arn:aws:sns:us-east-1:123456789012:my-topic:x"}}, true},
		"ARN's * stays in its part":  {`{"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:topic"}}`, keys{"aws:SourceArn": {"arn:aws:sns:us-east-1:123456789012:topic"}}, false},
		"ArnEquals has wildcards":    {`{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::*:role/x*"}}`, keys{"aws:PrincipalArn": {"arn:aws:iam::123456789012:role/xy"}}, true},
		"ArnNotLike":                 {`{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::123456789012:user/*"}}`, keys{"aws:PrincipalArn": {"arn:aws:iam::123456789012:user/x"}}, false},
		"StringLike reaches farther": {`{"StringLike":{"aws:SourceArn":"arn:aws:sns:*:topic"}}`, keys{"aws:SourceArn": {"arn:aws:sns:us-east-1:123456789012:topic"}}, true},

		"Null true, absent":   {`{"Null":{"aws:TokenIssueTime":"true"}}`, nil, true},
		"Null true, present":  {`{"Null":{"aws:TokenIssueTime":"true"}}`, keys{"aws:TokenIssueTime": {"x"}}, false},
		"Null false, present": {`{"Null":{"aws:TokenIssueTime":false}}`, keys{"aws:TokenIssueTime": {"x"}}, true},
		"Null, empty set":     {`{"Null":{"aws:TagKeys":"true"}}`, keys{"aws:TagKeys": {}}, true},

		"all values":                      {`{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}}`, keys{"aws:TagKeys": {"b", "a"}}, true},
		"not all values":                  {`{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}}`, keys{"aws:TagKeys": {"a", "c"}}, false},
		"all values of none":              {`{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}}`, nil, true},
		"all values of an empty set":      {`{"ForAllValues:StringEquals":{"aws:TagKeys":"a"}}`, keys{"aws:TagKeys": {}}, true},
		"all values differ":               {`{"ForAllValues:StringNotEquals":{"aws:TagKeys":["a","b"]}}`, keys{"aws:TagKeys": {"c", "d"}}, true},
		"not all values differ":           {`{"ForAllValues:StringNotEquals":{"aws:TagKeys":["a","b"]}}`, keys{"aws:TagKeys": {"c", "a"}}, false},
		"any value":                       {`{"ForAnyValue:StringLike":{"aws:TagKeys":["e*"]}}`, keys{"aws:TagKeys": {"a", "env"}}, true},
		"not any value":                   {`{"ForAnyValue:StringEquals":{"aws:TagKeys":["e"]}}`, keys{"aws:TagKeys": {"a", "env"}}, false},
		"any value of none":               {`{"ForAnyValue:StringEquals":{"aws:TagKeys":["e"]}}`, nil, false},
		"any value differs, of none":      {`{"ForAnyValue:StringNotEquals":{"aws:TagKeys":["e"]}}`, nil, false},
		"any value differs":               {`{"ForAnyValue:StringNotEquals":{"aws:TagKeys":["e"]}}`, keys{"aws:TagKeys": {"e", "f"}}, true},
		"several values without a prefix": {`{"StringNotEquals":{"aws:TagKeys":["e"]}}`, keys{"aws:TagKeys": {"f", "e"}}, false},

		"variable":                       {`{"StringEquals":{"aws:x":"${aws:username}"}}`, keys{"aws:x": {"bob"}, "aws:username": {"bob"}}, true},
		"variable without value":         {`{"StringEquals":{"aws:x":"${aws:username}"}}`, keys{"aws:x": {"${aws:username}"}}, false},
		"not a variable without value":   {`{"StringNotEquals":{"aws:x":"${aws:username}"}}`, keys{"aws:x": {"bob"}}, true},
		"default":                        {`{"StringLike":{"aws:x":"${aws:PrincipalTag/team, 'company-wide'}/*"}}`, keys{"aws:x": {"company-wide/a"}}, true},
		"default not used":               {`{"StringLike":{"aws:x":"${aws:PrincipalTag/team, 'company-wide'}/*"}}`, keys{"aws:x": {"company-wide/a"}, "aws:PrincipalTag/team": {"t"}}, false},
		"value's wildcard is literal":    {`{"StringLike":{"aws:x":"home/${aws:username}/*"}}`, keys{"aws:x": {"home/alice/a"}, "aws:username": {"*"}}, false},
		"value's wildcard means itself":  {`{"StringLike":{"aws:x":"home/${aws:username}/*"}}`, keys{"aws:x": {"home/*/a"}, "aws:username": {"*"}}, true},
		"value's ? is literal":           {`{"ArnLike":{"aws:x":"arn:aws:a:::${aws:username}"}}`, keys{"aws:x": {"arn:aws:a:::b"}, "aws:username": {"?"}}, false},
		"default's wildcard is literal":  {`{"StringLike":{"aws:x":"${aws:y, '*'}"}}`, keys{"aws:x": {"a"}}, false},
		"${*} is an asterisk":            {`{"StringLike":{"aws:x":"a${*}"}}`, keys{"aws:x": {"a*"}}, true},
		"${*} is no wildcard":            {`{"StringLike":{"aws:x":"a${*}"}}`, keys{"aws:x": {"ab"}}, false},
		"${?} is no wildcard":            {`{"StringLike":{"aws:x":"a${?}"}}`, keys{"aws:x": {"ab"}}, false},
		"${$} is a dollar":               {`{"StringEquals":{"aws:x":"${$}{a}"}}`, keys{"aws:x": {"${a}"}}, true},
		"a value is not expanded again":  {`{"StringEquals":{"aws:x":"${aws:y}"}}`, keys{"aws:x": {"bob"}, "aws:y": {"${aws:username}"}, "aws:username": {"bob"}}, false},
		"variable with several values":   {`{"StringEquals":{"aws:x":"${aws:TagKeys}"}}`, keys{"aws:x": {"a"}, "aws:TagKeys": {"a", "b"}}, false},
		"no wildcard from equal's value": {`{"StringEquals":{"aws:x":"${aws:y}"}}`, keys{"aws:x": {"a*"}, "aws:y": {"a*"}}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			list, err := parseConditions(json.RawMessage(tt.condition))
			if err != nil {
				t.Fatal(err)
			}
			got := true
			for _, c := range list {
				got = got && c.holds(tt.context, true)
			}
			if got != tt.want {
				t.Errorf("%s for %v: got %t", tt.condition, tt.context, got)
			}
		})
	}
}

// Documents of the older version have no variables.
func TestOldVersionHasNoVariables(t *testing.T) {
	list, err := parseConditions(json.RawMessage(`{"StringEquals":{"aws:x":"${aws:username}"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if !list[0].holds(map[string][]string{"aws:x": {"${aws:username}"}}, false) {
		t.Error("the text was taken for a variable")
	}
}

func TestLike(t *testing.T) {
	tests := []struct {
		s, pattern string
		want       bool
	}{
		{"", "", true}, {"", "*", true}, {"", "?", false}, {"a", "", false}, {"abc", "abc", true}, {"abc", "ab", false},
		{"abc", "a*", true}, {"abc", "*c", true}, {"abc", "*b*", true}, {"abc", "**", true}, {"abc", "?b?", true}, {"abcbc", "a*bc", true},
		{"aaab", "*aab", true}, {"arn:aws:s3:::b/x/y", "arn:aws:s3:::b/*", true}, {"éa", "??", true}, {"éa", "???", false}, {"xéac", "*??c", true},
		{"*", "*", true}, {"ab", "a" + quote + "*", false}, {"a*", "a" + quote + "*", true}, {"a?b", "*" + quote + "?*", true},
	}
	for _, tt := range tests {
		if got := like(tt.s, tt.pattern); got != tt.want {
			t.Errorf("like(%q, %q) = %t", tt.s, tt.pattern, got)
		}
	}
}
