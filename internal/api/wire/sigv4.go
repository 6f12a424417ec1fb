package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"hash"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	algorithm = "AWS4-HMAC-SHA256"
	unsigned  = "UNSIGNED-PAYLOAD"
	basicTime = "20060102T150405Z"
	// maxSkew is how far a request's time may be from ours.
	maxSkew = 5 * time.Minute
	// maxPresign is the longest a presigned URL may live.
	maxPresign = 7 * 24 * time.Hour
)

// signature is what a request says about how it is signed (Signature Version 4).
type signature struct {
	keyID, date, region, service string
	headers                      []string
	sum                          string // hex
	token                        string
	time                         time.Time
	amzDate                      string
	expires                      time.Duration // presigned only
	presigned                    bool
}

// signatureFault is a signature that lacks parts or contradicts itself.
type signatureFault string

func (f signatureFault) Error() string { return string(f) }

// readSignature returns nil if the request is not signed.
func readSignature(r *http.Request, query url.Values) (*signature, error) {
	if query.Get("X-Amz-Algorithm") != "" || query.Get("X-Amz-Signature") != "" {
		return presigned(query)
	}
	auth := r.Header.Get("Authorization")
	if auth == "" {
		return nil, nil
	}
	kind, rest, _ := strings.Cut(auth, " ")
	if kind != algorithm {
		return nil, signatureFault("Unsupported authorization type: '" + kind + "'; only " + algorithm + " is supported.")
	}
	s := &signature{token: r.Header.Get("X-Amz-Security-Token")}
	var credential, headers string
	for p := range strings.SplitSeq(rest, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
		switch k {
		case "Credential":
			credential = v
		case "SignedHeaders":
			headers = v
		case "Signature":
			s.sum = v
		}
	}
	for _, p := range [...][2]string{{"Credential", credential}, {"Signature", s.sum}, {"SignedHeaders", headers}} {
		if p[1] == "" {
			return nil, signatureFault("Authorization header requires '" + p[0] + "' parameter. Authorization=" + kind)
		}
	}
	return s, s.fill(credential, headers, requestTime(r.Header))
}

// requestTime prefers X-Amz-Date, as the clouds do.
func requestTime(h http.Header) string {
	if d := h.Get("X-Amz-Date"); d != "" {
		return d
	}
	if t, err := http.ParseTime(h.Get("Date")); err == nil {
		return t.UTC().Format(basicTime)
	}
	return ""
}

func presigned(q url.Values) (*signature, error) {
	if a := q.Get("X-Amz-Algorithm"); a != algorithm {
		return nil, signatureFault("AWS query-string parameters must include 'X-Amz-Algorithm' " + algorithm + ".")
	}
	for _, name := range []string{"X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"} {
		if q.Get(name) == "" {
			return nil, signatureFault("AWS query-string parameters must include '" + name + "'.")
		}
	}
	s := &signature{presigned: true, sum: q.Get("X-Amz-Signature"), token: q.Get("X-Amz-Security-Token"), expires: 15 * time.Minute}
	if e := q.Get("X-Amz-Expires"); e != "" {
		n, err := strconv.Atoi(e)
		if err != nil || n < 0 || time.Duration(n)*time.Second > maxPresign {
			return nil, signatureFault("X-Amz-Expires must be between 0 and 604800 seconds.")
		}
		s.expires = time.Duration(n) * time.Second
	}
	return s, s.fill(q.Get("X-Amz-Credential"), q.Get("X-Amz-SignedHeaders"), q.Get("X-Amz-Date"))
}

func (s *signature) fill(credential, headers, date string) error {
	part := strings.Split(credential, "/")
	if n := len(part); n < 5 || part[n-1] != "aws4_request" {
		return signatureFault("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '" + credential + "'")
	} else {
		s.keyID = strings.Join(part[:n-4], "/")
		s.date, s.region, s.service = part[n-4], part[n-3], part[n-2]
	}
	s.headers = strings.Split(headers, ";")
	t, err := time.Parse(basicTime, date)
	if err != nil {
		return signatureFault("Date must be in ISO-8601 'basic format'. Got '" + date + "'. See http://en.wikipedia.org/wiki/ISO_8601")
	}
	if s.time, s.amzDate = t, date; !strings.HasPrefix(date, s.date) {
		return signatureFault("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '" + s.date + "' != '" + date + "'")
	}
	return nil
}

// late says, in AWS's words, why the request's time is not acceptable; "" is fine.
func (s *signature) late(now time.Time) string {
	begin, end := s.time.Add(-maxSkew), s.time.Add(maxSkew)
	if s.presigned {
		end = s.time.Add(s.expires)
	}
	switch {
	case now.After(end):
		return "Signature expired: " + s.amzDate + " is now earlier than " + now.Add(s.time.Sub(end)).UTC().Format(basicTime) +
			" (" + now.UTC().Format(basicTime) + " - " + minutes(end.Sub(s.time)) + ")"
	case now.Before(begin):
		return "Signature not yet current: " + s.amzDate + " is still later than " + now.Add(maxSkew).UTC().Format(basicTime) +
			" (" + now.UTC().Format(basicTime) + " + 5 min.)"
	}
	return ""
}

func minutes(d time.Duration) string { return strconv.Itoa(int(d/time.Minute)) + " min." }

// unsignedHeader returns a header that must be covered by the signature and is not.
func (s *signature) unsignedHeader(h http.Header) string {
	has := func(name string) bool {
		for _, n := range s.headers {
			if n == name {
				return true
			}
		}
		return false
	}
	if !has("host") {
		return "host"
	}
	if s.presigned {
		return ""
	}
	for name := range h {
		if len(name) > 6 && strings.EqualFold(name[:6], "x-amz-") && !has(strings.ToLower(name)) {
			return strings.ToLower(name)
		}
	}
	return ""
}

// keyring keeps derived signing keys: deriving one takes four HMACs, and a key
// lasts a day.
type keyring struct {
	mu   sync.RWMutex
	keys map[scope]*signingKey
}

type scope struct{ keyID, date, region, service string }

type signingKey struct {
	secret string
	macs   sync.Pool // of hash.Hash, keyed already
}

// maxKeys bounds the ring; it starts over when it is full.
const maxKeys = 4096

func (k *keyring) get(s *signature, secret string) *signingKey {
	k.mu.RLock()
	key := k.keys[scope{s.keyID, s.date, s.region, s.service}]
	k.mu.RUnlock()
	if key != nil && key.secret == secret {
		return key
	}
	raw := deriveKey(secret, s.date, s.region, s.service)
	key = &signingKey{secret: secret}
	key.macs.New = func() any { return hmac.New(sha256.New, raw) }
	return key
}

// keep files a key that has verified a request.
func (k *keyring) keep(s *signature, key *signingKey) {
	id := scope{s.keyID, s.date, s.region, s.service}
	k.mu.RLock()
	have := k.keys[id] == key
	k.mu.RUnlock()
	if have {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keys == nil || len(k.keys) >= maxKeys {
		k.keys = map[scope]*signingKey{}
	}
	k.keys[id] = key
}

func deriveKey(secret, date, region, service string) []byte {
	key := []byte("AWS4" + secret)
	for _, s := range []string{date, region, service, "aws4_request"} {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(s))
		key = m.Sum(nil)
	}
	return key
}

// verify recomputes the signature. payload is the hex digest of the body.
func (k *keyring) verify(s *signature, secret string, q *request, payload string) bool {
	var want [sha256.Size]byte
	if len(s.sum) != 2*len(want) {
		return false
	}
	if _, err := hex.Decode(want[:], []byte(s.sum)); err != nil {
		return false
	}
	buf := bufs.Get().(*[]byte)
	defer func() { bufs.Put(buf) }()
	b := canonical((*buf)[:0], s, q, payload)
	digest := sha256.Sum256(b)
	b = append(b[:0], algorithm+"\n"...)
	b = append(b, s.amzDate...)
	b = append(b, '\n')
	b = append(b, s.date...)
	b = append(b, '/')
	b = append(b, s.region...)
	b = append(b, '/')
	b = append(b, s.service...)
	b = append(b, "/aws4_request\n"...)
	b = hex.AppendEncode(b, digest[:])
	*buf = b

	key := k.get(s, secret)
	mac := key.macs.Get().(hash.Hash)
	mac.Reset()
	mac.Write(b)
	var got [sha256.Size]byte
	mac.Sum(got[:0])
	key.macs.Put(mac)
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		return false
	}
	k.keep(s, key)
	return true
}

var bufs = sync.Pool{New: func() any { b := make([]byte, 0, 2048); return &b }}
