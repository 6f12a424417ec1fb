package control

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"weir/internal/cloud"
	"weir/internal/iam"
)

// Session is a temporary credential. Sessions are not stored: the token is the
// sealed session itself, and the secret follows from the key's ID.
type Session struct {
	KeyID     string
	Secret    string
	Token     string
	Expires   time.Time
	Principal cloud.Principal
}

// sealed is a token's content.
type sealed struct {
	Principal cloud.Principal
	Expires   int64
	Tags      map[string]string `json:",omitempty"`
}

// sealKey is the setting that holds the key of all session tokens.
const sealKey = "session-seal"

// seal opens and closes tokens; loaded once per reset.
type seal struct {
	mu  sync.Mutex // guards key
	key []byte
}

// sealing returns the key that seals tokens, making it at first use.
func (c *Control) sealing(ctx context.Context) ([]byte, error) {
	c.seal.mu.Lock()
	defer c.seal.mu.Unlock()
	if c.seal.key != nil {
		return c.seal.key, nil
	}
	if s, ok := cloud.Settings.Get(c.View(), sealKey); ok {
		b, err := base64.StdEncoding.DecodeString(s.Value)
		c.seal.key = b
		return b, err
	}
	b := make([]byte, 32)
	rand.Read(b)
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		cloud.Settings.Put(tx, &cloud.Setting{Key: sealKey, Value: base64.StdEncoding.EncodeToString(b)})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("keeping the key of session tokens: %w", err)
	}
	c.seal.key = b
	return b, nil
}

// IssueSession makes a temporary credential for p under the key ID that the dialect formed.
func (c *Control) IssueSession(ctx context.Context, p cloud.Principal, keyID string, life time.Duration) (*Session, error) {
	key, err := c.sealing(ctx)
	if err != nil {
		return nil, err
	}
	p.KeyID = keyID
	expires := c.now().Add(life).Truncate(time.Second)
	plain, err := json.Marshal(sealed{Principal: p, Expires: expires.Unix()})
	if err != nil {
		return nil, err
	}
	aead, err := sealer(key)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	token := base64.StdEncoding.EncodeToString(aead.Seal(nonce, nonce, plain, []byte(keyID)))
	return &Session{keyID, sessionSecret(key, keyID), token, expires, p}, nil
}

func sealer(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// sessionSecret derives a session key's secret.
func sessionSecret(key []byte, keyID string) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(keyID))
	return base64.StdEncoding.EncodeToString(m.Sum(nil))[:40]
}

// Reasons for which a credential is refused.
const (
	ReasonUnknownKey   = "unknown-key"
	ReasonInactiveKey  = "inactive-key"
	ReasonBadToken     = "bad-token"
	ReasonExpiredToken = "expired-token"
)

func badCredential(reason, format string, args ...any) error {
	return cloud.Errorf(cloud.Denied, cloud.KindAccessKey, "", reason, format, args...)
}

// Credential finds the secret and the principal of an access key, with the
// session token if one was sent. loopbackOnly keys may be used from this
// machine only.
func (c *Control) Credential(keyID, token string) (secret string, p cloud.Principal, loopbackOnly bool, err error) {
	if token != "" {
		secret, p, err = c.openSession(keyID, token)
		return secret, p, false, err
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
		p.Kind, p.ID, p.Name = cloud.PrincipalUser, u.ID, u.Name
	}
	return k.Secret, p, k.LoopbackOnly, nil
}

func (c *Control) openSession(keyID, token string) (string, cloud.Principal, error) {
	var s sealed
	key, err := c.sealing(context.Background())
	if err != nil {
		return "", s.Principal, err
	}
	aead, err := sealer(key)
	if err != nil {
		return "", s.Principal, err
	}
	b, err := base64.StdEncoding.DecodeString(token)
	if err != nil || len(b) < aead.NonceSize() {
		return "", s.Principal, badCredential(ReasonBadToken, "the session token has no valid form")
	}
	plain, err := aead.Open(nil, b[:aead.NonceSize()], b[aead.NonceSize():], []byte(keyID))
	if err != nil {
		return "", s.Principal, badCredential(ReasonBadToken, "the session token does not belong to access key %s", keyID)
	}
	if err := json.Unmarshal(plain, &s); err != nil {
		return "", s.Principal, badCredential(ReasonBadToken, "the session token cannot be read: %v", err)
	}
	if !c.now().Before(time.Unix(s.Expires, 0)) {
		return "", s.Principal, badCredential(ReasonExpiredToken, "the session token expired at %s", time.Unix(s.Expires, 0).UTC().Format(time.RFC3339))
	}
	return sessionSecret(key, keyID), s.Principal, nil
}

// CheckSessionPolicy refuses a session policy with a syntax error.
func (c *Control) CheckSessionPolicy(document string) error {
	return checkDocument(document, iam.Identity)
}

// AuthorizeAssume decides whether who may assume r: the role's trust policy
// must allow it, and so must the caller's own policies, unless the trust
// policy names the caller itself and both belong to one account.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
func (c *Control) AuthorizeAssume(who cloud.Principal, r *cloud.Role, a Access) error {
	trust, err := c.document(r.Trust, iam.Trust)
	if err != nil {
		return err
	}
	req := iam.Request{Principals: a.Names, Action: a.Action, Resource: a.Resource, Context: a.Context, SameAccount: true}
	if !iam.Trusts(trust, req) {
		return cloud.Errorf(cloud.Denied, cloud.KindRole, r.Name, "trust", "the trust policy of role %s does not let %s assume it", r.Name, who.Name)
	}
	own, err := c.policiesOf(c.View(), who)
	if err != nil {
		return err
	}
	d := iam.Evaluate(req, own)
	if d.Allowed {
		return nil
	}
	direct := req
	direct.Principals = nil
	for _, n := range a.Names {
		if !strings.HasSuffix(n.Value, ":root") {
			direct.Principals = append(direct.Principals, n)
		}
	}
	if !d.Explicit && who.Account == r.Account && iam.Trusts(trust, direct) {
		return nil
	}
	return cloud.Errorf(cloud.Denied, cloud.KindPolicy, d.Kind, "no-allow", "%s may not assume role %s", who.Name, r.Name)
}
