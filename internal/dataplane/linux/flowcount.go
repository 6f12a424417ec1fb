package linux

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"weir/internal/cloud"
	"weir/internal/dataplane"
	"weir/internal/dataplane/nft"
)

// Flows reads what the VPC's router counted, by a socket of its own: reading
// keeps nobody from changing rules. Where the kernel cannot read and reset at
// once, what was counted is the difference to the last reading.
func (k *Kernel) Flows(ctx context.Context, id cloud.VPCID) (out dataplane.FlowCounts, err error) {
	k.mu.Lock()
	v := k.vpcs[id]
	k.mu.Unlock()
	if v == nil {
		return out, nil
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.have == nil || len(v.have.Namespaces) == 0 || !dataplane.CountsFlows(&v.have.Namespaces[0]) {
		return out, nil
	}
	conn, table, err := k.reader(v, &v.have.Namespaces[0])
	if err != nil {
		return out, err
	}
	defer conn.Close()
	v.counting.Lock()
	defer v.counting.Unlock()
	for _, set := range dataplane.FlowSets() {
		counts, err := k.since(v, conn, table, set.Set)
		if err != nil {
			return out, fmt.Errorf("flows of VPC %s: %w", id, err)
		}
		for _, n := range counts {
			if n.Packets > 0 {
				out.Flows = append(out.Flows, set.Flow(n))
			}
		}
	}
	for _, set := range dataplane.SkippedFlows() {
		counts, err := k.since(v, conn, table, set)
		if err != nil {
			return out, fmt.Errorf("flows of VPC %s: %w", id, err)
		}
		for _, n := range counts {
			if n.Packets > 0 {
				out.Skipped = append(out.Skipped, int(binary.NativeEndian.Uint32(n.Key[0])))
			}
		}
	}
	return out, ctx.Err()
}

// reader opens a socket in a namespace to read the counters of its table with. v.mu is held.
func (k *Kernel) reader(v *vpc, ns *dataplane.Namespace) (conn *nft.Conn, table string, err error) {
	s, err := k.space(v, ns.Name)
	if err == nil {
		err = k.threads.inside(s.file, func() (err error) {
			conn, err = nft.Open()
			return err
		})
	}
	if err != nil {
		return nil, "", fmt.Errorf("read counters of VPC %s: %w", v.id, err)
	}
	return conn, ns.Table.Name, nil
}

// since reads what a set counted since the last reading. v.counting is held.
func (k *Kernel) since(v *vpc, conn *nft.Conn, table string, set *nft.Set) ([]nft.Count, error) {
	if !k.noReset.Load() {
		counts, err := conn.Counts(table, set, true)
		if !errors.Is(err, nft.ErrNoReset) {
			return counts, err
		}
		k.noReset.Store(true)
	}
	counts, err := conn.Counts(table, set, false)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	was := v.counted[set.Name]
	if v.counted == nil {
		v.counted = map[string]reading{}
	}
	v.counted[set.Name], counts = was.next(counts, now)
	return counts, nil
}

// reading is what a set had counted at a time, by key.
type reading struct {
	at time.Time
	of map[string]nft.Count
}

// sameInstant is how far apart two readings may put the time of one packet.
const sameInstant = time.Second

// next gives the reading of counts, and how much was counted between the two. A
// counter that runs backwards, or stands where it stood and had its last packet
// later, was gone in between and began anew.
func (r reading) next(counts []nft.Count, now time.Time) (reading, []nft.Count) {
	n := reading{now, make(map[string]nft.Count, len(counts))}
	out := make([]nft.Count, 0, len(counts))
	for _, c := range counts {
		key := string(bytes.Join(c.Key, nil))
		n.of[key] = c
		old := r.of[key]
		later := now.Add(-c.Idle).Sub(r.at.Add(-old.Idle))
		if c.Packets > old.Packets || c.Packets == old.Packets && later < sameInstant {
			c.Packets, c.Bytes = c.Packets-old.Packets, c.Bytes-old.Bytes
		}
		out = append(out, c)
	}
	return n, out
}
