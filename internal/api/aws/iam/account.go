package iam

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"regexp"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) handleAccount(s *wire.Service) {
	wire.Handle(s, "CreateAccountAlias", a.createAccountAlias)
	wire.Handle(s, "ListAccountAliases", a.listAccountAliases)
	wire.Handle(s, "DeleteAccountAlias", a.deleteAccountAlias)
	wire.Handle(s, "UpdateAccountPasswordPolicy", a.updateAccountPasswordPolicy)
	wire.Handle(s, "GetAccountPasswordPolicy", a.getAccountPasswordPolicy)
	wire.Handle(s, "DeleteAccountPasswordPolicy", a.deleteAccountPasswordPolicy)
	wire.Handle(s, "GetAccountSummary", a.getAccountSummary)
	wire.Handle(s, "GetAccountAuthorizationDetails", a.getAccountAuthorizationDetails)
	wire.Handle(s, "SimulateCustomPolicy", a.simulateCustomPolicy)
	wire.Handle(s, "SimulatePrincipalPolicy", a.simulatePrincipalPolicy)
	wire.Handle(s, "GetContextKeysForCustomPolicy", a.getContextKeysForCustomPolicy)
	wire.Handle(s, "GetContextKeysForPrincipalPolicy", a.getContextKeysForPrincipalPolicy)
}

// accountAlias, and no two dashes together, which the model says in a way that Go's expressions cannot.
var accountAlias = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*[a-z0-9]$`)

func (a *api) createAccountAlias(ctx context.Context, in *CreateAccountAliasInput) (*CreateAccountAliasOutput, error) {
	if !accountAlias.MatchString(*in.AccountAlias) || strings.Contains(*in.AccountAlias, "--") {
		return nil, &wire.Error{Code: "ValidationError", Msg: "1 validation error detected: Value '" + *in.AccountAlias +
			"' at 'accountAlias' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$"}
	}
	return nil, a.control.SetAccountAlias(ctx, account(ctx), *in.AccountAlias)
}

func (a *api) deleteAccountAlias(ctx context.Context, in *DeleteAccountAliasInput) (*DeleteAccountAliasOutput, error) {
	return nil, a.control.DeleteAccountAlias(ctx, account(ctx), *in.AccountAlias)
}

func (a *api) listAccountAliases(ctx context.Context, _ *ListAccountAliasesInput) (*ListAccountAliasesOutput, error) {
	out := &ListAccountAliasesOutput{AccountAliases: []string{}, IsTruncated: ptr(false)}
	if alias := a.control.AccountAlias(account(ctx)); alias != "" {
		out.AccountAliases = []string{alias}
	}
	return out, nil
}

func or[T any](p *T, otherwise T) *T {
	if p == nil {
		return &otherwise
	}
	return p
}

// updateAccountPasswordPolicy resets what the call leaves out.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccountPasswordPolicy.html
func (a *api) updateAccountPasswordPolicy(ctx context.Context, in *UpdateAccountPasswordPolicyInput) (*UpdateAccountPasswordPolicyOutput, error) {
	rules, err := json.Marshal(PasswordPolicy{
		AllowUsersToChangePassword: or(in.AllowUsersToChangePassword, false), ExpirePasswords: ptr(in.MaxPasswordAge != nil),
		HardExpiry: in.HardExpiry, MaxPasswordAge: in.MaxPasswordAge, MinimumPasswordLength: or(in.MinimumPasswordLength, 6),
		PasswordReusePrevention: in.PasswordReusePrevention, RequireLowercaseCharacters: or(in.RequireLowercaseCharacters, false),
		RequireNumbers: or(in.RequireNumbers, false), RequireSymbols: or(in.RequireSymbols, false),
		RequireUppercaseCharacters: or(in.RequireUppercaseCharacters, false),
	})
	if err != nil {
		return nil, fmt.Errorf("write the password policy: %w", err)
	}
	return nil, a.control.SetPasswordRules(ctx, account(ctx), string(rules))
}

func (a *api) getAccountPasswordPolicy(ctx context.Context, _ *GetAccountPasswordPolicyInput) (*GetAccountPasswordPolicyOutput, error) {
	rules := a.control.PasswordRules(account(ctx))
	if rules == "" {
		return nil, control.NoPasswordRules(account(ctx))
	}
	var p PasswordPolicy
	if err := json.Unmarshal([]byte(rules), &p); err != nil {
		return nil, fmt.Errorf("read the password policy: %w", err)
	}
	return &GetAccountPasswordPolicyOutput{PasswordPolicy: &p}, nil
}

func (a *api) deleteAccountPasswordPolicy(ctx context.Context, _ *DeleteAccountPasswordPolicyInput) (*DeleteAccountPasswordPolicyOutput, error) {
	return nil, a.control.SetPasswordRules(ctx, account(ctx), "")
}

func count[T any](seq iter.Seq[T]) int32 {
	n := int32(0)
	for range seq {
		n++
	}
	return n
}

// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html
func (a *api) getAccountSummary(ctx context.Context, _ *GetAccountSummaryInput) (*GetAccountSummaryOutput, error) {
	account, v := account(ctx), a.control.View()
	m := control.IdentityQuotas()
	m["Users"] = count(cloud.Users.By(v, "account", account))
	m["Groups"] = count(cloud.Groups.By(v, "account", account))
	m["Roles"] = count(cloud.Roles.By(v, "account", account))
	m["Policies"] = count(cloud.Policies.By(v, "account", account))
	m["InstanceProfiles"] = count(cloud.InstanceProfiles.By(v, "account", account))
	for p := range cloud.Policies.By(v, "account", account) {
		m["PolicyVersionsInUse"] += int32(len(p.Versions))
	}
	keys, err := a.control.AccessKeys(account, "")
	if err != nil {
		return nil, err
	}
	m["AccountAccessKeysPresent"] = int32(min(len(keys), 1))
	for _, none := range []string{"MFADevices", "MFADevicesInUse", "AccountMFAEnabled", "AccountSigningCertificatesPresent", "ServerCertificates", "Providers"} {
		m[none] = 0
	}
	m["PolicyVersionsInUseQuota"], m["ServerCertificatesQuota"], m["SigningCertificatesPerUserQuota"] = 10000, 20, 2
	m["GlobalEndpointTokenVersion"] = 1
	return &GetAccountSummaryOutput{SummaryMap: m}, nil
}
