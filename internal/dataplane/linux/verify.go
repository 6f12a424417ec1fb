package linux

import (
	"fmt"

	"weir/internal/cloud"
)

// Verify reads the VPC's rules back and lists how they differ from what was applied.
func (k *Kernel) Verify(id cloud.VPCID) ([]string, error) {
	v, err := k.find(id)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.have == nil {
		return nil, nil
	}
	var out []string
	for _, ns := range v.have.Namespaces {
		if ns.Table == nil {
			continue
		}
		diffs, err := v.spaces[ns.Name].rules.Verify(ns.Table)
		if err != nil {
			return nil, fmt.Errorf("VPC %s, namespace %s: %w", id, ns.Name, err)
		}
		for _, d := range diffs {
			out = append(out, ns.Name+": "+d)
		}
	}
	return out, nil
}
