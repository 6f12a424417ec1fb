package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync"

	"weir/internal/pki"
)

// Mode is where public names lead.
type Mode string

// Modes.
const (
	ModeLab  Mode = "lab"  // everything is simulated; nothing leaves the machine
	ModeHost Mode = "host" // the machine's uplink
)

// Config is what the internet is made of.
type Config struct {
	Mode    Mode         // "" is ModeLab
	API     http.Handler // Weir's API; r.RemoteAddr is the true client
	CA      *pki.CA
	Regions []string // regions whose API names exist; empty is any
	// Dir keeps the users' sites; "" keeps them in memory only.
	Dir string
	Log *slog.Logger
	// NetNS is the internet's namespace, which may be from an earlier internet; the
	// Lab closes it. nil: a new one.
	NetNS *os.File
	// HostNetNS is the machine's network in mode "host"; nil is the process's own namespace.
	HostNetNS *os.File
	// ResolvConf lists the machine's resolvers; "" is /etc/resolv.conf.
	ResolvConf string
}

// Lab is a running internet.
type Lab struct {
	cfg    Config
	ns     *os.File
	sites  *sites
	uplink *uplink // in mode "host"

	running sync.WaitGroup // servers
	closers []io.Closer    // closed in reverse
}

// Start makes the internet and serves its hosts until Close.
func Start(ctx context.Context, cfg Config) (_ *Lab, err error) {
	if cfg.Mode == "" {
		cfg.Mode = ModeLab
	}
	if cfg.Mode != ModeLab && cfg.Mode != ModeHost {
		return nil, fmt.Errorf("start the internet in mode %q: choose %q or %q", cfg.Mode, ModeLab, ModeHost)
	}
	if cfg.CA == nil {
		return nil, errors.New("start the internet: no certificate authority given")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.ResolvConf == "" {
		cfg.ResolvConf = "/etc/resolv.conf"
	}
	l := &Lab{cfg: cfg, ns: cfg.NetNS}
	defer func() {
		if err != nil {
			l.Close()
		}
	}()
	if l.sites, err = loadSites(cfg.Dir); err != nil {
		return nil, err
	}
	if l.ns == nil {
		if l.ns, err = newNetNS(); err != nil {
			return nil, err
		}
	}
	if err = buildInternet(l.ns); err != nil {
		return nil, err
	}
	for _, s := range l.sites.list() {
		if err = l.raise(s); err != nil {
			return nil, err
		}
	}
	if cfg.Mode == ModeHost {
		if l.uplink, err = newUplink(l.ns, cfg.HostNetNS, cfg.Log); err != nil {
			return nil, err
		}
	}
	return l, l.serve(ctx)
}

// NetNS is the internet's network namespace; it stays the Lab's.
func (l *Lab) NetNS() *os.File { return l.ns }

// Close ends all servers and removes what was added to the machine's network.
func (l *Lab) Close() error {
	var errs []error
	for i := len(l.closers) - 1; i >= 0; i-- {
		errs = append(errs, l.closers[i].Close())
	}
	l.running.Wait()
	if l.uplink != nil {
		errs = append(errs, l.uplink.Close())
	}
	if l.ns != nil {
		errs = append(errs, l.ns.Close())
	}
	return errors.Join(errs...)
}
