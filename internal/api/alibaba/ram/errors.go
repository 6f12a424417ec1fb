package ram

import (
	"regexp"

	"weir/internal/api/wire"
	"weir/internal/cloud"
)

// entities are RAM's words for kinds.
var entities = map[cloud.Resource]string{
	cloud.KindUser: "User", cloud.KindGroup: "Group", cloud.KindRole: "Role", cloud.KindPolicy: "Policy",
	cloud.KindAccessKey: "User.AccessKey", cloud.KindResourceGroup: "ResourceGroup",
}

var nouns = map[cloud.Resource]string{
	cloud.KindUser: "user", cloud.KindGroup: "group", cloud.KindRole: "role", cloud.KindPolicy: "policy",
	cloud.KindAccessKey: "access key", cloud.KindResourceGroup: "resource group",
}

// conflicts are what stands in the way of a deletion, by control's reason.
var conflicts = map[string][2]string{
	"attached":        {"Policy", "must not have any policy attached"},
	"inline":          {"Policy", "must not have any policy attached"},
	"groups":          {"Group", "must not be in any group"},
	"access-keys":     {"AccessKey", "must not have any access key"},
	"users":           {"User", "must not have any user"},
	"versions":        {"Version", "must not have any version except the default one"},
	"default-version": {"Version.Default", "version is the default one and cannot be deleted"},
}

// MapError puts neutral errors into RAM's words.
// https://www.alibabacloud.com/help/en/ram/developer-reference/error-codes
func MapError(e *cloud.Error) *wire.Error {
	entity, noun := entities[e.Resource], nouns[e.Resource]
	if entity == "" {
		return nil
	}
	switch e.Kind {
	case cloud.NotFound:
		if e.Reason == "version" {
			entity, noun = "Policy.Version", "policy version"
		}
		if e.Resource == cloud.KindResourceGroup { // which the vendor spells otherwise
			return &wire.Error{Code: "EntityNotExists.ResourceGroup", Status: 404, Msg: "The resource group does not exist."}
		}
		if e.Reason == "member" {
			entity, noun = "User.Group", "membership of the user in the group"
		}
		return &wire.Error{Code: "EntityNotExist." + entity, Status: 404, Msg: "The " + noun + " does not exist: " + e.ID + "."}
	case cloud.Exists:
		return &wire.Error{Code: "EntityAlreadyExists." + entity, Status: 409, Msg: "The " + noun + " does already exist: " + e.ID + "."}
	case cloud.InUse:
		if c, ok := conflicts[e.Reason]; ok {
			return &wire.Error{Code: "DeleteConflict." + entity + "." + c[0], Status: 409, Msg: "The " + noun + " " + c[1] + " while deleting it."}
		}
	case cloud.Limit:
		return limit(e, entity)
	case cloud.Malformed:
		return &wire.Error{Code: "MalformedPolicyDocument", Msg: e.Msg}
	case cloud.State:
		return &wire.Error{Code: "NoPermission", Status: 403, Msg: "The role " + e.ID + " is a service-linked role, which only its service may change."}
	}
	return nil
}

func limit(e *cloud.Error, entity string) *wire.Error {
	what := map[string]string{"versions": "Policy.Version", "attached": entity + ".Policy", "groups": "User.Group"}[e.Reason]
	switch {
	case e.Reason == "policy-size":
		return &wire.Error{Code: "InvalidParameter.PolicyDocument.Length", Msg: `The parameter - "PolicyDocument" beyond the length limit.`}
	case e.Reason == "trust-size":
		return &wire.Error{Code: "InvalidParameter.AssumeRolePolicyDocument.Length", Msg: `The parameter - "AssumeRolePolicyDocument" beyond the length limit.`}
	case what == "":
		what = entity
	}
	return &wire.Error{Code: "LimitExceeded." + what, Status: 409, Msg: "The count of " + what + " beyond the current limits."}
}

// forms of names.
var (
	nameForm   = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
	dashForm   = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
	aliasForm  = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	anyForm    = regexp.MustCompile(`(?s)^.*$`)
	emailForm  = regexp.MustCompile(`^[^@\s]+@[^@\s]+$`)
	mobileForm = regexp.MustCompile(`^[0-9+-]+$`)
)

// check refuses a value that is too long or has other characters.
func check(parameter, value string, form *regexp.Regexp, longest int) error {
	switch n := len([]rune(value)); {
	case n == 0 || n > longest:
		return &wire.Error{Code: "InvalidParameter." + parameter + ".Length", Msg: `The parameter - "` + parameter + `" beyond the length limit.`}
	case !form.MatchString(value):
		return &wire.Error{Code: "InvalidParameter." + parameter + ".InvalidChars", Msg: `The parameter - "` + parameter + `" contains invalid chars.`}
	}
	return nil
}

// optional checks a value that may be missing or empty.
func optional(parameter string, value *string, form *regexp.Regexp, longest int) error {
	if text(value) == "" {
		return nil
	}
	return check(parameter, *value, form, longest)
}

// first is the first error of several checks.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
