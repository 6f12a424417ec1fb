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

// gateways serve the API to what gateway endpoints' routes, and the route to the
// internal services, bring into a VPC's router: requests carry their client's own
// address, and the VPC they came from.
type gateways struct {
	listen dataplane.Listener
	api    http.Handler
	ca     *pki.CA
	log    *slog.Logger

	mu      sync.Mutex // guards servers
	servers map[cloud.VPCID]*gateway
}

type gateway struct {
	ways   ways
	server *http.Server
}

// ways are what leads to a VPC's gateway.
type ways struct {
	endpoint cloud.EndpointID // "" for none
	services netip.Prefix     // of the internal services; invalid for none
}

func newGateways(l dataplane.Listener, api http.Handler, ca *pki.CA, log *slog.Logger) *gateways {
	return &gateways{listen: l, api: api, ca: ca, log: log, servers: map[cloud.VPCID]*gateway{}}
}

// waysOf finds the routes of a plan that lead to the gateway.
func waysOf(p *netplan.Plan) (w ways) {
	if p == nil {
		return w
	}
	for _, t := range p.Tables {
		for _, r := range t.Routes {
			switch {
			case r.Hop != netplan.HopEndpoint:
			case r.Target == string(netplan.ServicesID):
				w.services = r.Dest
			case w.endpoint == "":
				w.endpoint = cloud.EndpointID(r.Target)
			}
		}
	}
	return w
}

// sync opens, keeps or closes a VPC's server as the plan says.
func (g *gateways) sync(ctx context.Context, vpc cloud.VPCID, plan *netplan.Plan) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	want := waysOf(plan)
	have := g.servers[vpc]
	if have != nil && have.ways != want {
		have.server.Close()
		delete(g.servers, vpc)
		have = nil
	}
	if want == (ways{}) || have != nil {
		return nil
	}
	gw := &gateway{ways: want, server: privateServer(g.api, g.ca, g.log, want.origin(plan))}
	for _, at := range []struct {
		addr   string
		secure bool
	}{{"0.0.0.0:80", false}, {"0.0.0.0:443", true}, {"[::]:80", false}, {"[::]:443", true}} {
		l, err := g.listen.ListenTCP(ctx, vpc, netip.MustParseAddrPort(at.addr))
		if err != nil {
			gw.server.Close()
			return fmt.Errorf("listening on %s for the gateway of %s: %w", at.addr, vpc, err)
		}
		serveOn(gw.server, l, at.secure, g.log)
	}
	g.servers[vpc] = gw
	return nil
}

// origin tells by which of the ways a connection came: the address it asked for
// is either one of the internal services' or one of the endpoint's service.
func (w ways) origin(plan *netplan.Plan) func(local netip.Addr) wire.Origin {
	endpoint := wire.Origin{VPC: plan.VPC, Endpoint: w.endpoint, Region: plan.Region}
	for _, e := range plan.Endpoints {
		if e.ID == w.endpoint {
			endpoint.Service = e.API
		}
	}
	return func(local netip.Addr) wire.Origin {
		if w.services.IsValid() && w.services.Contains(local) {
			return wire.Origin{VPC: plan.VPC}
		}
		return endpoint
	}
}

// privateServer serves the API to what comes in at a place inside a VPC: origin
// by the address that was asked for, with the client's own address.
func privateServer(api http.Handler, ca *pki.CA, log *slog.Logger, origin func(local netip.Addr) wire.Origin) *http.Server {
	return &http.Server{
		ReadHeaderTimeout: 30 * time.Second,
		TLSConfig:         &tls.Config{GetCertificate: ca.GetCertificate, MinVersion: tls.VersionTLS12},
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			o := origin(localAddr(r))
			from, _ := netip.ParseAddrPort(r.RemoteAddr)
			o.Source = from.Addr().Unmap()
			api.ServeHTTP(w, r.WithContext(wire.WithOrigin(r.Context(), o)))
		}),
	}
}

// localAddr is the address at which a request arrived.
func localAddr(r *http.Request) netip.Addr {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return addr.AddrPort().Addr().Unmap()
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
