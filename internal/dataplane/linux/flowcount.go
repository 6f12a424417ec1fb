package linux

import (
	"context"
	"encoding/binary"
	"fmt"

	"weir/internal/cloud"
	"weir/internal/dataplane"
	"weir/internal/dataplane/nft"
)

// Flows reads what the VPC's router counted, by a socket of its own: reading
// keeps nobody from changing rules.
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
	for _, set := range dataplane.FlowSets() {
		counts, err := conn.Counts(table, set.Set, true)
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
		counts, err := conn.Counts(table, set, true)
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
