package lambda

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"weir/internal/cloud"
)

// codeLife is how long a location stays valid, as AWS's.
const codeLife = 10 * time.Minute

// Code serves functions' archives to whoever holds a location that GetFunction
// told: a URL signed with a key that lives as long as the process.
type Code struct {
	base string // "http://127.0.0.1:4566/_weir/code"
	open func(ctx context.Context, digest string) (io.ReadCloser, error)
	now  func() time.Time
	key  []byte
}

// NewCode returns a handler for all paths below base, the URL under which clients
// reach it. A nil now is time.Now.
func NewCode(base string, open func(ctx context.Context, digest string) (io.ReadCloser, error), now func() time.Time) *Code {
	if now == nil {
		now = time.Now
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	return &Code{base: strings.TrimSuffix(base, "/"), open: open, now: now, key: key}
}

// URL is a location for the archive with this digest.
func (c *Code) URL(digest string) string {
	expires := strconv.FormatInt(c.now().Add(codeLife).Unix(), 10)
	q := url.Values{"Expires": {expires}, "Signature": {c.sign(digest, expires)}}
	return c.base + "/" + encodeDigest(digest) + "?" + q.Encode()
}

func (c *Code) sign(digest, expires string) string {
	m := hmac.New(sha256.New, c.key)
	fmt.Fprintf(m, "%s\n%s", digest, expires)
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// encodeDigest makes a digest safe for a path.
func encodeDigest(digest string) string {
	return strings.NewReplacer("+", "-", "/", "_").Replace(digest)
}
func decodeDigest(s string) string { return strings.NewReplacer("-", "+", "_", "/").Replace(s) }

func (c *Code) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	digest := decodeDigest(path.Base(r.URL.Path))
	expires := r.URL.Query().Get("Expires")
	until, err := strconv.ParseInt(expires, 10, 64)
	if err != nil || !hmac.Equal([]byte(r.URL.Query().Get("Signature")), []byte(c.sign(digest, expires))) {
		http.Error(w, "the signature does not match", http.StatusForbidden)
		return
	}
	if c.now().Unix() > until {
		http.Error(w, "the location has expired: call GetFunction again", http.StatusForbidden)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "only GET is possible here", http.StatusMethodNotAllowed)
		return
	}
	body, err := c.open(r.Context(), digest)
	if cloud.IsKind(err, cloud.NotFound) {
		http.Error(w, "the code is gone", http.StatusNotFound)
		return
	}
	if err != nil {
		http.Error(w, "the code cannot be read", http.StatusInternalServerError)
		return
	}
	defer body.Close()
	w.Header().Set("Content-Type", "application/zip")
	if r.Method == http.MethodGet {
		_, _ = io.Copy(w, body) // fails when the client goes away
	}
}
