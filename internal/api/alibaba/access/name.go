package access

import (
	"strings"

	"weir/internal/cloud"
	"weir/internal/control"
)

// uidPrefix makes an account's number an Alibaba Cloud UID: 16 digits that do not
// begin with 0, so that they survive being a number in an answer.
const uidPrefix = "1000"

// UID is the Alibaba Cloud name of an account: its 12 digits after 1000.
func UID(account string) string { return uidPrefix + account }

// Account is the account behind a UID; a plain account number is one too.
func Account(uid string) (string, bool) {
	account, ok := strings.CutPrefix(uid, uidPrefix)
	if ok && len(account) == 12 {
		uid = account
	}
	return uid, len(uid) == 12 && strings.Trim(uid, "0123456789") == ""
}

// RAM forms the ARN of one of the account's identities: kind "user", "role", "group".
func RAM(account, kind, name string) string {
	return "acs:ram::" + UID(account) + ":" + kind + "/" + name
}

// ARN is a principal's name in GetCallerIdentity.
// https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-getcalleridentity
func ARN(p cloud.Principal) string {
	switch p.Kind {
	case cloud.PrincipalUser:
		return RAM(p.Account, "user", p.Name)
	case cloud.PrincipalSession:
		return RAM(p.Account, "assumed-role", p.Name+"/"+p.Session)
	case cloud.PrincipalFederated: // of the other dialect
		return RAM(p.Account, "federated-user", p.Name)
	}
	return root(p.Account)
}

func root(account string) string { return "acs:ram::" + UID(account) + ":root" }

// Names are what trust policies may call a principal, most specific first.
// https://www.alibabacloud.com/help/en/ram/user-guide/policy-elements
func Names(p cloud.Principal) []control.PrincipalName {
	name := func(arn string) control.PrincipalName { return control.PrincipalName{Type: "RAM", Value: arn} }
	switch p.Kind {
	case cloud.PrincipalService:
		return []control.PrincipalName{{Type: "Service", Value: p.Name}}
	case cloud.PrincipalSession:
		return []control.PrincipalName{name(ARN(p)), name(RAM(p.Account, "role", p.Name)), name(root(p.Account))}
	case cloud.PrincipalRoot:
		return []control.PrincipalName{name(root(p.Account))}
	}
	return []control.PrincipalName{name(ARN(p)), name(root(p.Account))}
}
