package wire

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// maxACSSkew is how far a request's time may be from ours: "The difference
// between the timestamp and the current time cannot exceed 15 minutes."
// https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature
const maxACSSkew = 15 * time.Minute

// proof is one of the ways in which a request of Alibaba Cloud's dialect is signed.
type proof interface {
	// key returns the access key and the session token.
	key() (id, token string)
	// complete reads the rest, once the body is there.
	complete(q *request) (nonce string, at time.Time, fault *Error)
	// verify recomputes the signature; it returns what was signed.
	verify(q *request, secret string) (text string, ok bool)
}

// readProof fills q.acs.proof; nil is an unsigned request.
func (q *request) readProof() error {
	h, p := q.r.Header, q.acs.params
	auth := h.Get("Authorization")
	token := first(h.Get("X-Acs-Security-Token"), p.Get("SecurityToken"))
	switch {
	case strings.HasPrefix(auth, "ACS3-"):
		s, err := readACS3(auth, token)
		if err == nil {
			q.acs.proof = s
		}
		return err
	case strings.HasPrefix(auth, "acs "):
		id, sum, ok := strings.Cut(strings.TrimPrefix(auth, "acs "), ":")
		if !ok || id == "" || sum == "" {
			return errors.New("")
		}
		q.acs.proof = &roaProof{id, token, strings.TrimSpace(sum)}
	case strings.HasPrefix(auth, "LOG "), strings.HasPrefix(auth, "SLS4-"):
		s, err := q.readLogProof(auth, token)
		if err == nil {
			q.acs.proof = s
		}
		return err
	case auth != "":
		return errors.New("")
	case p.Has("AccessKeyId"):
		// Headers are not signed here, and so say nothing of the call.
		q.acs.proof = &rpcProof{keyID: p.Get("AccessKeyId"), token: p.Get("SecurityToken")}
		q.acs.action, q.acs.version = p.Get("Action"), p.Get("Version")
	}
	return nil
}

// times of signatures; both clouds' clients write UTC.
var timeLayouts = []string{time.RFC3339, http.TimeFormat, time.RFC1123Z}

func signedTime(q *request, text, name string) (time.Time, *Error) {
	if text == "" {
		return time.Time{}, &Error{Code: "Missing" + name, Msg: name + " is mandatory for this action."}
	}
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, &Error{Code: "InvalidTimeStamp.Format", Msg: "Specified time stamp or date value is not well formatted."}
}

// acs3 is ACS3-HMAC-SHA256, for RPC and ROA.
// https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature
type acs3 struct {
	keyID, token, sum string
	headers           []string
}

func readACS3(auth, token string) (*acs3, error) {
	kind, rest, _ := strings.Cut(auth, " ")
	if kind != "ACS3-HMAC-SHA256" {
		return nil, errors.New("Specified signature algorithm is not supported: " + kind)
	}
	s := &acs3{token: token}
	for part := range strings.SplitSeq(rest, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch k {
		case "Credential":
			s.keyID = v
		case "SignedHeaders":
			s.headers = strings.Split(v, ";")
		case "Signature":
			s.sum = v
		}
	}
	if s.keyID == "" || s.sum == "" || len(s.headers) == 0 {
		return nil, errors.New("")
	}
	return s, nil
}

func (s *acs3) key() (string, string) { return s.keyID, s.token }

func (s *acs3) complete(q *request) (string, time.Time, *Error) {
	h := q.r.Header
	for name := range h {
		if name := strings.ToLower(name); strings.HasPrefix(name, "x-acs-") && !slices.Contains(s.headers, name) {
			return "", time.Time{}, q.svc.Trouble(BadAuth, "The header "+name+" is not signed.")
		}
	}
	if !slices.Contains(s.headers, "host") && !q.acs.named {
		return "", time.Time{}, q.svc.Trouble(BadAuth, "The header host is not signed.")
	}
	nonce := h.Get("X-Acs-Signature-Nonce")
	if nonce == "" && !q.acs.named {
		return "", time.Time{}, &Error{Code: "MissingSignatureNonce", Msg: "SignatureNonce is mandatory for this action."}
	}
	at, fault := signedTime(q, first(h.Get("X-Acs-Date"), h.Get("Date")), "Timestamp")
	return nonce, at, fault
}

func (s *acs3) verify(q *request, secret string) (string, bool) {
	sum := sha256.Sum256(q.body)
	text, ok := s.verifyBody(q, secret, hex.EncodeToString(sum[:]))
	if !ok && q.acs.named {
		_, ok = s.verifyBody(q, secret, "")
	}
	return text, ok
}

// verifyBody recomputes the signature of a request with a body of this hash.
func (s *acs3) verifyBody(q *request, secret, body string) (string, bool) {
	text := ""
	for _, raw := range []bool{false, true} { // some clients leave the names of parameters as they are
		b := []byte(q.r.Method + "\n" + canonicalURI(q.path) + "\n")
		b = appendACSQuery(b, q.query, raw)
		b = append(b, '\n')
		for _, name := range s.headers {
			b = append(b, name+":"+s.header(q, name)+"\n"...)
		}
		b = append(b, "\n"+strings.Join(s.headers, ";")+"\n"+body...)
		sum := sha256.Sum256(b)
		signed := "ACS3-HMAC-SHA256\n" + hex.EncodeToString(sum[:])
		if text == "" {
			text = signed
		}
		if equal(hex.EncodeToString(keyed(sha256.New, secret, signed)), s.sum) {
			return text, true
		}
	}
	return text, false
}

func (s *acs3) header(q *request, name string) string {
	if name == "host" {
		return q.r.Host
	}
	values := slices.Clone(q.r.Header.Values(name))
	for i := range values {
		values[i] = strings.TrimSpace(values[i])
	}
	return strings.Join(values, ",")
}

var uriEscapes = strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~")

func canonicalURI(path string) string {
	if path == "" {
		return "/"
	}
	return uriEscapes.Replace(path)
}

// appendACSQuery writes the parameters sorted and escaped. A parameter that stands
// twice is signed twice: none must slip in beside a signed one.
func appendACSQuery(b []byte, query url.Values, rawNames bool) []byte {
	sep := false
	for _, k := range sortedKeys(query) {
		for _, v := range query[k] {
			if sep {
				b = append(b, '&')
			}
			sep = true
			if rawNames {
				b = append(b, k...)
			} else {
				b = appendEscaped(b, k, false)
			}
			b = append(b, '=')
			b = appendEscaped(b, v, false)
		}
	}
	return b
}

// rpcProof is the first version for RPC: everything is a parameter.
// https://www.alibabacloud.com/help/en/sdk/product-overview/rpc-mechanism
type rpcProof struct {
	keyID, token, sum string
	hash              func() hash.Hash
}

func (s *rpcProof) key() (string, string) { return s.keyID, s.token }

func (s *rpcProof) complete(q *request) (string, time.Time, *Error) {
	missing := func(name string) (string, time.Time, *Error) {
		return "", time.Time{}, &Error{Code: "Missing" + name, Msg: name + " is mandatory for this action."}
	}
	if s.sum = q.form.Get("Signature"); s.sum == "" {
		return missing("Signature")
	}
	switch q.form.Get("SignatureMethod") {
	case "HMAC-SHA1":
		s.hash = sha1.New
	case "HMAC-SHA256":
		s.hash = sha256.New
	case "":
		return missing("SignatureMethod")
	default:
		return "", time.Time{}, &Error{Code: "InvalidSignatureMethod", Msg: "Specified signature method is not valid."}
	}
	nonce := q.form.Get("SignatureNonce")
	if nonce == "" {
		return missing("SignatureNonce")
	}
	at, fault := signedTime(q, q.form.Get("Timestamp"), "Timestamp")
	return nonce, at, fault
}

func (s *rpcProof) verify(q *request, secret string) (string, bool) {
	params := url.Values{}
	for k, v := range q.form {
		if k != "Signature" {
			params[k] = v
		}
	}
	query := appendACSQuery(nil, params, false)
	text := q.r.Method + "&%2F&" + string(appendEscaped(nil, string(query), false))
	sum := keyed(s.hash, secret+"&", text)
	return text, equal(base64.StdEncoding.EncodeToString(sum), s.sum)
}

// roaProof is the first version for ROA: "Authorization: acs KEY:SIGNATURE".
// https://www.alibabacloud.com/help/en/sdk/product-overview/roa-mechanism
type roaProof struct{ keyID, token, sum string }

func (s *roaProof) key() (string, string) { return s.keyID, s.token }

// complete also compares the body with its digest: the signature has only that.
func (s *roaProof) complete(q *request) (string, time.Time, *Error) {
	h := q.r.Header
	if sum := md5.Sum(q.body); h.Get("Content-Md5") != "" && h.Get("Content-Md5") != base64.StdEncoding.EncodeToString(sum[:]) {
		return "", time.Time{}, q.svc.Trouble(BadSignature, "The Content-MD5 header is not the body's.")
	}
	at, fault := signedTime(q, first(h.Get("Date"), h.Get("X-Acs-Date")), "Date")
	return h.Get("X-Acs-Signature-Nonce"), at, fault
}

func (s *roaProof) verify(q *request, secret string) (string, bool) {
	h := q.r.Header
	var b strings.Builder
	for _, part := range []string{q.r.Method, h.Get("Accept"), h.Get("Content-Md5"), h.Get("Content-Type"), h.Get("Date")} {
		b.WriteString(part + "\n")
	}
	for _, name := range sortedKeys(h) {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-acs-") {
			b.WriteString(lower + ":" + strings.TrimSpace(h.Get(name)) + "\n")
		}
	}
	b.WriteString(q.path)
	sep := "?"
	for _, k := range sortedKeys(q.query) {
		for _, v := range q.query[k] {
			b.WriteString(sep + k)
			if sep = "&"; v != "" {
				b.WriteString("=" + v)
			}
		}
	}
	text := b.String()
	return text, equal(base64.StdEncoding.EncodeToString(keyed(sha1.New, secret, text)), s.sum)
}

func keyed(h func() hash.Hash, secret, text string) []byte {
	m := hmac.New(h, []byte(secret))
	m.Write([]byte(text))
	return m.Sum(nil)
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
