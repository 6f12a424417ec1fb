package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/dataplane"
	"weir/internal/netplan"
	"weir/internal/pki"
)

// gateways serve the API to what gateway endpoints' routes bring into a VPC's
// router: requests carry their client's own address, and the VPC they came from.
type gateways struct {
	listen dataplane.Listener
	api    http.Handler
	ca     *pki.CA
	log    *slog.Logger

	mu      sync.Mutex // guards servers
	servers map[cloud.VPCID]*gateway
}

type gateway struct {
	endpoint cloud.EndpointID
	server   *http.Server
}

func newGateways(l dataplane.Listener, api http.Handler, ca *pki.CA, log *slog.Logger) *gateways {
	return &gateways{listen: l, api: api, ca: ca, log: log, servers: map[cloud.VPCID]*gateway{}}
}

// endpointOf is the gateway endpoint that the plan's routes lead to; "" if none do.
func endpointOf(p *netplan.Plan) cloud.EndpointID {
	if p == nil {
		return ""
	}
	for _, t := range p.Tables {
		for _, r := range t.Routes {
			if r.Hop == netplan.HopEndpoint {
				return cloud.EndpointID(r.Target)
			}
		}
	}
	return ""
}

// sync opens, keeps or closes a VPC's server as the plan says.
func (g *gateways) sync(ctx context.Context, vpc cloud.VPCID, plan *netplan.Plan) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	want := endpointOf(plan)
	have := g.servers[vpc]
	if have != nil && have.endpoint != want {
		have.server.Close()
		delete(g.servers, vpc)
		have = nil
	}
	if want == "" || have != nil {
		return nil
	}
	origin := wire.Origin{VPC: vpc, Endpoint: want, Region: plan.Region}
	for _, e := range plan.Endpoints {
		if e.ID == want {
			origin.Service = e.API
		}
	}
	gw := &gateway{endpoint: want, server: privateServer(g.api, g.ca, g.log, origin)}
	for _, at := range []struct {
		addr   string
		secure bool
	}{{"0.0.0.0:80", false}, {"0.0.0.0:443", true}, {"[::]:80", false}, {"[::]:443", true}} {
		l, err := g.listen.ListenTCP(ctx, vpc, netip.MustParseAddrPort(at.addr))
		if err != nil {
			gw.server.Close()
			return fmt.Errorf("listening on %s for endpoint %s: %w", at.addr, want, err)
		}
		serveOn(gw.server, l, at.secure, g.log)
	}
	g.servers[vpc] = gw
	return nil
}

// privateServer serves the API to what comes in through an endpoint: origin,
// with the client's own address.
func privateServer(api http.Handler, ca *pki.CA, log *slog.Logger, origin wire.Origin) *http.Server {
	return &http.Server{
		ReadHeaderTimeout: 30 * time.Second,
		TLSConfig:         &tls.Config{GetCertificate: ca.GetCertificate, MinVersion: tls.VersionTLS12},
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			o := origin
			from, _ := netip.ParseAddrPort(r.RemoteAddr)
			o.Source = from.Addr().Unmap()
			api.ServeHTTP(w, r.WithContext(wire.WithOrigin(r.Context(), o)))
		}),
	}
}

// serveOn serves until the listener or the server is closed.
func serveOn(s *http.Server, l net.Listener, secure bool, log *slog.Logger) {
	go func() {
		var err error
		if secure {
			err = s.ServeTLS(l, "", "")
		} else {
			err = s.Serve(l)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			log.Debug("endpoint's socket ended", "addr", l.Addr(), "err", err)
		}
	}()
}

func (g *gateways) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for vpc, gw := range g.servers {
		gw.server.Close()
		delete(g.servers, vpc)
	}
}
