package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	certFile = "ca.pem"
	keyFile  = "ca-key.pem"

	rootYears = 10
	// renewRoot: a root this near to its end gets a new certificate for the same key.
	renewRoot = 30 * 24 * time.Hour
	// backdate allows for clocks that run behind.
	backdate = 24 * time.Hour
)

// CA is a certificate authority. It is safe for concurrent use.
type CA struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
	now  func() time.Time

	given func(host string) *tls.Certificate // see Use

	mu     sync.Mutex // guards leaves
	leaves map[string]*leaf
}

// Use makes GetCertificate prefer the certificates that given finds for names in
// lower case; nil is none. It is to be called before the first connection.
func (ca *CA) Use(given func(host string) *tls.Certificate) { ca.given = given }

// LoadOrCreate opens the authority kept in dir, or makes one there. Only one
// process may do so at a time.
func LoadOrCreate(dir string) (*CA, error) { return loadOrCreate(dir, time.Now) }

func loadOrCreate(dir string, now func() time.Time) (*CA, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the certificate authority's directory: %w", err)
	}
	key, err := loadKey(dir)
	if err != nil {
		return nil, err
	}
	cert, raw, err := loadCert(dir, key, now())
	if err != nil {
		return nil, err
	}
	return &CA{cert: cert, key: key, pem: raw, now: now, leaves: map[string]*leaf{}}, nil
}

// loadKey reads the root's key or makes it. A certificate without its key is an
// error: replacing the root silently would break every client that trusts it.
func loadKey(dir string) (*ecdsa.PrivateKey, error) {
	path := filepath.Join(dir, keyFile)
	raw, err := os.ReadFile(path)
	if err == nil {
		return parseKey(path, raw)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the certificate authority's key: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, certFile)); err == nil {
		return nil, fmt.Errorf("certificate %s has lost its key %s: restore the key, or delete the certificate to get a new authority", certFile, path)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate the certificate authority's key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode the certificate authority's key: %w", err)
	}
	return key, writeFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

func parseKey(path string, raw []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("read the certificate authority's key %s: no PEM block in it", path)
	}
	any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the certificate authority's key %s: %w", path, err)
	}
	key, ok := any.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("read the certificate authority's key %s: it is %T, not an ECDSA key", path, any)
	}
	return key, nil
}

// loadCert reads the root's certificate; it makes one if there is none or it ends soon.
func loadCert(dir string, key *ecdsa.PrivateKey, now time.Time) (*x509.Certificate, []byte, error) {
	path := filepath.Join(dir, certFile)
	raw, err := os.ReadFile(path)
	switch {
	case err == nil:
		block, _ := pem.Decode(raw)
		if block == nil {
			return nil, nil, fmt.Errorf("read the certificate authority %s: no PEM block in it", path)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, nil, fmt.Errorf("read the certificate authority %s: %w", path, err)
		}
		if !key.PublicKey.Equal(cert.PublicKey) {
			return nil, nil, fmt.Errorf("certificate %s does not belong to the key %s beside it: restore the pair, or delete both to get a new authority", path, keyFile)
		}
		if cert.NotAfter.Sub(now) > renewRoot {
			return cert, raw, nil
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, nil, fmt.Errorf("read the certificate authority: %w", err)
	}
	cert, err := newRoot(key, now)
	if err != nil {
		return nil, nil, err
	}
	raw = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
	return cert, raw, writeFile(path, raw, 0o644)
}

func newRoot(key *ecdsa.PrivateKey, now time.Time) (*x509.Certificate, error) {
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
		Subject:               pkix.Name{CommonName: "Weir local CA", Organization: []string{"Weir"}},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.AddDate(rootYears, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
		SubjectKeyId:          id,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate authority: %w", err)
	}
	return x509.ParseCertificate(der)
}

// keyID is RFC 7093's first method: the leftmost 160 bits of the key's SHA-256.
func keyID(pub *ecdsa.PublicKey) ([]byte, error) {
	raw, err := pub.Bytes()
	if err != nil {
		return nil, fmt.Errorf("identify a public key: %w", err)
	}
	sum := sha256.Sum256(raw)
	return sum[:20], nil
}

func newSerial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("draw a certificate's serial number: %w", err)
	}
	return n.Add(n, big.NewInt(1)), nil
}

// writeFile replaces path at once and durably.
func writeFile(path string, data []byte, mode fs.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	if err = f.Chmod(mode); err != nil {
		return err
	}
	if _, err = f.Write(data); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
