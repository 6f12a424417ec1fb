package access

import (
	"strings"

	"weir/internal/cloud"
	"weir/internal/control"
)

// IAM forms the ARN of one of the account's identities: kind "user", "role",
// "policy", …; a path begins and ends with "/".
func IAM(account, kind, path, name string) string {
	if path == "" {
		path = "/"
	}
	return "arn:aws:iam::" + account + ":" + kind + path + name
}

// ARN is a principal's name in messages and in GetCallerIdentity.
func ARN(p cloud.Principal) string {
	switch p.Kind {
	case cloud.PrincipalUser:
		return IAM(p.Account, "user", p.Path, p.Name)
	case cloud.PrincipalSession:
		return "arn:aws:sts::" + p.Account + ":assumed-role/" + p.Name + "/" + p.Session
	case cloud.PrincipalFederated:
		return "arn:aws:sts::" + p.Account + ":federated-user/" + p.Name
	}
	return rootARN(p.Account)
}

func rootARN(account string) string { return "arn:aws:iam::" + account + ":root" }

// RoleARN is the role behind a session.
func RoleARN(p cloud.Principal) string { return IAM(p.Account, "role", p.Path, p.Name) }

// Names are what policies may call a principal, most specific first.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
func Names(p cloud.Principal) []control.PrincipalName {
	aws := func(arn string) control.PrincipalName { return control.PrincipalName{Type: "AWS", Value: arn} }
	switch p.Kind {
	case cloud.PrincipalService:
		return []control.PrincipalName{{Type: "Service", Value: p.Name}}
	case cloud.PrincipalSession:
		return []control.PrincipalName{aws(ARN(p)), aws(RoleARN(p)), aws(rootARN(p.Account))}
	case cloud.PrincipalRoot:
		return []control.PrincipalName{aws(rootARN(p.Account))}
	}
	return []control.PrincipalName{aws(ARN(p)), aws(rootARN(p.Account))}
}

// Split takes an ARN apart: service, region, account and the rest.
func Split(arn string) (service, region, account, rest string, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return "", "", "", "", false
	}
	return parts[2], parts[3], parts[4], parts[5], true
}
