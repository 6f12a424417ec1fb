package wire

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Log Service speaks ROA in its own way: it signs otherwise, names what a call is
// about in the host's name, and words errors otherwise. Spec.Log says so.

// saysLog tells whether a request is in Log Service's way, before its product is known.
func saysLog(r *http.Request) bool {
	auth := r.Header.Get("Authorization")
	return strings.HasPrefix(auth, "LOG ") || strings.HasPrefix(auth, "SLS4-") || r.Header.Get("X-Log-Apiversion") != ""
}

// logProduct finds the product of a request in Log Service's way.
func (s *Server) logProduct(q *request) *Service {
	i := slices.IndexFunc(s.products, func(p *Service) bool { return p.Log })
	if i < 0 || !saysLog(q.r) {
		return nil
	}
	return s.products[i]
}

// readProject splits the host's name into the project that it begins with and
// the rest, where regions are looked for. A name under an address or localhost
// begins with one, as does any other of at least three labels.
func (q *request) readProject() {
	c := q.acs
	if c.host != nil {
		if i := slices.IndexFunc(c.host, q.svc.at); i == 2 { // project, region, product
			c.project, c.host = c.host[0], c.host[1:]
		}
		return
	}
	host := q.r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	label, rest, _ := strings.Cut(host, ".")
	if net.ParseIP(host) == nil && (rest == "localhost" || net.ParseIP(rest) != nil || strings.Contains(rest, ".")) {
		c.project = label
	}
}

func (q *request) readLogProof(auth, token string) (proof, error) {
	if scheme, rest, _ := strings.Cut(auth, " "); scheme == "SLS4-HMAC-SHA256" {
		p := &log4{token: token}
		for part := range strings.SplitSeq(rest, ",") {
			switch k, v, _ := strings.Cut(strings.TrimSpace(part), "="); k {
			case "Credential":
				p.keyID, p.scope, _ = strings.Cut(v, "/")
			case "Signature":
				p.sum = v
			}
		}
		if p.keyID == "" || p.sum == "" || strings.Count(p.scope, "/") != 3 {
			return nil, errors.New("")
		}
		return p, nil
	}
	id, sum, ok := strings.Cut(strings.TrimPrefix(auth, "LOG "), ":")
	if !ok || id == "" || sum == "" {
		return nil, errors.New("")
	}
	return &log1{id, token, strings.TrimSpace(sum)}, nil
}

// log1 is the first version: "Authorization: LOG KEY:SIGNATURE".
// https://www.alibabacloud.com/help/en/sls/developer-reference/request-signatures
type log1 struct{ keyID, token, sum string }

func (p *log1) key() (string, string) { return p.keyID, p.token }

// complete also compares the body with its digest: the signature has only that.
func (p *log1) complete(q *request) (string, time.Time, *Error) {
	sum := md5.Sum(q.body)
	if given := q.r.Header.Get("Content-Md5"); (given != "" || len(q.body) > 0) && !strings.EqualFold(given, hex.EncodeToString(sum[:])) {
		return "", time.Time{}, q.svc.Trouble(BadSignature, "The Content-MD5 header is not the body's.")
	}
	at, fault := signedTime(q, p.date(q), "Date")
	return "", at, fault
}

func (*log1) date(q *request) string {
	return first(q.r.Header.Get("X-Log-Date"), q.r.Header.Get("Date"))
}

func (p *log1) verify(q *request, secret string) (string, bool) {
	h := q.r.Header
	var b strings.Builder
	for _, line := range []string{q.r.Method, h.Get("Content-Md5"), h.Get("Content-Type"), p.date(q)} {
		b.WriteString(line + "\n")
	}
	for _, name := range logHeaders(h) {
		b.WriteString(name + ":" + strings.TrimSpace(strings.Join(h.Values(name), ",")) + "\n")
	}
	b.WriteString(q.path)
	sep := "?"
	for _, k := range sortedKeys(q.query) {
		for _, v := range q.query[k] {
			b.WriteString(sep + k)
			if sep = "&"; v != "" || strings.Contains(q.rawQuery, url.QueryEscape(k)+"=") {
				b.WriteString("=" + v)
			}
		}
	}
	text := b.String()
	var method func() hash.Hash = sha1.New
	if strings.EqualFold(h.Get("X-Log-Signaturemethod"), "hmac-sha256") {
		method = sha256.New
	}
	return text, equal(base64.StdEncoding.EncodeToString(keyed(method, secret, text)), p.sum)
}

// logHeaders are the headers that both versions sign, in lower case, sorted.
func logHeaders(h http.Header) (names []string) {
	for name := range h {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-log-") || strings.HasPrefix(name, "x-acs-") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// log4 is the fourth version, SLS4-HMAC-SHA256.
type log4 struct{ keyID, scope, token, sum string }

func (p *log4) key() (string, string) { return p.keyID, p.token }

func (p *log4) complete(q *request) (string, time.Time, *Error) {
	sum := sha256.Sum256(q.body)
	if q.r.Header.Get("X-Log-Content-Sha256") != hex.EncodeToString(sum[:]) {
		return "", time.Time{}, q.svc.Trouble(BadSignature, "The x-log-content-sha256 header is not the body's.")
	}
	date := q.r.Header.Get("X-Log-Date")
	at, err := time.Parse("20060102T150405Z", date)
	if err != nil || !strings.HasPrefix(p.scope, date[:8]+"/") {
		return "", time.Time{}, q.svc.Trouble(BadAuth, "The x-log-date header is not the signature's.")
	}
	return "", at, nil
}

func (p *log4) verify(q *request, secret string) (string, bool) {
	h := q.r.Header
	values := map[string]string{"host": q.r.Host}
	if t := h.Get("Content-Type"); t != "" {
		values["content-type"] = t
	}
	for _, name := range logHeaders(h) {
		values[name] = strings.TrimSpace(strings.Join(h.Values(name), ","))
	}
	b := []byte(q.r.Method + "\n" + q.path + "\n")
	sep := ""
	for _, k := range sortedKeys(q.query) {
		for _, v := range q.query[k] {
			b = append(b, sep+k...)
			if sep = "&"; v != "" {
				b = appendEscaped(append(b, '='), v, false)
			}
		}
	}
	b = append(b, '\n')
	var names []string
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b = append(b, name+":"+values[name]+"\n"...)
	}
	b = append(b, "\n"+strings.Join(names, ";")+"\n"+h.Get("X-Log-Content-Sha256")...)
	sum := sha256.Sum256(b)
	text := "SLS4-HMAC-SHA256\n" + h.Get("X-Log-Date") + "\n" + p.scope + "\n" + hex.EncodeToString(sum[:])
	key := "aliyun_v4" + secret
	for part := range strings.SplitSeq(p.scope, "/") {
		key = string(keyed(sha256.New, key, part))
	}
	return text, equal(hex.EncodeToString(keyed(sha256.New, key, text)), p.sum)
}
