package oracle

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/internal/dataplane/linux"
)

// TestFastPath keeps flows going through random networks, and through what random
// changes make of them, with the fast path and without: the same packets arrive.
func TestFastPath(t *testing.T) {
	g := newStage(t)
	from, to := seedRange(t)
	if *seeds == "" {
		to = 4
	}
	packets, lost := 0, 0
	for seed := from; seed <= to && !t.Failed(); seed++ {
		p := &pairOfLabs{t: t, seed: seed, d: roll(seed)}
		p.run(g)
		packets, lost = packets+p.packets, lost+p.lost
	}
	t.Logf("seeds %d-%d: %d packets of known flows, %d of them lost both ways", from, to, packets, lost)
}

type pairOfLabs struct {
	t             *testing.T
	seed          uint64
	d             *dice
	labs          [2]*lab // with the fast path, without
	flows         []*[2]*known
	packets, lost int
}

// known is a flow that has been answered.
type known struct {
	*flight
	from  *spot
	at    *spot
	peer  unix.Sockaddr // as the server sees the client
	count uint32
}

const (
	firstFlows = 60
	moreFlows  = 15
	changes    = 8
	briefly    = 5 * time.Millisecond
	burst      = 3 // packets each way: the first may be judged, the others are not
)

func (p *pairOfLabs) run(g *stage) {
	p.d.network()
	for i := range p.labs {
		l, err := g.labOf(linux.Config{AllSlow: i == 1}, nil)
		if err != nil {
			p.t.Fatal(err)
		}
		defer func() {
			if err := l.close(); err != nil {
				p.t.Errorf("seed %d: %v", p.seed, err)
			}
		}()
		p.labs[i] = l
	}
	defer func() {
		for _, f := range p.flows {
			end(f)
		}
	}()
	p.state("at first", firstFlows)
	for range changes {
		what := p.d.change() + ", " + p.d.change()
		p.state("after "+what, moreFlows)
	}
}

// state brings both labs to the dice's state, goes on with the flows that there
// are, and begins others.
func (p *pairOfLabs) state(what string, fresh int) {
	for _, l := range p.labs {
		if err := l.become(p.d.s); err != nil {
			p.t.Fatalf("seed %d, %s: %v", p.seed, what, err)
		}
	}
	p.flows = slices.DeleteFunc(p.flows, func(f *[2]*known) bool {
		gone := !f[0].stands() || !f[1].stands()
		if gone {
			end(f)
		}
		return gone
	})
	for range 2 { // what is settled in the first is carried on in the second
		for _, f := range p.flows {
			p.compare(what, f)
		}
	}
	for _, probe := range p.d.probes(p.labs[0].plans, fresh) {
		if probe.Proto != tcp && probe.Proto != udp {
			continue
		}
		probe.Proto = udp
		p.begin(what, probe)
	}
}

// begin opens a flow in both labs, and keeps it if it is answered.
func (p *pairOfLabs) begin(what string, probe probe) {
	for _, patience := range []time.Duration{briefly, long} {
		key := p.labs[0].key()
		var both [2]*known
		for i, l := range p.labs {
			k, err := l.begin(probe, key, patience)
			if err != nil {
				p.t.Fatalf("seed %d, %s: %v", p.seed, what, err)
			}
			both[i] = k
		}
		if both[0] != nil && both[1] != nil && sameHost(both[0].peer, both[1].peer) { // one of several NAT addresses is taken at random
			p.flows = append(p.flows, &both)
			return
		}
		end(&both)
		if (both[0] == nil) == (both[1] == nil) {
			return
		}
		if patience == long {
			p.t.Errorf("seed %d, %s: %+v: answered with the fast path: %v, without: %v", p.seed, what, probe, both[0] != nil, both[1] != nil)
		}
	}
}

func end(f *[2]*known) {
	for _, k := range f {
		if k != nil {
			_ = unix.Close(k.fd)
		}
	}
}

func sameHost(a, b unix.Sockaddr) bool {
	switch x := a.(type) {
	case *unix.SockaddrInet4:
		y, ok := b.(*unix.SockaddrInet4)
		return ok && x.Addr == y.Addr
	case *unix.SockaddrInet6:
		y, ok := b.(*unix.SockaddrInet6)
		return ok && x.Addr == y.Addr
	}
	return false
}

// begin sends the first packet of a flow; nil if it is not answered, or not by a host.
func (l *lab) begin(p probe, key uint16, patience time.Duration) (*known, error) {
	from := l.spots[p.From]
	at, a := l.holder(p)
	if from == nil || at == nil {
		return nil, nil
	}
	k := &known{flight: &flight{l: l, p: p, key: key}, from: from, at: at}
	var err error
	if k.server, err = l.server(at, a, udp); err != nil {
		return nil, err
	}
	if err := k.launch(from); err != nil {
		return nil, err
	}
	if k.out.Unsent == "" && k.there(patience) && k.back(patience) {
		return k, nil
	}
	_ = unix.Close(k.fd)
	return nil, nil
}

// stands says whether both ends are still there.
func (k *known) stands() bool {
	at, _ := k.l.holder(k.p)
	return k.l.spots[k.p.From] == k.from && at == k.at
}

// compare goes there and back in both labs.
func (p *pairOfLabs) compare(what string, f *[2]*known) {
	for _, patience := range []time.Duration{briefly, long} {
		var got [2][2]int
		for i, k := range f {
			for range burst {
				if k.there(patience) {
					got[i][0]++
				}
				if k.back(patience) {
					got[i][1]++
				}
			}
		}
		if got[0] == got[1] {
			p.packets += 2 * burst
			p.lost += 2*burst - got[0][0] - got[0][1]
			return
		}
		if patience == long {
			p.t.Errorf("seed %d, %s: %+v from port %d: of %d packets each way arrived %v with the fast path, %v without", p.seed, what, f[0].p, f[0].key, burst, got[0], got[1])
		}
	}
}

// there sends to the server and says whether it arrives.
func (k *known) there(patience time.Duration) bool {
	what := k.mark()
	if err := unix.Send(k.fd, what, 0); err != nil { // an earlier one was refused by ICMP
		_ = unix.Send(k.fd, what, 0)
	}
	return arrives(patience, k.server, what, &k.peer)
}

// back sends to the client.
func (k *known) back(patience time.Duration) bool {
	what := k.mark()
	_ = unix.Sendto(k.server, what, 0, k.peer)
	return arrives(patience, k.fd, what, nil)
}

// mark makes a packet unlike all others.
func (k *known) mark() []byte {
	k.count++
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(nil, k.key), k.count)
}

func arrives(patience time.Duration, fd int, what []byte, from *unix.Sockaddr) bool {
	b := make([]byte, 16)
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Microsecond) {
		for {
			n, peer, err := unix.Recvfrom(fd, b, 0)
			if err == unix.EAGAIN {
				break
			}
			if err == nil && bytes.Equal(b[:n], what) {
				if from != nil {
					*from = peer
				}
				return true
			}
		}
		if time.Now().After(end) {
			return false
		}
	}
}
