package linux

import (
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// talk is a flow with both of its ends.
type talk struct {
	t     *testing.T
	near  net.Conn
	far   net.Conn       // of TCP
	hears net.PacketConn // of UDP
	seen  net.Addr       // what UDP's far end sees
}

func (w *world) talk(network string, from, to *os.File, at, call string) *talk {
	w.t.Helper()
	t := &talk{t: w.t.(*testing.T)}
	if strings.HasPrefix(network, "udp") {
		w.in(to, func() (err error) { t.hears, err = net.ListenPacket(network, at); return err })
		w.in(from, func() (err error) { t.near, err = net.Dial(network, call); return err })
		w.t.Cleanup(func() { t.hears.Close(); t.near.Close() })
		return t
	}
	var l net.Listener
	w.in(to, func() (err error) { l, err = net.Listen(network, at); return err })
	w.in(from, func() (err error) {
		t.near, err = (&net.Dialer{Timeout: 2 * time.Second}).Dial(network, call)
		return err
	})
	far, err := l.Accept()
	if err != nil {
		w.t.Fatal(err)
	}
	l.Close()
	t.far = far
	w.t.Cleanup(func() { t.near.Close(); far.Close() })
	return t
}

// there sends from the near end and says whether it arrives.
func (t *talk) there(what string) bool {
	t.t.Helper()
	if _, err := t.near.Write([]byte(what)); err != nil {
		t.t.Fatal(err)
	}
	b := make([]byte, 2048)
	var n int
	var err error
	if t.far != nil {
		_ = t.far.SetReadDeadline(time.Now().Add(patience))
		n, err = t.far.Read(b)
	} else {
		_ = t.hears.SetReadDeadline(time.Now().Add(patience))
		var from net.Addr
		if n, from, err = t.hears.ReadFrom(b); err == nil {
			t.seen = from
		}
	}
	return t.got(what, b[:n], err)
}

// back sends from the far end.
func (t *talk) back(what string) bool {
	t.t.Helper()
	var err error
	if t.far != nil {
		_, err = t.far.Write([]byte(what))
	} else {
		_, err = t.hears.WriteTo([]byte(what), t.seen)
	}
	if err != nil {
		t.t.Fatal(err)
	}
	b := make([]byte, 2048)
	_ = t.near.SetReadDeadline(time.Now().Add(patience))
	n, err := t.near.Read(b)
	return t.got(what, b[:n], err)
}

func (t *talk) got(want string, b []byte, err error) bool {
	t.t.Helper()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	if err != nil || string(b) != want {
		t.t.Fatalf("sent %q, got %q, %v", want, b, err)
	}
	return true
}

// rounds goes there and back so often.
func (t *talk) rounds(n int) {
	t.t.Helper()
	for i := range n {
		if x := strconv.Itoa(i); !t.there("there"+x) || !t.back("back"+x) {
			t.t.Fatalf("round %d was lost", i)
		}
	}
}
