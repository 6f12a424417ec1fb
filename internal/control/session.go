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
	"sync"
	"time"

	"weir/internal/cloud"
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
	// LoopbackOnly is inherited from the key that asked for the session.
	LoopbackOnly bool `json:",omitempty"`
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

// IssueSession makes a temporary credential for p under the key ID that the
// dialect formed. p.KeyID is the key that asked for it, if p itself asked.
func (c *Control) IssueSession(ctx context.Context, p cloud.Principal, keyID string, life time.Duration) (*Session, error) {
	key, err := c.sealing(ctx)
	if err != nil {
		return nil, err
	}
	asked, _ := cloud.AccessKeys.Get(c.View(), p.KeyID)
	now := c.now().Truncate(time.Second)
	expires := now.Add(life)
	p.KeyID, p.Temporary, p.Issued = keyID, true, now
	plain, err := json.Marshal(sealed{Principal: p, Expires: expires.Unix(), LoopbackOnly: asked != nil && asked.LoopbackOnly})
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
