package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"weir/internal/pki"
)

// bilingual is a listener for HTTP and HTTPS on one port: some clients know but one
// of them. A TLS client begins with a byte that no HTTP request begins with.
type bilingual struct {
	net.Listener
	tls      *tls.Config
	accepted chan accepted
	done     chan struct{}
	once     sync.Once
}

type accepted struct {
	conn net.Conn
	err  error
}

const (
	handshake  = 0x16             // of a TLS record: RFC 8446, section 5.1
	firstBytes = 30 * time.Second // for a client's first byte
)

// speakBoth has a listener's connections speak either; TLS with the authority's
// certificates.
func speakBoth(l net.Listener, ca *pki.CA) net.Listener {
	b := &bilingual{Listener: l, accepted: make(chan accepted), done: make(chan struct{}),
		tls: &tls.Config{GetCertificate: ca.GetCertificate, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}}
	go b.run()
	return b
}

func (b *bilingual) run() {
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			b.pass(accepted{err: err})
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		go b.listen(c) // nobody waits for one who says nothing
	}
}

// listen finds out what a client speaks.
func (b *bilingual) listen(c net.Conn) {
	_ = c.SetReadDeadline(time.Now().Add(firstBytes))
	h := &heard{c, bufio.NewReader(c)}
	first, err := h.r.Peek(1)
	if err != nil {
		_ = c.Close()
		return
	}
	_ = c.SetReadDeadline(time.Time{})
	c = h
	if first[0] == handshake {
		c = tls.Server(h, b.tls)
	}
	b.pass(accepted{conn: c})
}

func (b *bilingual) pass(a accepted) {
	select {
	case b.accepted <- a:
	case <-b.done:
		if a.conn != nil {
			_ = a.conn.Close()
		}
	}
}

// Accept gives a connection whose client has begun to speak.
func (b *bilingual) Accept() (net.Conn, error) {
	select {
	case a := <-b.accepted:
		return a.conn, a.err
	case <-b.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (b *bilingual) Close() error {
	b.once.Do(func() { close(b.done) })
	return b.Listener.Close()
}

// heard is a connection of which something has been read ahead.
type heard struct {
	net.Conn
	r *bufio.Reader
}

func (h *heard) Read(p []byte) (int, error) { return h.r.Read(p) }
