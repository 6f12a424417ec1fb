package wire

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"

	"weir/internal/cloud"
)

// Origin says how a connection reached the server, if not from the machine's own
// network: a listener inside a VPC puts it into the connection's context.
type Origin struct {
	Source   netip.Addr
	VPC      cloud.VPCID
	Endpoint cloud.EndpointID
	// Service and Region, if set, are all that answers there.
	Service, Region string
}

type originKey struct{}

// WithOrigin returns a context for http.Server's ConnContext.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// elsewhere refuses what is not for the service and region behind an endpoint.
func (q *request) elsewhere() *Error {
	o, _ := q.r.Context().Value(originKey{}).(Origin)
	if o.Service != "" && q.svc.Name != o.Service {
		return q.svc.Trouble(BadSignature, "Credential should be scoped to correct service: '"+o.Service+"'.")
	}
	if o.Region != "" && q.sig != nil && q.sig.region != "" && q.sig.region != o.Region {
		return q.svc.Trouble(BadSignature, "Credential should be scoped to a valid region.")
	}
	return nil
}

func origin(r *http.Request) (netip.Addr, cloud.VPCID, cloud.EndpointID) {
	if o, ok := r.Context().Value(originKey{}).(Origin); ok {
		return o.Source, o.VPC, o.Endpoint
	}
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, "", ""
	}
	return ap.Addr().Unmap(), "", ""
}

// FromThisMachine tells whether this machine's user made a request: over loopback,
// or from the very address that it was sent to, not inside a VPC, and not by
// looking at another site's page.
func FromThisMachine(r *http.Request) bool {
	if _, inside := r.Context().Value(originKey{}).(Origin); inside || foreignPage(r) {
		return false
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	at, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return from.Addr().Unmap().IsLoopback() || ok && from.Addr().Unmap() == at.AddrPort().Addr().Unmap()
}

// foreignPage tells whether a browser makes a request for another site's page. It
// sends those that a form could send without asking us first.
// https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
func foreignPage(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site != "" && site != "same-origin" && site != "none"
}

// takesAny tells whether a request needs no key.
func (s *Server) takesAny(q *request) bool { return s.cfg.Any && !foreignPage(q.r) }

// authenticate finds out who claims to call, and returns the secret to check the
// signature with; "" if there is none to check.
func (s *Server) authenticate(q *request, sigErr error) (string, *Error) {
	q.call.Account, q.call.Region = s.cfg.Account, s.cfg.Region
	if q.sig != nil && q.sig.region != "" {
		if !regionName(q.sig.region) {
			return "", q.svc.Trouble(BadAuth, "Credential should be scoped to a valid region.")
		}
		q.call.Region = q.sig.region
	}
	if s.takesAny(q) {
		s.believe(q)
		return "", nil
	}
	var fault signatureFault
	switch {
	case errors.As(sigErr, &fault):
		return "", q.svc.Trouble(BadAuth, string(fault))
	case q.sig == nil:
		return "", nil // allowAnonymous decides, once the operation is known
	}
	secret, p, loopbackOnly, err := s.cfg.Verify.Credential(q.sig.keyID, q.sig.token)
	if err != nil || secret == "" || loopbackOnly && !FromThisMachine(q.r) {
		return "", q.refuse(err)
	}
	if msg := q.sig.late(s.cfg.Now()); msg != "" {
		e := q.svc.Trouble(LateRequest, "")
		if e.Msg == "" {
			e.Msg = msg
		}
		return "", e
	}
	if h := q.sig.unsignedHeader(q.r.Header); h != "" {
		return "", q.svc.Trouble(BadSignature, "There were headers present in the request which were not signed: "+h)
	}
	q.setPrincipal(p)
	return secret, nil
}

func (q *request) setPrincipal(p cloud.Principal) {
	if p.KeyID == "" && q.sig != nil {
		p.KeyID = q.sig.keyID
	}
	q.call.Principal = p
	if p.Account != "" {
		q.call.Account = p.Account
	}
}

// believe takes the caller's word for who they are.
func (s *Server) believe(q *request) {
	root := s.anyRoot()
	if q.sig != nil && s.cfg.Verify != nil {
		if _, p, loopbackOnly, err := s.cfg.Verify.Credential(q.sig.keyID, q.sig.token); err == nil && (!loopbackOnly || FromThisMachine(q.r)) {
			root = p
		}
	}
	q.setPrincipal(root)
}

// refuse maps what the verifier said.
func (q *request) refuse(err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	var neutral *cloud.Error
	if errors.As(err, &neutral) && neutral.Reason == "expired" {
		return q.svc.Trouble(ExpiredToken, "")
	}
	e := q.svc.Trouble(BadKey, "")
	e.Err = err
	return e
}

// allowAnonymous lets unsigned calls pass only to operations made for them.
func (s *Server) allowAnonymous(q *request) *Error {
	if q.sig != nil || s.takesAny(q) || q.op.NoAuth {
		return nil
	}
	return q.svc.Trouble(MissingAuth, "")
}

const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// payloadHash is the body's digest, or the word that it is not signed. What the
// client says the digest is does not matter: a wrong one makes a wrong signature.
func (q *request) payloadHash() string {
	switch {
	case q.ofBuckets() && q.sig != nil:
		return q.bucketHash()
	case q.r.Header.Get("X-Amz-Content-Sha256") == unsigned:
		return unsigned
	case len(q.body) == 0:
		return emptyHash
	}
	sum := sha256.Sum256(q.body)
	return hex.EncodeToString(sum[:])
}

func regionName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	return len(s) <= 32
}

// newRequestID makes a random UUID.
func newRequestID() string {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(b[8:], rand.Uint64())
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	var s [36]byte
	hex.Encode(s[:8], b[:4])
	hex.Encode(s[9:13], b[4:6])
	hex.Encode(s[14:18], b[6:8])
	hex.Encode(s[19:23], b[8:10])
	hex.Encode(s[24:], b[10:])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}
