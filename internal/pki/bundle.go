package pki

import (
	"bytes"
	"os"
)

// systemBundles is where distributions keep the roots they trust, most specific first.
var systemBundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Alpine, Arch
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Fedora, RHEL, Amazon Linux
	"/etc/pki/tls/certs/ca-bundle.crt",                  // older RHEL
	"/etc/ssl/ca-bundle.pem",                            // SUSE
	"/etc/ssl/cert.pem",                                 // Alpine, others
}

// PEM is the root's certificate.
func (ca *CA) PEM() []byte { return bytes.Clone(ca.pem) }

// Bundle is a file of trusted roots: Weir's own and, if system is true, those
// this machine trusts. A machine without roots of its own adds none.
func (ca *CA) Bundle(system bool) []byte {
	out := ca.PEM()
	if !system {
		return out
	}
	paths := systemBundles
	if p := os.Getenv("SSL_CERT_FILE"); p != "" {
		paths = append([]string{p}, paths...)
	}
	for _, p := range paths {
		raw, err := os.ReadFile(p)
		if err != nil || !bytes.Contains(raw, []byte("BEGIN CERTIFICATE")) {
			continue
		}
		return append(append(out, raw...), '\n')
	}
	return out
}
