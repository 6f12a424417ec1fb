package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"

	"weir/internal/pki"
)

// TestBothOnOnePort: clients of either kind are answered, also while another says
// nothing, and are told apart.
func TestBothOnOnePort(t *testing.T) {
	ca, err := pki.LoadOrCreate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := speakBoth(inner, ca)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := "http"
		if r.TLS != nil {
			kind = "https"
		}
		_, _ = io.WriteString(w, kind+" "+r.RemoteAddr)
	})}
	ended := make(chan error)
	go func() { ended <- server.Serve(l) }()

	silent, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.PEM())
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for url, want := range map[string]string{
		"http://127.0.0.1:" + port: "http 127.0.0.1:", "https://127.0.0.1:" + port: "https 127.0.0.1:", "https://localhost:" + port: "https 127.0.0.1:"} {
		res, err := client.Get(url)
		if err != nil {
			t.Error(err)
			continue
		}
		b, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if got := string(b); len(got) < len(want) || got[:len(want)] != want {
			t.Errorf("%s: %q", url, got)
		}
	}
	client.CloseIdleConnections()
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accepting after the end: %v", err)
	}
}
