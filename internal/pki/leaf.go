package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
)

const (
	// leafLife stays under the 398 days that Apple's and Chromium's verifiers allow.
	leafLife = 396*24*time.Hour - backdate
	// renewLeaf before the end; a server keeps a certificate only as long as one handshake.
	renewLeaf = 30 * 24 * time.Hour
	maxLeaves = 1024
	// maxCommonName is X.520's limit; a longer name is in the alternative names alone.
	maxCommonName = 64
)

type leaf struct {
	cert  *tls.Certificate
	renew time.Time
}

// Certificate returns a certificate for a host name or an IP address, issued now or before.
func (ca *CA) Certificate(name string) (*tls.Certificate, error) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if addr, err := netip.ParseAddr(name); err == nil {
		name = addr.Unmap().WithZone("").String()
	} else if !validHost(name) {
		return nil, fmt.Errorf("issue a certificate for %q: it is neither a host name nor an IP address", name)
	}
	ca.mu.Lock()
	defer ca.mu.Unlock()
	now := ca.now()
	if l := ca.leaves[name]; l != nil && now.Before(l.renew) {
		return l.cert, nil
	}
	cert, err := ca.issue(name, now)
	if err != nil {
		return nil, fmt.Errorf("issue a certificate for %s: %w", name, err)
	}
	ca.makeRoom()
	ca.leaves[name] = &leaf{cert: cert, renew: cert.Leaf.NotAfter.Add(-renewLeaf)}
	return cert, nil
}

// makeRoom forgets any one leaf when the cache is full; issuing again is cheap.
func (ca *CA) makeRoom() {
	if len(ca.leaves) < maxLeaves {
		return
	}
	for name := range ca.leaves {
		delete(ca.leaves, name)
		return
	}
}

// GetCertificate serves tls.Config.GetCertificate: the name the client asks
// for, or, if it names none, the address it connected to.
func (ca *CA) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if hello.ServerName != "" {
		if ca.given != nil {
			if cert := ca.given(strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))); cert != nil {
				return cert, nil
			}
		}
		return ca.Certificate(hello.ServerName)
	}
	if hello.Conn == nil {
		return nil, errors.New("choose a certificate: the client names no server and the connection is unknown")
	}
	host, _, err := net.SplitHostPort(hello.Conn.LocalAddr().String())
	if err != nil {
		return nil, fmt.Errorf("choose a certificate by address: %w", err)
	}
	return ca.Certificate(host)
}

func (ca *CA) issue(name string, now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	id, err := keyID(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber:          serial,
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(leafLife),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		SubjectKeyId:          id,
	}
	if t.NotAfter.After(ca.cert.NotAfter) {
		t.NotAfter = ca.cert.NotAfter
	}
	if addr, err := netip.ParseAddr(name); err == nil {
		t.IPAddresses = []net.IP{addr.AsSlice()}
	} else {
		t.DNSNames = []string{name}
	}
	t.Subject = pkix.Name{Organization: []string{"Weir"}}
	if len(name) <= maxCommonName {
		t.Subject.CommonName = name
	}
	der, err := x509.CreateCertificate(rand.Reader, t, ca.cert, &key.PublicKey, ca.key)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der, ca.cert.Raw}, PrivateKey: key, Leaf: parsed}, nil
}

// validHost accepts what may stand in a certificate as a DNS name; underscores
// occur in bucket and service names.
func validHost(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}
