package control

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"weir/internal/cloud"
)

// Reasons for which a credential is refused.
const (
	ReasonUnknownKey   = "unknown-key"
	ReasonInactiveKey  = "inactive-key"
	ReasonBadToken     = "bad-token"
	ReasonExpiredToken = "expired"
)

func badCredential(reason, format string, args ...any) error {
	return cloud.Errorf(cloud.Denied, cloud.KindAccessKey, "", reason, format, args...)
}

// Credential finds the secret and the principal of an access key, with the
// session token if one was sent. loopbackOnly keys may be used from this
// machine only.
func (c *Control) Credential(keyID, token string) (secret string, p cloud.Principal, loopbackOnly bool, err error) {
	if token != "" {
		return c.openSession(keyID, token)
	}
	k, ok := cloud.AccessKeys.Get(c.View(), keyID)
	switch {
	case !ok:
		return "", p, false, badCredential(ReasonUnknownKey, "there is no access key %s", keyID)
	case !k.Active:
		return "", p, false, badCredential(ReasonInactiveKey, "the access key %s is inactive", keyID)
	}
	p = cloud.Principal{Kind: cloud.PrincipalRoot, Account: k.Account, ID: k.Account, Name: "root", KeyID: keyID}
	if k.User != "" {
		u, ok := cloud.Users.Get(c.View(), cloud.AccountKey(k.Account, k.User))
		if !ok {
			return "", p, false, badCredential(ReasonUnknownKey, "the user of access key %s is gone", keyID)
		}
		p.Kind, p.ID, p.Name, p.Path = cloud.PrincipalUser, u.ID, u.Name, u.Path
	}
	return k.Secret, p, k.LoopbackOnly, nil
}

func (c *Control) openSession(keyID, token string) (secret string, p cloud.Principal, loopbackOnly bool, err error) {
	key, err := c.sealing(context.Background())
	if err != nil {
		return "", p, false, err
	}
	s, err := unseal(key, keyID, token)
	if err != nil {
		return "", p, false, err
	}
	if end := time.Unix(s.Expires, 0); !c.now().Before(end) {
		return "", p, false, badCredential(ReasonExpiredToken, "the session token expired at %s", end.UTC().Format(time.RFC3339))
	}
	if err := refresh(c.View(), &s.Principal); err != nil {
		return "", p, false, err
	}
	return sessionSecret(key, keyID), s.Principal, s.LoopbackOnly, nil
}

func unseal(key []byte, keyID, token string) (s sealed, err error) {
	aead, err := sealer(key)
	if err != nil {
		return s, err
	}
	b, err := base64.StdEncoding.DecodeString(token)
	if err != nil || len(b) < aead.NonceSize() {
		return s, badCredential(ReasonBadToken, "the session token has no valid form")
	}
	plain, err := aead.Open(nil, b[:aead.NonceSize()], b[aead.NonceSize():], []byte(keyID))
	if err != nil {
		return s, badCredential(ReasonBadToken, "the session token does not belong to access key %s", keyID)
	}
	if err := json.Unmarshal(plain, &s); err != nil {
		return s, badCredential(ReasonBadToken, "the session token cannot be read: %v", err)
	}
	return s, nil
}

// refresh wants the user or role behind a session to be the one that it was
// issued for, not merely one of the same name, and follows a user's new name.
func refresh(v cloud.View, p *cloud.Principal) error {
	switch p.Kind {
	case cloud.PrincipalUser:
		u, ok := userByID(v, p.Account, p.ID)
		if !ok {
			return badCredential(ReasonUnknownKey, "the user of the session %s is gone", p.KeyID)
		}
		p.Name, p.Path = u.Name, u.Path
	case cloud.PrincipalFederated:
		if _, ok := userByID(v, p.Account, p.By); p.By != "" && !ok {
			return badCredential(ReasonUnknownKey, "the user who asked for the session %s is gone", p.KeyID)
		}
	case cloud.PrincipalSession:
		if r, ok := cloud.Roles.Get(v, cloud.AccountKey(p.Account, p.Name)); !ok || !sessionOf(p, r) {
			return badCredential(ReasonUnknownKey, "the role %s of the session %s is gone", p.Name, p.KeyID)
		}
	}
	return nil
}

func userByID(v cloud.View, account, id string) (*cloud.User, bool) {
	for u := range cloud.Users.By(v, "id", id) {
		if u.Account == account {
			return u, true
		}
	}
	return nil, false
}

// sessionOf tells whether a session was issued for this very role.
func sessionOf(p *cloud.Principal, r *cloud.Role) bool { return strings.HasPrefix(p.ID, r.ID+":") }
