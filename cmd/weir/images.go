package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"syscall"
	"time"

	"weir/internal/image"
)

// openImages opens the store of unpacked images.
func (d *daemon) openImages(context.Context) (err error) {
	d.images, err = image.Open(filepath.Join(d.cfg.data, "images"), image.Options{})
	return err
}

// ownersImages is where images of the daemon's owner come from: anywhere, as far
// as the internet that was chosen goes.
func (d *daemon) ownersImages() image.From {
	admits := func(a netip.Addr) bool { return d.cfg.internet == "host" || a.IsLoopback() }
	return image.From{Files: true, Transport: d.registries(admits)}
}

// registries carries requests to registries: to the one that `weir up -registry`
// names in place of all, else to those whose addresses are admitted.
func (d *daemon) registries(admits func(netip.Addr) bool) http.RoundTripper {
	if d.cfg.registry != "" {
		to := &http.Transport{IdleConnTimeout: time.Minute}
		if inRootless() {
			to.DialContext = func(context.Context, string, string) (net.Conn, error) { return dialRegistry(d.cfg.data) }
		}
		return substitute{d.cfg.registry, to}
	}
	dialer := net.Dialer{Timeout: 10 * time.Second, Control: func(_, addr string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(addr)
		if err != nil || !admits(to.Addr().Unmap()) {
			return fmt.Errorf("%s may not be asked for images: nothing leaves this machine (see `weir up -internet`, `-registry`)", addr)
		}
		return nil
	}}
	return &http.Transport{DialContext: dialer.DialContext, IdleConnTimeout: time.Minute}
}

// substitute is one registry in place of all.
type substitute struct {
	base string // URL
	next http.RoundTripper
}

func (s substitute) RoundTrip(r *http.Request) (*http.Response, error) {
	to, err := url.Parse(s.base)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.Host = to.Scheme, to.Host, ""
	return s.next.RoundTrip(r)
}

// checkRegistry completes and checks the value of -registry.
func checkRegistry(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		u, err = url.Parse("http://" + text)
	}
	if err == nil && (u.Host == "" || u.Path != "" && u.Path != "/" || u.Scheme != "http" && u.Scheme != "https") {
		err = errors.New("want HOST:PORT, or a URL without a path")
	}
	if err != nil {
		return "", fmt.Errorf("-registry %q is no address of a registry: %w", text, err)
	}
	return u.Scheme + "://" + u.Host, nil
}
