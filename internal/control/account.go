package control

import (
	"context"
	"strings"

	"weir/internal/cloud"
)

// Settings of an account are kept under these keys, followed by its number.
const (
	aliasKey     = "account-alias/"
	passwordsKey = "account-passwords/"
)

// AccountAlias is an account's own name; "" if it has none.
func (c *Control) AccountAlias(account string) string { return c.setting(aliasKey + account) }

// SetAccountAlias names an account, instead of the name it had. No two accounts have one name.
func (c *Control) SetAccountAlias(ctx context.Context, account, alias string) error {
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		for s := range cloud.Settings.All(tx) {
			if strings.HasPrefix(s.Key, aliasKey) && s.Value == alias {
				return cloud.Errorf(cloud.Exists, "", alias, "alias", "The account alias %s already exists.", alias)
			}
		}
		cloud.Settings.Put(tx, &cloud.Setting{Key: aliasKey + account, Value: alias})
		return nil
	})
	return err
}

// DeleteAccountAlias takes an account's name away.
func (c *Control) DeleteAccountAlias(ctx context.Context, account, alias string) error {
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		if s, ok := cloud.Settings.Get(tx, aliasKey+account); !ok || s.Value != alias {
			return cloud.Errorf(cloud.NotFound, "", alias, "alias", "The account alias with name %s cannot be found.", alias)
		}
		cloud.Settings.Delete(tx, aliasKey+account)
		return nil
	})
	return err
}

// PasswordRules are the account's rules for passwords as the dialect wrote them; "" if it has none.
func (c *Control) PasswordRules(account string) string { return c.setting(passwordsKey + account) }

// SetPasswordRules keeps an account's rules for passwords; "" removes them.
func (c *Control) SetPasswordRules(ctx context.Context, account, rules string) error {
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		_, had := cloud.Settings.Get(tx, passwordsKey+account)
		switch {
		case rules != "":
			cloud.Settings.Put(tx, &cloud.Setting{Key: passwordsKey + account, Value: rules})
		case !had:
			return NoPasswordRules(account)
		default:
			cloud.Settings.Delete(tx, passwordsKey+account)
		}
		return nil
	})
	return err
}

// NoPasswordRules is the error for an account without rules for passwords.
func NoPasswordRules(account string) error {
	return cloud.Errorf(cloud.NotFound, "", account, "passwords", "The Password Policy with domain name %s cannot be found.", account)
}

func (c *Control) setting(key string) string {
	if s, ok := cloud.Settings.Get(c.View(), key); ok {
		return s.Value
	}
	return ""
}
