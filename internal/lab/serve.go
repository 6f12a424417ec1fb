package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

const (
	// echoConns bounds the connections to the TCP echo port, dnsQueries those in work.
	echoConns   = 256
	dnsQueries  = 1024
	echoIdle    = 5 * time.Minute
	maxHeader   = 64 << 10
	headTimeout = 10 * time.Second
	idleTimeout = time.Minute
)

// serve opens every socket in the internet's namespace and starts its server.
func (l *Lab) serve(ctx context.Context) error {
	if err := l.serveWeb(ctx, ":80", false); err != nil {
		return err
	}
	if err := l.serveWeb(ctx, ":443", true); err != nil {
		return err
	}
	for _, a := range []netip.Addr{Echo.V4, Echo.V6} {
		if err := l.serveEcho(ctx, netip.AddrPortFrom(a, 7).String()); err != nil {
			return err
		}
	}
	for _, a := range []netip.Addr{Resolver.V4, Resolver.V6} {
		if err := l.serveDNS(ctx, netip.AddrPortFrom(a, 53).String()); err != nil {
			return err
		}
	}
	return nil
}

// serveWeb serves every host of the internet from one listener: which host is
// meant is the address that the client connected to.
func (l *Lab) serveWeb(ctx context.Context, addr string, secure bool) error {
	listener, err := listenIn(ctx, l.ns, "tcp", addr)
	if err != nil {
		return fmt.Errorf("open the internet's port %s: %w", addr, err)
	}
	server := &http.Server{
		Handler:           http.HandlerFunc(l.web),
		ReadHeaderTimeout: headTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(l.cfg.Log.Handler(), slog.LevelDebug),
	}
	if secure {
		server.TLSConfig = &tls.Config{GetCertificate: l.cfg.CA.GetCertificate, MinVersion: tls.VersionTLS12}
	}
	l.closers = append(l.closers, server)
	l.running.Go(func() {
		listener := net.Listener(&hostsOnly{listener, l})
		var err error
		if secure {
			err = server.ServeTLS(listener, "", "")
		} else {
			err = server.Serve(listener)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			l.cfg.Log.Error("the internet's web server ended", "addr", addr, "err", err)
		}
	})
	return nil
}

// hostsOnly resets connections to addresses where no web server stands, such as the resolver's.
type hostsOnly struct {
	net.Listener
	lab *Lab
}

func (h *hostsOnly) Accept() (net.Conn, error) {
	for {
		conn, err := h.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if h.lab.siteAt(localAddr(conn.LocalAddr())) != nil {
			return conn, nil
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
		conn.Close()
	}
}

func localAddr(a net.Addr) netip.Addr {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}

func (l *Lab) web(w http.ResponseWriter, r *http.Request) {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	var site http.Handler
	if local != nil {
		site = l.siteAt(localAddr(local))
	}
	if site == nil { // its site was removed while the connection lived
		w.Header().Set("Connection", "close")
		http.Error(w, "This site has been removed from Weir's lab internet.", http.StatusMisdirectedRequest)
		return
	}
	site.ServeHTTP(w, r)
}

// siteAt is the web server that stands at addr, nil if none.
func (l *Lab) siteAt(addr netip.Addr) http.Handler {
	switch {
	case isAPI(addr) && l.cfg.API != nil:
		return l.cfg.API
	case CatchAll.has(addr):
		return http.HandlerFunc(catchAll)
	case Echo.has(addr):
		return http.HandlerFunc(echo)
	}
	return l.sites.at(addr)
}

// serveEcho returns UDP packets and TCP streams to their sender.
func (l *Lab) serveEcho(ctx context.Context, addr string) error {
	packets, err := listenPacketIn(ctx, l.ns, "udp", addr)
	if err != nil {
		return fmt.Errorf("open the echo host's UDP port: %w", err)
	}
	l.closers = append(l.closers, packets)
	l.running.Go(func() { echoPackets(packets) })
	streams, err := listenIn(ctx, l.ns, "tcp", addr)
	if err != nil {
		return fmt.Errorf("open the echo host's TCP port: %w", err)
	}
	l.closers = append(l.closers, streams)
	l.running.Go(func() { echoStreams(streams) })
	return nil
}

func echoPackets(c net.PacketConn) {
	buf := make([]byte, 64<<10)
	for {
		n, from, err := c.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || from.(*net.UDPAddr).Port == 7 { // two echo ports would never stop
			continue
		}
		c.WriteTo(buf[:n], from)
	}
}

func echoStreams(l net.Listener) {
	slots := make(chan struct{}, echoConns)
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond) // out of descriptors: let some close
			continue
		}
		select {
		case slots <- struct{}{}:
		default:
			conn.Close()
			continue
		}
		go func() {
			defer func() { conn.Close(); <-slots }()
			conn.SetDeadline(time.Now().Add(echoIdle))
			io.Copy(conn, conn)
		}()
	}
}

// serveDNS is the internet's public resolver.
func (l *Lab) serveDNS(ctx context.Context, addr string) error {
	packets, err := listenPacketIn(ctx, l.ns, "udp", addr)
	if err != nil {
		return fmt.Errorf("open the public resolver's UDP port: %w", err)
	}
	streams, err := listenIn(ctx, l.ns, "tcp", addr)
	if err != nil {
		packets.Close()
		return fmt.Errorf("open the public resolver's TCP port: %w", err)
	}
	h := &resolver{lab: l, slots: make(chan struct{}, dnsQueries)}
	for _, s := range []*dns.Server{{PacketConn: packets, Handler: h}, {Listener: streams, Handler: h}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		l.running.Go(func() {
			if err := s.ActivateAndServe(); err != nil {
				l.cfg.Log.Error("the internet's resolver ended", "addr", addr, "err", err)
			}
		})
		<-started // a server that has not started cannot be shut down
		l.closers = append(l.closers, closer(s.Shutdown))
	}
	return nil
}

type closer func() error

func (c closer) Close() error { return c() }

type resolver struct {
	lab   *Lab
	slots chan struct{}
}

// ServeDNS answers one query; beyond the bound it says nothing, as a loaded resolver does.
func (h *resolver) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	reply := new(dns.Msg).SetReply(query)
	reply.RecursionAvailable = true
	size := dns.MinMsgSize
	if opt := query.IsEdns0(); opt != nil {
		size = max(size, int(opt.UDPSize()))
		reply.SetEdns0(dns.DefaultMsgSize, false)
	}
	q := query.Question[0] // the server's accept function lets one question through
	if q.Qclass != dns.ClassINET {
		reply.Rcode = dns.RcodeRefused
	} else {
		answer, rcode, err := h.lab.Resolve(ctx, q.Name, q.Qtype)
		reply.Answer, reply.Rcode = answer, rcode
		if err != nil {
			h.lab.cfg.Log.Warn("cannot resolve a public name", "name", q.Name, "err", err)
			reply.Rcode = dns.RcodeServerFailure
		}
	}
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
		reply.Truncate(size)
	}
	if err := w.WriteMsg(reply); err != nil {
		h.lab.cfg.Log.Debug("cannot answer a lookup", "client", w.RemoteAddr(), "err", err)
	}
}
