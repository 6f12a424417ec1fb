package pki

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var start = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// at makes an authority in dir whose clock stands at *now.
func at(t *testing.T, dir string, now *time.Time) *CA {
	t.Helper()
	ca, err := loadOrCreate(dir, func() time.Time { return *now })
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func TestRoot(t *testing.T) {
	dir, now := filepath.Join(t.TempDir(), "pki"), start
	ca := at(t, dir, &now)
	c := ca.cert
	if c.Subject.CommonName != "Weir local CA" || !c.IsCA || !c.BasicConstraintsValid || c.KeyUsage&x509.KeyUsageCertSign == 0 {
		t.Errorf("root: name %q, CA %v, usage %v", c.Subject.CommonName, c.IsCA, c.KeyUsage)
	}
	if want := time.Date(2036, 5, 1, 12, 0, 0, 0, time.UTC); !c.NotAfter.Equal(want) {
		t.Errorf("root ends %s, want %s", c.NotAfter, want)
	}
	for file, mode := range map[string]os.FileMode{"ca.pem": 0o644, "ca-key.pem": 0o600} {
		info, err := os.Stat(filepath.Join(dir, file))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v; want mode %o", file, info, err, mode)
		}
	}
	if again := at(t, dir, &now); !bytes.Equal(again.PEM(), ca.PEM()) {
		t.Error("a second start made another root")
	}
	now = start.AddDate(9, 11, 15) // 16 days before the end
	renewed := at(t, dir, &now)
	if bytes.Equal(renewed.PEM(), ca.PEM()) || !renewed.key.Equal(ca.key) {
		t.Error("a root near its end must get a new certificate for the same key")
	}
}

func TestDamagedRoot(t *testing.T) {
	for _, tt := range []struct{ why, file, content, want string }{
		{"no key", "ca-key.pem", "", "has lost its key"},
		{"key is rubbish", "ca-key.pem", "x", "no PEM block"},
		{"certificate is rubbish", "ca.pem", "x", "no PEM block"},
		{"another's certificate", "ca.pem", "other", "does not belong to the key"},
	} {
		t.Run(tt.why, func(t *testing.T) {
			dir, now := t.TempDir(), start
			at(t, dir, &now)
			path := filepath.Join(dir, tt.file)
			switch tt.content {
			case "":
				os.Remove(path)
			case "other":
				os.WriteFile(path, at(t, t.TempDir(), &now).PEM(), 0o644)
			default:
				os.WriteFile(path, []byte(tt.content), 0o600)
			}
			before, _ := os.ReadFile(path)
			if _, err := LoadOrCreate(dir); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the damaged file was changed")
			}
		})
	}
}

func TestLeaf(t *testing.T) {
	now := start
	ca := at(t, t.TempDir(), &now)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.PEM())
	long := strings.Repeat("a", 63) + "." + strings.Repeat("b", 63) + ".example.com"
	for _, tt := range []struct{ ask, dns, ip string }{
		{"Lambda.us-east-1.amazonaws.com.", "lambda.us-east-1.amazonaws.com", ""},
		{"my_bucket.s3.us-east-1.amazonaws.com", "my_bucket.s3.us-east-1.amazonaws.com", ""},
		{long, long, ""},
		{"198.51.100.80", "", "198.51.100.80"},
		{"2001:db8::80", "", "2001:db8::80"},
	} {
		got, err := ca.Certificate(tt.ask)
		if err != nil {
			t.Errorf("%s: %v", tt.ask, err)
			continue
		}
		c := got.Leaf
		if life := c.NotAfter.Sub(c.NotBefore); life > 397*24*time.Hour {
			t.Errorf("%s: lives %s, clients accept 397 days", tt.ask, life)
		}
		if c.IsCA || len(c.SubjectKeyId) == 0 || !bytes.Equal(c.AuthorityKeyId, ca.cert.SubjectKeyId) {
			t.Errorf("%s: CA %v, subject key %x, authority key %x", tt.ask, c.IsCA, c.SubjectKeyId, c.AuthorityKeyId)
		}
		if fmt.Sprint(c.DNSNames, c.IPAddresses) != fmt.Sprint(nonEmpty(tt.dns), nonEmpty(tt.ip)) {
			t.Errorf("%s: names %v, addresses %v", tt.ask, c.DNSNames, c.IPAddresses)
		}
		if _, err := c.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, DNSName: tt.dns, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}); err != nil {
			t.Errorf("%s: %v", tt.ask, err)
		}
	}
	for _, bad := range []string{"", ".", "a..b", "-a.example.com", "a b", "*.example.com", "../key", strings.Repeat("a", 64) + ".com"} {
		if _, err := ca.Certificate(bad); err == nil {
			t.Errorf("a certificate was issued for %q", bad)
		}
	}
}

func nonEmpty(s string) []string {
	if s == "" {
		return []string{}
	}
	return []string{s}
}

func TestRenewal(t *testing.T) {
	now := start
	ca := at(t, t.TempDir(), &now)
	get := func() *tls.Certificate {
		c, err := ca.Certificate("example.com")
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := get()
	if get() != first {
		t.Error("the same name got two certificates")
	}
	now = start.Add(364 * 24 * time.Hour)
	if get() != first {
		t.Error("renewed with 31 days to go, want 30")
	}
	now = start.Add(366 * 24 * time.Hour)
	if get() == first {
		t.Error("not renewed with 29 days to go")
	}
	now = start.AddDate(9, 6, 0)
	if end := get().Leaf.NotAfter; end.After(ca.cert.NotAfter) {
		t.Errorf("a leaf ends %s, after its root", end)
	}
}

func TestCacheIsBounded(t *testing.T) {
	now := start
	ca := at(t, t.TempDir(), &now)
	for i := range maxLeaves + 50 {
		if _, err := ca.Certificate(fmt.Sprintf("host%d.example.com", i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(ca.leaves); n != 1024 {
		t.Errorf("%d certificates kept, want 1024", n)
	}
}

// TestHandshake: a client is served by the name it asks for, or by the address it reached.
func TestHandshake(t *testing.T) {
	ca, err := LoadOrCreate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: ca.GetCertificate})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.(*tls.Conn).Handshake()
			c.Close()
		}
	}()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.PEM())
	for _, name := range []string{"www.example.com", "127.0.0.1"} {
		c, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", l.Addr().String(), &tls.Config{RootCAs: roots, ServerName: name})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		c.Close()
	}
}

func TestBundle(t *testing.T) {
	now := start
	ca, other := at(t, t.TempDir(), &now), at(t, t.TempDir(), &now)
	system := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(system, other.PEM(), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", system)
	if got := bytes.Count(ca.Bundle(false), []byte("BEGIN CERTIFICATE")); got != 1 {
		t.Errorf("%d roots without the system's, want 1", got)
	}
	if got := bytes.Count(ca.Bundle(true), []byte("BEGIN CERTIFICATE")); got != 2 {
		t.Errorf("%d roots with the system's, want 2", got)
	}
}
