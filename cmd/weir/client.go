package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

const (
	defaultListen    = "127.0.0.1:4566"
	patienceWithCall = 2 * time.Minute
)

// client speaks to the daemon's own endpoints under /_weir/.
type client struct {
	base  string
	owner string // token to send; "" for none
}

// addrFlag adds -addr to fs; the client is made after parsing.
func addrFlag(fs *flag.FlagSet) *string {
	def := "http://" + defaultListen
	for _, name := range []string{"WEIR_ADDR", "AWS_ENDPOINT_URL"} {
		if v := os.Getenv(name); v != "" {
			def = v
			break
		}
	}
	return fs.String("addr", def, "where the daemon listens (or $WEIR_ADDR, $AWS_ENDPOINT_URL)")
}

func newClient(addr string) client {
	if !strings.Contains(addr, "://") {
		addr = "http://" + addr
	}
	return client{base: strings.TrimRight(addr, "/")}
}

// trusting trusts the authorities of a bundle too, as the SDKs do: an endpoint that
// begins with https has a certificate of Weir's own. What is no bundle adds none.
func trusting(bundle string) *http.Client {
	pem, err := os.ReadFile(bundle)
	if err != nil {
		return http.DefaultClient
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	roots.AppendCertsFromPEM(pem)
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: roots}
	return &http.Client{Transport: t}
}

// token reads the token that shows that we are the daemon's own user.
func (c client) token(ctx context.Context) (string, error) {
	var h health
	if err := c.call(ctx, http.MethodGet, "/_weir/health", nil, &h); err != nil {
		return "", err
	}
	b, err := os.ReadFile(h.Token)
	if err != nil {
		return "", fmt.Errorf("this needs the rights of the daemon's user: %w", err)
	}
	return string(b), nil
}

// asOwner makes every further call carry the owner's token.
func (c *client) asOwner(ctx context.Context) (err error) {
	c.owner, err = c.token(ctx)
	return err
}

// call sends in as JSON (nil: no body) and decodes the answer into out (nil: ignored).
func (c client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	limited, cancel := context.WithTimeout(ctx, patienceWithCall)
	defer cancel()
	req, err := http.NewRequestWithContext(limited, method, c.base+path, body)
	if err != nil {
		return err
	}
	if c.owner != "" {
		req.Header.Set(tokenHeader, c.owner)
	}
	res, err := trusting(os.Getenv("AWS_CA_BUNDLE")).Do(req)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case limited.Err() != nil:
		return fmt.Errorf("the daemon at %s has not answered for %s", c.base, patienceWithCall)
	}
	if err != nil {
		return fmt.Errorf("no daemon answers at %s: start one with `weir up`, or name its address with -addr: %w", c.base, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("reading the daemon's answer: %w", err)
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s", answerError(res.Status, b))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}

func answerError(status string, body []byte) string {
	var e struct{ Error string }
	if json.Unmarshal(body, &e) == nil && e.Error != "" {
		return e.Error
	}
	return fmt.Sprintf("the daemon answered %s: %s", status, strings.TrimSpace(string(body)))
}
